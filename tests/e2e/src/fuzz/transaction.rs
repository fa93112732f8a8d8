//! Random transactions: statements, savepoints within savepoints, and an end.

use super::pen::Pen;
use super::session;
use super::statement::Statement;
use crate::values::one_of;

/// One step.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// May fail; what it did is undone then, and the transaction goes on.
    Try(Statement),
    /// Must not fail.
    Do(String),
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// There was no BEGIN.
    Single,
    Commit,
    Rollback,
    /// PREPARE TRANSACTION, then COMMIT PREPARED.
    PreparedCommit,
    /// PREPARE TRANSACTION, then ROLLBACK PREPARED.
    PreparedRollback,
}

/// A transaction, before anybody knows which of its statements succeed.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    /// The session's settings, set before it.
    pub(super) settings: String,
    pub(super) begin: &'static str,
    pub(super) steps: Vec<Step>,
    pub(super) end: End,
}

impl Transaction {
    /// A random one.
    pub(super) fn random(pen: &mut Pen<'_>) -> Transaction {
        let settings = if pen.seed.chance(50) {
            session::random(&mut pen.seed)
        } else {
            String::new()
        };
        if pen.seed.chance(15) {
            return Transaction {
                settings,
                begin: "",
                steps: vec![Step::Try(Statement::random(pen))],
                end: End::Single,
            };
        }
        Transaction {
            settings,
            begin: one_of(
                &mut pen.seed,
                &["BEGIN", "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ"],
            ),
            steps: steps(pen),
            end: match pen.seed.below(20) {
                0 | 1 => End::Rollback,
                2 => End::PreparedCommit,
                3 => End::PreparedRollback,
                _ => End::Commit,
            },
        }
    }
}

fn steps(pen: &mut Pen<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut open: Vec<String> = Vec::new();
    for nth in 0..2 + pen.seed.below(7) {
        match pen.seed.below(10) {
            0 | 1 => {
                let name = format!("s{nth}");
                steps.push(Step::Do(format!("SAVEPOINT {name}")));
                open.push(name);
            }
            // Any of the open ones: those within it go with it.
            2 if !open.is_empty() => {
                let at = pen.seed.below(open.len() as u64) as usize;
                steps.push(Step::Do(format!("ROLLBACK TO {}", open[at])));
                open.truncate(at + 1);
            }
            3 if !open.is_empty() => {
                let at = pen.seed.below(open.len() as u64) as usize;
                steps.push(Step::Do(format!("RELEASE {}", open[at])));
                open.truncate(at);
            }
            _ => {}
        }
        steps.push(Step::Try(Statement::random(pen)));
    }
    steps
}
