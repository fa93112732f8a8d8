//! Figure 7, Memory in a big transaction: the capturing session's and the relays'.

use officesync_e2e::directory;
use officesync_e2e::office::Office;
use tokio_postgres::Client;

use crate::ground::{self, Mark, timed};
use crate::options::Options;
use crate::procfs::{self, Memory};
use crate::report::{Figure, Law, Line, grouped};
use crate::sales;

/// A row trigger that does nothing: what is left is PostgreSQL's own queue of rows to call triggers for.
const EMPTY_TRIGGER: &str = "
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER nothing AFTER INSERT ON queued FOR EACH ROW EXECUTE FUNCTION nothing();";

pub(super) async fn measure(options: &Options, figure: &mut Figure) {
    let rows = options.big_rows;
    figure.title = format!("Memory in one transaction of {} rows", grouped(rows as i64));
    let schema = format!(
        "{} {} {}",
        ground::marked_table("ours"),
        sales::table("untracked"),
        sales::table("queued")
    );
    let mut company = ground::pair(&schema, &["ours", "ours_mark"]).await;
    company.head().run(EMPTY_TRIGGER).await;
    let before = procfs::disk_mb(directory::run_directory());

    let untracked = session(company.head(), "untracked", rows).await;
    company.head().run("TRUNCATE untracked").await;
    let queued = session(company.head(), "queued", rows).await;
    company.head().run("TRUNCATE queued; CHECKPOINT").await;

    let mut mark = Mark::place(company.head(), company.office(1), "ours").await;
    let (client, memory) = watched(company.head()).await;
    timed(&client, &sales::insert("ours", rows)).await;
    let tracked = memory.stop().await;
    let disk = procfs::disk_mb(directory::run_directory()) - before;
    mark.pass().await;
    ground::settle(&company).await;
    ground::same(company.head(), company.office(1), "ours").await;

    let line = |what: &str, value: f64| Line::new(what, "MB", &[value]);
    figure.lines = vec![
        line("session, untracked", untracked),
        line("session, with an empty row trigger", queued),
        line("session, officesync", tracked),
        line("officesync beyond untracked", tracked - untracked),
        line(
            "officesync beyond PostgreSQL's own queue",
            (tracked - queued).max(0.0),
        )
        .law(Law::ValueAtMost(16.0)),
    ];
    for office in company.offices_mut() {
        let (peak, _) = office.relay().process().memory_kb();
        let what = format!("relay of {}, at most", office.name);
        figure
            .lines
            .push(line(&what, peak as f64 / 1024.0).law(Law::ValueAtMost(64.0)));
    }
    figure.lines.push(line("disk taken, all servers", disk));
    figure
        .notes
        .push("sessions: RssAnon at most, looked at every 10 ms; relays: VmHWM".to_owned());
}

/// Inserts into a table with nobody else at work: megabytes the session took.
async fn session(office: &Office, table: &str, rows: u64) -> f64 {
    let (client, memory) = watched(office).await;
    timed(&client, &sales::insert(table, rows)).await;
    memory.stop().await
}

/// A session and the watch over its memory.
async fn watched(office: &Office) -> (Client, Memory) {
    let client = office.connect().await;
    let row = client
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .expect("the server answers");
    let pid: i32 = row.get(0);
    (client, Memory::watch(pid as u32))
}
