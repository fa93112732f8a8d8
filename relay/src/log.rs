//! Logging: text on a terminal, JSON otherwise.
//!
//! Invariant: the libraries below us may not print what they carry. lapin logs returned messages with
//! their body and tokio-postgres logs statement parameters at debug, so both are held back whatever the
//! filter says.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;
use crate::error::{Error, Result};

/// Directives that come after the operator's and so win. The errors of lapin and deadpool reach
/// us as values and are logged where they are handled.
const HELD_BACK: [&str; 6] = [
    "lapin=off",
    "amq_protocol=off",
    "deadpool=off",
    "tokio_postgres=warn",
    "postgres_protocol=warn",
    "rustls=warn",
];

/// Sets up logging for this process.
pub(crate) fn start(filter: &str, format: LogFormat) -> Result<()> {
    let filter = build(filter)?;
    let json = match format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = if json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .try_init()
    };
    started.map_err(|error| Error::Setup {
        what: "logging".into(),
        problem: error.to_string(),
    })
}

fn build(filter: &str) -> Result<EnvFilter> {
    let wrong = |problem: String| Error::config("OFFICESYNC_LOG", problem, "use info");
    // A directive deeper inside one of these crates would be more specific than ours: refused.
    if filter.contains("lapin::") || filter.contains("tokio_postgres::") {
        return Err(wrong("may not open up lapin or tokio_postgres".into()));
    }
    let mut built = EnvFilter::try_new(filter).map_err(|error| wrong(error.to_string()))?;
    for directive in HELD_BACK {
        let directive = directive
            .parse()
            .map_err(|_| wrong("cannot be combined".into()))?;
        built = built.add_directive(directive);
    }
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_stay_quiet_whatever_is_asked() {
        let text = build("trace,lapin=trace").unwrap().to_string();
        assert!(text.contains("lapin=off"), "{text}");
        assert!(!text.contains("lapin=trace"), "{text}");
        assert!(build("lapin::frames=trace").is_err());
    }
}
