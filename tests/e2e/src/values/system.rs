//! The types of PostgreSQL's own catalogue that users may store too.

use super::one_of;
use crate::seed::Seed;

pub(super) fn of(name: &str, seed: &mut Seed) -> Option<String> {
    let text = match name {
        "oid" | "xid" | "cid" => seed.below(4_294_967_296).to_string(),
        "xid8" => seed.draw().to_string(),
        "tid" => format!("({},{})", seed.below(4_294_967_296), seed.below(65_536)),
        "pg_lsn" => format!("{:X}/{:X}", seed.below(1 << 32), seed.below(1 << 32)),
        "txid_snapshot" | "pg_snapshot" => {
            one_of(seed, &["10:20:10,14,15", "1:1:", "5:9:6"]).to_owned()
        }
        "int2vector" => one_of(seed, &["1 -2 3", "", "7"]).to_owned(),
        "oidvector" => one_of(seed, &["1 2 4294967295", "", "7"]).to_owned(),
        "aclitem" => one_of(seed, &["=r/postgres", "postgres=arwdDxt*/postgres"]).to_owned(),
        // Only what stands in each catalogue under the same name.
        "regclass" => one_of(seed, &["pg_class", "pg_catalog.pg_type", "-", "99999"]).to_owned(),
        "regtype" => one_of(
            seed,
            &[
                "integer",
                "timestamp with time zone",
                "text[]",
                "\"char\"",
                "-",
            ],
        )
        .to_owned(),
        "regproc" => one_of(seed, &["now", "pg_catalog.bool_and", "-"]).to_owned(),
        "regprocedure" => one_of(seed, &["abs(integer)", "now()", "-"]).to_owned(),
        "regoper" => one_of(seed, &["pg_catalog.||/", "|/", "0"]).to_owned(),
        "regoperator" => one_of(seed, &["+(integer,integer)", "-(NONE,bigint)", "0"]).to_owned(),
        "regrole" => one_of(seed, &["postgres", "pg_monitor", "-"]).to_owned(),
        "regnamespace" => one_of(seed, &["pg_catalog", "public", "-"]).to_owned(),
        "regconfig" => one_of(seed, &["english", "simple", "pg_catalog.french"]).to_owned(),
        "regdictionary" => one_of(seed, &["simple", "english_stem"]).to_owned(),
        "regcollation" => one_of(seed, &["\"C\"", "\"POSIX\"", "-"]).to_owned(),
        _ => return None,
    };
    Some(text)
}
