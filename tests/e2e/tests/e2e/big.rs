//! Transactions, values and rows as big as they come: whole or not at all, and the relay does not grow with them.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::seed::Seed;
use officesync_e2e::wait;
use tokio_postgres::types::ToSql;

const ROWS: i64 = 1_000_000;
const SCHEMA: &str = "CREATE TABLE items (id int PRIMARY KEY, note text, n int NOT NULL DEFAULT 0)";
const COUNT: &str = "SELECT count(*) FROM items";
/// DESIGN's law for the relay.
const RELAY_KB: u64 = 64 * 1024;
/// A backend as it is (16 MB), PostgreSQL's own queue for a million row triggers (24 MB), and our 16 MB.
const BACKEND_KB: u64 = 56 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_million_rows_arrive_whole() {
    let mut company = Company::running(1, SCHEMA, &["items"]).await;
    let client = company.head().connect().await;
    let pid: i32 = client
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let watch = Memory::watch(pid);
    client.batch_execute("BEGIN; INSERT INTO items SELECT n, 'never', 0 FROM generate_series(1, 300000) n; ROLLBACK").await.unwrap();
    let began = Instant::now();
    client
        .batch_execute(&format!(
            "INSERT INTO items SELECT n, 'row number ' || n, 0 FROM generate_series(1, {ROWS}) n"
        ))
        .await
        .unwrap();
    println!("written in {:.1} s", began.elapsed().as_secs_f64());
    let backend = watch.stop().await;
    wait::until("a million rows", Duration::from_secs(300), || async {
        match company.office(1).number(COUNT).await {
            0 => Err("0 rows".to_owned()),
            ROWS => Ok(()),
            part => panic!("{part} rows: part of a transaction is visible"),
        }
    })
    .await;
    println!("visible after {:.1} s", began.elapsed().as_secs_f64());

    company.office(1).run("UPDATE items SET n = n + 1").await;
    wait::until(
        "a million updates at the head",
        Duration::from_secs(300),
        || async {
            match company.head().number("SELECT sum(n) FROM items").await {
                0 => Err("none".to_owned()),
                ROWS => Ok(()),
                part => panic!("{part} updates: part of a transaction is visible"),
            }
        },
    )
    .await;
    converge::wait_equal(&company, &["items"]).await;
    println!("capturing backend: {backend} kB of its own memory at most");
    relays_are_small(&mut company);
    assert!(
        backend <= BACKEND_KB,
        "the capturing backend took {backend} kB"
    );
}

fn relays_are_small(company: &mut Company) {
    for office in company.offices_mut() {
        let (peak, now) = office.relay().process().memory_kb();
        println!("relay of {}: {peak} kB at most, {now} kB now", office.name);
        assert!(
            peak <= RELAY_KB,
            "the relay of {} took {peak} kB",
            office.name
        );
    }
}

const HUGE: &str = "CREATE TABLE huge (id int PRIMARY KEY, t text, b bytea, j jsonb, a text[], n int NOT NULL DEFAULT 0);
    ALTER TABLE huge ALTER t SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL,
        ALTER j SET STORAGE EXTERNAL, ALTER a SET STORAGE EXTERNAL;
    CREATE FUNCTION words(bytes int, salt text) RETURNS text LANGUAGE sql AS $$
        SELECT string_agg(md5(salt || i), ' ') FROM generate_series(1, bytes / 33) i $$;
    CREATE TABLE counter (id int PRIMARY KEY, n int NOT NULL)";
/// The text of a whole row would be too much: one digest a column.
const DIGESTS: &str =
    "SELECT id, n, md5(t), md5(b), md5(j::text), md5(a::text) FROM huge ORDER BY id";
const RANDOM_BYTES: &str = "INSERT INTO huge (id, b) VALUES ($1, $2)";
const MB: usize = 1 << 20;

/// Bytes that no compression makes less of: what repeats is too far apart.
fn random_bytes(seed: &mut Seed, bytes: usize) -> Vec<u8> {
    const BLOCK: usize = 4 << 20;
    let block: Vec<u8> = (0..BLOCK / 8)
        .flat_map(|_| seed.draw().to_ne_bytes())
        .collect();
    block.into_iter().cycle().take(bytes).collect()
}

/// Waits until `huge` holds the same `rows` rows everywhere and nothing is on the way.
async fn huge_is_equal(company: &Company, rows: usize) {
    let began = Instant::now();
    wait::until("equal huge rows", Duration::from_secs(300), || async {
        let mut before = None;
        for office in company.offices() {
            converge::nothing_on_the_way(office).await?;
            let found = office.try_rows(DIGESTS).await?;
            if found.len() != rows || before.is_some_and(|before| before != found) {
                return Err(format!("{}: {found:?}", office.name));
            }
            before = Some(found);
        }
        Ok(())
    })
    .await;
    println!("equal after {:.1} s", began.elapsed().as_secs_f64());
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_values_arrive_both_ways() {
    let mut seed = Seed::of_run("huge values");
    let mut company = Company::running(1, HUGE, &["huge", "counter"]).await;
    let random = random_bytes(&mut seed, 100 * MB);
    let (head, branch) = (company.head(), company.office(1));
    let text = head.run("INSERT INTO huge (id, t) VALUES (1, words(100 << 20, 'a'))");
    let client = branch.connect().await;
    let parameters: [&(dyn ToSql + Sync); 2] = [&2, &random];
    let bytes = client.execute(RANDOM_BYTES, &parameters);
    let (_, inserted) = tokio::join!(text, bytes);
    inserted.unwrap();
    huge_is_equal(&company, 2).await;

    let (head, branch) = (company.head(), company.office(1));
    for (office, id) in [(head, 3), (branch, 4)] {
        office
            .run(&format!(
                "INSERT INTO huge (id, j, a) SELECT {id}, to_jsonb(string_to_array(w, ' ')), string_to_array(w, ' ') \
                 FROM words(15 << 20, 'b') w"
            ))
            .await;
    }
    huge_is_equal(&company, 4).await;
    let (head, branch) = (company.head(), company.office(1));
    for (office, id) in [(head, 4), (branch, 3)] {
        office
            .run(&format!(
                "UPDATE huge SET n = n + 1, j = jsonb_set(j, '{{0}}', '\"it''s \\\\ new\"'), a = a || ARRAY[E'\\n\"new\"'] WHERE id = {id}"
            ))
            .await;
    }
    huge_is_equal(&company, 4).await;
    let (head, branch) = (company.head(), company.office(1));
    head.run("DELETE FROM huge WHERE id IN (2, 4)").await;
    branch.run("DELETE FROM huge WHERE id IN (1, 3)").await;
    huge_is_equal(&company, 0).await;
    relays_are_small(&mut company);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_killed_among_the_pieces_of_a_row_loses_and_doubles_nothing() {
    let mut seed = Seed::of_run("huge values and crashes");
    let mut company = Company::running(1, HUGE, &["huge", "counter"]).await;
    company
        .head()
        .run("INSERT INTO counter VALUES (1, 0)")
        .await;
    let points = [(0, "publish_confirm"), (1, "apply_mid")];
    for (id, (number, point)) in (1..).zip(points) {
        converge::wait_equal(&company, &["counter"]).await;
        company.office_mut(number).kill_relay();
        // The row is about thirty pieces: the relay dies after the fifth of them.
        company
            .office_mut(number)
            .start_relay_with("FAILPOINTS", &format!("{point}=5*off->return"));
        let random = random_bytes(&mut seed, 8 * MB);
        let mut client = company.head().connect().await;
        let transaction = client.transaction().await.unwrap();
        transaction
            .execute(RANDOM_BYTES, &[&id, &random])
            .await
            .unwrap();
        transaction
            .execute("UPDATE counter SET n = n + 1", &[])
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let relay = company.office_mut(number).relay();
        wait::until("the relay to die", wait::RECOVERY, || {
            let ended = relay.process().ended().is_some();
            async move { if ended { Ok(()) } else { Err(point.to_owned()) } }
        })
        .await;
        let arrived = company.office(1).number("SELECT n FROM counter").await;
        assert_eq!(
            arrived,
            i64::from(id) - 1,
            "a part of {point}'s row is visible"
        );
        company.office_mut(number).relay = None;
        company.office_mut(number).start_relay();
    }
    huge_is_equal(&company, points.len()).await;
    converge::wait_equal(&company, &["counter"]).await;
    let n = company.office(1).number("SELECT n FROM counter").await;
    assert_eq!(n, points.len() as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_1600_columns_arrives() {
    // 63 bytes each, with all that quoting and JSON can stumble over.
    let name = |number: usize| format!("{number:04}\"'.\\,{{}}[]: %$1é漢🦀\t\n{}", "x".repeat(34));
    assert_eq!(name(0).len(), 63);
    let quoted: Vec<String> = (0..1600)
        .map(|number| format!("\"{}\"", name(number).replace('"', "\"\"")))
        .collect();
    let columns: Vec<String> = quoted.iter().map(|name| format!("{name} int")).collect();
    let schema = format!(
        "CREATE TABLE wide ({}, PRIMARY KEY ({}))",
        columns.join(","),
        quoted[0]
    );
    let mut company = Company::running(1, &schema, &["wide"]).await;
    let values = |salt: usize| -> String {
        let values: Vec<String> = (1..1600)
            .map(|number| (number * salt).to_string())
            .collect();
        values.join(",")
    };
    for (number, id) in [(0, 1), (1, 2)] {
        let office = company.office(number);
        office
            .run(&format!(
                "INSERT INTO wide VALUES ({id},{0}), ({id} + 10,{0}), ({id} + 20,{0})",
                values(3)
            ))
            .await;
    }
    converge::wait_equal(&company, &["wide"]).await;
    for (number, id) in [(1, 1), (0, 2)] {
        let office = company.office(number);
        office
            .run(&format!(
                "UPDATE wide SET {} = NULL WHERE {} % 10 = {id}",
                quoted[1599], quoted[0]
            ))
            .await;
        let all: Vec<String> = quoted[1..]
            .iter()
            .map(|name| format!("{name} = {name} + 1"))
            .collect();
        office
            .run(&format!(
                "UPDATE wide SET {} WHERE {} % 10 = {id}",
                all.join(","),
                quoted[0]
            ))
            .await;
        office
            .run(&format!("DELETE FROM wide WHERE {} = {id}", quoted[0]))
            .await;
    }
    let census = converge::wait_equal(&company, &["wide"]).await;
    assert_eq!(census.tables[0].1[0].rows, 4);
    relays_are_small(&mut company);
}

/// What no other office could apply is refused where it is written, and the session lives on.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a soak test"]
async fn a_row_of_more_than_a_gigabyte_is_refused_by_name() {
    let company = Company::running(1, HUGE, &["huge", "counter"]).await;
    let head = company.head();
    // Value by value such a row can be written, and that arrives.
    head.run("CREATE TABLE source (id int, t text, b bytea)")
        .await;
    head.run("ALTER TABLE source ALTER t SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL")
        .await;
    head.run("INSERT INTO source SELECT 7, repeat('x', 600000000)")
        .await;
    head.run("UPDATE source SET b = convert_to(t, 'UTF8')")
        .await;
    let refused = head
        .try_run("INSERT INTO huge (id, t, b) SELECT * FROM source")
        .await
        .unwrap_err();
    println!("{refused}");
    for word in ["public.huge", "too large", "id = 7", "54000", "smaller"] {
        assert!(refused.contains(word), "{word} is not in: {refused}");
    }
    head.run("INSERT INTO huge (id, t) SELECT id, t FROM source")
        .await;
    huge_is_equal(&company, 1).await;
}

/// Near PostgreSQL's own bound of a gigabyte. Says what it costs.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a soak test"]
async fn a_text_of_900_megabytes_arrives() {
    let mut company = Company::running(1, HUGE, &["huge", "counter"]).await;
    let apply: i32 = company
        .office(1)
        .number("SELECT pid FROM pg_stat_activity WHERE usename = 'relay' ORDER BY backend_start LIMIT 1")
        .await as i32;
    let client = company.head().connect().await;
    let pid: i32 = client
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let (writing, applying) = (Memory::watch(pid), Memory::watch(apply));
    let began = Instant::now();
    client
        .batch_execute("INSERT INTO huge (id, t) SELECT 1, repeat(words(9 << 20, 'a'), 100)")
        .await
        .unwrap();
    println!("written in {:.1} s", began.elapsed().as_secs_f64());
    huge_is_equal(&company, 1).await;
    client
        .batch_execute("UPDATE huge SET t = 'small' WHERE id = 1")
        .await
        .unwrap();
    huge_is_equal(&company, 1).await;
    println!("the writing backend took {} kB", writing.stop().await);
    println!("the applying backend took {} kB", applying.stop().await);
    relays_are_small(&mut company);
}

/// Watches how much memory of its own (not shared buffers) a process takes.
struct Memory {
    over: Arc<AtomicBool>,
    peak: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Memory {
    fn watch(pid: i32) -> Memory {
        let (over, peak) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (ended, highest) = (Arc::clone(&over), Arc::clone(&peak));
        let task = tokio::spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
                let own = status.lines().find_map(|line| {
                    line.strip_prefix("RssAnon:")?
                        .split_whitespace()
                        .next()?
                        .parse()
                        .ok()
                });
                highest.fetch_max(own.unwrap_or(0), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Memory { over, peak, task }
    }

    async fn stop(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        self.peak.load(Ordering::Relaxed)
    }
}
