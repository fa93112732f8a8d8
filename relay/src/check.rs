//! `officesync-relay check`: is everything there that `run` needs?
//!
//! Invariant: changes nothing, at the database or at the broker; one line a test, each failure with its
//! remedy.

use crate::broker::connect::{Link, connect};
use crate::broker::topology::{exchange_exists, own_queue, queue_exists};
use crate::config::Config;
use crate::database::{self, Client, Office, Role};
use crate::error::Error;
use crate::message::{EXCHANGE_DOWN, EXCHANGE_UP, QUEUE_HEAD, branch_queue};

/// Counts what is wrong.
#[derive(Debug, Default)]
struct Report {
    wrong: u32,
}

impl Report {
    fn ok(&self, what: &str, detail: &str) {
        let gap = if detail.is_empty() { "" } else { ": " };
        say(&format!("ok       {what}{gap}{detail}"));
    }

    fn wrong(&mut self, what: &str, problem: &str, remedy: &str) {
        self.wrong += 1;
        say(&format!("WRONG    {what}: {problem}; {remedy}"));
    }

    fn warning(&self, what: &str, problem: &str, remedy: &str) {
        say(&format!("warning  {what}: {problem}; {remedy}"));
    }

    fn error(&mut self, what: &str, error: &Error) {
        self.wrong(what, &error.to_string(), error.kind().advice());
    }
}

/// A closed pipe ends the output, not the check.
fn say(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Runs every test; whether all is well.
pub(crate) async fn check(config: &Config) -> bool {
    let mut report = Report::default();
    report.ok("configuration", "");
    let office = check_database(config, &mut report).await;
    match connect(&config.broker, "officesync check".into()).await {
        Err(error) => report.error("RabbitMQ", &error),
        Ok(link) => {
            report.ok("RabbitMQ", &format!("connected as {}", link.user));
            if let Some((office, branches)) = &office {
                check_topology(&link, office, branches, &mut report).await;
            }
            link.close().await;
        }
    }
    report.wrong == 0
}

async fn check_database(config: &Config, report: &mut Report) -> Option<(Office, Vec<String>)> {
    let client = match crate::lead::open(&config.database).await {
        Ok((client, _)) => client,
        Err(error) => {
            report.error("PostgreSQL", &error);
            return None;
        }
    };
    report.ok("PostgreSQL", "connected");
    check_functions(&client, report).await;
    let office = match database::relay_start(&client).await {
        Ok(office) => office,
        Err(error) => {
            let remedy = "CREATE EXTENSION officesync; SELECT officesync.set_office(name, role)";
            report.wrong("office", &error.to_string(), remedy);
            return None;
        }
    };
    let (name, role) = (&office.name, office.role);
    report.ok(
        "office",
        &format!("{name}, {role:?}, extension {}", office.extension_version),
    );
    match database::check(&client, i64::MAX).await {
        Err(error) => report.error("officesync.check()", &error),
        Ok(findings) => {
            if findings.is_empty() {
                report.ok("officesync.check()", "nothing to report");
            }
            for finding in findings {
                let object = finding.object.unwrap_or_default();
                let remedy = finding.remedy.unwrap_or_default();
                if finding.severity.eq_ignore_ascii_case("error") {
                    report.wrong(&object, &finding.problem, &remedy);
                } else {
                    report.warning(&object, &finding.problem, &remedy);
                }
            }
        }
    }
    let branches = match database::inbox_position(&client).await {
        Ok(positions) => positions
            .into_iter()
            .map(|position| position.origin)
            .collect(),
        Err(error) => {
            report.error("inbox", &error);
            Vec::new()
        }
    };
    Some((office, branches))
}

async fn check_functions(client: &Client, report: &mut Report) {
    let mut wrong = 0;
    for function in database::FUNCTIONS {
        let problem = match database::executable(client, function).await {
            Ok((true, true)) => continue,
            Ok((false, _)) => "does not exist",
            Ok((true, false)) => "may not be executed by this role",
            Err(error) => {
                report.error(function, &error);
                return;
            }
        };
        wrong += 1;
        let remedy = if problem == "does not exist" {
            "CREATE EXTENSION officesync, or ALTER EXTENSION officesync UPDATE"
        } else {
            "as the extension's owner: SELECT officesync.grant_relay('<role>')"
        };
        report.wrong(function, problem, remedy);
    }
    if wrong == 0 {
        report.ok("grants", "every function of the relay may be executed");
    }
}

async fn check_topology(link: &Link, office: &Office, branches: &[String], report: &mut Report) {
    let declared = "the relay declares it when it runs";
    for exchange in [EXCHANGE_UP, EXCHANGE_DOWN] {
        match exchange_exists(&link.connection, exchange).await {
            Ok(true) => report.ok("exchange", exchange),
            Ok(false) => report.warning(exchange, "does not exist yet", declared),
            Err(error) => report.error(exchange, &error),
        }
    }
    let mut queues = vec![(QUEUE_HEAD.to_owned(), declared)];
    if office.role == Role::Branch {
        queues.push((own_queue(office), declared));
    } else {
        let joins = "it comes back when the branch's relay connects";
        queues.extend(branches.iter().map(|branch| (branch_queue(branch), joins)));
    }
    for (queue, remedy) in queues {
        match queue_exists(&link.connection, &queue).await {
            Ok(true) => report.ok("queue", &queue),
            Ok(false) => report.warning(&queue, "does not exist", remedy),
            Err(error) => report.error(&queue, &error),
        }
    }
}
