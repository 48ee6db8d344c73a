//! Gathers the columns of a run into groups and tables of timestamps, and the directory that finds them.

use super::chunk_group::ChunkGroupBuilder;
use super::column::{ColumnBuilder, ColumnStats, MAX_SAMPLES};
use super::directory::{ColumnExtent, DirectoryWriter, GroupPlace};
use super::float_group::FloatGroupBuilder;
use super::group_header::GroupHeader;
use super::loader::RawColumn;
use super::output::Output;
use super::starts::StartsBuilder;
use super::times::TimesBuilder;
use super::writer::misuse;
use crate::codec::column::{Choice, Packer, TimesRef};
use crate::error::Result;
use crate::model::{Columns, HistogramSample, Kind, StartRuns};

/// Writes columns in order of series, then of time. Of the groups of both sorts one is open at most, so that a group has
/// columns that follow each other.
#[derive(Debug)]
pub(super) struct ColumnsWriter {
    directory: DirectoryWriter,
    /// Floats of the present series that are not in a group yet.
    pending: Columns,
    /// Chunks of the present series that are not in a group yet: newer than `pending`, which is then empty, or none.
    column: ColumnBuilder,
    /// The series that both are of.
    series: u32,
    /// Start times of its samples that are not in a group yet.
    starts: StartRuns,
    floats: FloatGroupBuilder,
    /// Whether every column is written in the smallest way; otherwise fast, in that of the column before it where it fits.
    smallest: bool,
    /// How the column before was written: neighbours are mostly of one metric.
    last_choice: Option<Choice>,
    times: TimesBuilder,
    chunks: ChunkGroupBuilder,
    /// Those of the columns of the open group.
    group_starts: StartsBuilder,
    packer: Packer,
}

impl ColumnsWriter {
    /// `smallest` takes longer, and is for what is to stay.
    pub(super) fn new(smallest: bool) -> std::io::Result<Self> {
        Ok(Self {
            directory: DirectoryWriter::default(),
            pending: Columns::default(),
            column: ColumnBuilder::default(),
            series: 0,
            starts: StartRuns::default(),
            floats: FloatGroupBuilder::new(),
            smallest,
            last_choice: None,
            times: TimesBuilder::default(),
            chunks: ChunkGroupBuilder::new()?,
            group_starts: StartsBuilder::default(),
            packer: Packer::new()?,
        })
    }

    /// Takes in the start times of samples of the present series, which are added next.
    pub(super) fn push_start_times(&mut self, samples: &Columns) {
        self.starts.extend(samples);
    }

    /// Adds floats of the present series, newer than the samples before.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn push_floats(
        &mut self,
        series: u32,
        times_ms: &[i64],
        values: &[f64],
        out: &mut Output,
    ) -> Result<()> {
        if times_ms.is_empty() {
            return Ok(());
        }
        self.end_column(out)?;
        self.series = series;
        self.pending.times_ms.extend_from_slice(times_ms);
        self.pending.values.extend_from_slice(values);
        if self.pending.len() > MAX_SAMPLES {
            self.write_pending(false, out)?;
        }
        Ok(())
    }

    /// Adds histograms of the present series, newer than the samples before.
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for those that no chunk holds; those of the file system.
    pub(super) fn push_histograms(
        &mut self,
        series: u32,
        mut times_ms: &[i64],
        mut histograms: &[(usize, HistogramSample)],
        out: &mut Output,
    ) -> Result<()> {
        self.write_pending(true, out)?;
        self.series = series;
        while !histograms.is_empty() {
            let pushed = self
                .column
                .push_histograms(times_ms, histograms)
                .map_err(|e| misuse(&e.to_string()))?;
            if pushed == 0 {
                self.end_column(out)?;
            }
            times_ms = times_ms.get(pushed..).unwrap_or_default();
            histograms = histograms.get(pushed..).unwrap_or_default();
        }
        Ok(())
    }

    /// Adds a column of chunks of the present series, newer than the samples before.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn push_chunks(
        &mut self,
        series: u32,
        column: &RawColumn<'_>,
        out: &mut Output,
    ) -> Result<()> {
        self.end_series(out)?;
        self.starts = column.starts.into();
        self.place_chunks(column.kind, series, column.bytes, column.stats, out)
    }

    /// Ends the present series.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn end_series(&mut self, out: &mut Output) -> Result<()> {
        self.write_pending(true, out)?;
        self.end_column(out)?;
        self.starts.clear();
        Ok(())
    }

    fn end_column(&mut self, out: &mut Output) -> Result<()> {
        let mut column = Vec::new();
        match self.column.finish(&mut column) {
            Some((kind, stats)) => self.place_chunks(kind, self.series, &column, stats, out),
            None => Ok(()),
        }
    }

    fn place_chunks(
        &mut self,
        kind: Kind,
        series: u32,
        column: &[u8],
        stats: ColumnStats,
        out: &mut Output,
    ) -> Result<()> {
        self.end_floats(out)?;
        if self.chunks.is_full_for(kind, column.len()) || self.group_starts.is_full() {
            self.end_chunks(out)?;
        }
        let starts = self.starts.take(stats.min_ms, stats.max_ms);
        self.group_starts.push(self.chunks.columns(), &starts);
        self.chunks
            .push(kind, series, (stats.min_ms, stats.max_ms), column);
        let times = TimesRef(0);
        let extent = self.directory.push_extent(&ColumnExtent { stats, times });
        self.directory.push_column(series, extent);
        Ok(())
    }

    /// Ends all groups; gives the directory.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn finish(&mut self, out: &mut Output) -> Result<Vec<u8>> {
        self.end_series(out)?;
        self.end_chunks(out)?;
        self.end_floats(out)?;
        self.end_table(out)?;
        let mut directory = Vec::new();
        self.directory.finish(&mut directory);
        Ok(directory)
    }

    /// Puts the samples gathered into groups, as whole columns, the last of which may be short if `all` are to go.
    fn write_pending(&mut self, all: bool, out: &mut Output) -> Result<()> {
        let mut pending = std::mem::take(&mut self.pending);
        let columns = pending.times_ms.chunks(MAX_SAMPLES);
        let mut written = 0;
        for (times_ms, values) in columns.zip(pending.values.chunks(MAX_SAMPLES)) {
            if all || times_ms.len() == MAX_SAMPLES {
                self.place_floats(times_ms, values, out)?;
                written += times_ms.len();
            }
        }
        pending.times_ms.drain(..written);
        pending.values.drain(..written);
        self.pending = pending;
        Ok(())
    }

    fn place_floats(&mut self, times_ms: &[i64], values: &[f64], out: &mut Output) -> Result<()> {
        let (Some(&min_ms), Some(&max_ms)) = (times_ms.first(), times_ms.last()) else {
            return Ok(());
        };
        self.end_chunks(out)?;
        if self.times.is_full() {
            self.end_floats(out)?;
            self.end_table(out)?;
        }
        if self.floats.is_full() || self.group_starts.is_full() {
            self.end_floats(out)?;
        }
        let starts = self.starts.take(min_ms, max_ms);
        self.group_starts.push(self.floats.columns(), &starts);
        let stats = ColumnStats {
            count: times_ms.len() as u32,
            min_ms,
            max_ms,
        };
        let directory = &mut self.directory;
        let (times, extent) = self.times.push(self.series, times_ms, &stats, |times| {
            directory.push_extent(&ColumnExtent { stats, times })
        });
        let hint = self.last_choice.filter(|_| !self.smallest);
        let choice = self.floats.push(self.series, &stats, times, values, hint);
        self.last_choice = Some(choice);
        self.directory.push_column(self.series, extent);
        Ok(())
    }

    fn end_floats(&mut self, out: &mut Output) -> Result<()> {
        let (table, offset) = (self.directory.next_table(), out.offset());
        let starts = self.end_starts(self.floats.columns(), out)?;
        let (identity, packer) = (out.identity, &mut self.packer);
        let ended = self
            .floats
            .finish(&starts, table, packer, identity, offset, out.buffer());
        self.end_group(ended, offset, out)
    }

    fn end_chunks(&mut self, out: &mut Output) -> Result<()> {
        let starts = self.end_starts(self.chunks.columns(), out)?;
        let (identity, offset) = (out.identity, out.offset());
        let ended = self.chunks.finish(&starts, identity, offset, out.buffer());
        self.end_group(ended, offset, out)
    }

    /// The start times of a group of so many columns: none if that is not open, but perhaps the other.
    fn end_starts(&mut self, columns: u32, out: &Output) -> Result<Vec<u8>> {
        if columns == 0 {
            return Ok(Vec::new());
        }
        let packed = self.group_starts.finish(columns, &mut self.packer);
        packed.map_err(|e| out.compress_error(e))
    }

    fn end_group(
        &mut self,
        ended: std::io::Result<Option<GroupHeader>>,
        offset: u64,
        out: &mut Output,
    ) -> Result<()> {
        if let Some(header) = ended.map_err(|e| out.compress_error(e))? {
            self.directory
                .push_group(&header, place(&header, offset, out));
            out.write_if_full()?;
        }
        Ok(())
    }

    fn end_table(&mut self, out: &mut Output) -> Result<()> {
        let (table, offset) = (self.directory.next_table(), out.offset());
        let (identity, packer) = (out.identity, &mut self.packer);
        let ended = self
            .times
            .finish(table, packer, identity, offset, out.buffer());
        if let Some(header) = ended.map_err(|e| out.compress_error(e))? {
            self.directory.push_table(place(&header, offset, out));
            out.write_if_full()?;
        }
        Ok(())
    }
}

/// Where what was just written at `offset` stands.
fn place(header: &GroupHeader, offset: u64, out: &Output) -> GroupPlace {
    GroupPlace {
        offset,
        len: (out.offset() - offset) as u32,
        raw_len: header.raw_len,
    }
}
