//! Writes a run: groups as they fill, then index, directory and footer.

use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::sync::Arc;

use super::checksum::FileIdentity;
use super::columns::ColumnsWriter;
use super::footer::{Extent, Footer, TAIL_LEN};
use super::group_header::RunSeries;
use super::header;
use super::loader::RawColumn;
use super::lost::{self, LostRange};
use super::mend;
use super::meta::RunMeta;
use super::name::{RunName, State};
use super::output::Output;
use super::partition::Partition;
use super::publish::{FinishedRun, TmpFile};
use super::section;
use crate::codec::StoreIdentity;
use crate::error::{Error, Result};
use crate::index::IndexWriter;
use crate::io::Fs;
use crate::model::{Columns, FieldValue, Labels, TimeRange, TimeUnit, TimeUnits};

/// What a run is to be; the meaning of the fields is that of [`RunMeta`].
#[derive(Clone, Debug)]
pub(crate) struct RunSpec {
    pub(crate) file_id: u64,
    pub(crate) set_id: u64,
    pub(crate) part: u16,
    pub(crate) parts: u16,
    pub(crate) partition: Partition,
    pub(crate) generations: RangeInclusive<u64>,
    pub(crate) sealed: bool,
    pub(crate) level: u8,
    pub(crate) class: u8,
    pub(crate) classes: u32,
    pub(crate) tombstones: u64,
    pub(crate) replaces: Vec<u64>,
}

/// Writes one run, series by series in label order. Dropped unfinished it removes its file.
#[derive(Debug)]
pub(crate) struct RunWriter {
    tmp: TmpFile,
    identity: StoreIdentity,
    out: Output,
    meta: RunMeta,
    index: IndexWriter,
    columns: ColumnsWriter,
    last: Option<Last>,
}

/// The series that was pushed last.
#[derive(Debug)]
struct Last {
    series: RunSeries,
    /// Time of its last sample, in its unit.
    max_ms: Option<i64>,
}

impl RunWriter {
    /// Creates the file under its temporary name, in a directory that exists.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn create(
        fs: Arc<dyn Fs>,
        dir: &Path,
        identity: StoreIdentity,
        spec: RunSpec,
    ) -> Result<Self> {
        let name = RunName {
            partition_start_ms: spec.partition.start_ms,
            file_id: spec.file_id,
        };
        let path = dir.join(name.file_name(State::Tmp));
        let columns =
            ColumnsWriter::new(is_to_stay(&spec)).map_err(|e| Error::io("compress", &path, e))?;
        let file = fs
            .create(&path)
            .map_err(|e| Error::io("create", &path, e))?;
        let checksums = FileIdentity {
            store_id: identity.id,
            file_id: spec.file_id,
        };
        let mut out = Output::new(file, &path, checksums);
        out.buffer().extend(header::header(checksums));
        Ok(Self {
            tmp: TmpFile::new(fs, path, name),
            identity,
            out,
            meta: RunMeta {
                file_id: spec.file_id,
                set_id: spec.set_id,
                part: spec.part,
                parts: spec.parts,
                partition: spec.partition,
                min_ms: i64::MAX,
                max_ms: i64::MIN,
                generations: spec.generations,
                samples: 0,
                series: 0,
                sealed: spec.sealed,
                level: spec.level,
                class: spec.class,
                classes: spec.classes,
                tombstones: spec.tombstones,
                units: TimeUnits::default(),
                replaces: spec.replaces,
                lost: Vec::new(),
                bytes: 0,
            },
            index: IndexWriter::default(),
            columns,
            last: None,
        })
    }

    /// Adds a series with its samples, as [`Self::start_series`] and [`Self::push_samples`] do.
    ///
    /// # Errors
    /// Those of both.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn push_series(
        &mut self,
        labels: &Labels,
        unit: TimeUnit,
        samples: &Columns,
    ) -> Result<()> {
        self.start_series(labels, unit)?;
        self.push_samples(samples)
    }

    /// Starts a series with times in `unit`, whose samples follow by [`Self::push_samples`] or [`Self::push_column`]: label sets
    /// strictly rising, at least one sample, times strictly rising and inside the partition.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when that is broken; those of the file system.
    pub(crate) fn start_series(&mut self, labels: &Labels, unit: TimeUnit) -> Result<()> {
        self.check_series()?;
        let number = self.index.push(labels.as_bytes(), unit)?;
        self.begin_series(number, unit)
    }

    /// Makes room for so many series with so many labels in all, as far as that is known before; memory that is not used is not
    /// touched.
    pub(crate) fn reserve(&mut self, series: usize, labels: usize) {
        self.index.reserve(series, labels);
    }

    /// The number of a label pair, given as its part of the canonical bytes, for
    /// [`start_series_of_pairs`](Self::start_series_of_pairs).
    ///
    /// # Errors
    /// When there are more than an index can number.
    pub(crate) fn number_of_pair(&mut self, pair: &[u8]) -> Result<u32> {
        self.index.number(pair)
    }

    /// As [`Self::start_series`], with the numbers of the label pairs in the order of their names. A run gets all its series in one
    /// of both ways.
    ///
    /// # Errors
    /// Those of [`Self::start_series`].
    pub(crate) fn start_series_of_pairs(&mut self, pairs: &[u32], unit: TimeUnit) -> Result<()> {
        self.check_series()?;
        let number = self.index.push_pairs(pairs, unit)?;
        self.begin_series(number, unit)
    }

    fn begin_series(&mut self, number: u32, unit: TimeUnit) -> Result<()> {
        let series = RunSeries { number, unit };
        self.columns.start_series(series, &mut self.out)?;
        self.meta.units.add(unit);
        self.last = Some(Last {
            series,
            max_ms: None,
        });
        Ok(())
    }

    /// Adds samples of the present series, newer than those before.
    ///
    /// # Errors
    /// Those of [`Self::start_series`].
    pub(crate) fn push_samples(&mut self, samples: &Columns) -> Result<()> {
        let times_ms = &samples.times_ms;
        let (Some(&min_ms), Some(&max_ms)) = (times_ms.first(), times_ms.last()) else {
            return Ok(());
        };
        if times_ms.len() != samples.values.len() || !times_ms.is_sorted_by(|a, b| a < b) {
            return Err(misuse("times do not rise"));
        }
        self.extend_times(min_ms, max_ms, samples.len() as u64)?;
        self.columns.push_start_times(samples);
        let mut from = 0;
        let mut histograms = &*samples.histograms;
        while let Some((at, _)) = histograms.first() {
            self.push_values(samples, from..*at)?;
            let neighbours = (*at..).zip(histograms);
            let run = neighbours.take_while(|(i, (at, _))| i == at).count();
            from = *at + run;
            let times_ms = samples.times_ms.get(*at..from).unwrap_or_default();
            let (now, later) = histograms
                .split_at_checked(run)
                .unwrap_or((histograms, &[]));
            self.columns.push_histograms(times_ms, now, &mut self.out)?;
            histograms = later;
        }
        self.push_values(samples, from..times_ms.len())
    }

    /// Adds samples that are no histograms.
    fn push_values(&mut self, samples: &Columns, range: Range<usize>) -> Result<()> {
        let place = |at: usize| samples.fields.partition_point(|(of, _)| *of < at);
        let fields = samples.fields.get(place(range.start)..place(range.end));
        let mut from = range.start;
        for (at, value) in fields.unwrap_or_default() {
            self.push_floats(samples, from..*at)?;
            self.push_field(samples, *at, value)?;
            from = at + 1;
        }
        self.push_floats(samples, from..range.end)
    }

    fn push_field(&mut self, samples: &Columns, at: usize, value: &FieldValue) -> Result<()> {
        match samples.times_ms.get(at) {
            Some(&t_ms) => self.columns.push_field(t_ms, value, &mut self.out),
            None => Ok(()),
        }
    }

    fn push_floats(&mut self, samples: &Columns, range: Range<usize>) -> Result<()> {
        let times_ms = samples.times_ms.get(range.clone()).unwrap_or_default();
        let values = samples.values.get(range).unwrap_or_default();
        self.columns.push_floats(times_ms, values, &mut self.out)
    }

    /// Adds a column of chunks of the present series as another run has it, newer than the samples before.
    ///
    /// # Errors
    /// Those of [`Self::start_series`].
    pub(crate) fn push_column(&mut self, column: &RawColumn<'_>) -> Result<()> {
        let stats = column.stats;
        self.extend_times(stats.min_ms, stats.max_ms, u64::from(stats.count))?;
        self.columns.push_chunks(column, &mut self.out)
    }

    /// Records that samples which belong into the run are lost.
    pub(crate) fn add_lost(&mut self, lost: LostRange) {
        self.meta.lost.push(lost);
    }

    /// Whether there is nothing to write: neither a sample nor a record of what is lost.
    pub(crate) fn is_empty(&self) -> bool {
        self.meta.samples == 0 && self.meta.lost.is_empty()
    }

    /// Writes what is left and syncs the file, which keeps its temporary name.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when series came out of order; those of the file system. The file is then removed.
    pub(crate) fn finish(mut self) -> Result<FinishedRun> {
        self.check_series()?;
        self.meta.series = self.index.series_len() as u32;
        lost::coalesce(&mut self.meta.lost);
        if self.meta.samples == 0 {
            let start_ms = self.meta.partition.start_ms;
            (self.meta.min_ms, self.meta.max_ms) = (start_ms, start_ms);
        }
        let directory = self.columns.finish(&mut self.out)?;
        let mut index = Vec::new();
        std::mem::take(&mut self.index).finish(&mut index)?;
        self.write_end(index, &directory)?;
        self.meta.bytes = self.out.finish()?;
        Ok(FinishedRun::new(self.tmp, self.identity))
    }

    /// Writes the end, and before it what mends it.
    fn write_end(&mut self, index: Vec<u8>, directory: &[u8]) -> Result<()> {
        let mut end = Vec::new();
        let mut push = |bytes: &[u8]| -> Result<(Range<usize>, u32)> {
            let start = end.len();
            let raw_len = section::push(&mut end, bytes).map_err(|e| self.out.compress_error(e))?;
            Ok((start..end.len(), raw_len))
        };
        let (index, directory) = {
            let pushed = push(&index)?;
            drop(index);
            (pushed, push(directory)?)
        };
        let groups_end = self.out.offset();
        let mut footer = Footer {
            identity: self.identity,
            meta: self.meta.clone(),
            groups_end,
            index: Extent::default(),
            directory: Extent::default(),
        };
        let end_len = end.len() + footer.len() + TAIL_LEN;
        let base = groups_end + mend::block_len(end_len) as u64;
        let checksums = self.out.identity;
        let extent = |(range, raw_len): (Range<usize>, u32)| {
            let offset = base + range.start as u64;
            let bytes = end.get(range).unwrap_or_default();
            Extent {
                offset,
                len: bytes.len() as u64,
                raw_len,
                crc: checksums.crc(offset, bytes),
            }
        };
        (footer.index, footer.directory) = (extent(index), extent(directory));
        footer.push(base + end.len() as u64, &mut end);
        debug_assert_eq!(end.len(), end_len);
        self.out
            .write_long(&mend::block(checksums, groups_end, &end))?;
        self.out.write_long(&end)
    }

    /// Takes in the times of further samples of the present series.
    fn extend_times(&mut self, min: i64, max: i64, count: u64) -> Result<()> {
        let Some(last) = &mut self.last else {
            return Err(misuse("samples before the first series"));
        };
        let ms = last.series.unit.range_to_ms(TimeRange::new(min, max));
        let range = self.meta.partition.range();
        if !range.contains(ms.start_ms) || !range.contains(ms.end_ms) {
            return Err(misuse("sample lies outside of the partition"));
        }
        if last.max_ms.is_some_and(|before| min <= before) {
            return Err(misuse("times do not rise"));
        }
        last.max_ms = Some(max);
        self.meta.min_ms = self.meta.min_ms.min(ms.start_ms);
        self.meta.max_ms = self.meta.max_ms.max(ms.end_ms);
        self.meta.samples += count;
        Ok(())
    }

    /// Checks that the present series has samples.
    fn check_series(&self) -> Result<()> {
        if self.last.as_ref().is_some_and(|last| last.max_ms.is_none()) {
            return Err(misuse("series has no samples"));
        }
        Ok(())
    }
}

/// Whether a run is worth the time that the smallest columns take. What was merged once, of a few generations, is soon
/// merged again.
fn is_to_stay(spec: &RunSpec) -> bool {
    spec.sealed || spec.level > 1
}

/// The caller broke the order of the calls.
pub(super) fn misuse(reason: &str) -> Error {
    Error::InvalidOption {
        name: "run",
        reason: reason.to_owned(),
    }
}
