//! One input becomes one zstd frame. Frames may be written one after another: the reader takes the
//! joined bytes as one body. Decompression, with its bounds, lives in [`crate::decode`].

use std::io;
use zstd::zstd_safe::CParameter;

/// The level for lines under way. Its table is made half as large, so that it fits the processor's nearest cache; matches
/// of seven bytes are looked for: with six, what comes column by column is a thirtieth smaller, and takes 7 % longer.
const FASTEST: i32 = 1;

/// Compresses `input` into one zstd frame.
///
/// # Errors
/// When zstd cannot allocate its state or does not know `level`.
pub fn compress(input: &[u8], level: i32) -> io::Result<Vec<u8>> {
    Compressor::new(level)?.compress(input)
}

/// A compression state that is kept between inputs, which saves setting it up for each.
pub struct Compressor {
    inner: zstd::bulk::Compressor<'static>,
}

impl Compressor {
    /// A state that compresses at `level`.
    ///
    /// # Errors
    /// When zstd cannot allocate its state.
    pub fn new(level: i32) -> io::Result<Self> {
        let mut inner = zstd::bulk::Compressor::new(level)?;
        if level == FASTEST {
            inner.set_parameter(CParameter::HashLog(13))?;
            inner.set_parameter(CParameter::MinMatch(7))?;
        }
        Ok(Self { inner })
    }

    /// Compresses `input` into one zstd frame of its own.
    ///
    /// # Errors
    /// When zstd fails, which it does only for want of memory.
    pub fn compress(&mut self, input: &[u8]) -> io::Result<Vec<u8>> {
        let mut frame = Vec::new();
        // An input may be gigabytes: to find no memory for it must not be the end of the process.
        frame
            .try_reserve_exact(zstd::zstd_safe::compress_bound(input.len()))
            .map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.inner.compress_to_buffer(input, &mut frame)?;
        Ok(frame)
    }
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}
