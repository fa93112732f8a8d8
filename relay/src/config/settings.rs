//! The list of settings: the only place where a key, its unit, its default and its bounds stand.
//!
//! Invariant: what `run --help` shows, what is accepted and what is checked come from this one list.

use std::fmt::Write as _;

/// What a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A whole number within bounds, with its default (`None`: off).
    Number {
        min: u64,
        max: u64,
        default: Option<u64>,
    },
    /// `true` or `false`, false unless set.
    Switch,
    /// Text, with its default.
    Text(Option<&'static str>),
}

/// One setting. In the environment it is `OFFICESYNC_<key>`, in the file `<key>` in lower case.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    pub(crate) form: Form,
    pub(crate) help: &'static str,
}

const fn number(min: u64, max: u64, default: u64) -> Form {
    Form::Number {
        min,
        max,
        default: Some(default),
    }
}

macro_rules! settings {
    ($($key:ident $form:expr, $help:literal;)*) => {
        pub(crate) const SETTINGS: &[Setting] = &[
            $(Setting { key: stringify!($key), form: $form, help: $help },)*
        ];
    };
}

settings! {
    DATABASE_URL Form::Text(None), "PostgreSQL of this office, postgres://user:password@host:port/database?sslmode=require (needed, or DATABASE_URL_FILE)";
    DATABASE_URL_FILE Form::Text(None), "file that holds DATABASE_URL; read again at every reconnect";
    DATABASE_CA_FILE Form::Text(None), "PEM file of the certificate authorities trusted for PostgreSQL instead of the system's";
    DATABASE_CERT_FILE Form::Text(None), "PEM file of the client certificate for PostgreSQL";
    DATABASE_KEY_FILE Form::Text(None), "PEM file of the key of DATABASE_CERT_FILE";
    AMQP_URL Form::Text(None), "RabbitMQ, amqps://user:password@host:port/vhost (needed, or AMQP_URL_FILE)";
    AMQP_URL_FILE Form::Text(None), "file that holds AMQP_URL; read again at every reconnect";
    AMQP_CA_FILE Form::Text(None), "PEM file of the certificate authorities trusted for RabbitMQ beside the system's";
    AMQP_CERT_FILE Form::Text(None), "PEM file of the client certificate for RabbitMQ";
    AMQP_KEY_FILE Form::Text(None), "PEM file of the PKCS#8 key of AMQP_CERT_FILE";
    ALLOW_PLAINTEXT Form::Switch, "allow connections without TLS to hosts other than this one";
    HEALTH_PORT Form::Number { min: 1, max: 65_535, default: None }, "port of /healthz, /readyz and /metrics (off unless set)";
    HEALTH_ADDRESS Form::Text(Some("127.0.0.1")), "address HEALTH_PORT is opened on";
    POLL_INTERVAL_MS number(10, 60_000, 1_000), "milliseconds after which an idle relay looks for changes even if nobody woke it";
    TICK_INTERVAL_MS number(1, 10_000, 10), "milliseconds between two ticks while earlier ones are on their way";
    TICK_INTERVAL_MAX_MS number(1, 10_000, 50), "milliseconds up to which that grows by itself while many changes are made";
    MAX_TICKS_IN_FLIGHT number(1, 1_024, 16), "ticks published and not yet settled";
    PREFETCH number(1, 65_535, 16), "messages the broker hands over before the first is acknowledged";
    APPLY_CONCURRENCY number(1, 64, 4), "origins applied at the same time, one database connection each";
    RECONNECT_MAX_MS number(100, 600_000, 2_000), "longest wait in milliseconds between two tries to connect";
    SHUTDOWN_GRACE_MS number(0, 600_000, 20_000), "milliseconds to finish the work in hand after SIGTERM";
    VERIFY_INTERVAL_S number(0, 31_536_000, 0), "at the head, seconds after which a branch is compared with it again in the background (0: never)";
    WINDOW Form::Text(None), "when the link may be used, such as 22:00-05:00,12:30-13:00, by the database's TimeZone (always unless set)";
    JOIN Form::Text(None), "empty: a branch that is new asks the head for its tables and their rows; once it has joined this means nothing";
    LOG Form::Text(Some("info")), "log filter: error, warn, info, debug, or officesync_relay::inbox=debug,info";
    LOG_FORMAT Form::Text(Some("auto")), "auto (text on a terminal, else JSON), text or json";
}

/// The settings as `--help` shows them.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "Settings, from the environment (OFFICESYNC_<KEY>) or the TOML file of --config \
         (<key> in lower case); the environment wins:\n",
    );
    for setting in SETTINGS {
        let bounds = match setting.form {
            Form::Number {
                min,
                max,
                default: Some(default),
            } => format!(" [{min} to {max}, default {default}]"),
            Form::Number { min, max, .. } => format!(" [{min} to {max}]"),
            Form::Switch => " [true or false, default false]".to_owned(),
            Form::Text(Some(default)) => format!(" [default {default}]"),
            Form::Text(None) => String::new(),
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n  {}\n          {}{bounds}",
            setting.key, setting.help
        );
    }
    text
}
