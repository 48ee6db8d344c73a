//! Writes a run: groups as they fill, then index, directory and footer.

use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::sync::Arc;

use super::checksum::FileIdentity;
use super::column::ColumnStats;
use super::columns::ColumnsWriter;
use super::footer::{self, Footer, RunMeta};
use super::name::{RunName, State};
use super::output::Output;
use super::partition::Partition;
use super::publish::{FinishedRun, TmpFile};
use crate::codec::StoreIdentity;
use crate::error::{Error, Result};
use crate::index::IndexWriter;
use crate::io::Fs;
use crate::model::{Columns, Kind, Labels};

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
    labels: Labels,
    id: u32,
    /// Time of its last sample.
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
        out.buffer().extend(footer::header(checksums));
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
                replaces: spec.replaces,
                bytes: 0,
            },
            index: IndexWriter::default(),
            columns,
            last: None,
        })
    }

    /// Adds a series with its samples: label sets strictly rising, at least one sample, times strictly rising and inside
    /// the partition.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when that is broken; those of the file system.
    pub(crate) fn push_series(&mut self, labels: &Labels, samples: &Columns) -> Result<()> {
        self.start_series(labels)?;
        self.push_samples(samples)
    }

    /// Starts a series, whose samples follow by [`Self::push_samples`] or [`Self::push_column`].
    ///
    /// # Errors
    /// Those of [`Self::push_series`].
    pub(crate) fn start_series(&mut self, labels: &Labels) -> Result<()> {
        self.end_series()?;
        if self
            .last
            .as_ref()
            .is_some_and(|last| last.labels >= *labels)
        {
            return Err(misuse("series are not in label order"));
        }
        let id = self.index.push(labels.as_bytes())?;
        self.last = Some(Last {
            labels: labels.clone(),
            id,
            max_ms: None,
        });
        Ok(())
    }

    /// Adds samples of the present series, newer than those before.
    ///
    /// # Errors
    /// Those of [`Self::push_series`].
    pub(crate) fn push_samples(&mut self, samples: &Columns) -> Result<()> {
        let times_ms = &samples.times_ms;
        let (Some(&min_ms), Some(&max_ms)) = (times_ms.first(), times_ms.last()) else {
            return Ok(());
        };
        if times_ms.len() != samples.values.len() || !times_ms.is_sorted_by(|a, b| a < b) {
            return Err(misuse("times do not rise"));
        }
        let series = self.extend_times(min_ms, max_ms, samples.len() as u64)?;
        let mut from = 0;
        let mut histograms = &*samples.histograms;
        while let Some((at, _)) = histograms.first() {
            self.push_floats(series, samples, from..*at)?;
            let neighbours = (*at..).zip(histograms);
            let run = neighbours.take_while(|(i, (at, _))| i == at).count();
            from = *at + run;
            let times_ms = samples.times_ms.get(*at..from).unwrap_or_default();
            let (now, later) = histograms
                .split_at_checked(run)
                .unwrap_or((histograms, &[]));
            self.columns
                .push_histograms(series, times_ms, now, &mut self.out)?;
            histograms = later;
        }
        self.push_floats(series, samples, from..times_ms.len())
    }

    fn push_floats(&mut self, series: u32, samples: &Columns, range: Range<usize>) -> Result<()> {
        let times_ms = samples.times_ms.get(range.clone()).unwrap_or_default();
        let values = samples.values.get(range).unwrap_or_default();
        self.columns
            .push_floats(series, times_ms, values, &mut self.out)
    }

    /// Adds a column of chunks of the present series as another run has it, newer than the samples before.
    ///
    /// # Errors
    /// Those of [`Self::push_series`].
    pub(crate) fn push_column(
        &mut self,
        kind: Kind,
        column: &[u8],
        stats: ColumnStats,
    ) -> Result<()> {
        let series = self.extend_times(stats.min_ms, stats.max_ms, u64::from(stats.count))?;
        self.columns
            .push_chunks(kind, series, column, stats, &mut self.out)
    }

    /// Writes what is left and syncs the file, which keeps its temporary name.
    ///
    /// # Errors
    /// Those of the file system; the file is then removed.
    pub(crate) fn finish(mut self) -> Result<FinishedRun> {
        self.end_series()?;
        self.meta.series = self.index.series_len() as u32;
        if self.meta.samples == 0 {
            let start_ms = self.meta.partition.start_ms;
            (self.meta.min_ms, self.meta.max_ms) = (start_ms, start_ms);
        }
        let directory = self.columns.finish(&mut self.out)?;
        let mut index = Vec::new();
        self.index.finish(&mut index)?;
        let footer = Footer {
            identity: self.identity,
            meta: self.meta.clone(),
            index: self.out.write_section(&index)?,
            directory: self.out.write_section(&directory)?,
        };
        let at = self.out.offset();
        footer.push(at, self.out.buffer());
        self.meta.bytes = self.out.finish()?;
        Ok(FinishedRun::new(self.tmp, self.identity))
    }

    /// Takes in the times of further samples of the present series, and gives its number.
    fn extend_times(&mut self, min_ms: i64, max_ms: i64, count: u64) -> Result<u32> {
        let range = self.meta.partition.range();
        if !range.contains(min_ms) || !range.contains(max_ms) {
            return Err(misuse("sample lies outside of the partition"));
        }
        let Some(last) = &mut self.last else {
            return Err(misuse("samples before the first series"));
        };
        if last.max_ms.is_some_and(|last_ms| min_ms <= last_ms) {
            return Err(misuse("times do not rise"));
        }
        last.max_ms = Some(max_ms);
        self.meta.min_ms = self.meta.min_ms.min(min_ms);
        self.meta.max_ms = self.meta.max_ms.max(max_ms);
        self.meta.samples += count;
        Ok(last.id)
    }

    fn end_series(&mut self) -> Result<()> {
        self.columns.end_series(&mut self.out)?;
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
