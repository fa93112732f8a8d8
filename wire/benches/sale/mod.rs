//! The row the micro-benchmarks are about: a sale of ten columns, as the capturing side knows its values.

use officesync_wire::Op;
use officesync_wire::encode::{self, GROUP_END, Group, LineHead, ROW_END, ROW_START, SEPARATOR};

/// Rows of one line.
pub(crate) const ROWS: u32 = 1000;

const COLUMNS: [&str; 10] = [
    "id",
    "date",
    "region",
    "product",
    "quantity",
    "cost",
    "amount",
    "tax",
    "total",
    "updated_at",
];

/// A sale's values, already text where PostgreSQL has made them so.
pub(crate) struct Sale {
    quantity: i64,
    texts: [String; 5],
    numbers: [String; 4],
}

/// As many different sales as a line holds.
pub(crate) fn sales() -> Vec<Sale> {
    (0..ROWS)
        .map(|n| {
            let cost = f64::from(n * 7919 % 100_000) / 100.0;
            Sale {
                quantity: i64::from(n % 10 + 1),
                texts: [
                    format!(
                        "{:08x}-3b1f-4c5e-9d2a-{:012x}",
                        n.wrapping_mul(2_654_435_761),
                        n
                    ),
                    format!("2025-{:02}-{:02}", n % 12 + 1, n % 28 + 1),
                    format!("region {}", n % 7),
                    format!("product {n}"),
                    format!("2026-03-01 08:15:{:02}.123456+00", n % 60),
                ],
                numbers: [cost, cost * 3.0, cost * 0.6, cost * 3.6]
                    .map(|number| number.to_string()),
            }
        })
        .collect()
}

/// Appends the line of a transaction that inserted these sales.
pub(crate) fn line(out: &mut Vec<u8>, sales: &[Sale]) {
    encode::line_start(
        out,
        &LineHead {
            office: "lyon",
            incarnation: "0123456789abcdef0123456789abcdef",
            sequence: Some(4711),
            chunk: 0,
            last: true,
            commit_time: Some("2026-03-01 08:15:00.123456+00"),
            origin_tick: None,
            merged: false,
            schema_tick: None,
        },
    );
    out.extend_from_slice(&encode::group_header(&Group {
        schema: "public",
        table: "product_sales",
        op: Op::Insert,
        columns: &COLUMNS,
        key: &["id"],
        changed: &[],
    }));
    for (index, sale) in sales.iter().enumerate() {
        if index > 0 {
            out.push(SEPARATOR);
        }
        row(out, sale);
    }
    out.extend_from_slice(GROUP_END);
    encode::line_end(out);
}

fn row(out: &mut Vec<u8>, sale: &Sale) {
    let [id, date, region, product, updated_at] = &sale.texts;
    out.push(ROW_START);
    for text in [id, date, region, product] {
        encode::string(out, text.as_bytes());
        out.push(SEPARATOR);
    }
    encode::integer(out, sale.quantity);
    for number in &sale.numbers {
        out.push(SEPARATOR);
        encode::raw_number(out, number.as_bytes());
    }
    out.push(SEPARATOR);
    encode::string(out, updated_at.as_bytes());
    out.push(ROW_END);
}
