//! The directory of a run: where the column of a series is, and its times, without reading it.
//!
//! ```text
//! │ columns u32 │ groups u32 │ groups × (offset u64, length u32, length before compression u32) │ columns × record │
//! record │ series u32 │ group u32 │ start u32 │ length u32 │ samples u32 │ min i64 │ max i64 │ kind u8 │ flags u8 │ 0 u16 │
//! ```
//!
//! Records are in order of series, then of time. All have one width, so that they are searched where they are.

use super::column::ColumnStats;
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::error::Result;
use crate::io::Section;
use crate::model::Kind;

const HEADER_LEN: usize = 8;
/// Bytes of an entry of the table of groups.
const GROUP_LEN: usize = 16;
/// Bytes of the record of a column.
pub(super) const RECORD_LEN: usize = 40;

const _: () = assert!(RECORD_LEN == 5 * 4 + 2 * 8 + 4);

/// Where a column is and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ColumnRecord {
    pub(super) series: u32,
    pub(super) group: u32,
    /// First byte in the decompressed group.
    pub(super) start: u32,
    pub(super) len: u32,
    pub(super) kind: Kind,
    pub(super) stats: ColumnStats,
}

/// Where a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupPlace {
    /// First byte in the file.
    pub(super) offset: u64,
    /// Bytes in the file, header and checksum included.
    pub(super) len: u32,
    pub(super) raw_len: u32,
}

/// Collects the directory of a run being written.
#[derive(Debug, Default)]
pub(super) struct DirectoryWriter {
    groups: Vec<u8>,
    records: Vec<u8>,
}

impl DirectoryWriter {
    /// Number of the group that is added next.
    pub(super) fn next_group(&self) -> u32 {
        (self.groups.len() / GROUP_LEN) as u32
    }

    pub(super) fn push_group(&mut self, place: GroupPlace) {
        self.groups.extend(place.offset.to_le_bytes());
        self.groups.extend(place.len.to_le_bytes());
        self.groups.extend(place.raw_len.to_le_bytes());
    }

    pub(super) fn push_column(&mut self, record: &ColumnRecord) {
        let out = &mut self.records;
        for field in [
            record.series,
            record.group,
            record.start,
            record.len,
            record.stats.count,
        ] {
            out.extend(field.to_le_bytes());
        }
        out.extend(record.stats.min_ms.to_le_bytes());
        out.extend(record.stats.max_ms.to_le_bytes());
        // Flags: none is defined yet; one is to say that a column of start times follows.
        out.extend([record.kind as u8, 0, 0, 0]);
    }

    /// Appends the directory to `out`.
    pub(super) fn finish(&self, out: &mut Vec<u8>) {
        out.extend(((self.records.len() / RECORD_LEN) as u32).to_le_bytes());
        out.extend(self.next_group().to_le_bytes());
        out.extend_from_slice(&self.groups);
        out.extend_from_slice(&self.records);
    }
}

/// The directory of a run in a mapped file.
#[derive(Debug)]
pub(super) struct Directory {
    section: Section,
    columns: u32,
    groups: u32,
    /// Where the records begin.
    records_at: usize,
}

impl Directory {
    /// Opens the directory that fills `section`, whose checksum was verified.
    ///
    /// # Errors
    /// When its parts do not add up.
    pub(super) fn open(section: Section) -> Result<Self> {
        let mut cursor = Cursor::new(section.bytes());
        let mut read = || Ok::<_, DecodeError>((cursor.u32()?, cursor.u32()?));
        let (columns, groups) = read().map_err(|e| section.decode_error(0, e))?;
        let records_at = (groups as usize).saturating_mul(GROUP_LEN) + HEADER_LEN;
        let end = (columns as usize)
            .checked_mul(RECORD_LEN)
            .and_then(|len| len.checked_add(records_at));
        if end != Some(section.bytes().len()) {
            return Err(section.corrupt(0, "parts of the directory do not add up to its length"));
        }
        Ok(Self {
            section,
            columns,
            groups,
            records_at,
        })
    }

    /// Number of groups.
    pub(super) fn groups_len(&self) -> u32 {
        self.groups
    }

    /// Where a group is.
    ///
    /// # Errors
    /// When there is no such group.
    pub(super) fn group(&self, group: u32) -> Result<GroupPlace> {
        let at = HEADER_LEN.saturating_add((group as usize).saturating_mul(GROUP_LEN));
        if group >= self.groups {
            return Err(self.section.corrupt(0, "group does not exist"));
        }
        let mut cursor = Cursor::new(self.section.bytes().get(at..).unwrap_or_default());
        let mut read = || {
            Ok(GroupPlace {
                offset: cursor.u64()?,
                len: cursor.u32()?,
                raw_len: cursor.u32()?,
            })
        };
        read().map_err(|e| self.section.decode_error(at, e))
    }

    /// The columns of a series, in order of time. After an error nothing follows.
    pub(super) fn columns(&self, series: u32) -> impl Iterator<Item = Result<ColumnRecord>> {
        let mut next = Some(self.first_of(series));
        std::iter::from_fn(move || {
            let at = next?;
            next = None;
            if at >= self.columns || self.series_at(at) != Some(series) {
                return None;
            }
            let record = self.record(at);
            if record.is_ok() {
                next = at.checked_add(1);
            }
            Some(record)
        })
    }

    /// The first column that is not of an earlier series.
    fn first_of(&self, series: u32) -> u32 {
        // Where each series has one column, which is nearly everywhere, its number is the place.
        let before = series.checked_sub(1);
        let guess_is_right = self.series_at(series) == Some(series)
            && before.is_none_or(|before| self.series_at(before) == Some(before));
        if guess_is_right {
            return series;
        }
        let (mut low, mut high) = (0, self.columns);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.series_at(middle) < Some(series) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn at(&self, column: u32) -> usize {
        (column as usize)
            .saturating_mul(RECORD_LEN)
            .saturating_add(self.records_at)
    }

    fn series_at(&self, column: u32) -> Option<u32> {
        let rest = self.section.bytes().get(self.at(column)..)?;
        Some(u32::from_le_bytes(*rest.first_chunk()?))
    }

    fn record(&self, column: u32) -> Result<ColumnRecord> {
        let at = self.at(column);
        let mut cursor = Cursor::new(self.section.bytes().get(at..).unwrap_or_default());
        let c = &mut cursor;
        let mut read = || {
            let (series, group, start, len) = (c.u32()?, c.u32()?, c.u32()?, c.u32()?);
            let stats = ColumnStats {
                count: c.u32()?,
                min_ms: c.i64()?,
                max_ms: c.i64()?,
            };
            let (kind, rest) = (c.u8()?, c.bytes(3)?);
            let kind = Kind::from_u8(kind).filter(|_| rest == [0; 3]);
            Ok(ColumnRecord {
                series,
                group,
                start,
                len,
                stats,
                kind: kind.ok_or_else(|| c.error("column is of an unknown kind"))?,
            })
        };
        read().map_err(|e| self.section.decode_error(at, e))
    }
}
