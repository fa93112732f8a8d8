//! Figure 9, Idle cost: what a company at rest takes for itself in a minute.

use std::time::{Duration, Instant};

use officesync_e2e::office::Office;

use crate::options::Options;
use crate::procfs::cpu_seconds;
use crate::report::{Figure, Law, Line};
use crate::{ground, sales};

const SPAN: Duration = Duration::from_secs(60);
/// How long after the last work a system counts as idle: PostgreSQL notes running transactions once more after it.
const REST: Duration = Duration::from_secs(20);

pub(super) async fn measure(options: &Options, figure: &mut Figure) {
    figure.title = format!("Idle cost in {} s", SPAN.as_secs());
    let mut company = ground::pair(&sales::table("ours"), &["ours"]).await;
    company.head().run(&sales::insert("ours", 1000)).await;
    ground::settle(&company).await;
    let mut wal: [Vec<f64>; 2] = Default::default();
    let mut cpu: [Vec<f64>; 2] = Default::default();
    for round in 0..options.rounds {
        if round == 0 {
            // Autovacuum would still look after what the setup has written, with WAL that is not ours.
            company
                .everywhere("ALTER SYSTEM SET autovacuum = off")
                .await;
            company.everywhere("SELECT pg_reload_conf()").await;
            company.everywhere("CHECKPOINT").await;
            tokio::time::sleep(REST).await;
        }
        let mut before = Vec::new();
        for office in company.offices_mut() {
            let position = office.value("SELECT pg_current_wal_insert_lsn()").await;
            before.push((position, cpu_seconds(office.relay().process().pid())));
        }
        let began = Instant::now();
        tokio::time::sleep(SPAN).await;
        let seconds = began.elapsed().as_secs_f64();
        for (number, office) in company.offices_mut().iter_mut().enumerate() {
            let (position, cpu_before) = &before[number];
            let took = cpu_seconds(office.relay().process().pid()) - cpu_before;
            cpu[number].push(100.0 * took / seconds);
            let sql = format!("SELECT pg_current_wal_insert_lsn() - '{position}'");
            let written = office.number(&sql).await;
            wal[number].push(written as f64);
            if written > 0 {
                figure.notes.push(writers(office, position, written).await);
            }
        }
    }
    for (number, office) in ["head", "branch"].into_iter().enumerate() {
        figure.lines.push(
            Line::new(
                format!("WAL written at the {office}"),
                "bytes",
                &wal[number],
            )
            .law(Law::ValueAtMost(0.0)),
        );
        figure.lines.push(
            Line::new(
                format!("relay of the {office}, of one core"),
                "%",
                &cpu[number],
            )
            .law(Law::ValueAtMost(0.5)),
        );
    }
}

/// What kinds of WAL records those bytes after a position are, for whoever wants to know why.
async fn writers(office: &Office, since: &str, bytes: i64) -> String {
    let sql = format!(
        "SELECT string_agg(format('%s %s bytes', \"resource_manager/record_type\", combined_size), ', ' \
                           ORDER BY combined_size DESC) \
         FROM pg_get_wal_stats('{since}', '{since}'::pg_lsn + {bytes}, true) WHERE count > 0"
    );
    let kinds = match office.try_run("CREATE EXTENSION pg_walinspect").await {
        Ok(()) => office.try_value(&sql).await,
        Err(error) => Err(error),
    };
    office.run("DROP EXTENSION IF EXISTS pg_walinspect").await;
    match kinds {
        Ok(kinds) => format!("the WAL of {}: {kinds}", office.name),
        Err(error) => format!(
            "pg_walinspect can't say what {} wrote: {error}",
            office.name
        ),
    }
}
