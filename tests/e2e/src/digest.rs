//! Whether two tables hold the same rows: their number and an order-independent digest of every row's text.

use crate::office::Office;

/// The settings under which values become text: the same everywhere, whatever a server's defaults are.
const PINNED: &str = "SET datestyle = 'ISO, MDY'; SET intervalstyle = 'postgres'; SET extra_float_digits = 3; \
                      SET bytea_output = 'hex'; SET timezone = 'UTC'; SET search_path = public";

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// How many rows.
    pub rows: i64,
    /// A sum over the rows' hashes: equal for equal sets of rows, in whatever order they lie.
    pub digest: String,
}

/// Measures a table at an office.
pub async fn of(office: &Office, table: &str) -> Result<Digest, String> {
    let row = row_expression(office, table).await?;
    let sql = format!(
        "SELECT count(*), coalesce(sum(('x' || substr(md5({row}), 1, 16))::bit(64)::bigint::numeric), 0) FROM {table}"
    );
    let answer = office.try_rows(&sql).await?;
    match answer.first().map(Vec::as_slice) {
        Some([rows, digest]) => Ok(Digest {
            rows: rows.parse().unwrap_or(-1),
            digest: short(digest),
        }),
        other => Err(format!("{table} gave {other:?}")),
    }
}

/// Rows that one of two offices has and the other has not, a few of each, as text.
pub async fn difference(left: &Office, right: &Office, table: &str) -> String {
    match (texts(left, table).await, texts(right, table).await) {
        (Ok(here), Ok(there)) => {
            let mut text = String::new();
            for (name, these, those) in [(&left.name, &here, &there), (&right.name, &there, &here)]
            {
                let only: Vec<&String> = these
                    .iter()
                    .filter(|row| those.binary_search(row).is_err())
                    .collect();
                text.push_str(&format!("    only at {name}: {} rows", only.len()));
                for row in only.iter().take(5) {
                    text.push_str(&format!("\n      {row}"));
                }
                text.push('\n');
            }
            text
        }
        (Err(error), _) | (_, Err(error)) => format!("    {error}\n"),
    }
}

async fn texts(office: &Office, table: &str) -> Result<Vec<String>, String> {
    let row = row_expression(office, table).await?;
    let rows = office
        .try_rows(&format!("SELECT {row} FROM {table} LIMIT 200000"))
        .await?;
    let mut texts: Vec<String> = rows.into_iter().flatten().collect();
    texts.sort();
    Ok(texts)
}

/// A row as text, its columns by name: their order may differ between offices.
async fn row_expression(office: &Office, table: &str) -> Result<String, String> {
    office.try_run(PINNED).await?;
    // A name may hold a quote.
    let literal = table.replace('\'', "''");
    let sql = format!(
        "SELECT format('ROW(%s)::text', string_agg(quote_ident(attname), ',' ORDER BY attname)) FROM pg_attribute \
         WHERE attrelid = '{literal}'::regclass AND attnum > 0 AND NOT attisdropped"
    );
    office.try_value(&sql).await
}

/// Enough digits for a human to compare.
fn short(digest: &str) -> String {
    let number = digest
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{number:016x}")
}
