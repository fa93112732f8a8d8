//! How a table is partitioned at an office. The offices need not agree.

use super::key::Key;
use super::name::quote;
use super::table::{Identity, Table};
use crate::seed::Seed;

/// A way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Partitioning {
    /// One table.
    None,
    /// By ranges of a number that changes: rows move.
    Range,
    /// By the second column of the key.
    List,
    /// By a hash of the key.
    Hash,
    /// By ranges, one of them by hash again.
    TwoLevels,
}

use Partitioning::{Hash, List, None as Not, Range, TwoLevels};

impl Partitioning {
    /// A way that a table with this key can be partitioned. A key constraint must hold the columns that choose.
    pub(super) fn random(seed: &mut Seed, key: Key, identity: Identity) -> Partitioning {
        let ways: &[Partitioning] = match (identity, key) {
            (Identity::Whole, _) => &[Range, Hash],
            (Identity::Index, _) | (_, Key::Always | Key::ByDefault) => &[Not],
            (Identity::Primary, Key::Int | Key::Numeric) => &[Range, Hash, TwoLevels],
            (Identity::Primary, Key::Pair) => &[Range, List, Hash, TwoLevels],
            (Identity::Primary, _) => &[Hash],
        };
        ways[seed.below(ways.len() as u64) as usize]
    }

    /// What stands after the columns.
    pub(super) fn clause(self, table: &Table) -> String {
        let (way, column) = match self {
            Not => return String::new(),
            Range | TwoLevels => ("RANGE", ranged(table)),
            List => ("LIST", table.key_columns().pop().unwrap_or_default()),
            Hash => ("HASH", table.key_columns().swap_remove(0)),
        };
        format!(" PARTITION BY {way} ({column})")
    }

    /// The names of all partitions as SQL; of those with two levels the outer ones too.
    pub(super) fn names(self, table: &Table) -> Vec<String> {
        self.parts()
            .iter()
            .map(|(suffix, _)| name(table, suffix))
            .collect()
    }

    /// A partition that takes every row with a small key.
    pub(super) fn first(self, table: &Table) -> Option<String> {
        matches!(self, Range | TwoLevels).then(|| name(table, "low"))
    }

    /// The statements that make the partitions.
    pub(super) fn partitions(self, table: &Table) -> String {
        let make = |(suffix, bounds): &(&str, &str)| {
            let (parent, below) = match (self, suffix.split_once('-')) {
                (TwoLevels, Some((outer, _))) => (name(table, outer), String::new()),
                (TwoLevels, None) if *suffix == "low" => (
                    table.quoted(),
                    format!(" PARTITION BY HASH ({})", table.key_columns()[0]),
                ),
                _ => (table.quoted(), String::new()),
            };
            format!(
                "CREATE TABLE {} PARTITION OF {parent} {bounds}{below};\n",
                name(table, suffix)
            )
        };
        self.parts().iter().map(make).collect()
    }

    fn parts(self) -> &'static [(&'static str, &'static str)] {
        const LOW: (&str, &str) = ("low", "FOR VALUES FROM (MINVALUE) TO (90)");
        const MIDDLE: (&str, &str) = ("middle", "FOR VALUES FROM (90) TO (1100)");
        const REST: (&str, &str) = ("rest", "DEFAULT");
        match self {
            Not => &[],
            Range => &[LOW, MIDDLE, REST],
            TwoLevels => &[
                LOW,
                ("low-even", "FOR VALUES WITH (MODULUS 2, REMAINDER 0)"),
                ("low-odd", "FOR VALUES WITH (MODULUS 2, REMAINDER 1)"),
                MIDDLE,
                REST,
            ],
            List => &[("r0", "FOR VALUES IN ('r0')"), ("others", "DEFAULT")],
            Hash => &[
                ("h0", "FOR VALUES WITH (MODULUS 3, REMAINDER 0)"),
                ("h1", "FOR VALUES WITH (MODULUS 3, REMAINDER 1)"),
                ("h2", "FOR VALUES WITH (MODULUS 3, REMAINDER 2)"),
            ],
        }
    }
}

/// The column whose ranges choose: part of the key where there is one.
fn ranged(table: &Table) -> String {
    if table.identity == Identity::Whole {
        table.counter()
    } else {
        table.key_columns().swap_remove(0)
    }
}

fn name(table: &Table, suffix: &str) -> String {
    let short: String = table.name.chars().take(8).collect();
    format!(
        "{}.{}",
        quote(&table.schema),
        quote(&format!("{short}.{suffix}"))
    )
}
