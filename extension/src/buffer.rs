//! The changes of the running transaction that are not written yet.
//!
//! One frame per subtransaction that captured something. A committed subtransaction's frame joins
//! its parent's, a rolled-back one is dropped. When the buffer is written out early from inside a
//! subtransaction, what the outer frames held is written with it, and so would be lost if that
//! subtransaction rolled back: it is kept aside until then.
//!
//! What is applied from another office comes as whole transactions, each of which becomes a line of its
//! own: the lines that are complete stand before the groups of the open one.
//!
//! Pure: knows nothing of PostgreSQL. Content is the wire format's groups, joined by commas.

use crate::addressed;
use officesync_wire::encode;

/// Distinguishes groups: changes with the same id follow each other in one group.
pub(crate) type GroupId = u64;

/// A buffer that grew beyond this, for a huge row, is not kept.
const KEPT_BYTES: usize = 2 << 20;

/// The pending changes, outermost frame first.
#[derive(Default)]
pub(crate) struct Buffer {
    frames: Vec<Frame>,
    /// How many chunks the transaction has written.
    chunks: i32,
    /// How many of them belong to the line that is open.
    line_chunks: i32,
    /// Bytes in all frames.
    pending: usize,
    /// Written buffers, kept for reuse.
    spare: Vec<u8>,
}

#[derive(Default)]
struct Frame {
    level: i32,
    groups: Vec<u8>,
    /// Where in `groups` the lines that are complete end.
    closed: usize,
    changes: i32,
    open: Option<GroupId>,
    /// What to go back to when this subtransaction rolls back.
    chunks_before: i32,
    line_chunks_before: i32,
    /// What this subtransaction wrote on behalf of outer frames, outermost first.
    lent: Vec<Lent>,
}

struct Lent {
    level: i32,
    groups: Vec<u8>,
    closed: usize,
    changes: i32,
}

/// One row that is not in a buffer yet.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) id: GroupId,
    pub(crate) header: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
}

/// What goes into one chunk.
pub(crate) struct Chunk {
    pub(crate) number: i32,
    /// Its number within the line that is open.
    pub(crate) line_number: i32,
    pub(crate) groups: Vec<u8>,
    /// Where in `groups` the lines that are complete end.
    pub(crate) closed: usize,
    pub(crate) changes: i32,
}

impl Buffer {
    pub(crate) fn is_empty(&self) -> bool {
        self.pending == 0
    }

    /// Whether nothing was captured in this transaction so far, written or not.
    pub(crate) fn is_untouched(&self) -> bool {
        self.is_empty() && self.chunks == 0
    }

    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending
    }

    /// Appends a row to the group `id` in the subtransaction `level`. `write` appends the row.
    #[inline]
    pub(crate) fn row(
        &mut self,
        level: i32,
        id: GroupId,
        header: &[u8],
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let frame = self.frame(level);
        let before = frame.groups.len();
        if frame.open == Some(id) {
            frame.groups.push(encode::SEPARATOR);
        } else {
            frame.close_group();
            frame.separate();
            frame.groups.extend_from_slice(header);
            frame.open = Some(id);
        }
        write(&mut frame.groups);
        frame.changes += 1;
        self.pending += frame.groups.len() - before;
    }

    /// Appends a row that was kept.
    pub(crate) fn append(&mut self, level: i32, row: &Row) {
        self.row(level, row.id, &row.header, |out| {
            out.extend_from_slice(&row.bytes);
        });
    }

    /// Appends a group that is whole in itself.
    pub(crate) fn group(&mut self, level: i32, write: impl FnOnce(&mut Vec<u8>)) {
        let frame = self.frame(level);
        let before = frame.groups.len();
        frame.close_group();
        frame.separate();
        write(&mut frame.groups);
        frame.changes += 1;
        self.pending += frame.groups.len() - before;
    }

    /// The transaction whose changes came last, in the subtransaction `level`, is complete: a line that
    /// begins with what `start` gives for its chunk's number, and whether that is the last. One without changes
    /// leaves no line, unless chunks of it are written; where some changes are for one office only, it is several.
    pub(crate) fn end_line(&mut self, level: i32, start: impl Fn(i32, bool) -> Vec<u8>) {
        let number = core::mem::take(&mut self.line_chunks);
        let frame = self.frame(level);
        let before = frame.groups.len();
        frame.close_group();
        if number == 0 && frame.groups.len() == frame.closed {
            return;
        }
        if addressed::is_any(&frame.groups[frame.closed..]) {
            let open = frame.groups.split_off(frame.closed);
            let chunks = addressed::chunks(&open, number, true, start);
            frame.groups.append(&mut addressed::marked(chunks));
        } else {
            insert_at(&mut frame.groups, frame.closed, &start(number, true));
            encode::line_end(&mut frame.groups);
        }
        frame.closed = frame.groups.len();
        self.pending += frame.closed - before;
    }

    #[inline]
    fn frame(&mut self, level: i32) -> &mut Frame {
        let frames = &mut self.frames;
        if frames.last().is_some_and(|top| top.level == level) {
            let top = frames.len() - 1;
            return &mut frames[top];
        }
        // Usually the innermost; what was held back may belong to one further out.
        let at = frames.partition_point(|frame| frame.level < level);
        if frames.get(at).is_none_or(|frame| frame.level != level) {
            let frame = Frame {
                level,
                groups: core::mem::take(&mut self.spare),
                chunks_before: frames
                    .get(at)
                    .map_or(self.chunks, |inner| inner.chunks_before),
                line_chunks_before: frames
                    .get(at)
                    .map_or(self.line_chunks, |inner| inner.line_chunks_before),
                ..Frame::default()
            };
            frames.insert(at, frame);
        }
        &mut frames[at]
    }

    /// Takes everything pending as the next chunk, from inside the subtransaction `level`.
    pub(crate) fn take(&mut self, level: i32) -> Chunk {
        // The writer's own frame must exist, to remember what it wrote for the others.
        self.frame(level);
        let mut groups = Vec::new();
        let mut closed = 0;
        let mut changes = 0;
        let mut lent = Vec::new();
        for frame in &mut self.frames {
            frame.close_group();
            if frame.groups.is_empty() {
                continue;
            }
            changes += frame.changes;
            let content = core::mem::take(&mut frame.groups);
            let frame_changes = core::mem::take(&mut frame.changes);
            let frame_closed = core::mem::take(&mut frame.closed);
            if frame.level < level {
                closed = append_groups(&mut groups, closed, &content, frame_closed);
                lent.push(Lent {
                    level: frame.level,
                    groups: content,
                    closed: frame_closed,
                    changes: frame_changes,
                });
            } else if groups.is_empty() {
                (groups, closed) = (content, frame_closed);
            } else {
                closed = append_groups(&mut groups, closed, &content, frame_closed);
            }
        }
        if let Some(writer) = self.frames.last_mut() {
            writer.lent.append(&mut lent);
        }
        let (number, line_number) = (self.chunks, self.line_chunks);
        self.chunks += 1;
        if groups.len() > closed {
            self.line_chunks += 1;
        }
        self.pending = 0;
        Chunk {
            number,
            line_number,
            groups,
            closed,
            changes,
        }
    }

    /// What was taken last was written as so many chunks more, and so many more of the open line.
    pub(crate) fn written_as(&mut self, more_chunks: i32, more_of_line: i32) {
        self.chunks += more_chunks;
        self.line_chunks += more_of_line;
    }

    /// Gives a written chunk's memory back for reuse.
    pub(crate) fn recycle(&mut self, mut groups: Vec<u8>) {
        groups.clear();
        let worth = self.spare.capacity()..=KEPT_BYTES;
        if worth.contains(&groups.capacity()) {
            self.spare = groups;
        }
    }

    /// The subtransaction `level` committed: its changes are its parent's now.
    pub(crate) fn commit_level(&mut self, level: i32) {
        let Some(mut frame) = self.frames.pop_if(|top| top.level == level) else {
            return;
        };
        let parent_level = level - 1;
        let before = frame.groups.len();
        frame.close_group();
        frame.lent.retain(|lent| lent.level < parent_level);
        match self.frames.last_mut() {
            Some(parent) if parent.level == parent_level => {
                let before = before + parent.groups.len();
                parent.close_group();
                let (groups, closed) = (&frame.groups, frame.closed);
                parent.closed = append_groups(&mut parent.groups, parent.closed, groups, closed);
                self.pending += parent.groups.len() - before;
                parent.changes += frame.changes;
                parent.lent.append(&mut frame.lent);
                self.recycle(frame.groups);
            }
            _ => {
                self.pending += frame.groups.len() - before;
                frame.level = parent_level;
                self.frames.push(frame);
            }
        }
    }

    /// The subtransaction `level` rolled back: its changes never were.
    pub(crate) fn abort_level(&mut self, level: i32) {
        let Some(frame) = self.frames.pop_if(|top| top.level == level) else {
            return;
        };
        self.chunks = frame.chunks_before;
        self.line_chunks = frame.line_chunks_before;
        // Each goes before what came to its owner later.
        for mut lent in frame.lent.into_iter().rev() {
            if let Some(owner) = self
                .frames
                .iter_mut()
                .find(|owner| owner.level == lent.level)
            {
                owner.close_group();
                if !owner.groups.is_empty() {
                    let (later, closed) = (&owner.groups, owner.closed);
                    lent.closed = append_groups(&mut lent.groups, lent.closed, later, closed);
                }
                owner.groups = lent.groups;
                owner.closed = lent.closed;
                owner.changes += lent.changes;
                owner.open = None;
            }
        }
        self.pending = self.frames.iter().map(|frame| frame.groups.len()).sum();
        self.recycle(frame.groups);
    }

    /// The transaction is over.
    pub(crate) fn clear(&mut self) {
        if let Some(frame) = std::mem::take(&mut self.frames).into_iter().next() {
            self.recycle(frame.groups);
        }
        self.chunks = 0;
        self.line_chunks = 0;
        self.pending = 0;
    }
}

impl Frame {
    /// What follows is one more group of the open line.
    #[inline]
    fn separate(&mut self) {
        if self.groups.len() > self.closed {
            self.groups.push(encode::SEPARATOR);
        }
    }

    fn close_group(&mut self) {
        if self.open.take().is_some() {
            self.groups.extend_from_slice(encode::GROUP_END);
        }
    }
}

/// Moves what stands from `at` on back, and puts `head` before it.
pub(crate) fn insert_at(bytes: &mut Vec<u8>, at: usize, head: &[u8]) {
    let end = bytes.len();
    bytes.extend_from_slice(head);
    bytes.copy_within(at..end, at + head.len());
    bytes[at..at + head.len()].copy_from_slice(head);
}

/// Appends groups, and lines that are complete, to others; tells where the complete ones end then.
fn append_groups(to: &mut Vec<u8>, closed: usize, groups: &[u8], groups_closed: usize) -> usize {
    if to.len() > closed && !groups.is_empty() {
        to.push(encode::SEPARATOR);
    }
    let start = to.len();
    to.extend_from_slice(groups);
    match groups_closed {
        0 => closed,
        more => start + more,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(buffer: &mut Buffer, level: i32, id: GroupId, text: &str) {
        buffer.row(level, id, format!("<{id}:").as_bytes(), |out| {
            out.extend_from_slice(text.as_bytes())
        });
    }

    fn taken(buffer: &mut Buffer, level: i32) -> (i32, String, i32) {
        let chunk = buffer.take(level);
        (
            chunk.number,
            String::from_utf8_lossy(&chunk.groups).into_owned(),
            chunk.changes,
        )
    }

    #[test]
    fn rows_of_one_group_share_its_header() {
        let mut buffer = Buffer::default();
        row(&mut buffer, 1, 7, "a");
        row(&mut buffer, 1, 7, "b");
        row(&mut buffer, 1, 8, "c");
        assert_eq!(taken(&mut buffer, 1), (0, "<7:a,b]},<8:c]}".into(), 3));
        assert!(buffer.is_empty() && !buffer.is_untouched());
    }

    fn end(buffer: &mut Buffer, level: i32) {
        buffer.end_line(level, |number, _| format!("{{{number}[").into_bytes());
    }

    #[test]
    fn each_transaction_that_is_applied_becomes_a_line() {
        let mut buffer = Buffer::default();
        row(&mut buffer, 2, 7, "a");
        end(&mut buffer, 2);
        end(&mut buffer, 2);
        row(&mut buffer, 2, 7, "b");
        row(&mut buffer, 3, 7, "c");
        buffer.commit_level(3);
        end(&mut buffer, 2);
        row(&mut buffer, 2, 7, "d");
        buffer.commit_level(2);
        let pending = buffer.pending_bytes();
        let chunk = buffer.take(1);
        let text = String::from_utf8_lossy(&chunk.groups).into_owned();
        assert_eq!(text, "{0[<7:a]}]}\n{0[<7:b]},<7:c]}]}\n<7:d]}");
        assert_eq!(text[chunk.closed..], *"<7:d]}");
        assert_eq!(pending, text.len());
    }

    #[test]
    fn a_line_written_in_chunks_is_numbered_by_itself() {
        let mut buffer = Buffer::default();
        row(&mut buffer, 1, 7, "a");
        end(&mut buffer, 1);
        row(&mut buffer, 1, 7, "b");
        let first = buffer.take(1);
        assert_eq!((first.number, first.line_number), (0, 0));
        end(&mut buffer, 1);
        row(&mut buffer, 1, 7, "c");
        let second = buffer.take(1);
        assert_eq!((second.number, second.line_number), (1, 0));
        assert_eq!(second.groups, b"{1[]}\n<7:c]}");
    }

    #[test]
    fn a_rolled_back_savepoint_leaves_nothing() {
        let mut buffer = Buffer::default();
        row(&mut buffer, 1, 7, "a");
        row(&mut buffer, 2, 7, "b");
        buffer.abort_level(2);
        row(&mut buffer, 1, 7, "c");
        assert_eq!(taken(&mut buffer, 1), (0, "<7:a,c]}".into(), 2));
    }

    #[test]
    fn a_released_savepoint_joins_its_parent() {
        let mut buffer = Buffer::default();
        row(&mut buffer, 1, 7, "a");
        row(&mut buffer, 2, 7, "b");
        buffer.commit_level(2);
        row(&mut buffer, 3, 7, "c");
        buffer.commit_level(3);
        buffer.abort_level(2);
        row(&mut buffer, 1, 7, "d");
        assert_eq!(taken(&mut buffer, 1), (0, "<7:a]},<7:b]},<7:d]}".into(), 3));
    }

    #[test]
    fn what_a_rolled_back_savepoint_wrote_for_others_comes_back() {
        let mut buffer = Buffer::default();
        row(&mut buffer, 1, 7, "a");
        row(&mut buffer, 2, 7, "b");
        assert_eq!(taken(&mut buffer, 2), (0, "<7:a]},<7:b]}".into(), 2));
        row(&mut buffer, 2, 7, "c");
        buffer.abort_level(2);
        row(&mut buffer, 1, 8, "d");
        assert_eq!(taken(&mut buffer, 1), (0, "<7:a]},<8:d]}".into(), 2));
    }

    #[test]
    fn what_came_to_others_since_stays_behind_it() {
        let mut buffer = Buffer::default();
        row(&mut buffer, 1, 7, "a");
        row(&mut buffer, 2, 7, "b");
        assert_eq!(taken(&mut buffer, 2).2, 2);
        row(&mut buffer, 1, 7, "c");
        row(&mut buffer, 2, 7, "d");
        assert_eq!(taken(&mut buffer, 2).2, 2);
        row(&mut buffer, 1, 8, "e");
        buffer.abort_level(2);
        row(&mut buffer, 1, 8, "f");
        assert_eq!(
            taken(&mut buffer, 1),
            (0, "<7:a]},<7:c]},<8:e]},<8:f]}".into(), 4)
        );
    }

    #[test]
    fn what_a_released_savepoint_wrote_for_others_stays_written() {
        let mut buffer = Buffer::default();
        row(&mut buffer, 1, 7, "a");
        row(&mut buffer, 2, 7, "b");
        row(&mut buffer, 3, 7, "c");
        assert_eq!(taken(&mut buffer, 3).2, 3);
        buffer.commit_level(3);
        row(&mut buffer, 2, 7, "d");
        buffer.abort_level(2);
        // Level 2 rolled back: its own rows are gone, level 1's came back.
        assert_eq!(taken(&mut buffer, 1), (0, "<7:a]}".into(), 1));
    }

    #[test]
    fn what_was_held_back_goes_to_its_own_subtransaction() {
        let mut buffer = Buffer::default();
        row(&mut buffer, 3, 7, "c");
        row(&mut buffer, 1, 7, "a");
        row(&mut buffer, 3, 7, "d");
        buffer.abort_level(3);
        assert_eq!(taken(&mut buffer, 1), (0, "<7:a]}".into(), 1));
    }

    #[test]
    fn chunk_numbers_run_on_and_start_again() {
        let mut buffer = Buffer::default();
        row(&mut buffer, 1, 7, "a");
        assert_eq!(taken(&mut buffer, 1).0, 0);
        row(&mut buffer, 1, 7, "b");
        assert_eq!(taken(&mut buffer, 1).0, 1);
        buffer.clear();
        row(&mut buffer, 1, 7, "c");
        assert_eq!(taken(&mut buffer, 1).0, 0);
    }
}
