//! Runs one of the hot loops so many times and nothing else, for a tool that counts instructions
//! (`scripts/count-instructions.sh`): `count_rows encode 100`.

#![allow(clippy::unwrap_used)] // a tool for the developer panics

#[path = "../benches/sale/mod.rs"]
mod sale;

use std::hint::black_box;

use officesync_wire::decode::{self, Limits};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let times: u32 = arguments.next().unwrap_or_default().parse().unwrap();
    let sales = sale::sales();
    let mut line = Vec::new();
    sale::line(&mut line, &sales);
    let limits = Limits::default();
    let mut out = Vec::with_capacity(line.len());
    for _ in 0..times {
        match what.as_str() {
            "encode" => {
                out.clear();
                sale::line(&mut out, black_box(&sales));
            }
            _ => drop(decode::line(black_box(&line), &limits).unwrap()),
        }
    }
}
