//! One selected series: where its samples are, and how they become columns.

use std::sync::Arc;

use super::damage::DamageLog;
use crate::disk::{GroupCache, Run};
use crate::error::{Error, Result};
use crate::head::SeriesSnapshot;
use crate::model::{Columns, Labels, Sample, TimeRange, Value};

/// A place that holds samples of the series.
#[derive(Debug)]
pub(super) enum Part {
    /// A column of a run.
    Run { run: Arc<Run>, series: u32 },
    /// What was captured of a generation.
    Head(SeriesSnapshot),
}

/// One selected series with a snapshot of its samples.
#[derive(Debug)]
pub struct Series {
    pub(super) labels: Labels,
    pub(super) range: TimeRange,
    /// In rising order of writing, each with the times of its first and last sample.
    pub(super) parts: Vec<(TimeRange, Part)>,
    pub(super) cache: Arc<GroupCache>,
    pub(super) damage: DamageLog,
}

impl Series {
    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Its samples inside the querier's range, times strictly rising, staleness markers included.
    ///
    /// # Errors
    /// As [`read_into`](Self::read_into).
    pub fn samples(&self) -> Result<Samples> {
        let mut columns = Columns::default();
        self.read_into(self.range, &mut columns)?;
        Ok(Samples { columns, next: 0 })
    }

    /// Appends the samples inside `range` and inside the querier's range to `out`, times strictly rising, staleness
    /// markers included. What stands in a damaged part of a file is left out, and told by [`Snapshot::warnings`](crate::Snapshot::warnings).
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read_into(&self, range: TimeRange, out: &mut Columns) -> Result<()> {
        let range = TimeRange::new(
            range.start_ms.max(self.range.start_ms),
            range.end_ms.min(self.range.end_ms),
        );
        let start = out.len();
        for (part_range, part) in &self.parts {
            if !part_range.overlaps(&range) {
                continue;
            }
            let middle = out.len();
            match self.read_part(part, range, out) {
                // Damage stays local: the rest is read, and the snapshot tells of it.
                Err(damage) if damage.is_corruption() => self.damage.add(&damage),
                read => read?,
            }
            out.merge_tail(start, middle);
        }
        Ok(())
    }

    fn read_part(&self, part: &Part, range: TimeRange, out: &mut Columns) -> Result<()> {
        match part {
            Part::Run { run, series } => run.read_series(*series, range, &self.cache, out),
            Part::Head(snapshot) => snapshot
                .read(range, out)
                .map_err(|e| Error::corrupt("(memory)", e.at as u64, e.what)),
        }
    }
}

/// Iterator over the samples of a series.
#[derive(Debug)]
pub struct Samples {
    columns: Columns,
    next: usize,
}

impl Iterator for Samples {
    type Item = Sample<'static>;

    fn next(&mut self) -> Option<Self::Item> {
        let t_ms = *self.columns.times_ms.get(self.next)?;
        let value = *self.columns.values.get(self.next)?;
        self.next += 1;
        Some(Sample {
            t_ms,
            value: Value::Float(value),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.columns.len() - self.next.min(self.columns.len());
        (left, Some(left))
    }
}

impl ExactSizeIterator for Samples {}
