//! Bodies that are one document: plain where they are small, one zstd frame where they are not, and both
//! bounded before memory is taken for them.

use super::control::Control;
use super::encoding::Encoding;
use crate::WireError;
use crate::compress::compress;
use std::io::Read;
use zstd::stream::read::Decoder;

/// The longest body of a control message, decompressed. A writer stays below it.
pub const MAX_CONTROL_BYTES: usize = 9 << 20;
/// The longest body of a control message that is not compressed. A writer compresses far earlier.
pub const MAX_PLAIN_CONTROL_BYTES: usize = 64 << 10;

/// What is longer goes out compressed.
const COMPRESS_FROM: usize = 1 << 10;
const LEVEL: i32 = 3;
/// The largest window a frame may ask for, as a power of two: 8 MB, which no message exceeds by much.
const WINDOW_LOG_MAX: u32 = 23;

impl Control {
    /// The body of the message, and how it is packed.
    ///
    /// # Errors
    /// When definitions of tables are not JSON or too long to be sent.
    pub fn pack(&self) -> Result<(Encoding, Vec<u8>), WireError> {
        let body = self.to_json()?;
        if body.len() > MAX_CONTROL_BYTES {
            return Err(too_long(MAX_CONTROL_BYTES));
        }
        if body.len() <= COMPRESS_FROM {
            return Ok((Encoding::Identity, body));
        }
        let packed = compress(&body, LEVEL).map_err(broken)?;
        Ok((Encoding::Zstd, packed))
    }

    /// Reads a body that came with `encoding`.
    ///
    /// # Errors
    /// Those of [`Control::from_json`]; [`WireError::BodyTooLong`] and [`WireError::Decompress`].
    pub fn unpack(encoding: Encoding, body: &[u8]) -> Result<Self, WireError> {
        match encoding {
            Encoding::Identity if body.len() > MAX_PLAIN_CONTROL_BYTES => {
                Err(too_long(MAX_PLAIN_CONTROL_BYTES))
            }
            Encoding::Identity => Self::from_json(body),
            Encoding::Zstd => Self::from_json(&unpack(encoding, body, MAX_CONTROL_BYTES)?),
        }
    }
}

/// A body as it was before it was packed; at most `limit` bytes.
///
/// # Errors
/// [`WireError::BodyTooLong`] and [`WireError::Decompress`].
pub fn unpack(encoding: Encoding, body: &[u8], limit: usize) -> Result<Vec<u8>, WireError> {
    let unfolded = match encoding {
        Encoding::Identity => body.to_vec(),
        Encoding::Zstd => unfold(body, limit).map_err(broken)?,
    };
    match unfolded.len() > limit {
        true => Err(too_long(limit)),
        false => Ok(unfolded),
    }
}

/// Stops one byte behind the limit.
fn unfold(body: &[u8], limit: usize) -> std::io::Result<Vec<u8>> {
    let mut decoder = Decoder::with_buffer(body)?;
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    let mut unfolded = Vec::new();
    decoder.take(limit as u64 + 1).read_to_end(&mut unfolded)?;
    Ok(unfolded)
}

fn too_long(limit: usize) -> WireError {
    WireError::BodyTooLong {
        limit: limit as u64,
    }
}

fn broken(source: std::io::Error) -> WireError {
    WireError::Decompress { line: 1, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(bytes: usize) -> Control {
        Control::Tables {
            digest: "d".into(),
            definitions: format!("[\"{}\"]", "x".repeat(bytes)).into(),
            functions: Some(vec!["public.f".into()]),
        }
    }

    #[test]
    fn small_ones_stay_plain_and_large_ones_come_back() {
        let held = Control::TablesHeld { digest: None };
        assert_eq!(held.pack().unwrap().0, Encoding::Identity);
        for bytes in [10, 5_000, 8_000_000] {
            let (encoding, body) = tables(bytes).pack().unwrap();
            assert_eq!(encoding == Encoding::Zstd, bytes > 1_000);
            assert_eq!(Control::unpack(encoding, &body).unwrap(), tables(bytes));
        }
    }

    #[test]
    fn what_is_too_long_or_broken_is_refused() {
        assert!(matches!(
            tables(MAX_CONTROL_BYTES).pack(),
            Err(WireError::BodyTooLong { .. })
        ));
        let plain = tables(MAX_PLAIN_CONTROL_BYTES).to_json().unwrap();
        assert!(matches!(
            Control::unpack(Encoding::Identity, &plain),
            Err(WireError::BodyTooLong { .. })
        ));
        let bomb = compress(&vec![b' '; 100 << 20], 19).unwrap();
        assert!(matches!(
            Control::unpack(Encoding::Zstd, &bomb),
            Err(WireError::BodyTooLong { .. } | WireError::Decompress { .. })
        ));
        let (_, packed) = tables(5_000).pack().unwrap();
        for broken in [&b""[..], b"no frame", &packed[..packed.len() - 3]] {
            assert!(Control::unpack(Encoding::Zstd, broken).is_err());
        }
        let deep = compress(
            format!(
                r#"{{"version":1,"kind":"tables","digest":"d","definitions":{}"#,
                "[".repeat(1 << 20)
            )
            .as_bytes(),
            3,
        );
        assert!(Control::unpack(Encoding::Zstd, &deep.unwrap()).is_err());
    }
}
