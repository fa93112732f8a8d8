//! The types of ordinary columns.

use crate::seed::Seed;
use crate::values;

/// A type and how a value of it is made.
#[derive(Debug)]
pub(super) struct Kind {
    /// As it stands in CREATE TABLE.
    pub(super) sql: &'static str,
    make: fn(&mut Seed) -> String,
}

impl Kind {
    /// A random one.
    pub(super) fn random(seed: &mut Seed) -> &'static Kind {
        &KINDS[seed.below(KINDS.len() as u64) as usize]
    }

    /// A value as text; NULL now and then.
    pub(super) fn value(&self, seed: &mut Seed) -> Option<String> {
        (!seed.chance(15)).then(|| (self.make)(seed))
    }
}

/// What every office has beside the built-in types. Made once for all seeds.
pub(super) const TYPES: &str = r#"
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE TYPE public."Mood ""x""" AS ENUM ('so so', 'it''s "fine"', '{,}', '');
CREATE COLLATION public.folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN public.small AS numeric(6,2) CHECK (VALUE < 1000);
CREATE TYPE public."pa.ir" AS (a int, "b ""c""" text, d date);
"#;

macro_rules! built_in {
    ($sql:literal) => {
        built_in!($sql, $sql)
    };
    ($sql:literal, $name:literal) => {
        Kind {
            sql: $sql,
            make: |seed| values::of($name, seed).unwrap(),
        }
    };
}

macro_rules! made {
    ($sql:literal, $make:expr) => {
        Kind {
            sql: $sql,
            make: $make,
        }
    };
}

const KINDS: &[Kind] = &[
    built_in!("smallint", "int2"),
    built_in!("integer", "int4"),
    built_in!("bigint", "int8"),
    built_in!("numeric"),
    made!("numeric(9,3)", |seed| format!(
        "{}.{:02}",
        seed.below(100_000),
        seed.below(100)
    )),
    built_in!("text"),
    made!("varchar(20)", |seed| short(seed, 20)),
    made!("char(5)", |seed| short(seed, 5)),
    built_in!("boolean", "bool"),
    built_in!("uuid"),
    built_in!("date"),
    built_in!("timestamp"),
    built_in!("timestamptz"),
    built_in!("interval"),
    built_in!("time"),
    built_in!("bytea"),
    built_in!("json"),
    built_in!("jsonb"),
    built_in!("real", "float4"),
    built_in!("double precision", "float8"),
    built_in!("money"),
    built_in!("inet"),
    built_in!("cidr"),
    built_in!("macaddr"),
    built_in!("bit varying", "varbit"),
    built_in!("int4range"),
    built_in!("tstzrange"),
    built_in!("int4multirange"),
    built_in!("point"),
    built_in!("box"),
    built_in!("xml"),
    built_in!("tsvector"),
    built_in!("text[]", "_text"),
    built_in!("integer[]", "_int4"),
    built_in!("timestamptz[]", "_timestamptz"),
    made!("public.\"Mood \"\"x\"\"\"", mood),
    made!("public.\"Mood \"\"x\"\"\"[]", |seed| {
        let (one, other) = (mood(seed), mood(seed));
        format!(
            "{{{},NULL,{}}}",
            values::quoted_element(&one),
            values::quoted_element(&other)
        )
    }),
    made!("public.small", |seed| format!(
        "{}.{:02}",
        seed.below(999),
        seed.below(100)
    )),
    made!("public.\"pa.ir\"", pair),
    made!("public.\"pa.ir\"[]", |seed| format!(
        "{{NULL,{}}}",
        values::quoted_element(&pair(seed))
    )),
    made!("public.citext", values::any_text),
    made!("public.hstore", |seed| {
        let (key, value) = (values::any_text(seed), values::any_text(seed));
        format!(
            "{}=>{}, \"n\"=>NULL",
            values::quoted_element(&key),
            values::quoted_element(&value)
        )
    }),
];

fn short(seed: &mut Seed, most: usize) -> String {
    values::any_text(seed).chars().take(most).collect()
}

fn mood(seed: &mut Seed) -> String {
    values::one_of(seed, &["so so", "it's \"fine\"", "{,}", ""]).to_owned()
}

fn pair(seed: &mut Seed) -> String {
    let text = values::any_text(seed);
    format!(
        "({},{},{})",
        seed.below(100),
        values::quoted_element(&text),
        values::one_of(seed, &["2024-02-29", "", "infinity"])
    )
}
