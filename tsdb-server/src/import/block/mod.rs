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
