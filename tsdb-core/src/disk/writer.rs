//! Writes a run: groups as they fill, then index, directory and footer.

use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::sync::Arc;

use super::checksum::FileIdentity;
use super::column::{ColumnBuilder, ColumnStats, SAMPLES_PER_CHUNK};
use super::directory::{ColumnRecord, DirectoryWriter, GroupPlace};
use super::footer::{self, Extent, Footer, RunMeta};
use super::group::GroupBuilder;
use super::name::{RunName, State};
use super::partition::Partition;
use super::publish::{FinishedRun, TmpFile};
use crate::codec::StoreIdentity;
use crate::error::{Error, Result};
use crate::index::IndexWriter;
use crate::io::{Fs, WriteFile};
use crate::model::{Columns, HistogramSample, Kind, Labels};

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
    pub(crate) replaces: Vec<u64>,
}

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// Writes one run, series by series in label order. Dropped unfinished it removes its file.
#[derive(Debug)]
pub(crate) struct RunWriter {
    tmp: TmpFile,
    file: Box<dyn WriteFile>,
    identity: StoreIdentity,
    checksums: FileIdentity,
    /// Bytes written, without those in `buffer`.
    written: u64,
    buffer: Vec<u8>,
    meta: RunMeta,
    index: IndexWriter,
    directory: DirectoryWriter,
    group: GroupBuilder,
    column: ColumnBuilder,
    encoded: Vec<u8>,
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
        let group = GroupBuilder::new().map_err(|e| Error::io("compress", &path, e))?;
        let file = fs
            .create(&path)
            .map_err(|e| Error::io("create", &path, e))?;
        let checksums = FileIdentity {
            store_id: identity.id,
            file_id: spec.file_id,
        };
        let mut buffer = Vec::with_capacity(BUFFER_BYTES + (BUFFER_BYTES >> 3));
        buffer.extend(footer::header(checksums));
        Ok(Self {
            tmp: TmpFile::new(fs, path, name),
            file,
            identity,
            checksums,
            written: 0,
            buffer,
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
                class: 0,
                replaces: spec.replaces,
                bytes: 0,
            },
            index: IndexWriter::default(),
            directory: DirectoryWriter::default(),
            group,
            column: ColumnBuilder::default(),
            encoded: Vec::new(),
            last: None,
        })
    }

    /// Adds a series with its samples: label sets strictly rising, at least one sample, times strictly rising and inside
    /// the partition.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when that is broken; those of the file system.
    pub(crate) fn push_series(
        &mut self,
        labels: &Labels,
        fingerprint: u128,
        samples: &Columns,
    ) -> Result<()> {
        self.start_series(labels, fingerprint)?;
        self.push_samples(samples)
    }

    /// Starts a series, whose samples follow by [`Self::push_samples`] or [`Self::push_column`].
    ///
    /// # Errors
    /// Those of [`Self::push_series`].
    pub(crate) fn start_series(&mut self, labels: &Labels, fingerprint: u128) -> Result<()> {
        self.end_series()?;
        if self
            .last
            .as_ref()
            .is_some_and(|last| last.labels >= *labels)
        {
            return Err(misuse("series are not in label order"));
        }
        let id = self.index.push(labels.as_bytes(), fingerprint)?;
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
        self.extend_times(min_ms, max_ms, samples.len() as u64)?;
        let mut from = 0;
        let mut histograms = &*samples.histograms;
        while let Some((at, _)) = histograms.first() {
            self.push_floats(samples, from..*at)?;
            let neighbours = (*at..).zip(histograms);
            let run = neighbours.take_while(|(i, (at, _))| i == at).count();
            from = *at + run;
            let times_ms = samples.times_ms.get(*at..from).unwrap_or_default();
            let (now, later) = histograms
                .split_at_checked(run)
                .unwrap_or((histograms, &[]));
            self.push_histograms(times_ms, now)?;
            histograms = later;
        }
        self.push_floats(samples, from..times_ms.len())
    }

    fn push_floats(&mut self, samples: &Columns, range: Range<usize>) -> Result<()> {
        let times_ms = samples.times_ms.get(range.clone()).unwrap_or_default();
        let values = samples.values.get(range).unwrap_or_default();
        let chunks = times_ms.chunks(SAMPLES_PER_CHUNK);
        for (times_ms, values) in chunks.zip(values.chunks(SAMPLES_PER_CHUNK)) {
            if !self.push_chunk(times_ms, values)? {
                self.end_column()?;
                self.push_chunk(times_ms, values)?;
            }
        }
        Ok(())
    }

    fn push_histograms(
        &mut self,
        mut times_ms: &[i64],
        mut histograms: &[(usize, HistogramSample)],
    ) -> Result<()> {
        while !histograms.is_empty() {
            let pushed = self
                .column
                .push_histograms(times_ms, histograms)
                .map_err(|e| misuse(&e.to_string()))?;
            if pushed == 0 {
                self.end_column()?;
            }
            times_ms = times_ms.get(pushed..).unwrap_or_default();
            histograms = histograms.get(pushed..).unwrap_or_default();
        }
        Ok(())
    }

    /// Adds a column of the present series as another run has it, newer than the samples before.
    ///
    /// # Errors
    /// Those of [`Self::push_series`].
    pub(crate) fn push_column(
        &mut self,
        kind: Kind,
        column: &[u8],
        stats: ColumnStats,
    ) -> Result<()> {
        self.end_column()?;
        self.extend_times(stats.min_ms, stats.max_ms, u64::from(stats.count))?;
        self.place_column(kind, column, stats)
    }

    /// Writes what is left and syncs the file, which keeps its temporary name.
    ///
    /// # Errors
    /// Those of the file system; the file is then removed.
    pub(crate) fn finish(mut self) -> Result<FinishedRun> {
        self.end_series()?;
        self.end_group()?;
        self.meta.series = self.index.series_len() as u32;
        if self.meta.samples == 0 {
            let start_ms = self.meta.partition.start_ms;
            (self.meta.min_ms, self.meta.max_ms) = (start_ms, start_ms);
        }
        // Index and directory are written by themselves: what is buffered would only be copied.
        self.write_buffer()?;
        let mut section = Vec::new();
        std::mem::take(&mut self.index).finish(&mut section)?;
        let index = self.write_section(&section)?;
        section.clear();
        self.directory.finish(&mut section);
        let directory = self.write_section(&section)?;
        let footer = Footer {
            identity: self.identity,
            meta: self.meta.clone(),
            index,
            directory,
        };
        footer.push(self.written, &mut self.buffer);
        self.write_buffer()?;
        self.file
            .sync()
            .map_err(|e| Error::io("fsync", self.tmp.path(), e))?;
        self.meta.bytes = self.written;
        Ok(FinishedRun::new(self.tmp, self.identity))
    }

    fn extend_times(&mut self, min_ms: i64, max_ms: i64, count: u64) -> Result<()> {
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
        Ok(())
    }

    fn push_chunk(&mut self, times_ms: &[i64], values: &[f64]) -> Result<bool> {
        self.column
            .push(times_ms, values)
            .map_err(|_| misuse("chunk has too many samples"))
    }

    fn end_series(&mut self) -> Result<()> {
        self.end_column()?;
        if self.last.as_ref().is_some_and(|last| last.max_ms.is_none()) {
            return Err(misuse("series has no samples"));
        }
        Ok(())
    }

    fn end_column(&mut self) -> Result<()> {
        let mut encoded = std::mem::take(&mut self.encoded);
        encoded.clear();
        let placed = match self.column.finish(&mut encoded) {
            Some((kind, stats)) => self.place_column(kind, &encoded, stats),
            None => Ok(()),
        };
        self.encoded = encoded;
        placed
    }

    fn place_column(&mut self, kind: Kind, column: &[u8], stats: ColumnStats) -> Result<()> {
        if self.group.is_full_for(kind, column.len()) {
            self.end_group()?;
        }
        let Some(series) = self.last.as_ref().map(|last| last.id) else {
            return Err(misuse("samples before the first series"));
        };
        let place = self
            .group
            .push(kind, series, (stats.min_ms, stats.max_ms), column);
        self.directory.push_column(&ColumnRecord {
            series,
            group: self.directory.next_group(),
            start: place.start,
            len: place.end - place.start,
            kind,
            stats,
        });
        Ok(())
    }

    fn end_group(&mut self) -> Result<()> {
        let offset = self.offset();
        let raw_len = self
            .group
            .finish(self.checksums, offset, &mut self.buffer)
            .map_err(|e| Error::io("compress", self.tmp.path(), e))?;
        let Some(raw_len) = raw_len else {
            return Ok(());
        };
        let len = (self.offset() - offset) as u32;
        self.directory.push_group(GroupPlace {
            offset,
            len,
            raw_len,
        });
        if self.buffer.len() >= BUFFER_BYTES {
            self.write_buffer()?;
        }
        Ok(())
    }

    /// Where the next byte will stand.
    fn offset(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    fn write_buffer(&mut self) -> Result<()> {
        self.file
            .write_all(&self.buffer)
            .map_err(|e| Error::io("write", self.tmp.path(), e))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn write_section(&mut self, bytes: &[u8]) -> Result<Extent> {
        let extent = Extent {
            offset: self.written,
            len: bytes.len() as u64,
            crc: self.checksums.crc(self.written, bytes),
        };
        self.file
            .write_all(bytes)
            .map_err(|e| Error::io("write", self.tmp.path(), e))?;
        self.written += extent.len;
        Ok(extent)
    }
}

/// The caller broke the order of the calls.
fn misuse(reason: &str) -> Error {
    Error::InvalidOption {
        name: "run",
        reason: reason.to_owned(),
    }
}
