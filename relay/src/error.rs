//! The one error type of the relay, and the one table from kind of error to what is done about it.
//!
//! Invariant: no error text carries a row value or a secret; what an operator must do is in `advice`.

use tokio_postgres::error::SqlState;

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong in a relay.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A setting is missing, unknown or out of bounds.
    #[error("configuration: {key}: {problem}; {remedy}")]
    Config {
        key: String,
        problem: String,
        remedy: String,
    },
    /// The database answered with an error, or did not answer.
    #[error("database: {}", describe(.0))]
    Database(#[from] tokio_postgres::Error),
    /// No connection could be had from the pool.
    #[error("database: no connection: {0}")]
    Pool(String),
    /// The database says this relay cannot work with it (no office, a standby, another version).
    #[error("database: {0}")]
    Unfit(String),
    /// The session that holds the lead ended.
    #[error("the database session that holds the lead was lost")]
    SessionLost,
    /// What was applied may be lost: nobody saw it reach the disk.
    #[error("database: a session ended before what was applied was flushed; it is delivered again")]
    Unflushed,
    /// The broker answered with an error, or did not answer.
    #[error("broker: {0}")]
    Broker(#[from] lapin::Error),
    /// An exchange or queue exists with other properties, or is missing.
    #[error("broker: {object}: {problem}; {remedy}")]
    Topology {
        object: String,
        problem: String,
        remedy: String,
    },
    /// The broker did not take a message.
    #[error("broker: a message was {0}")]
    Unpublished(&'static str),
    /// Connecting to the broker took longer than it may.
    #[error("broker: no answer while connecting")]
    BrokerTimeout,
    /// The work in hand was not finished within the grace time.
    #[error("the grace time is over")]
    GraceOver,
    /// A file named in the configuration cannot be read, or TLS cannot be set up from it.
    #[error("{what}: {problem}")]
    Setup { what: String, problem: String },
    /// A background task of the relay panicked or was cancelled.
    #[error("internal: the {0} task ended unexpectedly")]
    Task(&'static str),
}

/// What sort of trouble it is; decides the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Configuration,
    DatabaseTransient,
    DatabasePermission,
    DatabaseRefuses,
    DatabaseUnfit,
    BrokerTransient,
    BrokerPermission,
    BrokerTopology,
    Internal,
}

/// What is done about a kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Try again with backoff and jitter, for ever.
    Retry,
    /// The message's lane is halted and an operator decides; other lanes go on.
    HaltLane,
    /// At the first start: exit and let the operator act. Later: keep trying, loudly.
    Stop,
    /// Exit at once.
    GiveUp,
}

/// The table: kind, policy, advice.
const POLICIES: [(Kind, Policy, &str); 9] = [
    (
        Kind::Configuration,
        Policy::GiveUp,
        "correct the setting and start the relay again",
    ),
    (
        Kind::DatabaseTransient,
        Policy::Retry,
        "nothing to do while PostgreSQL restarts; otherwise look at its log",
    ),
    (
        Kind::DatabasePermission,
        Policy::Stop,
        "check the user and password in DATABASE_URL and run SELECT officesync.grant_relay('<role>')",
    ),
    (
        Kind::DatabaseRefuses,
        Policy::HaltLane,
        "remove the cause, then SELECT officesync.retry('<origin>')",
    ),
    (
        Kind::DatabaseUnfit,
        Policy::Stop,
        "run officesync-relay check and follow its remedies",
    ),
    (
        Kind::BrokerTransient,
        Policy::Retry,
        "nothing to do while RabbitMQ restarts; otherwise look at its log",
    ),
    (
        Kind::BrokerPermission,
        Policy::Stop,
        "check the user, password and virtual host in AMQP_URL and the user's permissions",
    ),
    (
        Kind::BrokerTopology,
        Policy::Stop,
        "run officesync-relay check and follow its remedies",
    ),
    (
        Kind::Internal,
        Policy::Retry,
        "please report this with the log",
    ),
];

impl Kind {
    /// The kind's name in metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Configuration => "configuration",
            Kind::DatabaseTransient => "database_transient",
            Kind::DatabasePermission => "database_permission",
            Kind::DatabaseRefuses => "database_refuses",
            Kind::DatabaseUnfit => "database_unfit",
            Kind::BrokerTransient => "broker_transient",
            Kind::BrokerPermission => "broker_permission",
            Kind::BrokerTopology => "broker_topology",
            Kind::Internal => "internal",
        }
    }

    pub(crate) fn policy(self) -> Policy {
        self.row().1
    }

    pub(crate) fn advice(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (Kind, Policy, &'static str) {
        POLICIES
            .into_iter()
            .find(|(kind, _, _)| *kind == self)
            .unwrap_or(POLICIES[POLICIES.len() - 1])
    }
}

impl Error {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Error::Config { .. } | Error::Setup { .. } => Kind::Configuration,
            Error::Database(error) => match error.code() {
                Some(code) => sqlstate_kind(code),
                None => Kind::DatabaseTransient,
            },
            Error::Pool(_) | Error::SessionLost | Error::Unflushed => Kind::DatabaseTransient,
            Error::Unfit(_) => Kind::DatabaseUnfit,
            Error::Broker(error) => broker_kind(error),
            Error::Unpublished(_) | Error::BrokerTimeout => Kind::BrokerTransient,
            Error::Topology { .. } => Kind::BrokerTopology,
            Error::Task(_) | Error::GraceOver => Kind::Internal,
        }
    }

    /// Whether it is the broker that is in trouble, not the database.
    pub(crate) fn is_of_broker(&self) -> bool {
        matches!(
            self.kind(),
            Kind::BrokerTransient | Kind::BrokerPermission | Kind::BrokerTopology
        )
    }

    /// The SQLSTATE, when the database gave one.
    pub(crate) fn sqlstate(&self) -> Option<&str> {
        match self {
            Error::Database(error) => error.code().map(SqlState::code),
            _ => None,
        }
    }

    /// The exit code of a process that ends with this error.
    pub(crate) fn exit_code(&self) -> u8 {
        match self.kind() {
            Kind::Configuration => 2,
            Kind::DatabasePermission
            | Kind::DatabaseUnfit
            | Kind::BrokerPermission
            | Kind::BrokerTopology => 3,
            _ => 1,
        }
    }

    /// A configuration error, in the one form the operator reads.
    pub(crate) fn config(
        key: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Error::Config {
            key: key.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

/// Which SQLSTATE is which kind. Whatever is not known to pass by itself halts the lane.
pub(crate) fn sqlstate_kind(code: &SqlState) -> Kind {
    let code = code.code();
    match code.get(..2) {
        Some("08" | "40" | "53" | "57" | "58") => Kind::DatabaseTransient,
        _ if code == "55P03" => Kind::DatabaseTransient,
        Some("28" | "3D") => Kind::DatabasePermission,
        _ if code == "42501" => Kind::DatabasePermission,
        _ => Kind::DatabaseRefuses,
    }
}

fn broker_kind(error: &lapin::Error) -> Kind {
    use lapin::ErrorKind;
    match error.kind() {
        ErrorKind::ProtocolError(amqp) => match amqp.get_id() {
            // ACCESS_REFUSED and NOT_ALLOWED (no such vhost)
            403 | 530 => Kind::BrokerPermission,
            404 if is_away(amqp.get_message().as_str()) => Kind::BrokerTransient,
            404 | 406 => Kind::BrokerTopology,
            _ => Kind::BrokerTransient,
        },
        ErrorKind::AuthProviderError(_) => Kind::BrokerPermission,
        _ => Kind::BrokerTransient,
    }
}

/// Whether a queue that was not found is there, and only has no leader now: its node is starting or down, or it was declared
/// just now. RabbitMQ tells it by the text alone (`absent` in its `rabbit_amqqueue.erl`).
pub(crate) fn is_away(text: &str) -> bool {
    text.contains("is down or inaccessible") || text.contains("due to timeout")
}

/// What may be said in a log about a database error: class 22 (data) messages quote the value, so
/// they are cut before the first quote; DETAIL, which quotes keys, is never shown.
fn describe(error: &tokio_postgres::Error) -> String {
    let Some(database) = error.as_db_error() else {
        return with_sources(error);
    };
    loggable(database.code().code(), database.message(), database.hint())
}

fn loggable(code: &str, message: &str, hint: Option<&str>) -> String {
    let shown = if code.starts_with("22") {
        message
            .split('"')
            .next()
            .unwrap_or_default()
            .trim_end_matches([':', ' '])
    } else {
        message
    };
    match hint {
        Some(hint) if !code.starts_with("22") => format!("{shown} ({code}); {hint}"),
        _ => format!("{shown} ({code})"),
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl From<deadpool_postgres::PoolError> for Error {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(backend) => Error::Database(backend),
            other => Error::Pool(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_row() {
        for (index, (kind, _, advice)) in POLICIES.iter().enumerate() {
            assert!(!advice.is_empty());
            assert_eq!(
                POLICIES.iter().position(|row| row.0 == *kind),
                Some(index),
                "{kind:?} stands twice"
            );
        }
    }

    #[test]
    fn a_queue_without_a_leader_is_waited_for() {
        use lapin::protocol::{AMQPError, AMQPSoftError};
        let kind = |text: &str| {
            let error = AMQPError::new(AMQPSoftError::NOTFOUND.into(), text.into());
            broker_kind(&lapin::ErrorKind::ProtocolError(error).into())
        };
        for text in [
            "NOT_FOUND - home node 'rabbit@a' of durable queue 'officesync.branch.b' in vhost '/' is down or inaccessible",
            "NOT_FOUND - failed to perform operation on queue 'officesync.head' in vhost '/' due to timeout",
        ] {
            assert_eq!(kind(text), Kind::BrokerTransient, "{text}");
        }
        let none = "NOT_FOUND - no queue 'officesync.head' in vhost '/'";
        assert_eq!(kind(none), Kind::BrokerTopology);
    }

    #[test]
    fn sqlstates_are_sorted() {
        for (code, policy) in [
            ("08006", Policy::Retry),
            ("40001", Policy::Retry),
            ("40P01", Policy::Retry),
            ("53100", Policy::Retry),
            ("55P03", Policy::Retry),
            ("57P01", Policy::Retry),
            ("57014", Policy::Retry),
            ("58030", Policy::Retry),
            ("23505", Policy::HaltLane),
            ("22P02", Policy::HaltLane),
            ("42P01", Policy::HaltLane),
            ("XX000", Policy::HaltLane),
            ("55000", Policy::HaltLane),
            ("28P01", Policy::Stop),
            ("3D000", Policy::Stop),
            ("42501", Policy::Stop),
        ] {
            let kind = sqlstate_kind(&SqlState::from_code(code));
            assert_eq!(kind.policy(), policy, "{code}");
        }
    }

    #[test]
    fn values_stay_out_of_the_log() {
        let text = loggable(
            "22P02",
            "invalid input syntax for type integer: \"4711x\"",
            None,
        );
        assert_eq!(text, "invalid input syntax for type integer (22P02)");
        let text = loggable("23505", "duplicate key violates \"orders_pkey\"", None);
        assert!(text.contains("orders_pkey"));
    }

    #[test]
    fn configuration_errors_exit_with_two() {
        let error = Error::config("OFFICESYNC_PREFETCH", "0 is too small", "use 1 to 65535");
        assert_eq!(error.exit_code(), 2);
        assert_eq!(error.kind().policy(), Policy::GiveUp);
        assert_eq!(
            error.to_string(),
            "configuration: OFFICESYNC_PREFETCH: 0 is too small; use 1 to 65535"
        );
        assert_eq!(Error::Unfit("standby".into()).exit_code(), 3);
    }
}
