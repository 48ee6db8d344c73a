//! Blocks of Prometheus's store, as it writes them and as its snapshots hold them: an index, segments of chunks, and
//! tombstones for what was deleted.
//!
//! The format is that of <https://github.com/prometheus/prometheus/tree/main/tsdb/docs/format>, version 2 of the index
//! (Prometheus 2.3 and later). Of a block its symbols and one series are held in memory.

mod chunks;
mod cursor;
mod import;
mod index;
#[cfg(test)]
mod tests;
mod tombstones;

pub(super) use import::{find, import};

/// Any bytes are parts of a block or are not.
#[cfg(fuzzing)]
pub(crate) fn fuzz_parts(bytes: &[u8]) {
    index::fuzz_parts(bytes);
    tombstones::fuzz_parse(bytes);
}

use std::io;
use std::path::Path;

/// Bytes of a block that are not what they should be.
fn damaged(path: &Path, at: u64, what: &str) -> io::Error {
    let text = format!("{}: {what} at byte {at}", path.display());
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// CRC-32 with Castagnoli's polynomial, as all checksums of a block are.
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0u32; 256];
        let mut i = 0;
        while i < 256 {
            let mut crc = i as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = crc >> 1 ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
                bit += 1;
            }
            table[i] = crc;
            i += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, byte| {
        TABLE[(crc as u8 ^ byte) as usize] ^ crc >> 8
    })
}
