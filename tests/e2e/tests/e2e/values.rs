//! Every value of every type survives, in both directions, whatever the session that wrote it was set to.
//!
//! The types are read from the catalogue at run time: one that nobody has made values for fails the test by name.

use officesync_e2e::company::Company;
use officesync_e2e::fuzz::session;
use officesync_e2e::fuzz::settle::settle;
use officesync_e2e::office::{Office, describe};
use officesync_e2e::seed::Seed;
use officesync_e2e::values::{self, any_text, literal, quoted_element};
use tokio_postgres::Client;

/// How many values of each type each office writes.
const ROWS: usize = 12;

/// Types of the users' own making.
const OWN: &str = r#"
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE TYPE "Mood ""x""" AS ENUM ('so so', 'it''s "fine"', '{,}', '(,)', '', 'NULL');
CREATE DOMAIN small AS numeric(6,2) CHECK (VALUE < 1000);
CREATE DOMAIN words AS text[] CHECK (cardinality(VALUE) < 99);
CREATE TYPE "pa.ir" AS (a int, "b ""c""" text, d timestamptz);
CREATE TYPE nest AS (p "pa.ir", many "pa.ir"[], m "Mood ""x""", r daterange);
CREATE TYPE textrange AS RANGE (subtype = text, collation = "C");
CREATE TYPE pairrange AS RANGE (subtype = "pa.ir");
"#;

/// A column type with how its values are made.
struct Case {
    /// A table of its own.
    table: String,
    sql_type: String,
    /// The name in the catalogue, for built-in types.
    name: Option<String>,
    make: Box<dyn Fn(&mut Seed) -> String + Send + Sync>,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_of_every_type_survives_both_ways() {
    let mut seed = Seed::of_run("values");
    let mut company = Company::open(1).await;
    company.everywhere(OWN).await;
    let mut cases = built_in(company.head()).await;
    cases.extend(own());
    // Tables, and not columns, of each type: a failure names its type.
    let schema: String = cases
        .iter()
        .map(|case| {
            format!(
                "CREATE TABLE {} (id text PRIMARY KEY, v {}, n int);",
                case.table, case.sql_type
            )
        })
        .collect();
    let tables: Vec<&str> = cases.iter().map(|case| case.table.as_str()).collect();
    company.found(&schema, &tables).await;

    let mut sessions = Vec::new();
    for office in company.offices() {
        sessions.push((office, office.connect().await));
    }
    let mut written = Vec::new();
    for case in &cases {
        for (office, client) in &sessions {
            // Wide settings for all rows of the table; other ones for the changes that follow.
            write(office, client, case, &mut seed, &mut written).await;
        }
    }
    all_equal(&company, &cases).await;
    canonical_as_written(&company, &written).await;

    // Each office changes and deletes rows of the other.
    for case in &cases {
        for (nth, (office, client)) in sessions.iter().enumerate() {
            let other = &company.offices()[1 - nth].name;
            change(office, client, case, other, &mut seed).await;
        }
    }
    all_equal(&company, &cases).await;
    println!("{} types", cases.len());
}

/// What the catalogue knows: base types, ranges and multiranges, and the arrays of all.
async fn built_in(head: &Office) -> Vec<Case> {
    let sql = "SELECT t.typname, format_type(t.oid, -1) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
               WHERE n.nspname = 'pg_catalog' AND t.typtype IN ('b', 'r', 'm') \
               AND NOT EXISTS (SELECT FROM pg_type e JOIN pg_class c ON c.oid = e.typrelid WHERE e.typarray = t.oid) \
               ORDER BY t.typname COLLATE \"C\"";
    let mut cases = Vec::new();
    let mut unknown = Vec::new();
    for row in head.rows(sql).await {
        let (name, sql_type) = (row[0].clone(), row[1].clone());
        let element = name.strip_prefix('_').unwrap_or(&name);
        if let Some(reason) = values::not_storable(element) {
            println!("{name} is left out: {reason}");
            continue;
        }
        if values::of(&name, &mut Seed::numbered(1)).is_none() {
            unknown.push(name);
            continue;
        }
        let known = name.clone();
        cases.push(Case {
            table: format!("\"type {name}\""),
            sql_type,
            name: Some(name),
            make: Box::new(move |seed| values::of(&known, seed).unwrap()),
        });
    }
    assert!(
        unknown.is_empty(),
        "no values are made for these types: add them to src/values/: {unknown:?}"
    );
    cases
}

fn own() -> Vec<Case> {
    vec![
        case("mood", "\"Mood \"\"x\"\"\"", mood),
        case("moods", "\"Mood \"\"x\"\"\"[]", |seed| array(seed, mood)),
        case("small", "small", small),
        case("smalls", "small[]", |seed| array(seed, small)),
        case("words", "words", |seed| values::of("_text", seed).unwrap()),
        case("pair", "\"pa.ir\"", pair),
        case("pairs", "\"pa.ir\"[]", |seed| array(seed, pair)),
        case("nest", "nest", nest),
        case("nests", "nest[]", |seed| array(seed, nest)),
        case("hstore", "hstore", hstore),
        case("hstores", "hstore[]", |seed| array(seed, hstore)),
        case("citext", "citext", any_text),
        case("citexts", "citext[]", |seed| array(seed, any_text)),
        case("textrange", "textrange", text_range),
        case("textranges", "textmultirange", |seed| {
            format!("{{{}}}", text_range(seed))
        }),
        case("pairrange", "pairrange", |seed| {
            let low = format!("(1,{},)", quoted_element(&any_text(seed)));
            format!("[{},)", quoted_element(&low))
        }),
        case("varchar n", "varchar(9)", |seed| {
            any_text(seed).chars().take(9).collect()
        }),
        case("char n", "char(9)", |seed| {
            any_text(seed).chars().take(9).collect()
        }),
        case("bit n", "bit(3)", |seed| {
            values::one_of(seed, &["101", "000"]).to_owned()
        }),
        case("numeric n", "numeric(12,-2)", |seed| {
            seed.below(1_000_000).to_string()
        }),
        // Rounded up, the last moment of all becomes one that PostgreSQL itself can't read again.
        case("time n", "timestamptz(2)", |seed| {
            values::of("timestamptz", seed)
                .filter(|text| !text.starts_with("294276"))
                .unwrap_or_else(|| "infinity".to_owned())
        }),
        case("interval n", "interval day to second(3)", |seed| {
            values::of("interval", seed).unwrap()
        }),
        case("cubes", "int[][][]", |_| {
            "[0:1][-1:0][5:5]={{{1},{NULL}},{{3},{4}}}".to_owned()
        }),
    ]
}

fn case(
    table: &str,
    sql_type: &str,
    make: impl Fn(&mut Seed) -> String + Send + Sync + 'static,
) -> Case {
    Case {
        table: format!("\"own {table}\""),
        sql_type: sql_type.to_owned(),
        name: None,
        make: Box::new(make),
    }
}

fn mood(seed: &mut Seed) -> String {
    values::one_of(seed, &["so so", "it's \"fine\"", "{,}", "(,)", "", "NULL"]).to_owned()
}

fn small(seed: &mut Seed) -> String {
    format!("{}.{:02}", seed.below(999), seed.below(100))
}

fn pair(seed: &mut Seed) -> String {
    let text = any_text(seed);
    let when = values::of("timestamptz", seed).unwrap();
    match seed.below(4) {
        0 => "(,,)".to_owned(),
        1 => format!("({},\"\",)", seed.below(9)),
        _ => format!(
            "({},{},{})",
            seed.below(99),
            quoted_element(&text),
            quoted_element(&when)
        ),
    }
}

fn nest(seed: &mut Seed) -> String {
    let (one, many, mood) = (pair(seed), array(seed, pair), mood(seed));
    let days = values::of("daterange", seed).unwrap();
    format!(
        "({},{},{},{})",
        quoted_element(&one),
        quoted_element(&many),
        quoted_element(&mood),
        quoted_element(&days)
    )
}

fn hstore(seed: &mut Seed) -> String {
    let (key, value) = (any_text(seed), any_text(seed));
    format!(
        "{}=>{}, \"null\"=>NULL, \"\"=>\"NULL\"",
        quoted_element(&key),
        quoted_element(&value)
    )
}

fn text_range(seed: &mut Seed) -> String {
    match seed.below(4) {
        0 => "empty".to_owned(),
        1 => "(,)".to_owned(),
        2 => format!("[{},)", quoted_element(&any_text(seed))),
        _ => "[\"a \"\"q\\\\\",\"b, c)\")".to_owned(),
    }
}

/// Two elements and a NULL, one time with other bounds.
fn array(seed: &mut Seed, make: impl Fn(&mut Seed) -> String) -> String {
    let (one, other) = (quoted_element(&make(seed)), quoted_element(&make(seed)));
    let bounds = values::one_of(seed, &["", "[2:4]=", "[-1:1]="]);
    format!("{bounds}{{{one},NULL,{other}}}")
}

/// A value as it was written, to be found again as the same text.
struct Written {
    table: String,
    id: String,
    text: String,
}

async fn write(
    office: &Office,
    client: &Client,
    case: &Case,
    seed: &mut Seed,
    written: &mut Vec<Written>,
) {
    let settings = settings(seed, case);
    let mut rows = vec![format!("('{}-null', NULL, 0)", office.name)];
    for nth in 0..ROWS {
        let id = format!("{}-{nth}", office.name);
        let text = (case.make)(seed);
        rows.push(format!("('{id}', {}, {nth})", literal(&text)));
        if case.name.as_deref().is_some_and(values::canonical) {
            written.push(Written {
                table: case.table.clone(),
                id,
                text,
            });
        }
    }
    let sql = format!(
        "{settings}; INSERT INTO public.{} VALUES {}",
        case.table,
        rows.join(", ")
    );
    run(office, client, &sql).await;
}

/// Rows that the other office wrote become others: by a value, by NULL, by their key, or they go.
async fn change(office: &Office, client: &Client, case: &Case, other: &str, seed: &mut Seed) {
    let settings = settings(seed, case);
    let table = format!("public.{}", case.table);
    let mut sql = format!("{settings}; ");
    for nth in 0..4 {
        let text = (case.make)(seed);
        let value = literal(&text);
        sql.push_str(&format!(
            "UPDATE {table} SET v = {value}, n = n + 1 WHERE id = '{other}-{nth}'; "
        ));
    }
    sql.push_str(&format!(
        "UPDATE {table} SET v = NULL WHERE id = '{other}-4'; UPDATE {table} SET id = id || '+' WHERE id = '{other}-5'; \
         UPDATE {table} SET n = -1 WHERE id = '{other}-6'; DELETE FROM {table} WHERE id IN ('{other}-7', '{other}-null')"
    ));
    run(office, client, &sql).await;
}

fn settings(seed: &mut Seed, case: &Case) -> String {
    // What is no document is refused while documents are asked for.
    let documents = if case.table.contains("xml") {
        "content"
    } else {
        values::one_of(seed, &["document", "content"])
    };
    format!(
        "RESET ALL; {}SET xmloption = {documents}",
        session::random(seed)
    )
}

async fn run(office: &Office, client: &Client, sql: &str) {
    client
        .batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{}: {}\n{sql}", office.name, describe(error)));
}

async fn all_equal(company: &Company, cases: &[Case]) {
    let tables: Vec<&str> = cases.iter().map(|case| case.table.as_str()).collect();
    settle(company, &tables)
        .await
        .unwrap_or_else(|report| panic!("{report}"));
}

/// What was written in its canonical text is there as that text at both offices.
async fn canonical_as_written(company: &Company, written: &[Written]) {
    for office in company.offices() {
        office
            .run("SET extra_float_digits = 3; SET bytea_output = 'hex'")
            .await;
        for row in written {
            let sql = format!(
                "SELECT format('%s', v) FROM {} WHERE id = '{}'",
                row.table, row.id
            );
            let found = office.value(&sql).await;
            assert_eq!(
                found, row.text,
                "{} {} at {}",
                row.table, row.id, office.name
            );
        }
    }
}
