//! Gathers the columns of a run into groups and tables of timestamps, and the directory that finds them.

use super::chunk_group::ChunkGroupBuilder;
use super::column::{ColumnBuilder, ColumnStats, MAX_SAMPLES};
use super::directory::{ColumnExtent, DirectoryWriter, GroupPlace};
use super::field_group::FieldGroupBuilder;
use super::float_group::FloatGroupBuilder;
use super::group_header::{GroupHeader, RunSeries};
use super::listed_group::GroupFrame;
use super::loader::RawColumn;
use super::output::Output;
use super::pending::{Pending, Values};
use super::starts::StartsBuilder;
use super::times::TimesBuilder;
use super::writer::misuse;
use crate::codec::column::{Choice, Packer, TimesRef};
use crate::error::Result;
use crate::model::{Columns, FieldValue, HistogramSample, Kind, StartRuns, TimeUnit};

/// Writes columns in order of series, then of time. Of the groups of all sorts one is open at most, so that a group has
/// columns that follow each other.
#[derive(Debug)]
pub(super) struct ColumnsWriter {
    directory: DirectoryWriter,
    /// Samples of the present series that are not in a group yet.
    pending: Pending,
    /// Chunks of the present series that are not in a group yet: newer than `pending`, which is then empty, or none.
    column: ColumnBuilder,
    /// The series that both are of.
    series: RunSeries,
    /// Start times of its samples that are not in a group yet.
    starts: StartRuns,
    floats: FloatGroupBuilder,
    /// Whether every column is written in the smallest way; otherwise fast, in that of the column before it where it fits.
    smallest: bool,
    /// How the column before was written: neighbours are mostly of one metric.
    last_choice: Option<Choice>,
    fields: FieldGroupBuilder,
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
            pending: Pending::default(),
            column: ColumnBuilder::default(),
            series: RunSeries {
                number: 0,
                unit: TimeUnit::Milliseconds,
            },
            starts: StartRuns::default(),
            floats: FloatGroupBuilder::new(),
            smallest,
            last_choice: None,
            fields: FieldGroupBuilder::default(),
            times: TimesBuilder::default(),
            chunks: ChunkGroupBuilder::new()?,
            group_starts: StartsBuilder::default(),
            packer: Packer::new()?,
        })
    }

    /// Ends the present series and starts the next. Groups and tables have series of one unit.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn start_series(&mut self, series: RunSeries, out: &mut Output) -> Result<()> {
        self.end_series(out)?;
        if series.unit != self.series.unit {
            self.end_chunks(out)?;
            self.end_table(out)?;
        }
        self.series = series;
        Ok(())
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
        times_ms: &[i64],
        values: &[f64],
        out: &mut Output,
    ) -> Result<()> {
        if times_ms.is_empty() {
            return Ok(());
        }
        self.end_column(out)?;
        if !self.pending.fields.is_empty() {
            self.write_pending(true, out)?;
        }
        self.pending.times_ms.extend_from_slice(times_ms);
        self.pending.floats.extend_from_slice(values);
        if self.pending.floats.len() > MAX_SAMPLES {
            self.write_pending(false, out)?;
        }
        Ok(())
    }

    /// Adds an integer, a boolean or a string of the present series, newer than the samples before.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn push_field(
        &mut self,
        t_ms: i64,
        value: &FieldValue,
        out: &mut Output,
    ) -> Result<()> {
        self.end_column(out)?;
        let first = self.pending.fields.first();
        let goes_on = match first {
            Some(first) => first.kind() == value.kind(),
            None => self.pending.floats.is_empty(),
        };
        if !goes_on {
            self.write_pending(true, out)?;
        }
        self.pending.times_ms.push(t_ms);
        self.pending.fields.push(value.clone());
        if self.pending.fields.len() > MAX_SAMPLES {
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
        mut times_ms: &[i64],
        mut histograms: &[(usize, HistogramSample)],
        out: &mut Output,
    ) -> Result<()> {
        self.write_pending(true, out)?;
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
    pub(super) fn push_chunks(&mut self, column: &RawColumn<'_>, out: &mut Output) -> Result<()> {
        self.end_series(out)?;
        self.starts = column.starts.into();
        self.place_chunks(column.kind, column.bytes, column.stats, out)
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
            Some((kind, stats)) => self.place_chunks(kind, &column, stats, out),
            None => Ok(()),
        }
    }

    fn place_chunks(
        &mut self,
        kind: Kind,
        column: &[u8],
        stats: ColumnStats,
        out: &mut Output,
    ) -> Result<()> {
        self.end_floats(out)?;
        self.end_fields(out)?;
        if self.chunks.is_full_for(kind, column.len()) || self.group_starts.is_full() {
            self.end_chunks(out)?;
        }
        let starts = self.starts.take(stats.min_ms, stats.max_ms);
        self.group_starts.push(self.chunks.columns(), &starts);
        self.chunks
            .push(kind, self.series, (stats.min_ms, stats.max_ms), column);
        let times = TimesRef(0);
        let extent = self.directory.push_extent(&ColumnExtent { stats, times });
        self.directory.push_column(self.series.number, extent);
        Ok(())
    }

    /// Ends all groups; gives the directory.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn finish(&mut self, out: &mut Output) -> Result<Vec<u8>> {
        self.end_series(out)?;
        self.end_chunks(out)?;
        self.end_table(out)?;
        let mut directory = Vec::new();
        self.directory.finish(&mut directory);
        Ok(directory)
    }

    /// Puts the samples gathered into groups, as whole columns, the last of which may be short if `all` are to go.
    fn write_pending(&mut self, all: bool, out: &mut Output) -> Result<()> {
        let mut pending = std::mem::take(&mut self.pending);
        let mut written = 0;
        while let Some((times_ms, values)) = pending.column(written) {
            let ends = written + times_ms.len();
            if !all && ends == pending.times_ms.len() {
                break;
            }
            self.place(times_ms, values, out)?;
            written = ends;
        }
        pending.remove(written);
        self.pending = pending;
        Ok(())
    }

    /// Puts a column into a group of its sort, and its timestamps into the table.
    fn place(&mut self, times_ms: &[i64], values: Values<'_>, out: &mut Output) -> Result<()> {
        let (Some(&min_ms), Some(&max_ms)) = (times_ms.first(), times_ms.last()) else {
            return Ok(());
        };
        self.end_chunks(out)?;
        if self.times.is_full() {
            self.end_table(out)?;
        }
        match values {
            Values::Floats(_) => self.end_fields(out)?,
            Values::Fields(..) => self.end_floats(out)?,
        }
        let full = match values {
            Values::Floats(_) => self.floats.is_full(),
            Values::Fields(kind, _) => self.fields.is_full_for(kind),
        };
        if full || self.group_starts.is_full() {
            self.end_floats(out)?;
            self.end_fields(out)?;
        }
        let starts = self.starts.take(min_ms, max_ms);
        let columns = match values {
            Values::Floats(_) => self.floats.columns(),
            Values::Fields(..) => self.fields.columns(),
        };
        self.group_starts.push(columns, &starts);
        let stats = ColumnStats {
            count: times_ms.len() as u32,
            min_ms,
            max_ms,
        };
        let directory = &mut self.directory;
        let (times, extent) = self.times.push(self.series, times_ms, &stats, |times| {
            directory.push_extent(&ColumnExtent { stats, times })
        });
        match values {
            Values::Floats(values) => {
                let hint = self.last_choice.filter(|_| !self.smallest);
                let choice = self.floats.push(self.series, &stats, times, values, hint);
                self.last_choice = Some(choice);
            }
            Values::Fields(kind, values) => {
                self.fields.push(kind, self.series, &stats, times, values);
            }
        }
        self.directory.push_column(self.series.number, extent);
        Ok(())
    }

    fn end_fields(&mut self, out: &mut Output) -> Result<()> {
        let starts = self.end_starts(self.fields.columns(), out)?;
        let frame = self.frame(&starts, out);
        let ended = self.fields.finish(frame, &mut self.packer, out.buffer());
        self.end_group(ended, frame.offset, out)
    }

    fn end_floats(&mut self, out: &mut Output) -> Result<()> {
        let starts = self.end_starts(self.floats.columns(), out)?;
        let frame = self.frame(&starts, out);
        let ended = self.floats.finish(frame, &mut self.packer, out.buffer());
        self.end_group(ended, frame.offset, out)
    }

    fn end_chunks(&mut self, out: &mut Output) -> Result<()> {
        let starts = self.end_starts(self.chunks.columns(), out)?;
        let (identity, offset) = (out.identity, out.offset());
        let ended = self.chunks.finish(&starts, identity, offset, out.buffer());
        self.end_group(ended, offset, out)
    }

    /// Where the group that ends now is written to.
    fn frame<'s>(&self, starts: &'s [u8], out: &Output) -> GroupFrame<'s> {
        GroupFrame {
            starts,
            table: self.directory.next_table(),
            file: out.identity,
            offset: out.offset(),
        }
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

    /// Ends the table and the groups that use it.
    fn end_table(&mut self, out: &mut Output) -> Result<()> {
        self.end_floats(out)?;
        self.end_fields(out)?;
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
