//! Figure 1, Bulk capture: what tracking adds to one statement over many rows.

use officesync_e2e::office::Office;
use tokio_postgres::Client;

use crate::ground::{self, timed};
use crate::options::Options;
use crate::report::{Figure, Law, Line, grouped};
use crate::sales;

/// Each operation and its law.
const OPERATIONS: [(&str, Law); 3] = [
    ("insert", Law::RatioAtMost(1.30)),
    ("update", Law::RatioAtMost(1.50)),
    ("delete", Law::RatioAtMost(2.50)),
];

/// A way to capture, the table it is used on, and the seconds of each operation, round by round.
#[derive(Debug)]
pub(super) struct Rival {
    pub(super) what: &'static str,
    pub(super) table: &'static str,
    /// Where its captured changes are.
    outbox: Option<&'static str>,
    seconds: [Vec<f64>; 3],
}

impl Rival {
    fn new(what: &'static str, table: &'static str, outbox: Option<&'static str>) -> Rival {
        Rival {
            what,
            table,
            outbox,
            seconds: Default::default(),
        }
    }

    /// Empties the table and what was captured of it, and lets nothing of that weigh on who comes next.
    pub(super) async fn clean(&self, client: &Client) {
        timed(client, &format!("TRUNCATE {}", self.table)).await;
        if let Some(outbox) = self.outbox {
            timed(client, &format!("TRUNCATE {outbox}")).await;
        }
        timed(client, "CHECKPOINT").await;
    }

    async fn round(&mut self, client: &Client, rows: u64) {
        let statements = [
            sales::insert(self.table, rows),
            sales::update(self.table),
            sales::delete(self.table),
        ];
        for (statement, seconds) in statements.iter().zip(&mut self.seconds) {
            seconds.push(timed(client, statement).await);
        }
    }
}

/// Makes the rivals' tables; the first is untracked, the second ours.
pub(super) async fn rivals(office: &Office, figure: &mut Figure) -> Vec<Rival> {
    let mut rivals = vec![
        Rival::new("untracked", "untracked", None),
        Rival::new("officesync", "tracked", Some("officesync.outbox")),
        Rival::new("plpgsql trigger", "by_hand", Some("by_hand_outbox")),
    ];
    office.run(BY_HAND).await;
    match office.try_run("CREATE EXTENSION pgq").await {
        Ok(()) => {
            office.run("SELECT pgq.create_queue('bench')").await;
            let event_table = Some("pgq.event_1");
            rivals.push(Rival::new("PgQ logutriga", "pgq_tracked", event_table));
        }
        Err(error) => figure.notes.push(format!(
            "PgQ is left out: {error} (Debian: postgresql-15-pgq3)"
        )),
    }
    for rival in &rivals {
        let table = rival.table;
        // Autovacuum would visit one rival in this round and another in the next.
        let quiet = format!("ALTER TABLE {table} SET (autovacuum_enabled = off)");
        office
            .run(&format!("{} {quiet}", sales::table(table)))
            .await;
    }
    office
        .run("SELECT officesync.track('tracked', 'both')")
        .await;
    office
        .run("CREATE TRIGGER capture AFTER INSERT OR UPDATE OR DELETE ON by_hand FOR EACH ROW EXECUTE FUNCTION by_hand()")
        .await;
    if rivals.len() > 3 {
        office
            .run("CREATE TRIGGER capture AFTER INSERT OR UPDATE OR DELETE ON pgq_tracked FOR EACH ROW EXECUTE FUNCTION pgq.logutriga('bench')")
            .await;
    }
    rivals
}

pub(super) async fn measure(options: &Options, figure: &mut Figure) {
    figure.title = format!(
        "Bulk capture: {} rows in one statement",
        grouped(options.rows as i64)
    );
    figure.base = "untracked";
    let office = ground::alone().await;
    let mut rivals = rivals(&office, figure).await;
    let client = office.connect().await;
    for rival in &mut rivals {
        // Libraries are loaded, functions compiled: none of that is in the first round.
        rival.round(&client, 1000).await;
        rival.seconds = Default::default();
        rival.clean(&client).await;
    }
    for _ in 0..options.rounds {
        for rival in &mut rivals {
            rival.round(&client, options.rows).await;
            rival.clean(&client).await;
        }
        // Whoever was first is last in the next round, but the list keeps its order for the report.
        rivals.rotate_left(1);
    }
    rivals.sort_by_key(|rival| ORDER.iter().position(|table| *table == rival.table));
    let base = rivals[0].seconds.clone();
    for (number, (operation, law)) in OPERATIONS.into_iter().enumerate() {
        for rival in &rivals {
            let seconds = &rival.seconds[number];
            let mut line = Line::new(format!("{operation}, {}", rival.what), "s", seconds);
            if rival.table != "untracked" {
                line = line.against(seconds, &base[number]);
            }
            if rival.table == "tracked" {
                line = line.law(law);
            }
            figure.lines.push(line);
        }
    }
}

const ORDER: [&str; 4] = ["untracked", "tracked", "by_hand", "pgq_tracked"];

/// What people write by hand: the whole rows as jsonb into a table.
const BY_HAND: &str = "
CREATE TABLE by_hand_outbox (id bigserial PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    tablename text NOT NULL, op text NOT NULL, old_row jsonb, new_row jsonb);
CREATE FUNCTION by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO by_hand_outbox (tablename, op, new_row) VALUES (TG_TABLE_NAME, 'I', to_jsonb(NEW));
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO by_hand_outbox (tablename, op, old_row, new_row)
        VALUES (TG_TABLE_NAME, 'U', to_jsonb(OLD), to_jsonb(NEW));
    ELSE
        INSERT INTO by_hand_outbox (tablename, op, old_row) VALUES (TG_TABLE_NAME, 'D', to_jsonb(OLD));
    END IF;
    RETURN NULL;
END
$$;";
