//! The consuming connection: this office's own queue, acknowledged by hand.
//!
//! Invariant: the broker never hands over more than the prefetch that is not acknowledged.

use std::time::Duration;

use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;

use futures_util::StreamExt as _;

use super::connect::{Link, connect};
use super::topology;
use crate::config::Config;
use crate::database::Office;
use crate::error::{Error, Result};

/// An open consumer.
pub(crate) struct Consumer {
    link: Link,
    channel: Channel,
    deliveries: lapin::Consumer,
}

impl Consumer {
    /// Connects, declares the topology and begins to consume.
    pub(crate) async fn connect(config: &Config, office: &Office) -> Result<Self> {
        let name = format!("officesync {} consuming", office.name);
        let link = connect(&config.broker, name).await?;
        topology::declare(&link.connection, office).await?;
        let channel = link.connection.create_channel().await?;
        channel
            .basic_qos(config.prefetch, BasicQosOptions::default())
            .await?;
        let deliveries = channel
            .basic_consume(
                topology::own_queue(office).into(),
                "officesync-relay".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await?;
        Ok(Self {
            link,
            channel,
            deliveries,
        })
    }

    /// The next message; an error when the connection broke or the queue is gone.
    pub(crate) async fn next(&mut self) -> Result<Delivery> {
        match self.deliveries.next().await {
            Some(delivery) => Ok(delivery?),
            None => Err(Error::Topology {
                object: self.deliveries.queue().as_str().to_owned(),
                problem: "the broker ended the consumer (the queue was deleted?)".to_owned(),
                remedy: "it is declared again".to_owned(),
            }),
        }
    }

    /// Takes no more messages; acknowledgements still go out. Does not wait for a broken connection.
    pub(crate) async fn cancel(&self) {
        const PATIENCE: Duration = Duration::from_secs(2);
        let tag = self.deliveries.tag();
        let cancelling = self
            .channel
            .basic_cancel(tag, BasicCancelOptions::default());
        match tokio::time::timeout(PATIENCE, cancelling).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the consumer was gone already"),
            Err(_) => tracing::debug!("the broker did not answer the end of the consumer"),
        }
    }

    pub(crate) async fn close(&self) {
        self.link.close().await;
    }
}
