//! Changes in the order in which they were made, also where triggers nest.
//!
//! PostgreSQL fires a statement's AFTER ROW triggers when the whole statement is done. A statement
//! that runs inside one of these triggers (or inside a BEFORE trigger, or a function the statement
//! calls) fires its own first. So a change may be captured before the one that made the row version
//! it changes. What is put right here, per open statement:
//!
//! * While the AFTER triggers of a statement fire, all its rows are written: changes that nested
//!   statements make to the same table are held until all of its own are captured.
//! * While its rows are still being written, a nested change of a row version that it has written is
//!   held until that one is captured.
//!
//! Changes of different tables need no order among them: they are applied without foreign keys and
//! user triggers. Pure: knows statements, tables and row versions by number only.

use std::collections::HashMap;

/// A statement that is running, by an address that is its own.
pub(crate) type StatementId = usize;

/// A place in a table where a row version lies: the table's (partition's) OID, block and offset.
pub(crate) type Version = (u32, u64);

/// What is known of a change.
pub(crate) struct Change<T> {
    /// The tracked table; for a partition the one it belongs to.
    pub(crate) table: u32,
    /// The subtransaction that made it.
    pub(crate) level: i32,
    /// The row version it replaced.
    pub(crate) old: Option<Version>,
    /// The command that wrote this version, if this transaction did.
    pub(crate) old_command: Option<u32>,
    /// The row version it wrote.
    pub(crate) new: Option<Version>,
    pub(crate) content: T,
}

/// The statements that are running, outermost first, and what they hold back.
pub(crate) struct Statements<T> {
    open: Vec<Statement<T>>,
}

struct Statement<T> {
    id: StatementId,
    level: i32,
    /// The commands whose changes fire their triggers with this statement's.
    commands: Vec<u32>,
    /// Whether all rows are written and the AFTER triggers fire.
    finishing: bool,
    /// The tables of which it has had changes captured.
    tables: Vec<u32>,
    /// To be let go when it ends.
    held: Vec<Change<T>>,
    /// To be let go when the change that wrote this version is captured.
    waiting: HashMap<Version, Vec<Change<T>>>,
}

impl<T> Default for Statements<T> {
    fn default() -> Self {
        Self { open: Vec::new() }
    }
}

impl<T> Statements<T> {
    /// A statement begins to write rows, as `command`, in subtransaction `level`.
    pub(crate) fn begin(&mut self, id: StatementId, level: i32, command: u32) {
        if self.open.last().is_some_and(|top| top.id == id) {
            return;
        }
        self.open.push(Statement {
            id,
            level,
            commands: vec![command],
            finishing: false,
            tables: Vec::new(),
            held: Vec::new(),
            waiting: HashMap::new(),
        });
    }

    /// A command whose triggers fire with those of the running statement (a foreign key's action).
    pub(crate) fn join(&mut self, command: u32) {
        if let Some(top) = self.open.last_mut() {
            top.commands.push(command);
        }
    }

    /// The rows of the statement are written.
    pub(crate) fn finishing(&mut self, id: StatementId) {
        if let Some(statement) = self.open.iter_mut().rev().find(|open| open.id == id) {
            statement.finishing = true;
        }
    }

    /// The statement is over, and with it any that began after it: returns what can go now.
    pub(crate) fn end(&mut self, id: StatementId) -> Vec<Change<T>> {
        match self.open.iter().rposition(|open| open.id == id) {
            Some(at) => self.close_from(at),
            None => Vec::new(),
        }
    }

    /// Ends whatever is still open.
    pub(crate) fn end_all(&mut self) -> Vec<Change<T>> {
        self.close_from(0)
    }

    fn close_from(&mut self, at: usize) -> Vec<Change<T>> {
        let mut free = Vec::new();
        while self.open.len() > at {
            let Some(ended) = self.open.pop() else { break };
            // Nothing waits any more, unless what it waits for was never captured (the table was
            // tracked in between).
            let outer = self.open.len();
            let waited = ended.waiting.into_values().flatten();
            for change in ended.held.into_iter().chain(waited) {
                self.place(change, outer, &mut free);
            }
        }
        free
    }

    /// Whether no statement is known to be running.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Notes a change of `table` by the innermost statement; true when nothing can be in its way,
    /// so that it need not be [`Statements::capture`]d.
    #[inline]
    pub(crate) fn is_plain(&mut self, table: u32) -> bool {
        let Some(top) = self.open.last_mut() else {
            return true;
        };
        top.finishing = true;
        if top.tables.last() != Some(&table) {
            top.tables.push(table);
        }
        let waited_for = !top.waiting.is_empty();
        self.open.len() == 1 && !waited_for
    }

    /// A change of the innermost statement: returns what can go now, in order.
    pub(crate) fn capture(&mut self, change: Change<T>) -> Vec<Change<T>> {
        let mut free = Vec::new();
        let outer = self.open.len().saturating_sub(1);
        let new = change.new;
        self.place(change, outer, &mut free);
        let waited = new.and_then(|new| self.open.last_mut()?.waiting.remove(&new));
        for change in waited.into_iter().flatten() {
            self.place(change, outer, &mut free);
        }
        free
    }

    /// Gives `change` to the nearest of the `outer` statements that has to hold it, else to `free`.
    fn place(&mut self, change: Change<T>, outer: usize, free: &mut Vec<Change<T>>) {
        for statement in self.open.iter_mut().take(outer).rev() {
            let of_its_rows = change
                .old_command
                .is_some_and(|command| statement.commands.contains(&command));
            if statement.finishing && (of_its_rows || statement.tables.contains(&change.table)) {
                return statement.held.push(change);
            }
            let Some(old) = change.old else { continue };
            if of_its_rows {
                return statement.waiting.entry(old).or_default().push(change);
            }
            // A version that a waiting change wrote.
            let mut waiting = statement.waiting.values_mut();
            if let Some(chain) = waiting.find(|chain| chain.iter().any(|w| w.new == Some(old))) {
                return chain.push(change);
            }
        }
        free.push(change);
    }

    /// The subtransaction `level` committed: its changes are its parent's now.
    pub(crate) fn commit_level(&mut self, level: i32) {
        for statement in &mut self.open {
            statement.level = statement.level.min(level - 1);
            let waiting = statement.waiting.values_mut().flatten();
            for change in statement.held.iter_mut().chain(waiting) {
                change.level = change.level.min(level - 1);
            }
        }
    }

    /// The subtransaction `level` rolled back: its statements and changes never were.
    pub(crate) fn abort_level(&mut self, level: i32) {
        self.open.retain(|statement| statement.level < level);
        for statement in &mut self.open {
            statement.held.retain(|change| change.level < level);
            statement.waiting.retain(|_, changes| {
                changes.retain(|change| change.level < level);
                !changes.is_empty()
            });
        }
    }

    /// The transaction is over.
    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: u32 = 1;
    const LOG: u32 = 2;

    fn insert(name: &'static str, new: u64) -> Change<&'static str> {
        Change {
            table: TABLE,
            level: 1,
            old: None,
            old_command: None,
            new: Some((TABLE, new)),
            content: name,
        }
    }

    fn update(name: &'static str, old: u64, command: u32, new: u64) -> Change<&'static str> {
        Change {
            old: Some((TABLE, old)),
            old_command: Some(command),
            ..insert(name, new)
        }
    }

    /// Captures as the trigger does.
    fn capture(statements: &mut Statements<&'static str>, change: Change<&'static str>) -> String {
        if statements.is_plain(change.table) {
            return change.content.into();
        }
        names(statements.capture(change))
    }

    fn names(changes: Vec<Change<&'static str>>) -> String {
        let names: Vec<_> = changes.into_iter().map(|change| change.content).collect();
        names.join(" ")
    }

    #[test]
    fn an_after_trigger_updates_another_new_row() {
        let mut all = Statements::default();
        all.begin(10, 1, 0);
        all.finishing(10);
        assert_eq!(capture(&mut all, insert("row 1", 1)), "row 1");
        all.begin(20, 1, 1);
        all.finishing(20);
        assert_eq!(capture(&mut all, update("update of row 2", 2, 0, 3)), "");
        assert_eq!(names(all.end(20)), "");
        assert_eq!(capture(&mut all, insert("row 2", 2)), "row 2");
        assert_eq!(names(all.end(10)), "update of row 2");
    }

    #[test]
    fn an_after_trigger_writes_a_log() {
        let mut all = Statements::default();
        all.begin(10, 1, 0);
        assert_eq!(capture(&mut all, insert("row 1", 1)), "row 1");
        all.begin(20, 1, 1);
        let log = Change {
            table: LOG,
            ..insert("log", 1)
        };
        assert_eq!(capture(&mut all, log), "log", "another table is not held");
    }

    #[test]
    fn a_before_trigger_updates_an_earlier_row_of_its_statement() {
        let mut all = Statements::default();
        all.begin(10, 1, 0);
        // Row 1 is written; the BEFORE trigger of row 2 updates it, twice.
        for (id, update) in [
            (20, update("first", 1, 0, 3)),
            (30, update("second", 3, 1, 4)),
        ] {
            all.begin(id, 1, id as u32 / 10 - 1);
            assert_eq!(capture(&mut all, update), "");
            assert_eq!(names(all.end(id)), "");
        }
        all.finishing(10);
        assert_eq!(capture(&mut all, insert("row 1", 1)), "row 1 first second");
        assert_eq!(capture(&mut all, insert("row 2", 2)), "row 2");
        assert_eq!(names(all.end(10)), "");
    }

    #[test]
    fn a_before_trigger_deletes_an_older_row_with_the_same_key() {
        let mut all = Statements::default();
        all.begin(10, 1, 0);
        all.begin(20, 1, 1);
        let delete = Change {
            old: Some((TABLE, 7)),
            new: None,
            ..insert("delete", 0)
        };
        assert_eq!(capture(&mut all, delete), "delete");
        all.end(20);
        assert_eq!(capture(&mut all, insert("row", 1)), "row");
    }

    #[test]
    fn three_statements_deep() {
        let mut all = Statements::default();
        all.begin(10, 1, 0);
        assert_eq!(capture(&mut all, insert("1", 1)), "1");
        all.begin(20, 1, 1);
        assert_eq!(capture(&mut all, insert("2", 2)), "");
        all.begin(30, 1, 2);
        assert_eq!(capture(&mut all, insert("4", 4)), "");
        assert_eq!(names(all.end(30)), "");
        assert_eq!(capture(&mut all, insert("3", 3)), "");
        assert_eq!(names(all.end(20)), "");
        assert_eq!(names(all.end(10)), "2 3 4");
    }

    #[test]
    fn the_action_of_a_foreign_key_belongs_to_its_statement() {
        let mut all = Statements::default();
        all.begin(10, 1, 0);
        assert_eq!(capture(&mut all, insert("parent", 1)), "parent");
        all.join(5);
        all.begin(20, 1, 6);
        let of_child = Change {
            table: LOG,
            ..update("child again", 2, 5, 3)
        };
        assert_eq!(capture(&mut all, of_child), "");
        all.end(20);
        let child = Change {
            table: LOG,
            ..update("child", 1, 9, 2)
        };
        assert_eq!(capture(&mut all, child), "child");
        assert_eq!(names(all.end(10)), "child again");
    }

    #[test]
    fn what_is_rolled_back_is_not_held() {
        let mut all = Statements::default();
        all.begin(10, 1, 0);
        assert_eq!(capture(&mut all, insert("1", 1)), "1");
        all.begin(20, 2, 1);
        let nested = Change {
            level: 2,
            ..insert("2", 2)
        };
        assert_eq!(capture(&mut all, nested), "");
        all.abort_level(2);
        all.begin(30, 2, 2);
        let nested = Change {
            level: 2,
            ..insert("3", 3)
        };
        assert_eq!(capture(&mut all, nested), "");
        all.end(30);
        all.commit_level(2);
        assert_eq!(names(all.end(10)), "3");
        assert!(all.is_empty());
    }
}
