//! The samples of a run.

use std::sync::Arc;

use super::super::cache::GroupCache;
use super::super::chunk_group::ChunkGroup;
use super::super::column;
use super::super::column_list::ColumnList;
use super::super::directory::{ColumnExtent, ColumnRecord};
use super::super::group::GroupColumns;
use super::super::group_header::Contents;
use super::super::loader::Loader;
use super::super::lost::OnLost;
use super::super::times::TimesTable;
use super::Run;
use crate::codec::column::TimesRef;
use crate::error::{Error, Result};
use crate::model::{Columns, Kind, LastSample, TimeRange};

impl Run {
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
        lost: OnLost<'_>,
    ) -> Result<()> {
        let mut loader = cache;
        self.read_with(series, range, &mut loader, out, lost)
    }

    /// As [`Self::read_series`], with what `loader` gives.
    pub(in crate::disk) fn read_with(
        &self,
        series: u32,
        range: TimeRange,
        loader: &mut impl Loader,
        out: &mut Columns,
        lost: OnLost<'_>,
    ) -> Result<()> {
        let mut after_ms = None;
        for record in self.columns(series) {
            let record = record?;
            let stats = record.extent.stats;
            if !range.overlaps(&TimeRange::new(stats.min_ms, stats.max_ms)) {
                continue;
            }
            if after_ms.is_some_and(|t_ms| stats.min_ms <= t_ms) {
                lost(stats, self.damaged(&record, "columns of a series overlap"))?;
                continue;
            }
            after_ms = Some(stats.max_ms);
            let start = out.len();
            match self.read_column(&record, range, loader, out) {
                Err(damage) if damage.is_damage() => {
                    // Values may have come without their times.
                    out.values.truncate(start);
                    out.truncate(start);
                    lost(stats, damage)?;
                }
                read => read?,
            }
        }
        Ok(())
    }

    /// Appends the samples of a column inside `range` to `out`. After an error `out` may hold some of them.
    pub(in crate::disk) fn read_column(
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

    /// Whether all columns of a series are of chunks.
    pub(in crate::disk) fn is_of_chunks(&self, series: u32) -> Result<bool> {
        for record in self.columns(series) {
            if !matches!(record?.contents, Contents::Chunks(_)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Kind and bytes of a column of chunks.
    pub(in crate::disk) fn chunks<'g>(
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
    pub(in crate::disk) fn times_of(
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
