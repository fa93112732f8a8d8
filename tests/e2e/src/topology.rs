//! What the tests do inside the broker, over AMQP: look at queues, take queues and bindings away, put them back,
//! publish by hand.

use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};

/// An administrator's connection to one virtual host.
#[derive(Debug)]
pub struct Topology {
    connection: Connection,
}

impl Topology {
    /// Connects.
    pub async fn open(url: &str) -> Topology {
        let connection = Connection::connect(url, ConnectionProperties::default())
            .await
            .expect("the broker takes connections");
        Topology { connection }
    }

    /// How many messages are ready in a queue; `None` when there is no such queue.
    pub async fn depth(&self, queue: &str) -> Option<u32> {
        let options = QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let declared = self
            .channel()
            .await
            .queue_declare(queue.into(), options, FieldTable::default())
            .await;
        declared.ok().map(|queue| queue.message_count())
    }

    /// How many consume from a queue.
    pub async fn consumers(&self, queue: &str) -> u32 {
        let options = QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let declared = self
            .channel()
            .await
            .queue_declare(queue.into(), options, FieldTable::default())
            .await;
        declared.map_or(0, |queue| queue.consumer_count())
    }

    /// Deletes a queue and what is in it.
    pub async fn delete_queue(&self, queue: &str) {
        self.channel()
            .await
            .queue_delete(queue.into(), QueueDeleteOptions::default())
            .await
            .unwrap_or_else(|error| panic!("cannot delete {queue}: {error}"));
    }

    /// Empties a queue.
    pub async fn purge(&self, queue: &str) {
        self.channel()
            .await
            .queue_purge(queue.into(), QueuePurgeOptions::default())
            .await
            .unwrap_or_else(|error| panic!("cannot purge {queue}: {error}"));
    }

    /// Takes one binding away.
    pub async fn unbind(&self, queue: &str, exchange: &str, key: &str) {
        self.channel()
            .await
            .queue_unbind(
                queue.into(),
                exchange.into(),
                key.into(),
                FieldTable::default(),
            )
            .await
            .unwrap_or_else(|error| panic!("cannot unbind {queue}: {error}"));
    }

    /// Puts one binding back.
    pub async fn bind(&self, queue: &str, exchange: &str, key: &str) {
        self.channel()
            .await
            .queue_bind(
                queue.into(),
                exchange.into(),
                key.into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await
            .unwrap_or_else(|error| panic!("cannot bind {queue}: {error}"));
    }

    /// Publishes one message and waits for its confirm.
    pub async fn publish(
        &self,
        exchange: &str,
        key: &str,
        properties: BasicProperties,
        body: &[u8],
    ) {
        let channel = self.channel().await;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .expect("confirms");
        channel
            .basic_publish(
                exchange.into(),
                key.into(),
                BasicPublishOptions::default(),
                body,
                properties,
            )
            .await
            .expect("published")
            .await
            .expect("confirmed");
    }

    /// A queue of the test's own that gets what a branch's queue gets, from now on.
    pub async fn tap(&self, branch: &str) -> String {
        let queue = format!("tap.{branch}");
        self.channel()
            .await
            .queue_declare(
                queue.as_str().into(),
                QueueDeclareOptions::default(),
                FieldTable::default(),
            )
            .await
            .expect("a queue");
        for key in ["all", branch] {
            self.bind(&queue, "officesync.down", key).await;
        }
        queue
    }

    /// Takes what lies in a queue: the type, the encoding and the body of each message.
    pub async fn take_all(&self, queue: &str) -> Vec<(String, String, Vec<u8>)> {
        let channel = self.channel().await;
        let mut taken = Vec::new();
        let options = BasicGetOptions { no_ack: true };
        while let Some(message) = channel
            .basic_get(queue.into(), options)
            .await
            .expect("a message or none")
        {
            let properties = &message.delivery.properties;
            let text = |text: &Option<lapin::types::ShortString>| {
                text.as_ref()
                    .map(|text| text.to_string())
                    .unwrap_or_default()
            };
            taken.push((
                text(properties.kind()),
                text(properties.content_encoding()),
                message.delivery.data.clone(),
            ));
        }
        taken
    }

    /// A channel for one call: an error closes it.
    async fn channel(&self) -> Channel {
        self.connection.create_channel().await.expect("a channel")
    }
}
