//! Figure 5, Latency: from the moment a commit has returned until its row is visible at the other office, with nothing else
//! going on.

use std::time::{Duration, Instant};

use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use officesync_e2e::broker::Broker;
use officesync_e2e::company::Company;
use officesync_e2e::office::Office;

use crate::ground;
use crate::options::Options;
use crate::report::{Figure, Law, Line};
use crate::sample::{percentile, sorted};
use crate::{logical, sales};

const SAMPLES: usize = 300;
const PAUSE: Duration = Duration::from_millis(50);

/// The shown percentiles, with officesync's law in milliseconds.
const PERCENTILES: [(&str, f64, Option<f64>); 4] = [
    ("p50", 50.0, Some(3.0)),
    ("p95", 95.0, None),
    ("p99", 99.0, Some(10.0)),
    ("max", 100.0, None),
];

pub(super) async fn measure(options: &Options, figure: &mut Figure) {
    figure.title = format!(
        "Latency on an idle system: commit returned -> visible at the other office ({SAMPLES} single inserts a round, \
         one each {} ms)",
        PAUSE.as_millis()
    );
    let schema = [sales::table("ours"), sales::table("theirs")].concat();
    let company = ground::pair(&schema, &["ours"]).await;
    let (mut ours, mut theirs, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        ours.push(sorted(
            &between(company.head(), company.office(1), "ours").await,
        ));
        ground::settle(&company).await;
        let (head, branch) = (company.head(), company.office(1));
        logical::begin(head, branch, &["theirs"], head.cluster.port()).await;
        theirs.push(sorted(&between(head, branch, "theirs").await));
        logical::end(head, branch).await;
        bare.push(sorted(&round_trips(&company).await));
    }
    for (what, rounds) in [
        ("officesync", &ours),
        ("logical replication", &theirs),
        ("the broker alone, published -> delivered", &bare),
    ] {
        for (name, percent, law) in PERCENTILES {
            let values: Vec<f64> = rounds
                .iter()
                .map(|sorted| percentile(sorted, percent))
                .collect();
            let line = Line::new(format!("{what}, {name}"), "ms", &values);
            figure.lines.push(match law {
                Some(bound) if what == "officesync" => line.law(Law::ValueAtMost(bound)),
                _ => line,
            });
        }
    }
    figure.notes.push(
        "seen by asking the other office again and again, so each value holds up to one question (about 0.1 ms)"
            .to_owned(),
    );
}

/// Milliseconds of each sample.
async fn between(from: &Office, to: &Office, table: &str) -> Vec<f64> {
    let (here, there) = (from.connect().await, to.connect().await);
    let write = format!("INSERT INTO {table} (quantity, product) VALUES ($1, 'lamp')");
    let write = here.prepare(&write).await.expect("the table is there");
    let ask = format!("SELECT quantity FROM {table} WHERE quantity = $1");
    // A few rows only, but an index all the same: asking must cost the same at the end as at the start.
    for office in [from, to] {
        office
            .run(&format!(
                "CREATE INDEX IF NOT EXISTS {table}_quantity ON {table} (quantity)"
            ))
            .await;
    }
    let last = format!("SELECT coalesce(max(quantity), 0) FROM {table}");
    let last: i32 = here.query_one(&last, &[]).await.expect("rows").get(0);
    let ask = there.prepare(&ask).await.expect("the table is there");
    let mut values = Vec::with_capacity(SAMPLES);
    // The first ones wake what has never been awake; they are not counted.
    for number in 0..SAMPLES + 10 {
        let key = last + 1 + number as i32;
        here.execute(&write, &[&key])
            .await
            .expect("the insert works");
        let committed = Instant::now();
        while there
            .query_opt(&ask, &[&key])
            .await
            .expect("the other office answers")
            .is_none()
        {
            assert!(
                committed.elapsed() < Duration::from_secs(60),
                "row {key} of {table} has not arrived in a minute"
            );
        }
        let took = committed.elapsed();
        if number >= 10 {
            values.push(took.as_secs_f64() * 1000.0);
        }
        tokio::time::sleep(PAUSE.saturating_sub(took)).await;
    }
    values
}

/// Milliseconds from publishing a persistent message to a quorum queue until it is delivered, each by itself.
async fn round_trips(company: &Company) -> Vec<f64> {
    const QUEUE: &str = "bench";
    let broker = Broker::shared().await;
    let url = broker.url("admin", company.virtual_host());
    let open = || Connection::connect(&url, ConnectionProperties::default());
    let (publisher, consumer) = (
        open().await.expect("the broker takes connections"),
        open().await.expect("the broker takes connections"),
    );
    let channel = publisher.create_channel().await.expect("a channel");
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .expect("confirms");
    let mut arguments = FieldTable::default();
    arguments.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("quorum".into()),
    );
    channel
        .queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), arguments)
        .await
        .expect("the queue is declared");
    let receiver = consumer.create_channel().await.expect("a channel");
    let mut deliveries = receiver
        .basic_consume(
            QUEUE.into(),
            "bench".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await
        .expect("the queue can be consumed");
    let mut values = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let began = Instant::now();
        let properties = BasicProperties::default().with_delivery_mode(2);
        let confirm = channel
            .basic_publish(
                "".into(),
                QUEUE.into(),
                BasicPublishOptions::default(),
                &[b'x'; 400],
                properties,
            )
            .await
            .expect("published");
        let delivery: Delivery = futures_util::StreamExt::next(&mut deliveries)
            .await
            .expect("the consumer lives")
            .expect("delivered");
        let took = began.elapsed();
        values.push(took.as_secs_f64() * 1000.0);
        delivery
            .ack(BasicAckOptions::default())
            .await
            .expect("acknowledged");
        confirm.await.expect("confirmed");
        tokio::time::sleep(PAUSE.saturating_sub(took)).await;
    }
    values
}
