//! The table everything is measured with, and what is done to it.

/// Rows that small transactions update; enough that two clients seldom meet.
pub(crate) const STOCK: u64 = 100_000;

/// Statements that make an empty table of that name.
pub(crate) fn table(name: &str) -> String {
    format!(
        "CREATE TABLE {name} (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), date date, region varchar, \
         product varchar, quantity int, cost float8, amount float8, tax float8, total float8, \
         updated_at timestamptz DEFAULT now());"
    )
}

/// A statement that inserts so many rows.
pub(crate) fn insert(name: &str, rows: u64) -> String {
    format!(
        "INSERT INTO {name} ({COLUMNS}) SELECT {} FROM generate_series(1, {rows}) n",
        values("n")
    )
}

/// A statement that updates every row.
pub(crate) fn update(name: &str) -> String {
    format!("UPDATE {name} SET quantity = quantity + 1, updated_at = now()")
}

/// A statement that deletes every row.
pub(crate) fn delete(name: &str) -> String {
    format!("DELETE FROM {name}")
}

/// A statement that puts in the rows small transactions update, with keys they can work out.
pub(crate) fn stock(name: &str, rows: u64) -> String {
    format!(
        "INSERT INTO {name} (id, {COLUMNS}) SELECT md5(n::text)::uuid, {} \
         FROM generate_series(1, {rows}) n",
        values("n")
    )
}

/// A pgbench script: one update of the stock and one insert.
pub(crate) fn small(name: &str, stock: u64) -> String {
    let values = values("(:n)::int");
    format!(
        "\\set n random(1, {stock})\nBEGIN;\n\
         UPDATE {name} SET quantity = quantity + 1, updated_at = now() WHERE id = md5((:n)::text)::uuid;\n\
         INSERT INTO {name} ({COLUMNS}) VALUES ({values});\nCOMMIT;\n"
    )
}

const COLUMNS: &str = "date, region, product, quantity, cost, amount, tax, total";

/// What a sale of number `n` holds: prices of two digits, a few regions, a thousand products.
fn values(n: &str) -> String {
    let price = format!("({n} * 7919::bigint % 100000) / 100.0");
    let amount = format!("{price} * ({n} % 10 + 1)");
    format!(
        "date '2025-01-01' + {n} % 365, 'region ' || {n} % 7, 'product ' || {n} % 1000, {n} % 10 + 1, \
         {price}, {amount}, {amount} * 0.2, {amount} * 1.2"
    )
}
