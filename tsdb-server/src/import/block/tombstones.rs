//! What was deleted of a block.
//!
//! ```text
//! │ magic 0x0130BA30 <4> │ version 1 <1> │ series <uvarint> │ from <varint> │ to <varint> │ … │ CRC-32C <4> │
//! ```
//! The checksum covers what is between the version and itself; times are milliseconds, both ends are deleted.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use tsdb_core::TimeRange;

use super::cursor::Cursor;
use super::damaged;
use super::index::checked;

const MAGIC: u32 = 0x0130_BA30;
const VERSION: u8 = 1;

/// Deleted times, by series.
#[derive(Debug, Default)]
pub(super) struct Tombstones(HashMap<u64, Vec<TimeRange>>);

impl Tombstones {
    /// Reads the file; one that is not there deletes nothing.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let bytes = match std::fs::read(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            bytes => bytes?,
        };
        Self::parse(&bytes).ok_or_else(|| damaged(path, 0, "the tombstones are damaged"))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        if cursor.u32()? != MAGIC {
            return None;
        }
        if cursor.u8()? != VERSION {
            return None;
        }
        Self::parse_entries(checked(cursor.take(cursor.len())?)?)
    }

    fn parse_entries(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let mut deleted: HashMap<u64, Vec<TimeRange>> = HashMap::new();
        while !cursor.is_empty() {
            let series = cursor.uvarint()?;
            let range = TimeRange::new(cursor.varint()?, cursor.varint()?);
            deleted.entry(series).or_default().push(range);
        }
        Some(Self(deleted))
    }

    pub(super) fn is_deleted(&self, series: u64, t_ms: i64) -> bool {
        let ranges = self.0.get(&series);
        ranges.is_some_and(|ranges| ranges.iter().any(|range| range.contains(t_ms)))
    }
}

/// Without looking at the checksum, behind which no fuzzer gets.
#[cfg(fuzzing)]
pub(super) fn fuzz_parse(bytes: &[u8]) {
    let _ = Tombstones::parse_entries(bytes);
}
