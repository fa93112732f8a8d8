//! Readings: what is read at a tick is what the branch has when it has applied exactly that tick.

use std::time::Duration;

use officesync_e2e::company::Company;
use officesync_e2e::seed::Seed;
use officesync_e2e::wait;
use officesync_e2e::workload::{self, SCHEMA, TABLES};

/// A kind of reading of its own: the whole of two tables, as the head has them.
const PROBE: &str = "
    CREATE TABLE probe (number bigint PRIMARY KEY, same boolean NOT NULL, rows bigint NOT NULL);
    CREATE FUNCTION officesync.probe() RETURNS text LANGUAGE sql STABLE AS $$
        SELECT coalesce(md5(string_agg(a, ',' ORDER BY a)), '') FROM (SELECT t::text FROM public.TABLE t) AS all_rows (a) $$;
    CREATE FUNCTION officesync.read_probe(bigint, text, jsonb) RETURNS bytea LANGUAGE sql AS
        $$ SELECT convert_to(officesync.probe(), 'UTF8') $$;
    CREATE FUNCTION officesync.take_probe(bigint, bigint, body bytea) RETURNS jsonb LANGUAGE sql AS $$
        SELECT jsonb_build_object('same', officesync.probe() = convert_from(body, 'UTF8'),
                                  'rows', (SELECT count(*) FROM public.TABLE)) $$;
    CREATE FUNCTION officesync.answered_probe(number bigint, text, jsonb, answer jsonb) RETURNS void LANGUAGE sql AS $$
        INSERT INTO public.probe VALUES (number, (answer ->> 'same')::boolean, (answer ->> 'rows')::bigint) $$;
    CREATE FUNCTION officesync.failed_probe(bigint, text, jsonb, problem text) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '%', problem; END $$";

/// With users writing at the head all the time, and its relay killed in between, every reading is taken in its
/// place, and shows what stands there.
#[tokio::test(flavor = "multi_thread")]
async fn a_reading_shows_the_branch_what_it_has() {
    const READINGS: i64 = 30;
    let seed = Seed::of_run("readings under load");
    let mut company = Company::running(1, SCHEMA, &TABLES).await;
    let probe = PROBE.replace("TABLE t", &format!("{} t", TABLES[3]));
    let probe = probe.replace("public.TABLE", &format!("public.{}", TABLES[3]));
    company.everywhere(&probe).await;
    // What dies with a relay is not awaited for long.
    let database = company
        .head()
        .value("SELECT quote_ident(current_database())")
        .await;
    company
        .head()
        .run(&format!(
            "ALTER DATABASE {database} SET officesync.reading_timeout = '1s'"
        ))
        .await;
    let pause = Duration::from_millis(2);
    let traffic = workload::Traffic::start(company.head(), &seed, 3, pause).await;
    for round in 1..=3 {
        company
            .head()
            .run(&format!(
                "SELECT officesync.want_reading('branch1', 'probe', '{{}}') FROM generate_series(1, {READINGS} / 3);
                 NOTIFY officesync_reading"
            ))
            .await;
        if round == 2 {
            let answered = "SELECT count(*) FROM probe";
            wait::until("a reading to be answered", wait::SOON, || async {
                match company.head().number(answered).await {
                    count if count > READINGS / 3 => Ok(()),
                    count => Err(format!("{count} answers")),
                }
            })
            .await;
            company.office_mut(0).kill_relay();
            company.office_mut(0).start_relay();
        }
        let count = READINGS / 3 * round;
        company
            .head()
            .shows("SELECT count(*) FROM probe", count)
            .await;
    }
    traffic.stop().await;
    let seen = company
        .head()
        .rows("SELECT count(*) FILTER (WHERE same), count(DISTINCT rows) > 1 FROM probe")
        .await;
    assert_eq!(seen, [[READINGS.to_string(), "t".into()]]);
}
