use super::*;

const DATABASE: (&str, &str) = ("DATABASE_URL", "postgres://relay:secret1@localhost/office");
const BROKER: (&str, &str) = ("AMQP_URL", "amqp://relay:secret2@127.0.0.1:5672/%2f");

fn parse(toml: Option<&str>, more: &[(&str, &str)]) -> Result<Config> {
    Config::parse(
        toml,
        more.iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
    )
}

fn with(more: &[(&str, &str)]) -> Result<Config> {
    // Later pairs win, as a map does.
    let mut all = vec![DATABASE, BROKER];
    all.extend_from_slice(more);
    parse(None, &all)
}

#[test]
fn defaults_are_sound() {
    let config = with(&[]).unwrap();
    assert_eq!(config.poll_interval, Duration::from_secs(1));
    assert_eq!(config.tick_interval, Duration::from_millis(10));
    assert_eq!(config.tick_interval_max, Duration::from_millis(50));
    assert_eq!(config.max_ticks_in_flight, 16);
    assert_eq!(config.health, None);
    assert_eq!(config.log_format, LogFormat::Auto);
}

#[test]
fn secrets_never_print() {
    let text = format!("{:?}", with(&[]).unwrap());
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn the_environment_wins_over_the_file() {
    let toml = "prefetch = 7\npoll_interval_ms = 500\n\
                database_url = 'postgres://a@localhost/a'\namqp_url = 'amqp://a:b@localhost'";
    let config = parse(Some(toml), &[("PREFETCH", "9")]).unwrap();
    assert_eq!(config.prefetch, 9);
    assert_eq!(config.poll_interval, Duration::from_millis(500));
}

#[test]
fn every_mistake_names_its_key() {
    let rows: &[(&[(&str, &str)], &str)] = &[
        (
            &[("DATABASE_URL", "")],
            "OFFICESYNC_DATABASE_URL: is missing",
        ),
        (&[("AMQP_URL", "")], "OFFICESYNC_AMQP_URL: is missing"),
        (
            &[("DATABASE_URL", "mysql://x:secret1@y/z")],
            "OFFICESYNC_DATABASE_URL: is not",
        ),
        (
            &[(
                "DATABASE_URL",
                "postgres://x:secret1@localhost/z?nonsense=1",
            )],
            "unknown option",
        ),
        (
            &[("DATABASE_URL", "postgres://x:secret1@db.example/z")],
            "without TLS",
        ),
        (
            &[(
                "DATABASE_URL",
                "postgres://x:secret1@db.example/z?sslmode=disable",
            )],
            "without TLS",
        ),
        (&[("DATABASE_URL", "postgres:///z?user=x")], "names no host"),
        (
            &[("DATABASE_URL", "postgres://localhost/z")],
            "names no user",
        ),
        (
            &[("AMQP_URL", "http://a:secret2@b")],
            "OFFICESYNC_AMQP_URL: is not",
        ),
        (
            &[("AMQP_URL", "amqp://a:secret2@mq.example")],
            "without TLS",
        ),
        (&[("DATABASE_URL_FILE", "/nowhere")], "set together with"),
        (
            &[("DATABASE_URL", ""), ("DATABASE_URL_FILE", "/nowhere")],
            "cannot read /nowhere",
        ),
        (&[("AMQP_CERT_FILE", "/c")], "set both or neither"),
        (
            &[("PREFETCH", "0")],
            "OFFICESYNC_PREFETCH: 0 is out of bounds; use 1 to 65535",
        ),
        (
            &[("PREFETCH", "99999")],
            "OFFICESYNC_PREFETCH: 99999 is out of bounds",
        ),
        (
            &[("PREFETCH", "many")],
            "OFFICESYNC_PREFETCH: is not a whole number",
        ),
        (
            &[("PREFETCH", "-1")],
            "OFFICESYNC_PREFETCH: is not a whole number",
        ),
        (
            &[("MAX_TICKS_IN_FLIGHT", "0")],
            "OFFICESYNC_MAX_TICKS_IN_FLIGHT: 0",
        ),
        (
            &[("APPLY_CONCURRENCY", "65")],
            "OFFICESYNC_APPLY_CONCURRENCY: 65",
        ),
        (
            &[("POLL_INTERVAL_MS", "1")],
            "OFFICESYNC_POLL_INTERVAL_MS: 1",
        ),
        (
            &[("TICK_INTERVAL_MS", "0")],
            "OFFICESYNC_TICK_INTERVAL_MS: 0",
        ),
        (
            &[("RECONNECT_MAX_MS", "1")],
            "OFFICESYNC_RECONNECT_MAX_MS: 1",
        ),
        (
            &[("SHUTDOWN_GRACE_MS", "999999999")],
            "OFFICESYNC_SHUTDOWN_GRACE_MS: 9",
        ),
        (&[("HEALTH_PORT", "70000")], "OFFICESYNC_HEALTH_PORT: 70000"),
        (
            &[("HEALTH_ADDRESS", "here")],
            "OFFICESYNC_HEALTH_ADDRESS: is not an IP",
        ),
        (
            &[("ALLOW_PLAINTEXT", "yes")],
            "OFFICESYNC_ALLOW_PLAINTEXT: is neither",
        ),
        (
            &[("LOG", "officesync=loud")],
            "OFFICESYNC_LOG: is no log filter",
        ),
        (
            &[("LOG_FORMAT", "xml")],
            "OFFICESYNC_LOG_FORMAT: is unknown",
        ),
        (
            &[("PREFETSH", "1")],
            "OFFICESYNC_PREFETSH: is not a setting; did you mean OFFICESYNC_PREFETCH?",
        ),
        (
            &[("SOMETHING_ELSE", "1")],
            "OFFICESYNC_SOMETHING_ELSE: is not a setting",
        ),
    ];
    for (given, expected) in rows {
        let error = with(given).expect_err(expected);
        let text = error.to_string();
        assert!(text.contains(expected), "{given:?} gave {text}");
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(error.exit_code(), 2, "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[test]
fn file_mistakes_name_the_key() {
    for (toml, expected) in [
        ("prefetch = 0", "OFFICESYNC_PREFETCH: 0"),
        (
            "prefetch = 1.5",
            "OFFICESYNC_PREFETCH: is not a whole number",
        ),
        (
            "[prefetch]\nx = 1",
            "OFFICESYNC_PREFETCH: is not a plain value",
        ),
        ("prefetsh = 1", "OFFICESYNC_PREFETSH: is not a setting"),
        ("prefetch = ", "--config"),
    ] {
        let text = parse(Some(toml), &[DATABASE, BROKER])
            .expect_err(expected)
            .to_string();
        assert!(text.contains(expected), "{toml} gave {text}");
    }
}

#[test]
fn plaintext_is_allowed_by_the_switch_sockets_and_loopback() {
    for given in [
        &[
            ("DATABASE_URL", "postgres://x@db.example/z"),
            ("ALLOW_PLAINTEXT", "true"),
        ][..],
        &[("DATABASE_URL", "postgres://x@%2Frun%2Fpostgresql/z")],
        &[("DATABASE_URL", "host=/run/postgresql user=x dbname=z")],
        &[("DATABASE_URL", "postgres://x@[::1]/z")],
        &[(
            "DATABASE_URL",
            "postgres://x@db.example/z?sslmode=verify-full",
        )],
        &[("AMQP_URL", "amqps://a:b@mq.example/v")],
        &[("AMQP_URL", "amqp://a:b@localhost/v")],
    ] {
        with(given).unwrap();
    }
}
