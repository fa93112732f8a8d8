//! Figure 8, The head's cost by the number of branches: it publishes once to an exchange, whoever listens.
//!
//! The branches are names and queues only: the head is told of them as their first message would tell it, and their
//! queues are declared and bound as their relays would. No fifty clusters are needed to see what the head does.

use lapin::options::{QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Connection, ConnectionProperties};
use officesync_e2e::broker::Broker;
use officesync_e2e::company::Company;
use officesync_e2e::office::Office;
use officesync_e2e::wait;

use super::catch_up::published;
use crate::options::Options;
use crate::pgbench::{self, Until};
use crate::procfs::cpu_seconds;
use crate::report::{Figure, Law, Line, grouped};
use crate::{ground, sales};

const BRANCHES: [usize; 3] = [1, 10, 50];
const TRANSACTIONS: u64 = 20_000;
/// A fixed rate: batches are as large with many branches as with one.
const RATE: f64 = 1000.0;
const EXCHANGE: &str = "officesync.down";

/// What one run cost: bytes the head published, CPU seconds of its relay, and of the broker.
type Cost = [f64; 3];

pub(super) async fn measure(options: &Options, figure: &mut Figure) {
    figure.title = format!(
        "The head's cost by the number of branches: {} small transactions at {RATE} a second",
        grouped(TRANSACTIONS as i64)
    );
    figure.base = "one branch";
    let mut company = ground::unlinked(0).await;
    company.found(&sales::table("ours"), &["ours"]).await;
    company
        .head()
        .run(&sales::stock("ours", sales::STOCK))
        .await;
    let broker = Broker::shared().await;
    let admin = broker.url("admin", company.virtual_host());
    let admin = Connection::connect(&admin, ConnectionProperties::default())
        .await
        .expect("the broker takes connections");
    let mut costs: [[Vec<f64>; 3]; 3] = Default::default();
    for round in 0..options.rounds {
        for (branches, found) in BRANCHES.into_iter().zip(&mut costs) {
            // A branch that was removed may not come back under its name.
            let names =
                (1..=branches).map(|number| format!("simulated{round}-{branches}-{number}"));
            let names: Vec<String> = names.collect();
            admit(company.head(), &admin, &names).await;
            let cost = one(&mut company, broker).await;
            dismiss(company.head(), &names).await;
            for (all, one) in found.iter_mut().zip(cost) {
                all.push(one);
            }
        }
    }
    for (number, (what, unit, law)) in [
        ("published by the head", "MB", Some(1.1)),
        ("relay of the head, CPU", "s", Some(1.1)),
        ("broker, CPU", "s", None),
    ]
    .into_iter()
    .enumerate()
    {
        for (branches, found) in BRANCHES.into_iter().zip(&costs) {
            let values = &found[number];
            let mut line = Line::new(format!("{what}, branches: {branches}"), unit, values);
            if branches > 1 {
                line = line.against(values, &costs[0][number]);
                if let Some(bound) = law {
                    line = line.law(Law::RatioAtMost(bound));
                }
            }
            figure.lines.push(line);
        }
    }
    figure.notes.push(
        "branches are simulated: known to the head, with bound quorum queues that nobody consumes"
            .to_owned(),
    );
}

async fn one(company: &mut Company, broker: &Broker) -> Cost {
    let broker_pid = broker.pid().expect("the broker runs");
    let relay_pid = company.office_mut(0).relay().process().pid();
    let head = company.head();
    // A first transaction takes the relay out of the rest it lies down to while nobody listens.
    head.run(&sales::insert("ours", 1)).await;
    published(head).await;
    let sent = head.link.carried().0;
    let before = (cpu_seconds(relay_pid), cpu_seconds(broker_pid));
    let script = sales::small("ours", sales::STOCK);
    let until = Until::Transactions(TRANSACTIONS);
    pgbench::load(head, &script, until, Some(RATE)).await;
    published(head).await;
    [
        (head.link.carried().0 - sent) as f64 / 1e6,
        cpu_seconds(relay_pid) - before.0,
        cpu_seconds(broker_pid) - before.1,
    ]
}

/// Declares the branches' queues and lets the head know of them, as their hello does.
async fn admit(head: &Office, admin: &Connection, names: &[String]) {
    let channel = admin.create_channel().await.expect("a channel");
    for name in names {
        let mut arguments = FieldTable::default();
        arguments.insert(
            "x-queue-type".into(),
            AMQPValue::LongString("quorum".into()),
        );
        let queue = format!("officesync.branch.{name}");
        channel
            .queue_declare(
                queue.as_str().into(),
                QueueDeclareOptions::durable(),
                arguments,
            )
            .await
            .expect("the queue is declared");
        for key in ["all", name] {
            channel
                .queue_bind(
                    queue.as_str().into(),
                    EXCHANGE.into(),
                    key.into(),
                    QueueBindOptions::default(),
                    FieldTable::default(),
                )
                .await
                .expect("the queue is bound");
        }
        head.run(&format!(
            "SELECT officesync.receive_hello('{name}', md5('{name}'), 'branch', NULL, NULL, '{name}')"
        ))
        .await;
    }
}

/// Takes them away again, until the relay has deleted their queues, with what waits in them.
async fn dismiss(head: &Office, names: &[String]) {
    for name in names {
        head.run(&format!("SELECT officesync.remove_branch('{name}')"))
            .await;
    }
    let left = || async {
        let sql = "SELECT count(*) FROM officesync.queues_to_delete()";
        match head.try_value(sql).await?.as_str() {
            "0" => Ok(()),
            count => Err(format!("{count} queues are left")),
        }
    };
    wait::until("the queues to be deleted", ground::PATIENCE, left).await;
}
