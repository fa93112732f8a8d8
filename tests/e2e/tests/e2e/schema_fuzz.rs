//! Random schema changes at the head, between and inside transactions, while every office writes whatever fits
//! its own schema of the moment and branches come and go. All are equal in the end, structure and rows.

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::Office;
use officesync_e2e::seed::Seed;

const SCHEMA: &str = "CREATE TYPE state AS ENUM ('open', 'paid');
    CREATE TABLE a (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), office text NOT NULL, n int, s state DEFAULT 'open');
    CREATE TABLE b (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), office text NOT NULL, note text);
    CREATE SCHEMA place;
    CREATE TABLE place.c (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), office text NOT NULL, s state, all_s state[])";
const STRUCTURE: &str = include_str!("schema/structure.sql");
const TABLES: &str = "SELECT relation::text FROM officesync.tracked ORDER BY 1";
/// Of each table its columns, or none.
const COLUMNS: &str = "SELECT format('%I.%I', n.nspname, c.relname), coalesce(a.attname, ''), coalesce(format_type(a.atttypid, NULL), '')
    FROM officesync.tracked t JOIN pg_class c ON c.oid = t.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT IN ('id', 'office')
    ORDER BY 1, a.attnum";
const PLACE: &str = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'place%'";
/// Those that no statement here names.
const LABELS: &str =
    "SELECT enumlabel FROM pg_enum WHERE enumlabel NOT IN ('open', 'paid') ORDER BY oid";
const HALTED: &str = "SELECT count(*) FROM officesync.lanes WHERE halted_tick IS NOT NULL";

/// So many rounds: in each the head changes something, and everyone writes.
const ROUNDS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn random_schema_changes_leave_all_offices_equal() {
    let mut seed = Seed::of_run("random_schema_changes");
    fuzz(&mut seed, ROUNDS).await;
}

/// The same, longer.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn random_schema_changes_for_long() {
    let runs = Seed::of_run("random_schema_changes_for_long");
    for run in 0..10 {
        fuzz(&mut runs.branch(&run.to_string()), 200).await;
    }
}

async fn fuzz(seed: &mut Seed, rounds: usize) {
    let mut company = Company::running(2, SCHEMA, &["a", "b", "place.c"]).await;
    let mut names = 0;
    for _ in 0..rounds {
        let number = 1 + seed.below(2) as usize;
        if seed.below(8) == 0 {
            let office = company.office_mut(number);
            match office.relay.is_some() {
                true => office.kill_relay(),
                false => office.start_relay(),
            }
        }
        change(seed, company.head(), &mut names).await;
        for office in company.offices() {
            write(seed, office).await;
        }
    }
    company.start_relays().await;
    let tables: Vec<String> = company.head().rows(TABLES).await.concat();
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    converge::wait_equal(&company, &tables).await;
    let structure = company.head().value(STRUCTURE).await;
    for office in company.offices() {
        assert_eq!(office.value(STRUCTURE).await, structure, "{}", office.name);
        assert_eq!(office.number(HALTED).await, 0, "{}", office.name);
    }
}

/// A table of the office, and its columns beside id and office: name and type. Both at once: a branch changes them
/// whenever the head's changes arrive.
async fn table(seed: &mut Seed, office: &Office) -> (String, Vec<(String, String)>) {
    let columns = office.rows(COLUMNS).await;
    let mut tables: Vec<&str> = columns.iter().map(|row| row[0].as_str()).collect();
    tables.dedup();
    let table = tables[seed.below(tables.len() as u64) as usize].to_owned();
    let columns = columns.iter().filter(|row| row[0] == table);
    let columns = columns.filter(|row| !row[1].is_empty());
    let columns = columns
        .map(|row| (row[1].clone(), row[2].clone()))
        .collect();
    (table, columns)
}

async fn change(seed: &mut Seed, head: &Office, names: &mut usize) {
    let (table, columns) = table(seed, head).await;
    *names += 1;
    let name = format!("c{names}");
    let column = columns.get(seed.below(columns.len().max(1) as u64) as usize);
    let ddl = match (seed.below(15), column) {
        (0, _) => format!("ALTER TABLE {table} ADD COLUMN {name} int DEFAULT {names}"),
        (1, _) => format!("ALTER TABLE {table} ADD COLUMN {name} text DEFAULT md5(random()::text)"),
        (2, _) => format!(
            "ALTER TABLE {table} ADD COLUMN {name} state NOT NULL DEFAULT 'paid', ADD COLUMN {name}_b bigint"
        ),
        (3, _) => format!("ALTER TABLE {table} RENAME TO t{names}"),
        (4, Some((column, _))) => format!("ALTER TABLE {table} RENAME COLUMN {column} TO {name}"),
        (5, Some((column, _))) if columns.len() > 2 => {
            format!("ALTER TABLE {table} DROP COLUMN {column}")
        }
        (6, Some((column, kind))) if kind == "integer" => {
            format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE bigint")
        }
        (7, Some((column, kind))) if kind == "bigint" => {
            format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE text USING {column}::text")
        }
        (8, Some((column, _))) => format!("CREATE INDEX i{names} ON {table} ({column})"),
        (9, _) => format!(
            "CREATE TABLE n{names} (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), office text NOT NULL, n int); SELECT officesync.track('n{names}')"
        ),
        (10, _) => format!("ALTER TYPE state ADD VALUE '{name}'"),
        (11, _) => {
            let labels = head.rows(LABELS).await.concat();
            match labels.get(seed.below(labels.len().max(1) as u64) as usize) {
                Some(label) => format!("ALTER TYPE state RENAME VALUE '{label}' TO '{name}'"),
                None => format!("ALTER TYPE state ADD VALUE '{name}'"),
            }
        }
        // What a branch has not sent yet may have no value there.
        (12, Some((column, kind))) if kind == "bigint" || kind == "integer" => format!(
            "UPDATE {table} SET {column} = 0 WHERE {column} IS NULL; \
             ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL; ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL"
        ),
        (13, _) => {
            let place = head.value(PLACE).await;
            format!("ALTER SCHEMA {place} RENAME TO place{names}")
        }
        (_, Some((column, _))) => {
            format!("ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 50")
        }
        (_, None) => format!("ALTER TABLE {table} ADD COLUMN {name} int"),
    };
    if ddl.contains("ADD VALUE") {
        head.run(&ddl).await;
        return;
    }
    let end = if seed.below(6) == 0 {
        "ROLLBACK"
    } else {
        "COMMIT"
    };
    let before = format!("INSERT INTO {table} (office) VALUES ('before')");
    head.run(&format!("BEGIN; {before}; {ddl}; {end}")).await;
}

/// A few statements that fit the schema here.
async fn write(seed: &mut Seed, office: &Office) {
    for _ in 0..3 {
        let (table, columns) = table(seed, office).await;
        let value = |kind: &str, number: u64| match kind {
            "integer" | "bigint" => format!("{number}"),
            "state" => format!(
                "(SELECT (enum_range(NULL::state))[1 + {number} % cardinality(enum_range(NULL::state))])"
            ),
            "state[]" => "enum_range(NULL::state)".to_owned(),
            _ => format!("'text {number}'"),
        };
        let number = seed.below(1000);
        let own = &office.name;
        let sql = match (
            seed.below(4),
            columns.get(number as usize % columns.len().max(1)),
        ) {
            (0, _) => format!(
                "DELETE FROM {table} WHERE id = (SELECT id FROM {table} WHERE office = '{own}' ORDER BY id LIMIT 1)"
            ),
            (1, Some((column, kind))) => {
                let value = value(kind, number);
                format!("UPDATE {table} SET {column} = {value} WHERE office = '{own}'")
            }
            _ => {
                let names: String = columns
                    .iter()
                    .map(|(name, _)| format!(", {name}"))
                    .collect();
                let values: String = columns
                    .iter()
                    .map(|(_, kind)| format!(", {}", value(kind, number)))
                    .collect();
                format!("INSERT INTO {table} (office{names}) VALUES ('{own}'{values})")
            }
        };
        // The schema may have changed since it was looked at.
        let _ = office.try_run(&sql).await;
    }
}
