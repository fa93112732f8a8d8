//! Messages of a queue, got and put back.
//!
//! Invariant: nothing is acknowledged. What was got goes back to its place, at the latest when the connection
//! ends; it is marked as redelivered, which no relay minds.

use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::{BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Queue};

use crate::broker::connect::connect;
use crate::broker::topology::explain;
use crate::config::Broker;
use crate::error::{Error, Result};

/// What stands at the front of a queue.
pub(crate) struct Found {
    /// How many messages the queue holds that nobody has in hand.
    pub(crate) held: u32,
    pub(crate) messages: Vec<Delivery>,
}

/// Gets up to `most` messages and puts them back.
pub(crate) async fn look(server: &Broker, queue: &str, most: u32, force: bool) -> Result<Found> {
    let link = connect(server, "officesync peek".into()).await?;
    let channel = link.connection.create_channel().await?;
    let state = state(&channel, queue).await?;
    if state.consumer_count() > 0 && !force {
        return Err(Error::Topology {
            object: queue.to_owned(),
            problem: "a relay consumes it, and would get messages out of order".to_owned(),
            remedy: "stop that relay, look with `peek outbox` at the sender, or use --force"
                .to_owned(),
        });
    }
    let mut messages = Vec::new();
    while messages.len() < most as usize {
        let got = channel
            .basic_get(queue.into(), BasicGetOptions::default())
            .await
            .map_err(|error| explain(error, queue))?;
        match got {
            Some(got) => messages.push(got.delivery),
            None => break,
        }
    }
    if let Some(last) = messages.last() {
        let back = BasicNackOptions {
            multiple: true,
            requeue: true,
        };
        channel.basic_nack(last.delivery_tag, back).await?;
        wait_until_back(&channel, queue, state.message_count()).await?;
    }
    link.close().await;
    Ok(Found {
        held: state.message_count(),
        messages,
    })
}

async fn state(channel: &Channel, queue: &str) -> Result<Queue> {
    let passive = QueueDeclareOptions {
        passive: true,
        durable: true,
        ..Default::default()
    };
    channel
        .queue_declare(queue.into(), passive, FieldTable::default())
        .await
        .map_err(|error| missing(error, queue))
}

/// A quorum queue puts back a little later than it says. Who looks twice should see the same twice, so this
/// waits for it; not for long, because a relay may have taken them.
async fn wait_until_back(channel: &Channel, queue: &str, held: u32) -> Result<()> {
    const LOOK: Duration = Duration::from_millis(20);
    const LOOKS: usize = 100;
    for _ in 0..LOOKS {
        if state(channel, queue).await?.message_count() >= held {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

fn missing(error: lapin::Error, queue: &str) -> Error {
    match explain(error, queue) {
        Error::Broker(error) if crate::broker::topology::is_missing(&error) => Error::Topology {
            object: queue.to_owned(),
            problem: "does not exist".to_owned(),
            remedy: "queues are officesync.head and officesync.branch.<name>; \
                     a relay declares its own when it runs"
                .to_owned(),
        },
        other => other,
    }
}
