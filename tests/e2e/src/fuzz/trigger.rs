//! Users' triggers.

use super::name::quote;
use super::table::{Identity, Table};
use crate::seed::Seed;

/// Some triggers of the table; `log` is another tracked table they may write to.
pub(super) fn random(
    seed: &mut Seed,
    table: &Table,
    number: usize,
    log: Option<&Table>,
) -> Vec<String> {
    let mut triggers = Vec::new();
    let whole = table
        .partitionings
        .iter()
        .all(|way| way.names(table).is_empty());
    if seed.chance(35) {
        triggers.push(before(table, number));
    }
    if let Some(log) = log {
        if seed.chance(35) {
            let what = write_to(log, table, "after");
            triggers.push(trigger(
                table,
                number,
                "after",
                "AFTER INSERT OR DELETE",
                "TRIGGER",
                "",
                &what,
            ));
        }
        if whole && seed.chance(25) {
            let what = write_to(log, table, "deferred");
            let when = "DEFERRABLE INITIALLY DEFERRED";
            triggers.push(trigger(
                table,
                number,
                "deferred",
                "AFTER INSERT OR UPDATE",
                "CONSTRAINT TRIGGER",
                when,
                &what,
            ));
        }
    }
    if table.identity != Identity::Whole && seed.chance(25) {
        let counter = table.counter();
        let same: Vec<String> = table
            .key_columns()
            .iter()
            .map(|column| format!("t.{column} = NEW.{column}"))
            .collect();
        let what = format!(
            "UPDATE {} t SET {counter} = t.{counter} + 50 WHERE {};",
            table.quoted(),
            same.join(" AND ")
        );
        triggers.push(trigger(
            table,
            number,
            "self",
            "AFTER INSERT",
            "TRIGGER",
            "",
            &what,
        ));
    }
    triggers
}

/// Changes some rows and suppresses others.
fn before(table: &Table, number: usize) -> String {
    let counter = table.counter();
    let what = format!(
        "IF NEW.{counter} % 13 = 7 THEN RETURN NULL; END IF;\n\
         IF NEW.{counter} % 5 = 3 THEN NEW.{counter} := NEW.{counter} + 1; END IF;"
    );
    trigger(
        table,
        number,
        "before",
        "BEFORE INSERT OR UPDATE",
        "TRIGGER",
        "",
        &what,
    )
}

/// A line in the log, with the owner of the row it tells of.
fn write_to(log: &Table, table: &Table, what: &str) -> String {
    let row = |variable: &str| {
        format!(
            "INSERT INTO {} ({}, {}, {}) VALUES (gen_random_uuid(), {variable}.{}, {variable}.{});",
            log.quoted(),
            log.key_columns()[0],
            log.owner(),
            log.counter(),
            table.owner(),
            table.counter()
        )
    };
    format!(
        "-- {what}\nIF TG_OP = 'DELETE' THEN {} ELSE {} END IF;",
        row("OLD"),
        row("NEW")
    )
}

fn trigger(
    table: &Table,
    number: usize,
    name: &str,
    when: &str,
    kind: &str,
    how: &str,
    body: &str,
) -> String {
    let function = format!(
        "{}.{}",
        quote(&table.schema),
        quote(&format!("{name} of {number}"))
    );
    format!(
        "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $trigger$ BEGIN\n{body}\n\
         RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;\nEND $trigger$;\n\
         CREATE {kind} {} {when} ON {} {how} FOR EACH ROW EXECUTE FUNCTION {function}();\n",
        quote(&format!("{name} it")),
        table.quoted(),
    )
}
