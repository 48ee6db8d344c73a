//! Where the parts of a run come from while its series are read: from the cache, or, for who reads all of them in order,
//! from the file.

use std::sync::Arc;

use super::cache::{FollowedIn, UnpackerPool};
use super::column::ColumnStats;
use super::float_group::FloatGroup;
use super::group::{Group, GroupColumns};
use super::lost::OnLost;
use super::run::Run;
use super::times::TimesTable;
use crate::codec::DecodeError;
use crate::codec::column::TimesRef;
use crate::error::{Error, Result};
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
    /// The group and the table that were last found damaged: each of their columns asks for them.
    damaged_group: Option<Damaged>,
    damaged_table: Option<Damaged>,
    followed: FollowedIn,
}

/// A damaged part: its number, where it stands, what is wrong.
#[derive(Clone, Copy, Debug)]
struct Damaged {
    number: u32,
    offset: u64,
    what: &'static str,
}

impl Damaged {
    /// What is known already of a part; an error if it is damaged.
    fn recall(known: Option<Self>, run: &Run, number: u32) -> Result<()> {
        match known.filter(|known| known.number == number) {
            Some(known) => Err(Error::corrupt(run.path(), known.offset, known.what)),
            None => Ok(()),
        }
    }

    /// Keeps what was found of a part.
    fn note<T>(found: Result<T>, number: u32, known: &mut Option<Self>) -> Result<T> {
        if let Err(Error::Corrupt { offset, what, .. }) = &found {
            *known = Some(Self {
                number,
                offset: *offset,
                what,
            });
        }
        found
    }
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
        Damaged::recall(self.damaged_group, run, group)?;
        let loaded = self.unpackers.group(run, group);
        let loaded = Arc::new(Damaged::note(loaded, group, &mut self.damaged_group)?);
        self.group = Some((group, Arc::clone(&loaded)));
        Ok(loaded)
    }

    fn times(&mut self, run: &Run, table: u32, column: TimesRef) -> Result<Arc<[i64]>> {
        let held = self.table.take().filter(|held| held.number == table);
        let held = match held {
            Some(held) => held,
            None => {
                Damaged::recall(self.damaged_table, run, table)?;
                let loaded = self.unpackers.table(run, table);
                let loaded = Damaged::note(loaded, table, &mut self.damaged_table)?;
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
        lost: OnLost<'_>,
    ) -> Result<()> {
        run.read_with(series, range, self, out, lost)
    }

    /// The columns of a series as they are, in order of time, if all of them are of chunks and so can be copied.
    /// Says whether they are; otherwise it gives none. Those that are damaged are given to `lost`.
    ///
    /// # Errors
    /// Those of [`Run::read_series`].
    pub(crate) fn raw_columns(
        &mut self,
        run: &Run,
        series: u32,
        mut visit: impl FnMut(RawColumn<'_>) -> Result<()>,
        lost: OnLost<'_>,
    ) -> Result<bool> {
        if !run.is_of_chunks(series)? {
            return Ok(false);
        }
        for record in run.columns(series) {
            let record = record?;
            let stats = record.extent.stats;
            let group = match self.group(run, record.group) {
                Err(damage) if damage.is_damage() => {
                    lost(stats, damage)?;
                    continue;
                }
                group => group?,
            };
            let GroupColumns::Chunks(columns) = &group.columns else {
                continue;
            };
            match run.chunks(columns, &record) {
                Ok((kind, bytes)) => visit(RawColumn {
                    kind,
                    stats,
                    bytes,
                    starts: group.starts_of(record.index),
                })?,
                Err(damage) => lost(stats, damage)?,
            }
        }
        Ok(true)
    }
}
