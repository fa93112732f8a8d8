//! `status --json`, `/metrics` and the views say the same, and what the test knows to be true: before a link is
//! cut, while it is, and after. `peek` shows what waits and takes nothing away.

use std::time::Duration;

use officesync_e2e::company::Company;
use officesync_e2e::office::Office;
use officesync_e2e::{converge, ports, relay, wait};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const SCHEMA: &str = "CREATE TABLE items (id text PRIMARY KEY, note text)";

/// What a command of the relay printed, and how it ended.
fn say(office: &Office, arguments: &[&str]) -> (Option<i32>, String, String) {
    let environment = [
        (
            "OFFICESYNC_DATABASE_URL",
            office.settings.database_url.as_str(),
        ),
        ("OFFICESYNC_AMQP_URL", office.settings.amqp_url.as_str()),
    ];
    let output = relay::run(arguments, &environment);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn status(office: &Office) -> Value {
    let (code, out, err) = say(office, &["status", "--json", "--rates", "0"]);
    assert_eq!(code, Some(0), "{err}");
    serde_json::from_str(&out).unwrap()
}

async fn status_shows(office: &Office, pointer: &str, expected: Value) -> Value {
    let what = format!("{pointer} = {expected} in the status of {}", office.name);
    wait::until(&what, wait::RECOVERY, || async {
        let status = status(office);
        match status.pointer(pointer) {
            Some(found) if *found == expected => Ok(status),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}

/// The answer of a relay's health port.
async fn get(port: u16, path: &str) -> String {
    let asked = async {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        std::io::Result::Ok(text)
    };
    let answer = tokio::time::timeout(Duration::from_secs(10), asked).await;
    answer.expect("the health port answers").unwrap()
}

/// One value of `/metrics`, by its name with labels.
async fn metric(port: u16, name: &str) -> f64 {
    let text = get(port, "/metrics").await;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value
        .unwrap_or_else(|| panic!("no {name} in:\n{text}"))
        .parse()
        .unwrap()
}

/// Compares, at a moment when nothing moves, what can be read in three places.
async fn all_say_the_same(office: &Office, port: u16) -> Value {
    let view = office
        .rows(
            "SELECT last_tick, sent_tick, acknowledged_tick, unsent_ticks, ticks, rows, bytes, disk_bytes \
             FROM officesync.outbox_status",
        )
        .await;
    let status = status(office);
    let measured = [
        ("last_tick", "officesync_last_tick"),
        ("sent_tick", "officesync_sent_tick"),
        ("acknowledged_tick", "officesync_acknowledged_tick"),
        ("unsent_ticks", "officesync_unsent_ticks"),
        ("ticks", "officesync_backlog_ticks"),
        ("rows", "officesync_backlog_rows"),
        ("bytes", "officesync_backlog_bytes"),
        ("disk_bytes", "officesync_outbox_disk_bytes"),
    ];
    for ((field, name), seen) in measured.into_iter().zip(&view[0]) {
        let told = &status["outbox"][field];
        assert_eq!(told.to_string(), *seen, "{field} in {status}");
        assert_eq!(metric(port, name).await.to_string(), *seen, "{name}");
    }
    let peers = office
        .rows("SELECT office, applied_tick, acknowledged_tick, ticks, rows, bytes FROM officesync.offices ORDER BY 1")
        .await;
    assert_eq!(status["peers"].as_array().unwrap().len(), peers.len());
    for (row, told) in peers.iter().zip(status["peers"].as_array().unwrap()) {
        assert_eq!(told["office"], row[0]);
        let fields = [
            "applied_tick",
            "acknowledged_tick",
            "ticks",
            "rows",
            "bytes",
        ];
        for (field, seen) in fields.into_iter().zip(&row[1..]) {
            assert_eq!(told[field].to_string(), *seen, "{field} in {told}");
            let name = format!("officesync_peer_{field}{{peer=\"{}\"}}", row[0]);
            assert_eq!(metric(port, &name).await.to_string(), *seen, "{name}");
        }
    }
    status
}

async fn write(office: &Office, transactions: u32, name: &str) {
    for number in 0..transactions {
        office
            .run(&format!(
                "INSERT INTO items SELECT '{name} {number} ' || n, 'note' FROM generate_series(1, 3) n"
            ))
            .await;
    }
}

/// A head and a branch whose relays answer on ports, and which notice a dead link within seconds.
async fn observed() -> (Company, [u16; 2]) {
    let mut company = Company::open(1).await;
    let ports = [ports::free(), ports::free()];
    for (office, port) in company.offices_mut().iter_mut().zip(ports) {
        office.settings.amqp_url.push_str("?heartbeat=2");
        let setting = ("OFFICESYNC_HEALTH_PORT".to_owned(), port.to_string());
        office.settings.environment.push(setting);
    }
    company.found(SCHEMA, &["items"]).await;
    (company, ports)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_are_true_before_during_and_after_a_cut() {
    let (mut company, [head_port, port]) = observed().await;
    write(company.office(1), 4, "before").await;
    converge::wait_equal(&company, &["items"]).await;
    let branch = company.office(1);
    status_shows(branch, "/relay/link", "up".into()).await;
    let seen = status_shows(branch, "/outbox/rows", 0.into()).await;
    assert_eq!(seen["office"], "branch1");
    assert_eq!(
        (&seen["lag_ms"], &seen["outbox"]["ticks"]),
        (&0.into(), &0.into())
    );
    assert_eq!(seen["peers"][0]["lane"], "open");
    all_say_the_same(branch, port).await;
    let at_head = all_say_the_same(company.head(), head_port).await;
    assert_eq!(at_head["peers"][0]["rows"], 12, "4 transactions of 3 rows");
    assert!(get(port, "/readyz").await.contains(" 200 "));
    let first_publishes = metric(port, "officesync_publishes_total{outcome=\"confirmed\"}").await;
    assert!(first_publishes >= 1.0);

    // During: five transactions wait, and nothing else.
    branch.link.cut();
    status_shows(branch, "/relay/link", "down".into()).await;
    write(branch, 5, "during").await;
    status_shows(branch, "/outbox/rows", 5.into()).await;
    wait::until("the fifth to be in a tick", wait::SOON, || async {
        let waiting = "SELECT count(*) FROM officesync.peek(10) WHERE tick IS NULL";
        match branch.value(waiting).await.as_str() {
            "0" => Ok(()),
            more => Err(more.to_owned()),
        }
    })
    .await;
    let seen = all_say_the_same(branch, port).await;
    assert!(seen["lag_ms"].as_i64().unwrap() > 0, "{seen}");
    assert_eq!(seen["outbox"]["ticks"], seen["outbox"]["unsent_ticks"]);
    assert!((1..=5).contains(&seen["outbox"]["ticks"].as_i64().unwrap()));
    assert_eq!(
        metric(port, "officesync_connected{connection=\"publishing\"}").await,
        0.0
    );
    assert!(metric(port, "officesync_lag_seconds").await > 0.0);
    assert!(get(port, "/readyz").await.contains("no broker"));
    assert!(get(port, "/healthz").await.contains(" 200 "));
    let (code, out, _) = say(branch, &["peek", "outbox", "--rows", "2"]);
    assert_eq!(code, Some(0));
    assert_eq!(out.matches(": 3 changes").count(), 5, "{out}");
    assert!(
        out.contains("INSERT public.items id=during 0 1 note=note"),
        "{out}"
    );
    assert!(out.contains("... 1 more rows of public.items"), "{out}");

    // After: all gone, and the way there is counted.
    branch.link.restore();
    converge::wait_equal(&company, &["items"]).await;
    let branch = company.office(1);
    status_shows(branch, "/relay/link", "up".into()).await;
    status_shows(branch, "/outbox/rows", 0.into()).await;
    all_say_the_same(branch, port).await;
    let at_head = all_say_the_same(company.head(), head_port).await;
    assert_eq!(at_head["peers"][0]["rows"], 27);
    for connection in ["publishing", "consuming"] {
        let name = format!("officesync_reconnects_total{{connection=\"{connection}\"}}");
        assert!(metric(port, &name).await >= 1.0, "{name}");
    }
    assert!(metric(port, "officesync_errors_total{kind=\"broker_transient\"}").await >= 1.0);
    assert_eq!(
        metric(head_port, "officesync_changes_applied_total").await,
        27.0
    );
    let (_, table, _) = say(branch, &["status", "--rates", "0"]);
    assert!(
        table.contains("office     branch1, branch; extension"),
        "{table}"
    );
    assert!(table.contains("link       up for"), "{table}");

    // Without its relay the office still has a status, which says so.
    company.office_mut(1).kill_relay();
    let branch = company.office(1);
    let seen = status_shows(branch, "/relay/running", false.into()).await;
    assert_eq!(seen["relay"]["link"], "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn peeking_into_a_queue_takes_nothing_away() {
    let mut company = Company::running(1, SCHEMA, &["items"]).await;
    let queue = "officesync.branch.branch1";
    let (code, _, err) = say(company.office(1), &["peek", "queue", queue]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("a relay consumes it"), "{err}");
    let (code, _, err) = say(
        company.head(),
        &["peek", "queue", "officesync.branch.nowhere"],
    );
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("does not exist"), "{err}");

    company.office_mut(1).relay().finish();
    company.office_mut(1).kill_relay();
    write(company.head(), 3, "waiting").await;
    let topology = company.topology().await;
    company
        .head()
        .shows("SELECT unsent_changes FROM officesync.outbox_status", "f")
        .await;
    let held = topology.depth(queue).await.unwrap();
    assert!(held >= 1);
    for round in 0..3 {
        let (code, out, err) = say(company.office(1), &["peek", "queue", queue]);
        assert_eq!(code, Some(0), "{err}");
        assert!(
            out.contains(&format!("holds {held} messages")),
            "{round}: {out}"
        );
        assert!(out.contains("of head, part 1"), "{out}");
        assert!(
            out.contains("INSERT public.items id=waiting 0 1 note=note"),
            "{out}"
        );
    }
    wait::until("the messages to be back", wait::SOON, || async {
        match topology.depth(queue).await {
            Some(depth) if depth == held => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    company.start_relays().await;
    converge::wait_equal(&company, &["items"]).await;
    assert_eq!(
        company.office(1).number("SELECT count(*) FROM items").await,
        9
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_shown_says_why() {
    let mut company = Company::open(0).await;
    let head = company.head();
    let port = head.cluster.port();
    let url = |user: &str, database: &str| format!("postgres://{user}@127.0.0.1:{port}/{database}");
    head.run("CREATE DATABASE plain").await;
    head.run("CREATE ROLE stranger LOGIN; CREATE ROLE watcher LOGIN")
        .await;
    head.run("GRANT pg_monitor TO watcher").await;
    let asked = |url: &str, arguments: &[&str]| {
        let output = relay::run(arguments, &[("OFFICESYNC_DATABASE_URL", url)]);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!err.contains("panicked"), "{err}");
        (output.status.code(), err)
    };
    for (url, arguments, code, said) in [
        (
            url("postgres", "plain"),
            &["status"][..],
            3,
            "CREATE EXTENSION officesync",
        ),
        (
            url("stranger", "office"),
            &["status"],
            3,
            "permission denied",
        ),
        (
            url("stranger", "office"),
            &["peek", "outbox"],
            3,
            "permission denied",
        ),
        (
            url("watcher", "office"),
            &["peek", "outbox"],
            3,
            "permission denied",
        ),
        (
            "postgres://x@127.0.0.1:1/x".to_owned(),
            &["status"],
            1,
            "database",
        ),
        (
            "not a url".to_owned(),
            &["status"],
            2,
            "OFFICESYNC_DATABASE_URL",
        ),
        (String::new(), &["status"], 2, "OFFICESYNC_DATABASE_URL"),
        (String::new(), &["healthy"], 2, "OFFICESYNC_HEALTH_PORT"),
    ] {
        let (found, err) = asked(&url, arguments);
        assert_eq!(found, Some(code), "{url} {arguments:?}: {err}");
        assert!(err.contains(said), "{url} {arguments:?}: {err}");
    }
    let (code, err) = asked(&url("watcher", "office"), &["status"]);
    assert_eq!(code, Some(0), "pg_monitor is enough: {err}");

    a_watch_ends_well(&url("watcher", "office"));

    // The relay is asked for its health by the program itself.
    let port = ports::free().to_string();
    let healthy = || relay::run(&["healthy"], &[("OFFICESYNC_HEALTH_PORT", &port)]);
    assert_eq!(healthy().status.code(), Some(1));
    let head = company.office_mut(0);
    let setting = ("OFFICESYNC_HEALTH_PORT".to_owned(), port.clone());
    head.settings.environment.push(setting);
    head.start_relay();
    wait::until("the relay to be healthy", wait::SOON, || async {
        match healthy().status.code() {
            Some(0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let script = relay::run(&["completions", "bash"], &[]);
    assert!(String::from_utf8_lossy(&script.stdout).contains("officesync-relay"));
}

/// `--watch` prints until its reader goes away or it is interrupted, and neither is an error.
fn a_watch_ends_well(url: &str) {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};
    for interrupted in [false, true] {
        let mut child = Command::new(relay::program())
            .args(["status", "--json", "--watch", "1", "--rates", "0"])
            .env("OFFICESYNC_DATABASE_URL", url)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for looked in 0..2 {
            let seen: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            assert_eq!(seen["office"], "head");
            assert_eq!(seen["rates"].is_null(), looked == 0, "{seen}");
        }
        if interrupted {
            let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
            assert!(lines.next().is_none());
        } else {
            drop(lines);
        }
        let ended = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{interrupted}: {err}");
        assert_eq!(err, "");
    }
}
