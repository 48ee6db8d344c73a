//! Where the parts of a run come from while its series are read: from the cache, or, for who reads all of them in order,
//! from the file.

use std::sync::Arc;

use super::cache::{FollowedIn, UnpackerPool};
use super::column::ColumnStats;
use super::float_group::FloatGroup;
use super::group::{Group, GroupColumns};
use super::run::Run;
use super::times::TimesTable;
use crate::codec::DecodeError;
use crate::codec::column::TimesRef;
use crate::error::Result;
use crate::model::{Columns, Kind, StartRun, TimeRange};

/// Gives the parts of a run.
pub(super) trait Loader {
    /// A group.
    fn group(&mut self, run: &Run, group: u32) -> Result<Arc<Group>>;

    /// A column of a table of timestamps.
    fn times(&mut self, run: &Run, table: u32, column: TimesRef) -> Result<Arc<[i64]>>;

    /// Appends the values of a column of a group.
    fn values(
        &mut self,
        at: (&Run, u32),
        columns: &FloatGroup,
        index: u32,
        out: &mut Vec<f64>,
    ) -> std::result::Result<(), DecodeError>;
}

/// Reads the series of one run in order, beside the cache: holds the last group, and the last table of timestamps with
/// the columns that were decoded.
#[derive(Debug, Default)]
pub(crate) struct GroupReader {
    unpackers: UnpackerPool,
    group: Option<(u32, Arc<Group>)>,
    table: Option<Times>,
    followed: FollowedIn,
}

/// A table of timestamps and its columns, as far as they were asked for.
#[derive(Debug)]
struct Times {
    number: u32,
    table: TimesTable,
    columns: Vec<Option<Arc<[i64]>>>,
}

/// A column of chunks as it stands in a group, to be copied.
#[derive(Clone, Debug)]
pub(crate) struct RawColumn<'a> {
    pub(crate) kind: Kind,
    pub(crate) stats: ColumnStats,
    pub(crate) bytes: &'a [u8],
    pub(crate) starts: &'a [StartRun],
}

impl Loader for GroupReader {
    fn group(&mut self, run: &Run, group: u32) -> Result<Arc<Group>> {
        if let Some((number, held)) = &self.group
            && *number == group
        {
            return Ok(Arc::clone(held));
        }
        let loaded = Arc::new(self.unpackers.group(run, group)?);
        self.group = Some((group, Arc::clone(&loaded)));
        Ok(loaded)
    }

    fn times(&mut self, run: &Run, table: u32, column: TimesRef) -> Result<Arc<[i64]>> {
        let held = self.table.take().filter(|held| held.number == table);
        let held = match held {
            Some(held) => held,
            None => {
                let loaded = self.unpackers.table(run, table)?;
                Times {
                    number: table,
                    columns: vec![None; loaded.columns()],
                    table: loaded,
                }
            }
        };
        let held = self.table.insert(held);
        let known = held.columns.get_mut(column.0 as usize);
        if let Some(Some(times_ms)) = known {
            return Ok(Arc::clone(times_ms));
        }
        let times_ms = run.times_of(&held.table, table, column)?;
        if let Some(known) = known {
            *known = Some(Arc::clone(&times_ms));
        }
        Ok(times_ms)
    }

    fn values(
        &mut self,
        at: (&Run, u32),
        columns: &FloatGroup,
        index: u32,
        out: &mut Vec<f64>,
    ) -> std::result::Result<(), DecodeError> {
        self.followed.decode(at, columns, index, out)
    }
}

impl GroupReader {
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
        run.read_with(series, range, self, out)
    }

    /// The columns of a series as they are, in order of time, if all of them are of chunks and so can be copied.
    /// Says whether they are; otherwise it gives none.
    ///
    /// # Errors
    /// Those of [`Run::read_series`].
    pub(crate) fn raw_columns(
        &mut self,
        run: &Run,
        series: u32,
        mut visit: impl FnMut(RawColumn<'_>) -> Result<()>,
    ) -> Result<bool> {
        if !run.is_of_chunks(series)? {
            return Ok(false);
        }
        for record in run.columns(series) {
            let record = record?;
            let group = self.group(run, record.group)?;
            let GroupColumns::Chunks(columns) = &group.columns else {
                continue;
            };
            let (kind, bytes) = run.chunks(columns, &record)?;
            visit(RawColumn {
                kind,
                stats: record.extent.stats,
                bytes,
                starts: group.starts_of(record.index),
            })?;
        }
        Ok(true)
    }

    /// As [`Run::verify`]: reads the parts that no series read so far.
    pub(super) fn load_all(&mut self, run: &Run, groups: u32, tables: u32) -> Result<()> {
        for group in 0..groups {
            self.group(run, group)?;
        }
        for table in 0..tables {
            self.unpackers.table(run, table)?;
        }
        Ok(())
    }
}
