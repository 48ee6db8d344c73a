//! One selected series: where its samples are, and how they become columns.

use std::sync::Arc;

use super::damage::DamageLog;
use super::deletions::Left;
use crate::disk::{GroupCache, Run};
use crate::error::{Error, Result};
use crate::head::SeriesSnapshot;
use crate::model::{Columns, HistogramSample, Labels, Sample, TimeRange, Value};

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
    /// In rising order of writing, each with what it has.
    pub(super) parts: Vec<(Left, Part)>,
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
        Ok(Samples { columns })
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
        for (left, part) in &self.parts {
            if !left.range.overlaps(&range) {
                continue;
            }
            let middle = out.len();
            match self.read_part(part, range, out) {
                // Damage stays local: the rest is read, and the snapshot tells of it.
                Err(damage) if damage.is_corruption() => self.damage.add(&damage),
                read => read?,
            }
            if let Some(deleted) = &left.deleted {
                out.remove(middle, deleted);
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

/// The samples of a series.
#[derive(Clone, Debug)]
pub struct Samples {
    columns: Columns,
}

impl Samples {
    /// The samples in order of time.
    #[must_use]
    pub fn iter(&self) -> SamplesIter<'_> {
        SamplesIter {
            columns: &self.columns,
            histograms: &self.columns.histograms,
            next: 0,
        }
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }
}

impl<'a> IntoIterator for &'a Samples {
    type Item = Sample<'a>;
    type IntoIter = SamplesIter<'a>;

    fn into_iter(self) -> SamplesIter<'a> {
        self.iter()
    }
}

/// Iterator over the samples of a series.
#[derive(Clone, Debug)]
pub struct SamplesIter<'a> {
    columns: &'a Columns,
    /// Those that are still to come.
    histograms: &'a [(usize, HistogramSample)],
    next: usize,
}

impl<'a> Iterator for SamplesIter<'a> {
    type Item = Sample<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let t_ms = *self.columns.times_ms.get(self.next)?;
        let value = match self.histograms.split_first() {
            Some(((at, histogram), rest)) if *at == self.next => {
                self.histograms = rest;
                histogram.as_value()
            }
            _ => Value::Float(*self.columns.values.get(self.next)?),
        };
        self.next += 1;
        Some(Sample { t_ms, value })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.columns.len().saturating_sub(self.next);
        (left, Some(left))
    }
}

impl ExactSizeIterator for SamplesIter<'_> {}
