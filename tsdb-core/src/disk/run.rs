//! An open run.

use std::path::Path;
use std::sync::Arc;

use super::cache::{GroupCache, UnpackerPool};
use super::checksum::FileIdentity;
use super::column::{self, ColumnStats};
use super::directory::{ColumnRecord, Directory};
use super::footer::{self, Extent, FORMAT_VERSION, Footer, Refusal, RunMeta};
use super::group::{self, Group, Unpacker};
use super::name::RunName;
use crate::codec::StoreIdentity;
use crate::error::{Error, Result};
use crate::index::IndexReader;
use crate::io::{Fs, Mapped, ReadFile, Section};
use crate::model::{Columns, Kind, LastSample, TimeRange};

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
}

impl Run {
    /// Opens a run and verifies everything but its groups. Allocates nothing per series.
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
        Self::over(path, name, file, &map, identity).map(Arc::new)
    }

    fn over(
        path: Arc<Path>,
        name: RunName,
        file: Arc<dyn ReadFile>,
        map: &Mapped,
        store: StoreIdentity,
    ) -> Result<Self> {
        let identity = FileIdentity {
            store_id: store.id,
            file_id: name.file_id,
        };
        let refused = |refusal| refused(&path, refusal);
        footer::check_header(map, identity).map_err(refused)?;
        let footer = Footer::decode(map, name.file_id).map_err(refused)?;
        let damage = |offset, what| Error::corrupt(&*path, offset, what);
        if footer.identity != store {
            return Err(damage(0, "file belongs to another store"));
        }
        if footer.meta.partition.start_ms != name.partition_start_ms {
            return Err(damage(0, "name is that of another partition"));
        }
        let section = |extent: Extent, what| {
            Section::new(map, &path, extent.offset, extent.len)
                .filter(|section| identity.crc(extent.offset, section.bytes()) == extent.crc)
                .ok_or_else(|| damage(extent.offset, what))
        };
        let index = section(footer.index, "index does not match its checksum")?;
        let directory = section(footer.directory, "directory does not match its checksum")?;
        let (index, directory) = (IndexReader::open(index)?, Directory::open(directory)?);
        if index.series_len() != footer.meta.series {
            return Err(damage(footer.index.offset, "number of series differs"));
        }
        Ok(Self {
            file,
            identity,
            index,
            directory,
            groups_end: footer.index.offset,
            meta: footer.meta,
            path,
        })
    }

    /// What the run is and holds.
    pub(crate) fn meta(&self) -> &RunMeta {
        &self.meta
    }

    /// Its file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its series.
    pub(crate) fn index(&self) -> &IndexReader {
        &self.index
    }

    /// Times of the first and last sample of a series in milliseconds, from the directory; `None` when it has none.
    pub(crate) fn column_range(&self, series: u32) -> Option<(i64, i64)> {
        self.columns(series)
            .filter_map(Result::ok)
            .map(|column| (column.stats.min_ms, column.stats.max_ms))
            .reduce(|(min_ms, _), (_, max_ms)| (min_ms, max_ms))
    }

    /// What the samples of a series weigh in memory, in floats.
    pub(crate) fn weight_of(&self, series: u32) -> u64 {
        self.columns(series)
            .filter_map(Result::ok)
            .map(|column| {
                let of_one = match column.kind {
                    Kind::Float => 1,
                    // A kilobyte: some hundred buckets.
                    Kind::Histogram | Kind::FloatHistogram => 64,
                };
                u64::from(column.stats.count) * of_one
            })
            .sum()
    }

    /// Appends the samples of a series inside `range` to `out`, times strictly rising.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged; `out` is then as it was.
    pub(crate) fn read_series(
        &self,
        series: u32,
        range: TimeRange,
        cache: &GroupCache,
        out: &mut Columns,
    ) -> Result<()> {
        self.read_with(series, range, |group| cache.group(self, group), out)
    }

    /// As [`Self::read_series`], with the groups from `load`.
    fn read_with(
        &self,
        series: u32,
        range: TimeRange,
        mut load: impl FnMut(u32) -> Result<Arc<Group>>,
        out: &mut Columns,
    ) -> Result<()> {
        let start = out.len();
        let mut after_ms = None;
        let mut read = || {
            for record in self.columns(series) {
                let record = record?;
                let stats = record.stats;
                if after_ms.is_some_and(|t_ms| stats.min_ms <= t_ms) {
                    return Err(self.damaged(&record, "columns of a series overlap"));
                }
                after_ms = Some(stats.max_ms);
                if range.overlaps(&TimeRange::new(stats.min_ms, stats.max_ms)) {
                    let group = load(record.group)?;
                    let (bytes, _) = self.column(&group, &record)?;
                    column::decode(record.kind, bytes, &stats, range, out)
                        .map_err(|e| self.damaged(&record, e.what))?;
                }
            }
            Ok(())
        };
        let done = read();
        if done.is_err() {
            out.truncate(start);
        }
        done
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
        let group = cache.group(self, record.group)?;
        let (bytes, _) = self.column(&group, &record)?;
        column::last_sample(record.kind, bytes, &record.stats)
            .map_err(|e| self.damaged(&record, e.what))
    }

    /// Reads every group and every column once, as verifying does.
    ///
    /// # Errors
    /// The first damage found.
    pub(crate) fn verify(&self) -> Result<()> {
        let mut groups = GroupReader::default();
        let mut samples = 0;
        let mut out = Columns::default();
        for series in 0..self.meta.series {
            out.clear();
            groups.read_series(self, series, TimeRange::ALL, &mut out)?;
            self.index.labels(series)?;
            self.index.unit(series)?;
            samples += out.len() as u64;
        }
        for group in 0..self.directory.groups_len() {
            groups.group(self, group)?;
        }
        if samples != self.meta.samples {
            return Err(Error::corrupt(&*self.path, 0, "number of samples differs"));
        }
        Ok(())
    }

    fn columns(&self, series: u32) -> impl Iterator<Item = Result<ColumnRecord>> {
        self.directory.columns(series)
    }

    fn column<'g>(&self, group: &'g Group, record: &ColumnRecord) -> Result<(&'g [u8], usize)> {
        if group.header.kind != record.kind {
            return Err(self.damaged(record, "column is of another kind than its group"));
        }
        group
            .column(record.series, record.start, record.len)
            .map_err(|e| self.damaged(record, e.what))
    }

    /// Reads a group from the file and verifies it.
    pub(super) fn load_group(&self, group: u32, unpacker: &mut Unpacker) -> Result<Group> {
        let place = self.directory.group(group)?;
        let damage = |what| Error::corrupt(&*self.path, place.offset, what);
        let end = place.offset.checked_add(u64::from(place.len));
        let len = place.len as usize;
        if end.is_none_or(|end| end > self.groups_end) || len > group::MAX_STORED_BYTES {
            return Err(damage("group lies outside of the groups"));
        }
        unpacker.stored.resize(len, 0);
        self.file
            .read_exact_at(&mut unpacker.stored, place.offset)
            .map_err(|e| match e.kind() {
                std::io::ErrorKind::UnexpectedEof => damage("file was cut short"),
                _ => Error::io("read", &*self.path, e),
            })?;
        let group = unpacker
            .unpack(self.identity, place.offset)
            .map_err(|e| damage(e.what))?;
        if group.header.raw_len != place.raw_len {
            return Err(damage("group is not the one the directory names"));
        }
        Ok(group)
    }

    /// Damage in the decompressed bytes of a column's group; the offset reported is that of the group in the file.
    fn damaged(&self, record: &ColumnRecord, what: &'static str) -> Error {
        let place = self.directory.group(record.group);
        Error::corrupt(&*self.path, place.map_or(0, |place| place.offset), what)
    }
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

/// Reads the series of one run in order, beside the cache: holds the last group only.
#[derive(Debug, Default)]
pub(crate) struct GroupReader {
    unpackers: UnpackerPool,
    last: Option<(u32, Arc<Group>)>,
}

/// A column as it stands in a group, to be copied.
#[derive(Clone, Debug)]
pub(crate) struct RawColumn {
    pub(crate) kind: Kind,
    pub(crate) stats: ColumnStats,
    pub(crate) group: Arc<Group>,
    range: std::ops::Range<usize>,
}

impl RawColumn {
    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.group.slice(self.range.clone())
    }
}

impl GroupReader {
    fn group(&mut self, run: &Run, group: u32) -> Result<Arc<Group>> {
        if let Some((number, held)) = &self.last
            && *number == group
        {
            return Ok(Arc::clone(held));
        }
        let loaded = Arc::new(self.unpackers.load(run, group)?);
        self.last = Some((group, Arc::clone(&loaded)));
        Ok(loaded)
    }

    /// As [`Run::read_series`].
    ///
    /// # Errors
    /// Those of [`Run::read_series`].
    pub(crate) fn read_series(
        &mut self,
        run: &Run,
        series: u32,
        range: TimeRange,
        out: &mut Columns,
    ) -> Result<()> {
        run.read_with(series, range, |group| self.group(run, group), out)
    }

    /// The columns of a series as they are, in order of time.
    ///
    /// # Errors
    /// Those of [`Run::read_series`].
    pub(crate) fn raw_columns(
        &mut self,
        run: &Run,
        series: u32,
        mut visit: impl FnMut(RawColumn) -> Result<()>,
    ) -> Result<()> {
        for record in run.columns(series) {
            let record = record?;
            let group = self.group(run, record.group)?;
            let (bytes, at) = run.column(&group, &record)?;
            let range = at..at + bytes.len();
            visit(RawColumn {
                kind: record.kind,
                stats: record.stats,
                group,
                range,
            })?;
        }
        Ok(())
    }
}
