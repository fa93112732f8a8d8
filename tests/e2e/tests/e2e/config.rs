//! A relay that is given the wrong database says so at its first start, and never prints a secret.

use std::process::Output;

use officesync_e2e::cluster::Cluster;
use officesync_e2e::company::Company;
use officesync_e2e::relay;

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A database that is not an office's ends the first start with an exit code and the remedy.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_no_office_is_refused() {
    let mut company = Company::open(0).await;
    let amqp = company.head().settings.amqp_url.clone();
    let port = company.head().cluster.port();
    company.head().run("CREATE DATABASE plain").await;
    let refused = |database: String| {
        let settings = [
            ("OFFICESYNC_DATABASE_URL", database.as_str()),
            ("OFFICESYNC_AMQP_URL", amqp.as_str()),
        ];
        let output = relay::run(&["run"], &settings);
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
