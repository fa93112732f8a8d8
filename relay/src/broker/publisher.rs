//! The publishing connection: hands messages to the broker and remembers which are not confirmed yet.
//!
//! Invariant: messages leave in the order they were pushed; a message is done only when the broker has
//! confirmed it and did not return it. `push` never waits, so a blocked broker stalls nobody.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation};

use super::connect::{Link, connect};
use super::topology;
use crate::config::Config;
use crate::database::{Office, Role};
use crate::error::Result;
use crate::message::{EXCHANGE_DOWN, EXCHANGE_UP, short};
use crate::outbox::settle::{Confirmed, InFlight, Outcome, Trouble};
use crate::stats::Stats;

type Confirming = Pin<Box<dyn Future<Output = lapin::Result<Confirmation>> + Send>>;

/// No confirm for this long, although the broker does not block us, is a failure.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(60);

/// One message to publish.
pub(crate) struct Outgoing {
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
}

/// An open publishing channel.
pub(crate) struct Publisher {
    link: Arc<Link>,
    channel: Channel,
    exchange: &'static str,
    waiting: VecDeque<Option<Confirming>>,
    in_flight: InFlight,
    quiet_since: Instant,
    stats: Arc<Stats>,
}

impl Publisher {
    /// Connects, declares the topology and switches publisher confirms on.
    pub(crate) async fn connect(
        config: &Config,
        office: &Office,
        stats: Arc<Stats>,
    ) -> Result<Self> {
        let name = format!("officesync {} publishing", office.name);
        let link = connect(&config.broker, name).await?;
        topology::declare(&link.connection, office).await?;
        stats.connected("publishing");
        Self::open(Arc::new(link), office.role, stats).await
    }

    /// A fresh channel on a connection that is well: nothing that is still on its way for an older
    /// channel can be taken for an answer to what is published on this one.
    pub(crate) async fn open(link: Arc<Link>, role: Role, stats: Arc<Stats>) -> Result<Self> {
        let channel = link.connection.create_channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        Ok(Self {
            link,
            channel,
            exchange: match role {
                Role::Head => EXCHANGE_DOWN,
                Role::Branch => EXCHANGE_UP,
            },
            waiting: VecDeque::new(),
            in_flight: InFlight::default(),
            quiet_since: Instant::now(),
            stats,
        })
    }

    pub(crate) fn user(&self) -> &str {
        &self.link.user
    }

    /// Whether the connection lives, as far as the library knows.
    pub(crate) fn connected(&self) -> bool {
        self.link.connection.status().connected()
    }

    /// Whether the broker has told us not to publish (memory or disk alarm).
    pub(crate) fn blocked(&self) -> bool {
        self.link.connection.status().blocked()
    }

    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    pub(crate) fn link(&self) -> Arc<Link> {
        Arc::clone(&self.link)
    }

    /// Hands a message over. `what` comes back from `poll` once it is confirmed.
    pub(crate) fn push(&mut self, outgoing: Outgoing, what: Confirmed) {
        if self.in_flight.is_empty() {
            self.quiet_since = Instant::now();
        }
        self.in_flight
            .push(what, &outgoing.key, &outgoing.id, outgoing.body.len());
        let channel = self.channel.clone();
        let exchange = short(self.exchange);
        let mut confirming: Confirming = Box::pin(async move {
            let options = BasicPublishOptions {
                mandatory: true,
                ..Default::default()
            };
            let Outgoing {
                key,
                properties,
                body,
                ..
            } = outgoing;
            let confirm = channel
                .basic_publish(exchange, short(&key), options, &body, properties)
                .await?;
            // The frames are in the socket: a large body need not wait for its confirm.
            drop(body);
            confirm.await
        });
        // The first poll queues the frames; doing it here is what keeps the order.
        let polled = confirming
            .as_mut()
            .poll(&mut Context::from_waker(std::task::Waker::noop()));
        let last = self.waiting.len();
        self.waiting.push_back(Some(confirming));
        if let Poll::Ready(result) = polled {
            self.resolve(last, result);
        }
    }

    /// What has been confirmed, in publishing order, or the first trouble. All waiting confirms are
    /// looked at before any is believed: a return may ride on another message's confirm.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<std::result::Result<Vec<Confirmed>, Trouble>> {
        for index in 0..self.waiting.len() {
            let Some(Some(confirming)) = self.waiting.get_mut(index) else {
                continue;
            };
            if let Poll::Ready(result) = confirming.as_mut().poll(cx) {
                self.resolve(index, result);
            }
        }
        let done = self.in_flight.take_done();
        let taken = done.removed - done.returned;
        self.stats.published("confirmed", taken);
        self.stats.published("returned", done.returned);
        for _ in 0..done.removed {
            self.waiting.pop_front();
        }
        match (done.trouble, done.confirmed.is_empty()) {
            (Some(trouble), _) => Poll::Ready(Err(trouble)),
            (None, false) => Poll::Ready(Ok(done.confirmed)),
            (None, true) => Poll::Pending,
        }
    }

    fn resolve(&mut self, index: usize, result: lapin::Result<Confirmation>) {
        self.quiet_since = Instant::now();
        if let Some(slot) = self.waiting.get_mut(index) {
            *slot = None;
        }
        let outcome = match result {
            Ok(Confirmation::Ack(None)) => Outcome::Acked,
            Ok(Confirmation::Ack(Some(message)) | Confirmation::Nack(Some(message))) => {
                let id = message.properties.message_id().as_ref();
                Outcome::AckedWithReturn {
                    key: message.routing_key.as_str().to_owned(),
                    id: id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
                }
            }
            Ok(Confirmation::Nack(None)) => Outcome::Nacked,
            // Cannot be: confirms were switched on. Treated as the worst, not as success.
            Ok(Confirmation::NotRequested) => Outcome::Nacked,
            Err(error) => Outcome::Failed(error.to_string()),
        };
        match &outcome {
            Outcome::Nacked => self.stats.published("nacked", 1),
            Outcome::Failed(_) => self.stats.published("failed", 1),
            Outcome::Acked | Outcome::AckedWithReturn { .. } => {}
        }
        self.in_flight.resolve(index, outcome);
    }

    /// When the broker owes us a confirm for too long.
    pub(crate) fn overdue(&mut self, now: Instant) -> bool {
        if self.blocked() || self.in_flight.is_empty() {
            self.quiet_since = now;
        }
        now.duration_since(self.quiet_since) > CONFIRM_TIMEOUT
    }
}
