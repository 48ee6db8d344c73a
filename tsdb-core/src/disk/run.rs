//! An open run.

use std::path::Path;
use std::sync::Arc;

use super::cache::GroupCache;
use super::checksum::FileIdentity;
use super::chunk_group::ChunkGroup;
use super::column::{self, ColumnStats};
use super::column_list::ColumnList;
use super::directory::{ColumnExtent, ColumnRecord, Directory, GroupPlace};
use super::field_group::MAX_TEXT_BYTES;
use super::footer::{self, FORMAT_VERSION, Footer, Refusal, RunMeta};
use super::group::{Group, GroupColumns, MAX_STORED_BYTES, Unpacker};
use super::group_header::Contents;
use super::loader::Loader;
use super::mend;
use super::name::RunName;
use super::section;
use super::times::TimesTable;
use crate::codec::StoreIdentity;
use crate::codec::column::TimesRef;
use crate::error::{Error, Result};
use crate::index::{IndexReader, LabelBuffer};
use crate::io::{Fs, Mapped, ReadFile};
use crate::model::{Columns, Kind, LastSample, TimeRange, TimeUnit};

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
}

impl Run {
    /// Opens a run and verifies everything but its groups. Allocates nothing per series. A damaged header does no harm, since
    /// the footer says the same, and the end of the file is mended where that can be done.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for damage and for a file of another store; [`Error::UnsupportedFormat`]; those of the
    /// file system.
    pub(crate) fn open(fs: &dyn Fs, path: &Path, identity: StoreIdentity) -> Result<Arc<Self>> {
        let (name, _) = RunName::parse(path)
            .ok_or_else(|| Error::corrupt(path, 0, "name is not that of a run"))?;
        let io = |op| move |e| Error::io(op, path, e);
        let map = fs.map(path).map_err(io("map"))?;
        let file = fs.open_read(path).map_err(io("open"))?;
        let path: Arc<Path> = path.into();
        let checksums = FileIdentity {
            store_id: identity.id,
            file_id: name.file_id,
        };
        let mut mended = Vec::new();
        match footer::check_header(&map, checksums) {
            Ok(()) => {}
            Err(Refusal::Damage(at, what)) => mended.push((at, footer::HEADER_LEN as u64, what)),
            Err(version) => return Err(refused(&path, version)),
        }
        let opened = match Self::over(&path, name, &file, (&map, 0), identity) {
            Err(damage) if damage.is_corruption() => {
                let intact = mend::mend(checksums, &map).ok_or(damage)?;
                let what = "end of the file does not match its checksums";
                mended.push((intact.damaged_at, intact.damaged_len, what));
                Self::over(&path, name, &file, (&intact.bytes, intact.offset), identity)
            }
            opened => opened,
        };
        opened.map(|run| Arc::new(Self { mended, ..run }))
    }

    /// The run whose bytes from `base` on are `end`: all, or those that were mended.
    fn over(
        path: &Arc<Path>,
        name: RunName,
        file: &Arc<dyn ReadFile>,
        (end, base): (&Mapped, u64),
        store: StoreIdentity,
    ) -> Result<Self> {
        let identity = FileIdentity {
            store_id: store.id,
            file_id: name.file_id,
        };
        let refused = |refusal| refused(path, refusal);
        let footer = Footer::decode(end, base, name.file_id).map_err(refused)?;
        let damage = |offset, what| Error::corrupt(&**path, offset, what);
        if footer.identity != store {
            return Err(damage(0, "file belongs to another store"));
        }
        if footer.meta.partition.start_ms != name.partition_start_ms {
            return Err(damage(0, "name is that of another partition"));
        }
        let section = |extent, what| section::open((end, base), path, identity, extent, what);
        let index = section(footer.index, "index does not match its checksum")?;
        let directory = section(footer.directory, "directory does not match its checksum")?;
        let (index, directory) = (IndexReader::open(index)?, Directory::open(directory)?);
        if index.series_len() != footer.meta.series {
            return Err(damage(footer.index.offset, "number of series differs"));
        }
        Ok(Self {
            file: Arc::clone(file),
            identity,
            index,
            directory,
            groups_end: footer.groups_end,
            index_at: footer.index.offset,
            mended: Vec::new(),
            meta: footer.meta,
            path: Arc::clone(path),
        })
    }

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

    /// Unit of the times of a series, and the milliseconds of its first and last sample; `None` when it has none. `buffer`
    /// is of use for several series in rising order.
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
        Ok(Some((unit, unit.range_to_ms(TimeRange::new(min, max)))))
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

    /// Appends the samples of a series inside `range` to `out`, times strictly rising. What stands in a damaged part of the
    /// file is left out, and given to `lost`, column by column.
    ///
    /// # Errors
    /// When the file cannot be read, or its directory is damaged.
    pub(crate) fn read_series(
        &self,
        series: u32,
        range: TimeRange,
        cache: &GroupCache,
        out: &mut Columns,
        lost: &mut dyn FnMut(ColumnStats, Error),
    ) -> Result<()> {
        let mut loader = cache;
        self.read_with(series, range, &mut loader, out, lost)
    }

    /// As [`Self::read_series`], with what `loader` gives.
    pub(super) fn read_with(
        &self,
        series: u32,
        range: TimeRange,
        loader: &mut impl Loader,
        out: &mut Columns,
        lost: &mut dyn FnMut(ColumnStats, Error),
    ) -> Result<()> {
        let mut after_ms = None;
        for record in self.columns(series) {
            let record = record?;
            let stats = record.extent.stats;
            if !range.overlaps(&TimeRange::new(stats.min_ms, stats.max_ms)) {
                continue;
            }
            if after_ms.is_some_and(|t_ms| stats.min_ms <= t_ms) {
                lost(stats, self.damaged(&record, "columns of a series overlap"));
                continue;
            }
            after_ms = Some(stats.max_ms);
            let start = out.len();
            match self.read_column(&record, range, loader, out) {
                Err(damage) if damage.is_corruption() => {
                    // Values may have come without their times.
                    out.values.truncate(start);
                    out.truncate(start);
                    lost(stats, damage);
                }
                read => read?,
            }
        }
        Ok(())
    }

    /// Appends the samples of a column inside `range` to `out`. After an error `out` may hold some of them.
    pub(super) fn read_column(
        &self,
        record: &ColumnRecord,
        range: TimeRange,
        loader: &mut impl Loader,
        out: &mut Columns,
    ) -> Result<()> {
        let first = out.len();
        let group = loader.group(self, record.group)?;
        match &group.columns {
            GroupColumns::Chunks(group) => {
                let (kind, bytes) = self.chunks(group, record)?;
                column::decode(kind, bytes, &record.extent.stats, range, out)
                    .map_err(|e| self.damaged(record, e.what))?;
            }
            GroupColumns::Floats(group) => {
                let times_ms = self.times(record, group.table, group.list(), loader)?;
                let (from, to) = inside(&times_ms, range);
                let start = out.values.len();
                loader
                    .values((self, record.group), group, record.index, &mut out.values)
                    .map_err(|e| self.damaged(record, e.what))?;
                if out.values.len() - start != times_ms.len() {
                    return Err(self.damaged(record, "column has another number of values"));
                }
                out.values.truncate(start + to);
                out.values.drain(start..start + from);
                let within = times_ms.get(from..to).unwrap_or_default();
                out.times_ms.extend_from_slice(within);
            }
            GroupColumns::Fields(group) => {
                let times_ms = self.times(record, group.table, group.list(), loader)?;
                let (from, to) = inside(&times_ms, range);
                let values = group
                    .decode(record.index)
                    .map_err(|e| self.damaged(record, e.what))?;
                let samples = times_ms.iter().zip(values);
                for (&t_ms, value) in samples.take(to).skip(from) {
                    out.push_field(t_ms, value);
                }
            }
        }
        out.set_start_times(first, group.starts_of(record.index));
        Ok(())
    }

    /// The last sample of a series.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub(crate) fn last_sample(
        &self,
        series: u32,
        cache: &GroupCache,
    ) -> Result<Option<LastSample>> {
        let Some(record) = self.columns(series).last().transpose()? else {
            return Ok(None);
        };
        let mut loader = cache;
        match &loader.group(self, record.group)?.columns {
            GroupColumns::Chunks(group) => {
                let (kind, bytes) = self.chunks(group, &record)?;
                column::last_sample(kind, bytes, &record.extent.stats)
                    .map_err(|e| self.damaged(&record, e.what))
            }
            GroupColumns::Floats(_) | GroupColumns::Fields(_) => {
                let mut last = Columns::default();
                let t_ms = record.extent.stats.max_ms;
                let range = TimeRange::new(t_ms, t_ms);
                self.read_column(&record, range, &mut loader, &mut last)?;
                Ok(last.last())
            }
        }
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

    /// Whether all columns of a series are of chunks.
    pub(super) fn is_of_chunks(&self, series: u32) -> Result<bool> {
        for record in self.columns(series) {
            if !matches!(record?.contents, Contents::Chunks(_)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Kind and bytes of a column of chunks.
    pub(super) fn chunks<'g>(
        &self,
        group: &'g ChunkGroup,
        record: &ColumnRecord,
    ) -> Result<(Kind, &'g [u8])> {
        let bytes = group
            .column(record.series, record.index)
            .map_err(|e| self.damaged(record, e.what))?;
        Ok((group.kind, bytes))
    }

    /// The timestamps of a column of a group with this list, which must be what the directory says they are.
    fn times(
        &self,
        record: &ColumnRecord,
        table: u32,
        list: &ColumnList,
        loader: &mut impl Loader,
    ) -> Result<Arc<[i64]>> {
        let ColumnExtent { stats, times } = record.extent;
        list.check(record.index, record.series, stats.count, times)
            .map_err(|e| self.damaged(record, e.what))?;
        let times_ms = loader.times(self, table, times)?;
        if times_ms.len() != stats.count as usize
            || times_ms.first() != Some(&stats.min_ms)
            || times_ms.last() != Some(&stats.max_ms)
        {
            return Err(self.damaged(record, "timestamps are not those the directory names"));
        }
        Ok(times_ms)
    }

    /// A column of a table of timestamps.
    pub(super) fn times_of(
        &self,
        columns: &TimesTable,
        table: u32,
        column: TimesRef,
    ) -> Result<Arc<[i64]>> {
        columns.column(column).map_err(|e| {
            let place = self.directory.table(table);
            Error::corrupt(&*self.path, place.map_or(0, |place| place.offset), e.what)
        })
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
            .map_err(|e| match e.kind() {
                std::io::ErrorKind::UnexpectedEof => {
                    Error::corrupt(&*self.path, offset, "file was cut short")
                }
                _ => Error::io("read", &*self.path, e),
            })
    }

    /// Damage in the decompressed bytes of a column's group; the offset reported is that of the group in the file.
    fn damaged(&self, record: &ColumnRecord, what: &'static str) -> Error {
        let group = self.directory.group(record.group);
        let offset = group.map_or(0, |group| group.place.offset);
        Error::corrupt(&*self.path, offset, what)
    }
}

/// Which of these rising times are inside the range: from one, and before another.
fn inside(times_ms: &[i64], range: TimeRange) -> (usize, usize) {
    let from = times_ms.partition_point(|&t_ms| t_ms < range.start_ms);
    let to = times_ms.partition_point(|&t_ms| t_ms <= range.end_ms);
    (from, to.max(from))
}

fn refused(path: &Path, refusal: Refusal) -> Error {
    match refusal {
        Refusal::Damage(offset, what) => Error::corrupt(path, offset, what),
        Refusal::Version(found) => Error::UnsupportedFormat {
            path: path.to_owned(),
            found,
            supported: FORMAT_VERSION..=FORMAT_VERSION,
        },
    }
}
