//! The directory of a run: where the column of a series is, and its times, without reading it.
//!
//! Columns are numbered in order of series, then of time; a group holds columns that follow each other, so that the number
//! of a column tells its group. What is known of a column beside that is its *extent*: many columns of floats, those with
//! equal timestamps, share one. All entries of a table have one width, so that they are searched where they are. Drawn in
//! `docs/format/run.md`.

use super::column::ColumnStats;
use super::group_header::{Contents, GroupHeader};
use crate::codec::DecodeError;
use crate::codec::column::TimesRef;
use crate::codec::cursor::Cursor;
use crate::error::Result;
use crate::io::Section;

const HEADER_LEN: usize = 16;
/// Bytes of an entry of the table of groups: offset, length, length before compression, first column, table of
/// timestamps, kind, codec, two zeros.
const GROUP_LEN: usize = 8 + 4 * 4 + 4;
/// Bytes of an entry of the list of tables of timestamps: offset, length, length before compression.
const TABLE_LEN: usize = 8 + 2 * 4;
/// Bytes of an extent: first time, last time, samples, number in the table of timestamps.
const EXTENT_LEN: usize = 2 * 8 + 2 * 4;
/// Bytes of the number of an extent or a series.
const NUMBER_LEN: usize = 4;

/// Where a column is and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ColumnRecord {
    pub(super) series: u32,
    pub(super) group: u32,
    /// Which column of the group it is.
    pub(super) index: u32,
    pub(super) contents: Contents,
    pub(super) extent: ColumnExtent,
}

/// What is known of a column without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ColumnExtent {
    pub(super) stats: ColumnStats,
    /// Its timestamps in the table that its group uses; 0 where there is none.
    pub(super) times: TimesRef,
}

/// Where a group or a table of timestamps is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupPlace {
    /// First byte in the file.
    pub(super) offset: u64,
    /// Bytes in the file, header and checksum included.
    pub(super) len: u32,
    pub(super) raw_len: u32,
}

/// A group, as the directory has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupRecord {
    pub(super) place: GroupPlace,
    pub(super) first_column: u32,
    pub(super) table: u32,
    pub(super) contents: Contents,
}

/// Collects the directory of a run being written.
#[derive(Debug, Default)]
pub(super) struct DirectoryWriter {
    groups: Vec<u8>,
    tables: Vec<u8>,
    extents: Vec<u8>,
    columns: Vec<u8>,
    /// Series of each column, from the first on that is not that of its number.
    series: Vec<u32>,
    /// Columns in the groups that are closed.
    in_groups: u32,
}

impl DirectoryWriter {
    /// Number of the table of timestamps that is added next.
    pub(super) fn next_table(&self) -> u32 {
        (self.tables.len() / TABLE_LEN) as u32
    }

    /// Adds a group, which has the columns pushed since the group before.
    pub(super) fn push_group(&mut self, header: &GroupHeader, place: GroupPlace) {
        let out = &mut self.groups;
        push_place(out, place);
        out.extend(self.in_groups.to_le_bytes());
        out.extend(header.table.to_le_bytes());
        out.extend(header.contents.bytes());
        out.extend([0; 2]);
        self.in_groups += header.columns;
        debug_assert_eq!(self.in_groups as usize, self.columns.len() / NUMBER_LEN);
    }

    /// Adds a table of timestamps.
    pub(super) fn push_table(&mut self, place: GroupPlace) {
        push_place(&mut self.tables, place);
    }

    /// Adds what is known of columns and gives its number.
    pub(super) fn push_extent(&mut self, extent: &ColumnExtent) -> u32 {
        let number = (self.extents.len() / EXTENT_LEN) as u32;
        let out = &mut self.extents;
        out.extend(extent.stats.min_ms.to_le_bytes());
        out.extend(extent.stats.max_ms.to_le_bytes());
        out.extend(extent.stats.count.to_le_bytes());
        out.extend(extent.times.0.to_le_bytes());
        number
    }

    /// Adds a column of a series: after those of the series before, and after those before it in time.
    pub(super) fn push_column(&mut self, series: u32, extent: u32) {
        let number = (self.columns.len() / NUMBER_LEN) as u32;
        if number != series && self.series.is_empty() {
            self.series.extend(0..number);
        }
        if number != series || !self.series.is_empty() {
            self.series.push(series);
        }
        self.columns.extend(extent.to_le_bytes());
    }

    /// Appends the directory to `out`.
    pub(super) fn finish(&self, out: &mut Vec<u8>) {
        let len = |table: &[u8], len| ((table.len() / len) as u32).to_le_bytes();
        out.extend(len(&self.columns, NUMBER_LEN));
        out.extend(len(&self.groups, GROUP_LEN));
        out.extend(len(&self.tables, TABLE_LEN));
        out.extend(len(&self.extents, EXTENT_LEN));
        for table in [&self.groups, &self.tables, &self.extents, &self.columns] {
            out.extend_from_slice(table);
        }
        out.extend(self.series.iter().flat_map(|series| series.to_le_bytes()));
    }
}

fn push_place(out: &mut Vec<u8>, place: GroupPlace) {
    out.extend(place.offset.to_le_bytes());
    out.extend(place.len.to_le_bytes());
    out.extend(place.raw_len.to_le_bytes());
}

fn read_place(cursor: &mut Cursor<'_>) -> std::result::Result<GroupPlace, DecodeError> {
    Ok(GroupPlace {
        offset: cursor.u64()?,
        len: cursor.u32()?,
        raw_len: cursor.u32()?,
    })
}

/// The directory of a run in a mapped file.
#[derive(Debug)]
pub(super) struct Directory {
    section: Section,
    groups: Table,
    tables: Table,
    extents: Table,
    columns: Table,
    /// Of each column; without entries where column n is that of series n.
    series: Table,
}

/// Entries of one width.
#[derive(Clone, Copy, Debug)]
struct Table {
    at: usize,
    entries: u32,
    width: usize,
}

impl Table {
    fn end(&self) -> Option<usize> {
        let len = (self.entries as usize).checked_mul(self.width)?;
        self.at.checked_add(len)
    }

    /// Where an entry stands, if there is one with this number.
    fn entry(&self, number: u32) -> Option<usize> {
        let at = (number as usize).checked_mul(self.width)?;
        (number < self.entries).then_some(self.at.saturating_add(at))
    }
}

impl Directory {
    /// Opens the directory that fills `section`, whose checksum was verified.
    ///
    /// # Errors
    /// When its parts do not add up.
    pub(super) fn open(section: Section) -> Result<Self> {
        let mut cursor = Cursor::new(section.bytes());
        let mut count = || cursor.u32().map_err(|e| section.decode_error(0, e));
        let (columns, groups, tables, extents) = (count()?, count()?, count()?, count()?);
        let mut end = Some(HEADER_LEN);
        let mut table = |entries, width| {
            let at = end.unwrap_or(usize::MAX);
            let table = Table { at, entries, width };
            end = table.end();
            table
        };
        let groups = table(groups, GROUP_LEN);
        let tables = table(tables, TABLE_LEN);
        let extents = table(extents, EXTENT_LEN);
        let columns = table(columns, NUMBER_LEN);
        let mut series = table(0, NUMBER_LEN);
        if columns.end() != Some(section.bytes().len()) {
            series.entries = columns.entries;
        }
        if series.end() != Some(section.bytes().len()) {
            return Err(section.corrupt(0, "parts of the directory do not add up to its length"));
        }
        Ok(Self {
            section,
            groups,
            tables,
            extents,
            columns,
            series,
        })
    }

    /// Number of groups.
    pub(super) fn groups_len(&self) -> u32 {
        self.groups.entries
    }

    /// Number of tables of timestamps.
    pub(super) fn tables_len(&self) -> u32 {
        self.tables.entries
    }

    /// A group.
    ///
    /// # Errors
    /// When there is no such group.
    pub(super) fn group(&self, group: u32) -> Result<GroupRecord> {
        self.read(self.groups.entry(group), |c| {
            let place = read_place(c)?;
            let (first_column, table) = (c.u32()?, c.u32()?);
            let contents = Contents::from_bytes([c.u8()?, c.u8()?]);
            let contents = contents.filter(|_| c.bytes(2) == Ok(&[0; 2]));
            Ok(GroupRecord {
                place,
                first_column,
                table,
                contents: contents.ok_or_else(|| c.error("group is of an unknown kind"))?,
            })
        })
    }

    /// Where a table of timestamps is.
    ///
    /// # Errors
    /// When there is no such table.
    pub(super) fn table(&self, table: u32) -> Result<GroupPlace> {
        self.read(self.tables.entry(table), read_place)
    }

    /// The columns of a series, in order of time. After an error nothing follows.
    pub(super) fn columns(&self, series: u32) -> impl Iterator<Item = Result<ColumnRecord>> {
        let mut next = Some(self.first_of(series));
        std::iter::from_fn(move || {
            let at = next?;
            next = None;
            if at >= self.columns.entries || self.series_at(at) != Some(series) {
                return None;
            }
            let record = self.record(series, at);
            if record.is_ok() {
                next = at.checked_add(1);
            }
            Some(record)
        })
    }

    /// The columns of a group.
    ///
    /// # Errors
    /// When there is no such group.
    pub(super) fn columns_of(&self, group: u32) -> Result<std::ops::Range<u32>> {
        let first = self.group(group)?.first_column;
        let end = match group + 1 {
            next if next < self.groups.entries => self.group(next)?.first_column,
            _ => self.columns.entries,
        };
        Ok(first..end)
    }

    /// A column by its number.
    ///
    /// # Errors
    /// When there is no such column.
    pub(super) fn column(&self, column: u32) -> Result<ColumnRecord> {
        let series = self.series_at(column).unwrap_or(u32::MAX);
        self.record(series, column)
    }

    /// Number of columns.
    pub(super) fn columns_len(&self) -> u32 {
        self.columns.entries
    }

    /// Times and numbers of samples of the columns of a series, in order of time. After an error nothing follows.
    pub(super) fn stats(&self, series: u32) -> impl Iterator<Item = Result<ColumnStats>> {
        let first = self.first_of(series);
        (first..self.columns.entries)
            .take_while(move |&column| self.series_at(column) == Some(series))
            .map(|column| Ok(self.extent(column)?.stats))
    }

    /// The first column that is not of an earlier series.
    fn first_of(&self, series: u32) -> u32 {
        if self.series.entries == 0 {
            return series;
        }
        self.partition_point(self.series.entries, |column| {
            self.series_at(column) < Some(series)
        })
    }

    fn partition_point(&self, len: u32, before: impl Fn(u32) -> bool) -> u32 {
        let (mut low, mut high) = (0, len);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn series_at(&self, column: u32) -> Option<u32> {
        if self.series.entries == 0 {
            return Some(column);
        }
        self.number(self.series.entry(column)?)
    }

    fn number(&self, at: usize) -> Option<u32> {
        let rest = self.section.bytes().get(at..)?;
        Some(u32::from_le_bytes(*rest.first_chunk()?))
    }

    fn record(&self, series: u32, column: u32) -> Result<ColumnRecord> {
        const FIRST_COLUMN: usize = 16;
        let after = self.partition_point(self.groups.entries, |group| {
            let entry = self.groups.entry(group);
            entry.and_then(|at| self.number(at + FIRST_COLUMN)) <= Some(column)
        });
        let group = after.wrapping_sub(1);
        let GroupRecord {
            first_column,
            contents,
            ..
        } = self.group(group)?;
        Ok(ColumnRecord {
            series,
            group,
            index: column.wrapping_sub(first_column),
            contents,
            extent: self.extent(column)?,
        })
    }

    fn extent(&self, column: u32) -> Result<ColumnExtent> {
        let number = self.columns.entry(column).and_then(|at| self.number(at));
        let at = number.and_then(|number| self.extents.entry(number));
        self.read(at, |c| {
            let (min_ms, max_ms) = (c.i64()?, c.i64()?);
            let count = c.u32()?;
            Ok(ColumnExtent {
                stats: ColumnStats {
                    count,
                    min_ms,
                    max_ms,
                },
                times: TimesRef(c.u32()?),
            })
        })
    }

    fn read<T>(
        &self,
        at: Option<usize>,
        read: impl FnOnce(&mut Cursor<'_>) -> std::result::Result<T, DecodeError>,
    ) -> Result<T> {
        let at = at.ok_or_else(|| self.section.corrupt(0, "entry does not exist"))?;
        let mut cursor = Cursor::new(self.section.bytes().get(at..).unwrap_or_default());
        read(&mut cursor).map_err(|e| self.section.decode_error(at, e))
    }
}
