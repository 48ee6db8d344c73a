//! The timestamps of all columns but those of histograms: tables in a run, each of which the groups before it use.
//!
//! Few tables share more, many small ones read faster: a series alone takes reading one of them whole.

use std::sync::Arc;

use super::checksum::FileIdentity;
use super::column::{ColumnStats, MAX_SAMPLES};
use super::group_header::{CRC_LEN, Contents, GroupHeader, HEADER_LEN, RunSeries};
use crate::codec::DecodeError;
use crate::codec::column::{
    Packer, TimesRef, TimesTable as Table, TimesTableBuilder as TableBuilder, Unpacker,
};

/// A table ends when its distinct columns have this many timestamps.
const TARGET_TIMESTAMPS: usize = 64 << 10;
/// Distinct columns of a table at most.
const MAX_COLUMNS: usize = 4 << 10;
/// Bytes of a table before compression, at most: a reader refuses more before it allocates.
const MAX_BYTES: usize = 2 << 20;

/// Bytes of a table in the file, at most.
pub(super) const MAX_STORED_BYTES: usize = HEADER_LEN + MAX_BYTES + CRC_LEN;

/// Collects the timestamps of columns to a table.
#[derive(Debug, Default)]
pub(super) struct TimesBuilder {
    table: TableBuilder,
    timestamps: usize,
    /// What is to be known of each column by the directory: its number there.
    extents: Vec<u32>,
    open: Option<GroupHeader>,
}

impl TimesBuilder {
    /// Whether the table is to end before a further column.
    pub(super) fn is_full(&self) -> bool {
        self.timestamps >= TARGET_TIMESTAMPS || self.table.columns() >= MAX_COLUMNS
    }

    /// Adds the timestamps of a column of a series, which has the unit of the others; equal ones have one number. `extent` is called for those that are
    /// new, and what it gave is given with each.
    pub(super) fn push(
        &mut self,
        series: RunSeries,
        times_ms: &[i64],
        stats: &ColumnStats,
        extent: impl FnOnce(TimesRef) -> u32,
    ) -> (TimesRef, u32) {
        let header = self
            .open
            .get_or_insert_with(|| GroupHeader::empty(Contents::Times, series));
        header.add(series.number, stats.min_ms, stats.max_ms);
        let number = self.table.push(times_ms);
        let known = self.extents.get(number.0 as usize).copied();
        let extent = known.unwrap_or_else(|| {
            let new = extent(number);
            self.extents.push(new);
            self.timestamps += times_ms.len();
            new
        });
        (number, extent)
    }

    /// Appends the table, which has this number and will stand at `offset` of the file, to `out` and starts the next.
    /// Gives its header; `None` when it holds nothing.
    pub(super) fn finish(
        &mut self,
        number: u32,
        packer: &mut Packer,
        file: FileIdentity,
        offset: u64,
        out: &mut Vec<u8>,
    ) -> std::io::Result<Option<GroupHeader>> {
        let Some(mut header) = self.open.take() else {
            return Ok(None);
        };
        self.timestamps = 0;
        self.extents.clear();
        let table = std::mem::replace(&mut self.table, TableBuilder::new());
        header.columns = table.columns() as u32;
        header.table = number;
        let mut contents = Vec::new();
        header.raw_len = table.finish(packer, &mut contents)? as u32;
        debug_assert!(header.raw_len as usize <= MAX_BYTES);
        header.push_group(&[], &contents, file, offset, out);
        Ok(Some(header))
    }
}

/// An unpacked table.
#[derive(Debug)]
pub(crate) struct TimesTable(Table);

impl TimesTable {
    /// Unpacks the contents of a table.
    pub(super) fn unpack(
        header: GroupHeader,
        contents: &[u8],
        unpacker: &mut Unpacker,
    ) -> Result<Self, DecodeError> {
        let damage = |what| DecodeError { what, at: 0 };
        let raw_len = header.raw_len as usize;
        if raw_len > MAX_BYTES {
            return Err(damage("table of timestamps is too large"));
        }
        let table = Table::open(contents, raw_len, unpacker)?;
        if table.columns() != header.columns as usize {
            return Err(damage("table has another number of columns"));
        }
        Ok(Self(table))
    }

    /// Bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// Number of columns.
    pub(super) fn columns(&self) -> usize {
        self.0.columns()
    }

    /// The timestamps of a column: rising strictly.
    pub(super) fn column(&self, column: TimesRef) -> Result<Arc<[i64]>, DecodeError> {
        let damage = |what| DecodeError {
            what,
            at: column.0 as usize,
        };
        let count = self.0.count(column).unwrap_or(0);
        if count > MAX_SAMPLES {
            return Err(damage("column of too many timestamps"));
        }
        let mut times_ms = Vec::with_capacity(count);
        self.0.decode(column, &mut times_ms)?;
        if !times_ms.is_sorted_by(|a, b| a < b) {
            return Err(damage("timestamps do not rise"));
        }
        Ok(times_ms.into())
    }
}
