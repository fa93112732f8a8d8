//! A relay that is configured wrongly says so in one line with the key and the remedy, and never prints a secret.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test panics

use std::process::{Command, Output};

const SECRET: &str = "sEcReT";
const DATABASE: (&str, &str) = (
    "OFFICESYNC_DATABASE_URL",
    "postgres://relay:sEcReT@127.0.0.1:1/office",
);
const AMQP: (&str, &str) = ("OFFICESYNC_AMQP_URL", "amqp://head:sEcReT@127.0.0.1:1/x");

/// The program with this command line, and nothing else in its environment.
fn relay(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_officesync-relay"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .expect("the program starts")
}

/// Both servers named, and then these settings.
fn run(settings: &[(&str, &str)]) -> Output {
    let mut environment = vec![DATABASE, AMQP];
    environment.retain(|(name, _)| settings.iter().all(|(other, _)| other != name));
    environment.extend(settings.iter().filter(|(_, value)| *value != "(unset)"));
    relay(&["run"], &environment)
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn each_bad_setting_is_named() {
    let rows: &[(&[(&str, &str)], &str)] = &[
        (
            &[("OFFICESYNC_DATABASE_URL", "(unset)")],
            "OFFICESYNC_DATABASE_URL",
        ),
        (&[("OFFICESYNC_AMQP_URL", "(unset)")], "OFFICESYNC_AMQP_URL"),
        (&[("OFFICESYNC_AMQP_URL", "")], "OFFICESYNC_AMQP_URL"),
        (
            &[("OFFICESYNC_DATABASE_URL", "not a url sEcReT")],
            "OFFICESYNC_DATABASE_URL",
        ),
        (
            &[("OFFICESYNC_AMQP_URL", "http://head:sEcReT@127.0.0.1")],
            "OFFICESYNC_AMQP_URL",
        ),
        (
            &[("OFFICESYNC_AMQP_URL", "amqp://head:sEcReT@mq.example.org/x")],
            "OFFICESYNC_AMQP_URL",
        ),
        (
            &[(
                "OFFICESYNC_DATABASE_URL",
                "postgres://relay:sEcReT@db.example.org/x",
            )],
            "OFFICESYNC_DATABASE_URL",
        ),
        (
            &[("OFFICESYNC_DATABASE_URL_FILE", "/nonexistent")],
            "OFFICESYNC_DATABASE_URL",
        ),
        (
            &[("OFFICESYNC_AMQP_CA_FILE", "/nonexistent")],
            "OFFICESYNC_AMQP_CA_FILE",
        ),
        (&[("OFFICESYNC_PREFETCH", "0")], "OFFICESYNC_PREFETCH"),
        (
            &[("OFFICESYNC_PREFETCH", "99999999999999999999")],
            "OFFICESYNC_PREFETCH",
        ),
        (
            &[("OFFICESYNC_TICK_INTERVAL_MS", "-1")],
            "OFFICESYNC_TICK_INTERVAL_MS",
        ),
        (
            &[("OFFICESYNC_MAX_TICKS_IN_FLIGHT", "0")],
            "OFFICESYNC_MAX_TICKS_IN_FLIGHT",
        ),
        (
            &[("OFFICESYNC_HEALTH_PORT", "http")],
            "OFFICESYNC_HEALTH_PORT",
        ),
        (&[("OFFICESYNC_LOG_FORMAT", "xml")], "OFFICESYNC_LOG_FORMAT"),
        (&[("OFFICESYNC_PREFETSH", "1")], "OFFICESYNC_PREFETSH"),
    ];
    for (settings, key) in rows {
        let output = run(settings);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(2), "{settings:?}: {said}");
        assert!(said.contains(key), "{settings:?}: {said}");
        assert!(!said.contains(SECRET), "{settings:?}: {said}");
        assert!(!said.contains("panicked"), "{settings:?}: {said}");
        let lines = said.lines().filter(|line| !line.trim().is_empty()).count();
        assert_eq!(lines, 1, "{settings:?}: {said}");
    }
}

#[test]
fn the_command_line_is_checked() {
    for arguments in [&["frobnicate"][..], &["run", "--frobnicate"], &[]] {
        let output = relay(arguments, &[]);
        assert_ne!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!text(&output).contains("panicked"));
    }
    assert_eq!(relay(&["--help"], &[]).status.code(), Some(0));
    assert!(text(&relay(&["--version"], &[])).contains(env!("CARGO_PKG_VERSION")));
}
