//! From a body to its lines, decompressing no further than the line that is asked for. A body that
//! unfolds beyond the limits is refused before the memory for it is taken.

use super::limits::Limits;
use crate::WireError;
use crate::message::Encoding;
use memchr::memchr;
use std::io::{self, BufRead, BufReader};
use zstd::stream::read::Decoder;

/// The largest window a zstd frame may ask for, as a power of two: what `zstd -22` uses.
const WINDOW_LOG_MAX: u32 = 27;

/// The lines of an uncompressed body, without their newlines.
pub fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    body.split(|&byte| byte == b'\n')
        .filter(move |_| !body.is_empty())
}

/// Hands out the lines of a body one at a time. The body may be bytes at hand or anything that reads
/// them piece by piece: no more of it is asked for than the next line takes.
pub struct LineReader<R: BufRead> {
    source: Source<R>,
    limits: Limits,
    line: u64,
    body_bytes: u64,
}

enum Source<R: BufRead> {
    Identity(R),
    Zstd(BufReader<Decoder<'static, R>>),
}

impl<R: BufRead> LineReader<R> {
    /// A reader of `body`; a zstd body may be several frames one after another.
    ///
    /// # Errors
    /// [`WireError::Decompress`] when zstd cannot set up its state.
    pub fn new(encoding: Encoding, body: R, limits: Limits) -> Result<Self, WireError> {
        let source = match encoding {
            Encoding::Identity => Source::Identity(body),
            Encoding::Zstd => {
                decoder(body).map_err(|source| WireError::Decompress { line: 1, source })?
            }
        };
        Ok(Self {
            source,
            limits,
            line: 0,
            body_bytes: 0,
        })
    }

    /// Replaces the content of `buffer` with the next line, without its newline; false at the end.
    ///
    /// # Errors
    /// When the body cannot be read or decompressed, is longer than the limits, or finds no memory; the
    /// reader is then done for.
    pub fn next_line(&mut self, buffer: &mut Vec<u8>) -> Result<bool, WireError> {
        buffer.clear();
        self.line += 1;
        loop {
            let filled = match &mut self.source {
                Source::Identity(reader) => reader.fill_buf(),
                Source::Zstd(reader) => reader.fill_buf(),
            };
            let available = filled.map_err(|source| WireError::Decompress {
                line: self.line,
                source,
            })?;
            if available.is_empty() {
                return Ok(!buffer.is_empty());
            }
            let newline = memchr(b'\n', available);
            let piece = available
                .get(..newline.unwrap_or(available.len()))
                .unwrap_or(available);
            let used = piece.len() + usize::from(newline.is_some());
            if piece.len() > self.limits.max_line_bytes.saturating_sub(buffer.len()) {
                return Err(WireError::LineTooLong {
                    line: self.line,
                    limit: self.limits.max_line_bytes,
                });
            }
            self.body_bytes = self.body_bytes.saturating_add(used as u64);
            if self.body_bytes > self.limits.max_body_bytes {
                return Err(WireError::BodyTooLong {
                    limit: self.limits.max_body_bytes,
                });
            }
            // A line may be a gigabyte: to find no memory for it must not be the end of the process.
            buffer
                .try_reserve(piece.len())
                .map_err(|_| WireError::NoMemory { line: self.line })?;
            buffer.extend_from_slice(piece);
            self.source.consume(used);
            if newline.is_some() {
                return Ok(true);
            }
        }
    }

    /// The number of the line that was handed out last, from 1: for [`WireError::on_line`].
    pub fn line_number(&self) -> u64 {
        self.line
    }
}

fn decoder<R: BufRead>(body: R) -> io::Result<Source<R>> {
    let mut decoder = Decoder::with_buffer(body)?;
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    Ok(Source::Zstd(BufReader::with_capacity(128 << 10, decoder)))
}

impl<R: BufRead> Source<R> {
    fn consume(&mut self, used: usize) {
        match self {
            Source::Identity(reader) => reader.consume(used),
            Source::Zstd(reader) => reader.consume(used),
        }
    }
}

impl<R: BufRead> std::fmt::Debug for LineReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineReader")
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}
