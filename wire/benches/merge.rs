//! What a decision costs: a thousand updates of rows of eight columns a turn; the throughput is in rows.

#![allow(missing_docs, clippy::unwrap_used)] // criterion's macros make undocumented items; a benchmark panics

use std::cmp::Ordering;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use officesync_wire::merge::{
    Authored, Change, DeletePolicy, Granularity, Head, NotPossible, Policy, Row, Rules, Unseen,
    Values, merge,
};

const ROWS: u64 = 1000;

struct Whole;

fn number(text: &str) -> Result<i128, NotPossible> {
    text.parse().map_err(|_| NotPossible)
}

impl Values for Whole {
    fn sum(
        &self,
        _: usize,
        ours: &str,
        theirs: &str,
        base: Option<&str>,
    ) -> Result<String, NotPossible> {
        Ok((number(ours)? + number(theirs)? - base.map_or(Ok(0), number)?).to_string())
    }

    fn compare(&self, _: usize, a: &str, b: &str) -> Result<Ordering, NotPossible> {
        Ok(number(a)?.cmp(&number(b)?))
    }

    fn union(&self, _: usize, _: &str, _: &str, _: Option<&str>) -> Result<String, NotPossible> {
        Err(NotPossible)
    }
}

fn decisions(criterion: &mut Criterion) {
    let base = [
        "1001",
        "Miller",
        "Main Street 5",
        "Springfield",
        "active",
        "10",
        "2026-11-20",
        "a note",
    ]
    .map(Some);
    let mut theirs = base;
    (theirs[1], theirs[5]) = (Some("Smith"), Some("9"));
    let (old, changed) = ([base[1], base[5]], [1, 5]);
    let mut elsewhere = base;
    elsewhere[3] = Some("Shelbyville");
    let mut conflict = base;
    (conflict[1], conflict[5]) = (Some("Jones"), Some("7"));
    let mut columns = [Policy::LastUpdateWins; 8];
    columns[5] = Policy::Sum;
    let rules = Rules {
        columns: &columns,
        granularity: Granularity::Columns,
        delete: DeletePolicy::LaterWins,
    };
    let mut unseen = Unseen::new(8);
    unseen.updated(
        &[1, 3, 5],
        Authored {
            office: "head",
            commit_time: 5,
        },
    );

    let mut group = criterion.benchmark_group("merge");
    group.throughput(Throughput::Elements(ROWS));
    let cases: [(&str, &Row<'_>); 3] = [
        ("as sent", &base),
        ("other columns", &elsewhere),
        ("conflict", &conflict),
    ];
    for (name, ours) in cases {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let decide = |_| {
                    let change = Change::Update {
                        new: black_box(&theirs),
                        old: &old,
                        changed: &changed,
                    };
                    let head = Head {
                        row: Some(black_box(ours)),
                        taken: false,
                        unseen: &unseen,
                    };
                    let by = Authored {
                        office: "ant",
                        commit_time: 6,
                    };
                    merge(change, by, head, &rules, &Whole).unwrap().merged()
                };
                (0..ROWS).map(decide).filter(|&merged| merged).count()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
