//! Configuration: read once from the file and the environment, into validated types.
//!
//! Invariant: a `Config` that exists is usable as it stands; the URLs, which hold passwords, never
//! print. A mistake is one line that names the key and the remedy.

mod endpoint;
mod settings;
pub(crate) mod window;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format as _, Serialized, Toml};
use figment::value::Value;

pub(crate) use endpoint::{Broker, Database, TlsFiles};
pub(crate) use settings::help;
use settings::{Form, SETTINGS};

use crate::error::{Error, Result};

const PREFIX: &str = "OFFICESYNC_";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Auto,
    Text,
    Json,
}

/// The whole configuration of one relay.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) database: Database,
    pub(crate) broker: Broker,
    pub(crate) health: Option<SocketAddr>,
    pub(crate) poll_interval: Duration,
    pub(crate) tick_interval: Duration,
    pub(crate) tick_interval_max: Duration,
    pub(crate) max_ticks_in_flight: i64,
    pub(crate) prefetch: u16,
    pub(crate) apply_concurrency: usize,
    pub(crate) reconnect_max: Duration,
    pub(crate) shutdown_grace: Duration,
    /// How often branches are compared in the background; none: never.
    pub(crate) verify_interval: Option<Duration>,
    /// When the link may be used; none: always.
    pub(crate) window: Option<window::Window>,
    /// Whether a branch that is new asks the head for its tables.
    pub(crate) join: bool,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
}

impl Config {
    /// Reads the file (if any) and this process's environment.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        Self::new(&Given::load(file)?)
    }

    #[cfg(test)]
    fn parse(
        toml: Option<&str>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        Self::new(&Given::collect(toml, environment)?)
    }

    fn new(given: &Given) -> Result<Self> {
        Ok(Self {
            database: given.database()?,
            broker: given.broker()?,
            health: given.health()?,
            poll_interval: given.milliseconds("POLL_INTERVAL_MS")?,
            tick_interval: given.milliseconds("TICK_INTERVAL_MS")?,
            tick_interval_max: given.milliseconds("TICK_INTERVAL_MAX_MS")?,
            max_ticks_in_flight: given.number("MAX_TICKS_IN_FLIGHT")?,
            prefetch: given.number("PREFETCH")?,
            apply_concurrency: given.number("APPLY_CONCURRENCY")?,
            reconnect_max: given.milliseconds("RECONNECT_MAX_MS")?,
            shutdown_grace: given.milliseconds("SHUTDOWN_GRACE_MS")?,
            verify_interval: given
                .checked("VERIFY_INTERVAL_S")?
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            window: given.window()?,
            join: given.join()?,
            log: given.log_filter()?,
            log_format: given.log_format()?,
        })
    }
}

/// The database alone, for commands that need nothing else.
pub(crate) fn database(file: Option<&Path>) -> Result<Database> {
    Given::load(file)?.database()
}

/// The broker alone.
pub(crate) fn broker(file: Option<&Path>) -> Result<Broker> {
    Given::load(file)?.broker()
}

/// Where a relay with these settings answers about its health.
pub(crate) fn health(file: Option<&Path>) -> Result<Option<SocketAddr>> {
    Given::load(file)?.health()
}

/// Where a URL comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Value(Secret<String>),
    File {
        key: String,
        path: std::path::PathBuf,
    },
}

/// Something that must not be printed.
#[derive(Clone)]
pub(crate) struct Secret<T>(T);

impl<T> Secret<T> {
    pub(crate) fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> std::fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("***")
    }
}

impl Source {
    /// The URL as it is now; a file is read anew, so a rotated secret is seen at the next connect.
    pub(crate) fn read(&self) -> Result<Secret<String>> {
        match self {
            Source::Value(value) => Ok(value.clone()),
            Source::File { key, path } => match std::fs::read_to_string(path) {
                Ok(text) => Ok(Secret(text.trim().to_owned())),
                Err(error) => Err(Error::config(
                    key.as_str(),
                    format!("cannot read {}: {error}", path.display()),
                    "name a file the relay may read",
                )),
            },
        }
    }
}

/// What was given, by key in upper case.
struct Given(BTreeMap<String, String>);

impl Given {
    /// What the file (if any) and this process's environment say.
    fn load(file: Option<&Path>) -> Result<Self> {
        let environment = std::env::vars_os().filter_map(|(key, value)| {
            let key = key.to_str()?.strip_prefix(PREFIX)?.to_owned();
            (key != "CONFIG").then(|| (key, value.to_string_lossy().into_owned()))
        });
        let toml = file.map(read_file).transpose()?;
        Self::collect(toml.as_deref(), environment)
    }

    fn database(&self) -> Result<Database> {
        let plaintext = self.switch("ALLOW_PLAINTEXT")?;
        Database::new(
            &self.source("DATABASE_URL")?,
            self.tls("DATABASE")?,
            plaintext,
        )
    }

    fn broker(&self) -> Result<Broker> {
        let plaintext = self.switch("ALLOW_PLAINTEXT")?;
        Broker::new(&self.source("AMQP_URL")?, self.tls("AMQP")?, plaintext)
    }

    fn collect(
        toml: Option<&str>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        let environment: BTreeMap<String, String> = environment
            .into_iter()
            .map(|(key, value)| (key.to_ascii_lowercase(), value))
            .collect();
        let values: BTreeMap<String, Value> = Figment::new()
            .merge(Toml::string(toml.unwrap_or_default()))
            .merge(Serialized::defaults(environment))
            .extract()
            .map_err(|error| {
                Error::config("--config", error.to_string(), "correct the TOML file")
            })?;
        let mut given = BTreeMap::new();
        for (key, value) in values {
            let key = key.to_ascii_uppercase();
            if !SETTINGS.iter().any(|setting| setting.key == key) {
                return Err(unknown(&key));
            }
            let text = plain(&value).ok_or_else(|| {
                fault(
                    &key,
                    "is not a plain value",
                    "write text, a number, true or false",
                )
            })?;
            // An empty variable is how a compose file says "not set".
            if !text.is_empty() {
                given.insert(key, text);
            }
        }
        Ok(Self(given))
    }

    fn form(key: &str) -> Form {
        SETTINGS
            .iter()
            .find(|setting| setting.key == key)
            .map_or(Form::Text(None), |setting| setting.form)
    }

    fn text(&self, key: &str) -> Option<String> {
        let default = match Self::form(key) {
            Form::Text(default) => default.map(str::to_owned),
            _ => None,
        };
        self.0.get(key).cloned().or(default)
    }

    fn checked(&self, key: &str) -> Result<Option<u64>> {
        let Form::Number { min, max, default } = Self::form(key) else {
            return Ok(None);
        };
        let Some(text) = self.0.get(key) else {
            return Ok(default);
        };
        match text.parse::<u64>() {
            Ok(value) if (min..=max).contains(&value) => Ok(Some(value)),
            Ok(value) => Err(fault(
                key,
                format!("{value} is out of bounds"),
                format!("use {min} to {max}"),
            )),
            Err(_) => Err(fault(
                key,
                "is not a whole number",
                format!("use {min} to {max}"),
            )),
        }
    }

    fn number<N: TryFrom<u64>>(&self, key: &str) -> Result<N> {
        self.checked(key)?
            .and_then(|value| N::try_from(value).ok())
            .ok_or_else(|| fault(key, "is missing", "set it"))
    }

    fn milliseconds(&self, key: &str) -> Result<Duration> {
        Ok(Duration::from_millis(self.number(key)?))
    }

    fn switch(&self, key: &str) -> Result<bool> {
        match self.0.get(key).map(String::as_str) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(fault(key, "is neither true nor false", "use true or false")),
        }
    }

    fn source(&self, key: &str) -> Result<Source> {
        let file_key = format!("{key}_FILE");
        match (self.0.get(key), self.0.get(&file_key)) {
            (Some(value), None) => Ok(Source::Value(Secret(value.clone()))),
            (None, Some(path)) => Ok(Source::File {
                key: format!("{PREFIX}{file_key}"),
                path: path.into(),
            }),
            (None, None) => Err(fault(
                key,
                "is missing",
                format!("set it, or {PREFIX}{file_key} to a file that holds it"),
            )),
            (Some(_), Some(_)) => Err(fault(
                key,
                format!("is set together with {PREFIX}{file_key}"),
                "keep one of the two",
            )),
        }
    }

    fn tls(&self, server: &str) -> Result<TlsFiles> {
        let given = |what: &str| self.0.contains_key(&format!("{server}_{what}_FILE"));
        if given("CERT") != given("KEY") {
            return Err(fault(
                &format!("{server}_CERT_FILE"),
                format!("goes together with {PREFIX}{server}_KEY_FILE"),
                "set both or neither",
            ));
        }
        let path = |what: &str| {
            let key = format!("{server}_{what}_FILE");
            let Some(path) = self.0.get(&key).map(PathBuf::from) else {
                return Ok(None);
            };
            // Looked at now, so that a wrong path is not found out at the first reconnect.
            let opened = std::fs::File::open(&path).map_err(|error| {
                fault(&key, format!("cannot be read: {error}"), "name a PEM file")
            });
            opened.map(|_| Some(path))
        };
        Ok(TlsFiles {
            authorities: path("CA")?,
            certificate: path("CERT")?,
            key: path("KEY")?,
        })
    }

    fn health(&self) -> Result<Option<SocketAddr>> {
        let address = self.text("HEALTH_ADDRESS").unwrap_or_default();
        let address: IpAddr = address.parse().map_err(|_| {
            fault(
                "HEALTH_ADDRESS",
                "is not an IP address",
                "use 127.0.0.1 or 0.0.0.0",
            )
        })?;
        let port = self.checked("HEALTH_PORT")?;
        Ok(port
            .and_then(|port| u16::try_from(port).ok())
            .map(|port| SocketAddr::new(address, port)))
    }

    fn window(&self) -> Result<Option<window::Window>> {
        let read = |text: String| {
            window::Window::parse(&text).map_err(|span| {
                fault(
                    "WINDOW",
                    format!("has a span that can't be read: {span:?}"),
                    "use hh:mm-hh:mm, more of them with commas between",
                )
            })
        };
        self.text("WINDOW").map(read).transpose()
    }

    fn join(&self) -> Result<bool> {
        match self.text("JOIN").as_deref() {
            None => Ok(false),
            Some("empty") => Ok(true),
            Some(_) => Err(fault(
                "JOIN",
                "is unknown",
                "use empty, or leave it out; a branch with rows of its own is compared with verify",
            )),
        }
    }

    fn log_filter(&self) -> Result<String> {
        let filter = self.text("LOG").unwrap_or_default();
        match tracing_subscriber::EnvFilter::try_new(&filter) {
            Ok(_) => Ok(filter),
            Err(error) => Err(fault(
                "LOG",
                format!("is no log filter: {error}"),
                "use info",
            )),
        }
    }

    fn log_format(&self) -> Result<LogFormat> {
        match self.text("LOG_FORMAT").as_deref() {
            None | Some("auto") => Ok(LogFormat::Auto),
            Some("text") => Ok(LogFormat::Text),
            Some("json") => Ok(LogFormat::Json),
            Some(_) => Err(fault("LOG_FORMAT", "is unknown", "use auto, text or json")),
        }
    }
}

fn fault(key: &str, problem: impl Into<String>, remedy: impl Into<String>) -> Error {
    Error::config(format!("{PREFIX}{key}"), problem, remedy)
}

fn unknown(key: &str) -> Error {
    let near = SETTINGS
        .iter()
        .map(|setting| (distance(setting.key, key), setting.key))
        .min();
    let remedy = match near {
        Some((steps, near)) if steps <= 3 => format!("did you mean {PREFIX}{near}?"),
        _ => "officesync-relay run --help lists the settings".to_owned(),
    };
    fault(key, "is not a setting", remedy)
}

/// Levenshtein distance, for the hint on a mistyped key.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = i;
        let mut left_cell = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(right.bytes()) {
            let above = *cell;
            *cell = (diagonal + usize::from(a != b))
                .min(above + 1)
                .min(left_cell + 1);
            diagonal = above;
            left_cell = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.clone()),
        Value::Bool(_, switch) => Some(switch.to_string()),
        Value::Num(_, number) => number
            .to_i128()
            .map(|number| number.to_string())
            .or_else(|| number.to_u128().map(|number| number.to_string()))
            .or_else(|| Some("not whole".to_owned())),
        _ => None,
    }
}

fn read_file(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::config(
            "--config",
            format!("cannot read {}: {error}", path.display()),
            "name a file the relay may read",
        )
    })
}

#[cfg(test)]
mod tests;
