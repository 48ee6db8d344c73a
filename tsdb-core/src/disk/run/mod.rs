//! An open run: what it is and holds.

mod end;
mod open;
mod read;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::checksum::FileIdentity;
use super::directory::{ColumnRecord, Directory, GroupPlace};
use super::end_memory::EndReservation;
use super::field_group::MAX_TEXT_BYTES;
use super::group::{Group, MAX_STORED_BYTES, Unpacker};
use super::group_header::Contents;
use super::mend;
use super::meta::RunMeta;
use super::times::TimesTable;
use crate::error::{Error, Result};
use crate::index::{IndexReader, LabelBuffer};
use crate::io::ReadFile;
use crate::model::{Kind, TimeRange, TimeUnit};

pub(super) use end::read_footer;

/// A run, open for reading by any number of threads. It stays readable after its name is gone.
#[derive(Debug)]
pub(crate) struct Run {
    path: Arc<Path>,
    file: Arc<dyn ReadFile>,
    identity: FileIdentity,
    meta: RunMeta,
    index: IndexReader,
    directory: Directory,
    /// Where the groups end.
    groups_end: u64,
    /// Where the index begins, and what mends the end of the file ends.
    index_at: u64,
    /// Damaged parts of which nothing is lost: where they stand, how long they are, what is wrong.
    mended: Vec<(u64, u64, &'static str)>,
    /// Whether it was merged away or has expired.
    retired: AtomicBool,
    /// What index and directory take, if that is charged for.
    _memory: [Option<EndReservation>; 2],
}

impl Run {
    /// What the run is and holds.
    pub(crate) fn meta(&self) -> &RunMeta {
        &self.meta
    }

    /// What is wrong with parts of the file of which nothing is lost, and their lengths.
    pub(crate) fn mended(&self) -> impl Iterator<Item = (Error, u64)> {
        let damage = |(at, len, what)| (Error::corrupt(&*self.path, at, what), len);
        self.mended.iter().copied().map(damage)
    }

    /// Where what mends the end of the file stands.
    pub(super) fn mending_block(&self) -> std::ops::Range<u64> {
        self.groups_end..self.index_at
    }

    /// Reads what mends the end of the file.
    ///
    /// # Errors
    /// When it is damaged, or the file cannot be read.
    pub(super) fn check_mending_block(&self) -> Result<()> {
        let std::ops::Range { start, end } = self.mending_block();
        let damage = |what| Error::corrupt(&*self.path, start, what);
        let len = usize::try_from(end - start).map_err(|_| damage("repair block is too long"))?;
        let mut block = vec![0; len];
        self.read_at(&mut block, start)?;
        mend::check(self.identity, start, &block).map_err(damage)
    }

    /// Notes that it was merged away or has expired: only who has it already reads it.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Its file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its series.
    pub(crate) fn index(&self) -> &IndexReader {
        &self.index
    }

    /// Times of the first and last sample of a series in its unit, from the directory; `None` when it has none.
    pub(crate) fn column_range(&self, series: u32) -> Option<(i64, i64)> {
        self.directory
            .stats(series)
            .filter_map(Result::ok)
            .map(|stats| (stats.min_ms, stats.max_ms))
            .reduce(|(min_ms, _), (_, max_ms)| (min_ms, max_ms))
    }

    /// Unit of the times of a series, and those of its first and last sample; `None` when it has none. `buffer` is of use
    /// for several series in rising order.
    ///
    /// # Errors
    /// When the index is damaged.
    pub(crate) fn extent_of(
        &self,
        series: u32,
        buffer: &mut LabelBuffer,
    ) -> Result<Option<(TimeUnit, TimeRange)>> {
        let Some((min, max)) = self.column_range(series) else {
            return Ok(None);
        };
        let unit = self.index.unit_after(series, buffer)?;
        Ok(Some((unit, TimeRange::new(min, max))))
    }

    /// Number of samples of a series.
    pub(crate) fn samples_of(&self, series: u32) -> u64 {
        let columns = self.directory.stats(series).filter_map(Result::ok);
        columns.map(|stats| u64::from(stats.count)).sum()
    }

    /// What the samples of a series weigh in memory, in floats.
    pub(crate) fn weight_of(&self, series: u32) -> u64 {
        self.columns(series)
            .filter_map(Result::ok)
            .map(|column| {
                let (of_one, of_all) = match column.contents {
                    // A kilobyte: some hundred buckets.
                    Contents::Chunks(Kind::Histogram | Kind::FloatHistogram) => (64, 0),
                    Contents::Fields(Kind::String) => (3, MAX_TEXT_BYTES as u64 / 16),
                    Contents::Fields(_) => (3, 0),
                    _ => (1, 0),
                };
                u64::from(column.extent.stats.count) * of_one + of_all
            })
            .sum()
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Where the groups end.
    pub(super) fn groups_end(&self) -> u64 {
        self.groups_end
    }

    pub(super) fn columns(&self, series: u32) -> impl Iterator<Item = Result<ColumnRecord>> {
        self.directory.columns(series)
    }

    /// Reads a group from the file and verifies it.
    pub(super) fn load_group(&self, group: u32, unpacker: &mut Unpacker) -> Result<Group> {
        let record = self.directory.group(group)?;
        let damage = |what| Error::corrupt(&*self.path, record.place.offset, what);
        self.read_stored(record.place, &mut unpacker.stored)?;
        let (header, group) = unpacker
            .group(self.identity, record.place.offset)
            .map_err(|e| damage(e.what))?;
        let found = (header.raw_len, header.contents, header.table);
        if found != (record.place.raw_len, record.contents, record.table) {
            return Err(damage("group is not the one the directory names"));
        }
        Ok(group)
    }

    /// Reads a table of timestamps from the file and verifies it.
    pub(super) fn load_table(&self, table: u32, unpacker: &mut Unpacker) -> Result<TimesTable> {
        let place = self.directory.table(table)?;
        let damage = |what| Error::corrupt(&*self.path, place.offset, what);
        self.read_stored(place, &mut unpacker.stored)?;
        let (header, times) = unpacker
            .table(self.identity, place.offset)
            .map_err(|e| damage(e.what))?;
        if (header.raw_len, header.table) != (place.raw_len, table) {
            return Err(damage("table is not the one the directory names"));
        }
        Ok(times)
    }

    /// Reads the bytes of a group or a table.
    fn read_stored(&self, place: GroupPlace, stored: &mut Vec<u8>) -> Result<()> {
        let damage = |what| Error::corrupt(&*self.path, place.offset, what);
        let end = place.offset.checked_add(u64::from(place.len));
        let len = place.len as usize;
        if end.is_none_or(|end| end > self.groups_end) || len > MAX_STORED_BYTES {
            return Err(damage("group lies outside of the groups"));
        }
        stored.resize(len, 0);
        self.read_at(stored, place.offset)
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> Result<()> {
        self.file
            .read_exact_at(out, offset)
            .map_err(|e| Error::reading(&*self.path, offset, e))
    }
}
