//! A relay that is configured wrongly says so in one line with the key and the remedy, and never prints a secret.

use std::process::Output;

use officesync_e2e::cluster::Cluster;
use officesync_e2e::company::Company;
use officesync_e2e::relay;

const SECRET: &str = "sEcReT";
const DATABASE: (&str, &str) = (
    "OFFICESYNC_DATABASE_URL",
    "postgres://relay:sEcReT@127.0.0.1:1/office",
);
const AMQP: (&str, &str) = ("OFFICESYNC_AMQP_URL", "amqp://head:sEcReT@127.0.0.1:1/x");

/// Both servers named, and then these settings.
fn run(settings: &[(&str, &str)]) -> Output {
    let mut environment = vec![DATABASE, AMQP];
    environment.retain(|(name, _)| settings.iter().all(|(other, _)| other != name));
    environment.extend(settings.iter().filter(|(_, value)| *value != "(unset)"));
    relay::run(&["run"], &environment)
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
        let output = relay::run(arguments, &[]);
        assert_ne!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!text(&output).contains("panicked"));
    }
    assert_eq!(relay::run(&["--help"], &[]).status.code(), Some(0));
    assert!(text(&relay::run(&["--version"], &[])).contains(env!("CARGO_PKG_VERSION")));
}

/// A database that is not an office's ends the first start with an exit code and the remedy.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_no_office_is_refused() {
    let mut company = Company::open(0).await;
    let amqp = company.head().settings.amqp_url.clone();
    let port = company.head().cluster.port();
    company.head().run("CREATE DATABASE plain").await;
    let refused = |database: String| {
        let output = run(&[
            ("OFFICESYNC_DATABASE_URL", &database),
            ("OFFICESYNC_AMQP_URL", &amqp),
        ]);
        let said = text(&output);
        assert!(
            output.status.code().is_some_and(|code| code != 0),
            "{database}: {:?} {said}",
            output.status
        );
        assert!(!said.contains("panicked"), "{said}");
        let password = amqp
            .split(':')
            .nth(2)
            .and_then(|rest| rest.split('@').next())
            .unwrap();
        assert!(!said.contains(password), "{said}");
        said
    };
    refused(format!("postgres://postgres@127.0.0.1:{port}/plain"));
    refused(format!("postgres://nobody@127.0.0.1:{port}/office"));
    refused(format!("postgres://relay@127.0.0.1:{port}/nowhere"));
    let bare = Cluster::start("bare", "").await;
    refused(format!(
        "postgres://postgres@127.0.0.1:{}/postgres",
        bare.port()
    ));

    // A server in recovery: nobody can write there, so nothing can be captured.
    company.office_mut(0).cluster.stop();
    company.office_mut(0).cluster.make_standby();
    company.office_mut(0).cluster.begin().await;
    let said = refused(format!("postgres://relay@127.0.0.1:{port}/office"));
    assert!(
        said.contains("standby") || said.contains("recovery"),
        "{said}"
    );
}
