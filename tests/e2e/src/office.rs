//! One office: its cluster and database, the extension, its link to the broker, and its relay.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::cluster::{Cluster, connect};
use crate::directory;
use crate::proxy::Proxy;
use crate::relay::{Relay, Settings};
use crate::wait;

/// The database of every office.
pub const DATABASE: &str = "office";

/// The relay's database role: no superuser, owner of nothing.
pub const RELAY_ROLE: &str = "relay";

/// An office.
#[derive(Debug)]
pub struct Office {
    /// Its name: `head`, `branch1`, ...
    pub name: String,
    /// Its PostgreSQL.
    pub cluster: Cluster,
    /// Its link to the broker.
    pub link: Proxy,
    /// How its relay is started.
    pub settings: Settings,
    /// Its relay, while it runs.
    pub relay: Option<Relay>,
    session: Mutex<Option<Client>>,
}

impl Office {
    /// Opens an office: a new cluster with the extension in it, not yet any relay. `amqp_url` gets the link's port.
    pub async fn open(
        name: &str,
        role: &str,
        broker_port: u16,
        amqp_url: impl FnOnce(u16) -> String,
        cluster_settings: &str,
    ) -> Office {
        let cluster = Cluster::start(name, cluster_settings).await;
        let link = Proxy::to(broker_port).await;
        let settings = Settings {
            database_url: format!(
                "postgres://{RELAY_ROLE}@127.0.0.1:{}/{DATABASE}",
                cluster.port()
            ),
            amqp_url: amqp_url(link.port()),
            environment: Vec::new(),
        };
        let admin = connect(cluster.port(), "postgres", "postgres")
            .await
            .expect("the cluster answers");
        admin
            .batch_execute(&format!("CREATE DATABASE {DATABASE}"))
            .await
            .expect("a new database");
        let office = Office {
            name: name.to_owned(),
            cluster,
            link,
            settings,
            relay: None,
            session: Mutex::new(None),
        };
        office.run("CREATE EXTENSION officesync").await;
        office
            .run(&format!("SELECT officesync.set_office('{name}', '{role}')"))
            .await;
        office
            .run(&format!("CREATE ROLE {RELAY_ROLE} LOGIN NOSUPERUSER"))
            .await;
        office
            .run(&format!("SELECT officesync.grant_relay('{RELAY_ROLE}')"))
            .await;
        office
    }

    /// A new session as the owner of everything (`postgres`).
    pub async fn connect(&self) -> Client {
        self.connect_as("postgres")
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// A new session as `user`.
    pub async fn connect_as(&self, user: &str) -> Result<Client, tokio_postgres::Error> {
        connect(self.cluster.port(), user, DATABASE).await
    }

    /// Runs statements; panics when they fail.
    pub async fn run(&self, sql: &str) {
        self.try_run(sql)
            .await
            .unwrap_or_else(|error| panic!("{}: {sql}\n{error}", self.name));
    }

    /// Runs statements; the error is PostgreSQL's, with its hint.
    pub async fn try_run(&self, sql: &str) -> Result<(), String> {
        self.try_rows(sql).await.map(|_| ())
    }

    /// The first column of the only row, as text; NULL and no row are the empty string.
    pub async fn value(&self, sql: &str) -> String {
        self.try_value(sql)
            .await
            .unwrap_or_else(|error| panic!("{}: {sql}\n{error}", self.name))
    }

    /// The same, for when it may fail.
    pub async fn try_value(&self, sql: &str) -> Result<String, String> {
        let rows = self.try_rows(sql).await?;
        Ok(rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next())
            .unwrap_or_default())
    }

    /// The same as a number; panics when it is none.
    pub async fn number(&self, sql: &str) -> i64 {
        let text = self.value(sql).await;
        text.parse()
            .unwrap_or_else(|_| panic!("{}: {sql} gave {text:?}, not a number", self.name))
    }

    /// All rows as text; NULL is the empty string.
    pub async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        self.try_rows(sql)
            .await
            .unwrap_or_else(|error| panic!("{}: {sql}\n{error}", self.name))
    }

    /// The same, for when it may fail.
    pub async fn try_rows(&self, sql: &str) -> Result<Vec<Vec<String>>, String> {
        let mut session = self.session.lock().await;
        if session.as_ref().is_none_or(Client::is_closed) {
            let client = self
                .connect_as("postgres")
                .await
                .map_err(|error| error.to_string())?;
            *session = Some(client);
        }
        let client = session.as_ref().expect("just opened");
        let messages = client.simple_query(sql).await.map_err(describe)?;
        let mut rows = Vec::new();
        for message in messages {
            if let SimpleQueryMessage::Row(row) = message {
                rows.push(
                    (0..row.len())
                        .map(|column| row.get(column).unwrap_or_default().to_owned())
                        .collect(),
                );
            }
        }
        Ok(rows)
    }

    /// Waits until a query's first column is `expected`.
    pub async fn shows(&self, sql: &str, expected: impl ToString) {
        let expected = expected.to_string();
        let what = format!("{:?} at {} from {sql}", expected, self.name);
        wait::until(&what, wait::RECOVERY, || async {
            let found = self.try_value(sql).await?;
            if found == expected {
                Ok(())
            } else {
                Err(found)
            }
        })
        .await;
    }

    /// The newest tick of the office, the newest that is sent, and the newest that is acknowledged by all.
    pub async fn ticks(&self) -> (i64, i64, i64) {
        let sql = "SELECT coalesce(last_tick, 0), coalesce(sent_tick, 0), coalesce(acknowledged_tick, 0) \
                   FROM officesync.outbox_position()";
        let row = self.rows(sql).await.into_iter().next().unwrap_or_default();
        let number = |column: usize| {
            row.get(column)
                .and_then(|text| text.parse().ok())
                .unwrap_or(0)
        };
        (number(0), number(1), number(2))
    }

    /// Starts the relay.
    pub fn start_relay(&mut self) {
        assert!(
            self.relay.is_none(),
            "{}: the relay already runs",
            self.name
        );
        self.relay = Some(Relay::start(&self.name, &self.settings));
    }

    /// Starts the relay with one more environment variable, for this time only.
    pub fn start_relay_with(&mut self, name: &str, value: &str) {
        let mut settings = self.settings.clone();
        settings
            .environment
            .push((name.to_owned(), value.to_owned()));
        self.relay = Some(Relay::start(&self.name, &settings));
    }

    /// `kill -9` of the relay, and it is gone.
    pub fn kill_relay(&mut self) {
        if let Some(mut relay) = self.relay.take() {
            relay.kill();
        }
    }

    /// The relay that runs.
    pub fn relay(&mut self) -> &mut Relay {
        let name = self.name.clone();
        self.relay
            .as_mut()
            .unwrap_or_else(|| panic!("{name} has no relay"))
    }

    /// Leaves cluster and relay running (`up`).
    pub fn leave(self) {
        self.cluster.leave();
        if let Some(relay) = self.relay {
            relay.leave();
        }
    }

    /// A few words on where the office stands, for the reader of a failed test.
    pub async fn report(&self) -> String {
        let sql = "SELECT format('created %s, sent %s, acknowledged %s', last_tick, sent_tick, acknowledged_tick) \
                   FROM officesync.outbox_position()";
        let outbox = tokio::time::timeout(Duration::from_secs(5), self.try_value(sql)).await;
        let lanes = self.try_rows("SELECT * FROM officesync.lanes").await;
        let log = self
            .relay
            .as_ref()
            .map(|relay| crate::cluster::tail(&relay.log(), 15))
            .unwrap_or_default();
        directory::keep();
        format!(
            "--- {}: ticks {outbox:?}; lanes {lanes:?}\n{log}\n",
            self.name
        )
    }
}

/// PostgreSQL's message with detail and hint.
pub fn describe(error: tokio_postgres::Error) -> String {
    let Some(database) = error.as_db_error() else {
        return error.to_string();
    };
    let mut text = format!("{} ({})", database.message(), database.code().code());
    for (label, part) in [("detail", database.detail()), ("hint", database.hint())] {
        if let Some(part) = part {
            text.push_str(&format!("; {label}: {part}"));
        }
    }
    text
}
