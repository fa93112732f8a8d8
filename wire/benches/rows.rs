//! The hot loops: rows to a line, and a line to rows. A thousand rows a turn; the throughput is in rows.

#![allow(missing_docs, clippy::unwrap_used)] // criterion's macros make undocumented items; a benchmark panics

mod sale;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use officesync_wire::compress::Compressor;
use officesync_wire::decode::{self, Limits};
use officesync_wire::encode::ByColumn;

fn rows(criterion: &mut Criterion) {
    let sales = sale::sales();
    let mut line = Vec::new();
    sale::line(&mut line, &sales);
    let mut group = criterion.benchmark_group("rows");
    group.throughput(Throughput::Elements(u64::from(sale::ROWS)));
    group.bench_function("encode", |bencher| {
        let mut out = Vec::with_capacity(line.len());
        bencher.iter(|| {
            out.clear();
            sale::line(&mut out, black_box(&sales));
        });
    });
    group.bench_function("compress", |bencher| {
        let mut compressor = Compressor::new(1).unwrap();
        bencher.iter(|| compressor.compress(black_box(&line)).unwrap());
    });
    let mut by_column = ByColumn::default();
    group.bench_function("turn", |bencher| {
        bencher.iter(|| by_column.turn(black_box(&line)).len());
    });
    let turned = by_column.turn(&line).to_vec();
    group.bench_function("compress, turned", |bencher| {
        let mut compressor = Compressor::new(1).unwrap();
        bencher.iter(|| compressor.compress(black_box(&turned)).unwrap());
    });
    let limits = Limits::default();
    for (name, line) in [("decode", &line), ("decode, turned", &turned)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let line = decode::line(black_box(line), &limits).unwrap();
                line.changes.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, rows);
criterion_main!(benches);
