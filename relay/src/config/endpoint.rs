//! The two servers: their URLs, checked, and their TLS files.
//!
//! Invariant: without `ALLOW_PLAINTEXT` no password and no change leaves this host unencrypted.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use lapin::uri::{AMQPScheme, AMQPUri};
use tokio_postgres::config::{Host, SslMode};

use super::{Secret, Source};
use crate::error::{Error, Result};

/// The PEM files of one TLS connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsFiles {
    pub(crate) authorities: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

/// PostgreSQL of this office.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    source: Source,
    plaintext: bool,
    pub(crate) tls: TlsFiles,
}

impl Database {
    pub(super) fn new(source: &Source, tls: TlsFiles, plaintext: bool) -> Result<Self> {
        let database = Self {
            source: source.clone(),
            plaintext,
            tls,
        };
        database.parameters()?;
        Ok(database)
    }

    /// The connection parameters; the URL file, if there is one, is read again.
    pub(crate) fn parameters(&self) -> Result<tokio_postgres::Config> {
        let url = self.source.read()?;
        let key = "OFFICESYNC_DATABASE_URL";
        // The relay always verifies the server's certificate, so these mean the same here.
        let url = url
            .expose()
            .replace("sslmode=verify-full", "sslmode=require")
            .replace("sslmode=verify-ca", "sslmode=require");
        let mut parameters: tokio_postgres::Config = url.parse().map_err(|error| {
            Error::config(
                key,
                format!("is not a PostgreSQL URL ({})", hide(&error)),
                "use postgres://user:password@host:port/database?sslmode=require; \
                 certificates go into OFFICESYNC_DATABASE_CA_FILE and its like",
            )
        })?;
        if parameters.get_hosts().is_empty() && parameters.get_hostaddrs().is_empty() {
            return Err(Error::config(
                key,
                "names no host",
                "add a host or a socket directory",
            ));
        }
        if parameters.get_user().is_none() {
            return Err(Error::config(key, "names no user", "add the relay's role"));
        }
        let remote = parameters.get_hosts().iter().any(|host| match host {
            Host::Tcp(host) => !loopback(host),
            Host::Unix(_) => false,
        }) || parameters
            .get_hostaddrs()
            .iter()
            .any(|host| !host.is_loopback());
        if remote && parameters.get_ssl_mode() != SslMode::Require && !self.plaintext {
            return Err(Error::config(
                key,
                "would allow a connection without TLS to another host",
                "add sslmode=require, or set OFFICESYNC_ALLOW_PLAINTEXT=true",
            ));
        }
        set_timeouts(&mut parameters);
        Ok(parameters)
    }
}

/// So that a peer that vanished without a word is found within about half a minute.
fn set_timeouts(parameters: &mut tokio_postgres::Config) {
    parameters
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(30));
    if parameters.get_connect_timeout().is_none() {
        parameters.connect_timeout(Duration::from_secs(10));
    }
    if parameters.get_application_name().is_none() {
        parameters.application_name("officesync-relay");
    }
}

/// RabbitMQ.
#[derive(Debug, Clone)]
pub(crate) struct Broker {
    source: Source,
    plaintext: bool,
    pub(crate) tls: TlsFiles,
}

impl Broker {
    pub(super) fn new(source: &Source, tls: TlsFiles, plaintext: bool) -> Result<Self> {
        let broker = Self {
            source: source.clone(),
            plaintext,
            tls,
        };
        broker.uri()?;
        Ok(broker)
    }

    /// The parsed URL; its file, if there is one, is read again.
    pub(crate) fn uri(&self) -> Result<Secret<AMQPUri>> {
        const HEARTBEAT_SECONDS: u16 = 10;
        let url = self.source.read()?;
        let key = "OFFICESYNC_AMQP_URL";
        let remedy = "use amqps://user:password@host:port/vhost";
        let mut uri: AMQPUri = url
            .expose()
            .parse()
            .map_err(|_| Error::config(key, "is not an AMQP URL", remedy))?;
        if uri.authority.userinfo.username.is_empty() {
            return Err(Error::config(key, "names no user", remedy));
        }
        if uri.scheme == AMQPScheme::AMQP && !loopback(&uri.authority.host) && !self.plaintext {
            return Err(Error::config(
                key,
                "would connect without TLS to another host",
                "use amqps://, or set OFFICESYNC_ALLOW_PLAINTEXT=true",
            ));
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        Ok(Secret(uri))
    }
}

fn loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The reason without the text it was found in, which may hold the password.
fn hide(error: &tokio_postgres::Error) -> &'static str {
    let text = std::error::Error::source(error).map_or_else(String::new, ToString::to_string);
    if text.contains("unknown option") {
        "it has an unknown option"
    } else if text.contains("invalid value") {
        "an option has an invalid value"
    } else {
        "it cannot be parsed"
    }
}
