//! What groups of floats and of fields have in common: a list of their columns in front of the values, whose timestamps stand
//! in a table of the run.

use super::checksum::FileIdentity;
use super::column::{ColumnStats, MAX_SAMPLES};
use super::column_list::ColumnListBuilder;
use super::group_header::{CRC_LEN, Contents, GroupHeader, HEADER_LEN, RunSeries};
use crate::codec::column::{Packer, TimesRef};

/// A group ends with the column that brings it to this many bytes, before compression.
pub(super) const TARGET_BYTES: usize = 32 << 10;
/// Columns of a group at most.
pub(super) const MAX_COLUMNS: usize = 4 << 10;
/// Bytes of a group before compression, at most: a reader refuses more before it allocates. The last column may be one of
/// random values with corrections, of which each takes some 20 bytes.
pub(super) const MAX_BYTES: usize = 512 << 10;

/// Bytes of a group in the file, at most: stored as it is where it does not compress.
pub(super) const MAX_STORED_BYTES: usize = HEADER_LEN + MAX_BYTES + CRC_LEN;

const _: () = assert!(TARGET_BYTES + MAX_SAMPLES * 24 + MAX_COLUMNS * 40 < MAX_BYTES);

/// Where a group is written to: its start times, packed, the table it uses, and its place in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupFrame<'a> {
    pub(super) starts: &'a [u8],
    pub(super) table: u32,
    pub(super) file: FileIdentity,
    pub(super) offset: u64,
}

/// Header and list of a group that is written; its buffers are used again.
#[derive(Debug, Default)]
pub(super) struct ListedGroup {
    list: ColumnListBuilder,
    open: Option<GroupHeader>,
    contents: Vec<u8>,
}

impl ListedGroup {
    /// What the columns hold; `None` before the first.
    pub(super) fn holds(&self) -> Option<Contents> {
        self.open.as_ref().map(|header| header.contents)
    }

    /// Number of columns.
    pub(super) fn columns(&self) -> u32 {
        self.open.map_or(0, |header| header.columns)
    }

    /// Whether it has as many columns as a group may have.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= MAX_COLUMNS
    }

    /// Adds a column, whose values are kept elsewhere.
    pub(super) fn add(
        &mut self,
        contents: Contents,
        series: RunSeries,
        stats: &ColumnStats,
        times: TimesRef,
    ) {
        let header = self
            .open
            .get_or_insert_with(|| GroupHeader::empty(contents, series));
        header.add(series.number, stats.min_ms, stats.max_ms);
        let after_first = series.number - header.first_series;
        self.list.push(after_first, stats.count, times);
    }

    /// Appends the group to `out` and starts the next. `pack` appends the values, which have `values_len` bytes before that.
    /// Gives its header; `None` when it holds nothing.
    pub(super) fn finish(
        &mut self,
        frame: GroupFrame<'_>,
        packer: &mut Packer,
        values_len: usize,
        pack: impl FnOnce(&mut Packer, &mut Vec<u8>) -> std::io::Result<()>,
        out: &mut Vec<u8>,
    ) -> std::io::Result<Option<GroupHeader>> {
        let Some(mut header) = self.open.take() else {
            return Ok(None);
        };
        self.contents.clear();
        let list_len = self.list.finish(packer, &mut self.contents)?;
        header.raw_len = (list_len + values_len) as u32;
        header.table = frame.table;
        pack(packer, &mut self.contents)?;
        header.push_group(frame.starts, &self.contents, frame.file, frame.offset, out);
        debug_assert!(header.raw_len as usize <= MAX_BYTES && self.contents.len() <= MAX_BYTES);
        Ok(Some(header))
    }
}
