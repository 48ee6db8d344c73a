//! One selected series: where its samples are, and how they become columns.

use std::sync::Arc;

use super::damage::DamageLog;
use super::deletions::Left;
use crate::disk::{GroupCache, Run};
use crate::error::{Error, Result};
use crate::head::SeriesSnapshot;
use crate::model::{
    Columns, FieldValue, HistogramSample, Labels, Sample, TimeRange, TimeUnit, Value,
};

/// A place that holds samples of the series.
#[derive(Debug)]
pub(super) enum Part {
    /// A column of a run.
    Run {
        run: Arc<Run>,
        series: u32,
        unit: TimeUnit,
    },
    /// What was captured of a generation.
    Head(SeriesSnapshot),
}

impl Part {
    fn unit(&self) -> TimeUnit {
        match self {
            Self::Run { unit, .. } => *unit,
            Self::Head(snapshot) => snapshot.unit(),
        }
    }
}

/// The places that hold samples of a series, in rising order of writing, each with what it has. Mostly it is one.
#[derive(Debug)]
pub(super) struct Parts {
    first: (Left, Part),
    others: Vec<(Left, Part)>,
}

impl Parts {
    pub(super) fn new(first: (Left, Part)) -> Self {
        let others = Vec::new();
        Self { first, others }
    }

    pub(super) fn push(&mut self, part: (Left, Part)) {
        self.others.push(part);
    }

    fn iter(&self) -> impl Iterator<Item = &(Left, Part)> + Clone {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// One selected series with a snapshot of its samples.
#[derive(Debug)]
pub struct Series {
    pub(super) labels: Labels,
    pub(super) range: TimeRange,
    pub(super) parts: Parts,
    pub(super) cache: Arc<GroupCache>,
    pub(super) damage: DamageLog,
}

impl Series {
    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// What it takes in memory beside the samples, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        let parts = self.parts.others.capacity() * size_of::<(Left, Part)>();
        (size_of::<Self>() + parts + self.labels.as_bytes().len()) as u64
    }

    /// Times inside the querier's range between which all its samples are; `None` when there is none.
    #[must_use]
    pub fn time_range(&self) -> Option<TimeRange> {
        let held = self.parts.iter().map(|(left, _)| left.range);
        let start_ms = held.clone().map(|held| held.start_ms).min()?;
        let end_ms = held.map(|held| held.end_ms).max()?;
        let range = TimeRange::new(
            start_ms.max(self.range.start_ms),
            end_ms.min(self.range.end_ms),
        );
        (!range.is_empty()).then_some(range)
    }

    /// In which unit its samples have their times: milliseconds, unless InfluxDB's protocols wrote it.
    #[must_use]
    pub fn unit(&self) -> TimeUnit {
        let units = self.parts.iter().map(|(_, part)| part.unit());
        // Parts of two units are what damage may leave, of which the writer could not know.
        units
            .reduce(TimeUnit::finer)
            .unwrap_or(TimeUnit::Milliseconds)
    }

    /// Its samples inside the querier's range as they were written, of all kinds and with the times in its
    /// [unit](Self::unit), strictly rising; staleness markers included. The last millisecond of the range is whole.
    ///
    /// # Errors
    /// As [`read_into`](Self::read_into).
    pub fn samples(&self) -> Result<Samples> {
        self.samples_within(self.range)
    }

    /// The same inside `range` only, which is in milliseconds, both ends whole.
    ///
    /// # Errors
    /// As [`read_into`](Self::read_into).
    pub fn samples_within(&self, range: TimeRange) -> Result<Samples> {
        let unit = self.unit();
        let mut columns = Columns::with_start_times();
        self.read_ticks(range, unit, &mut columns)?;
        Ok(Samples { columns, unit })
    }

    /// Appends the samples inside `range` and inside the querier's range to `out` as PromQL shows them: times in
    /// milliseconds, strictly rising, staleness markers included, start times if [`out` asks for them](Columns::with_start_times).
    ///
    /// Of several samples in one millisecond the last counts, an integer is the nearest double, a boolean is 0 or 1, and
    /// strings are left out. What stands in a damaged part of a file is left out too, and told by
    /// [`Snapshot::warnings`](crate::Snapshot::warnings).
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read_into(&self, range: TimeRange, out: &mut Columns) -> Result<()> {
        let (start, unit) = (out.len(), self.unit());
        self.read_ticks(range, unit, out)?;
        out.show_to_promql(start, unit);
        Ok(())
    }

    /// Appends the samples inside `range`, which is in milliseconds, as they were written, with times in ticks of `unit`.
    fn read_ticks(&self, range: TimeRange, unit: TimeUnit, out: &mut Columns) -> Result<()> {
        let range = TimeRange::new(
            range.start_ms.max(self.range.start_ms),
            range.end_ms.min(self.range.end_ms),
        );
        let start = out.len();
        for (left, part) in self.parts.iter() {
            if !left.range.overlaps(&range) {
                continue;
            }
            let middle = out.len();
            match self.read_part(part, part.unit().ticks_of(range), out) {
                Err(damage) if damage.is_damage() => self.damage.add(&damage),
                read => read?,
            }
            if let Some(deleted) = &left.deleted {
                out.remove(middle, deleted);
            }
            out.convert_times(middle, part.unit(), unit);
            out.merge_tail(start, middle);
        }
        Ok(())
    }

    fn read_part(&self, part: &Part, range: TimeRange, out: &mut Columns) -> Result<()> {
        match part {
            Part::Run { run, series, .. } => {
                // Damage stays local: the rest is read, and the snapshot tells of it.
                let lost = &mut |_, damage| {
                    self.damage.add(&damage);
                    Ok(())
                };
                run.read_series(*series, range, &self.cache, out, lost)
            }
            Part::Head(snapshot) => snapshot
                .read(range, out)
                .map_err(|e| Error::corrupt("(memory)", e.at as u64, e.what)),
        }
    }
}

/// The samples of a series.
#[derive(Clone, Debug)]
pub struct Samples {
    /// With times in ticks of `unit`.
    columns: Columns,
    unit: TimeUnit,
}

impl Samples {
    /// The samples in order of time.
    #[must_use]
    pub fn iter(&self) -> SamplesIter<'_> {
        SamplesIter {
            columns: &self.columns,
            unit: self.unit,
            histograms: &self.columns.histograms,
            fields: &self.columns.fields,
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
    unit: TimeUnit,
    /// Those that are still to come.
    histograms: &'a [(usize, HistogramSample)],
    fields: &'a [(usize, FieldValue)],
    next: usize,
}

impl<'a> Iterator for SamplesIter<'a> {
    type Item = Sample<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let tick = *self.columns.times_ms.get(self.next)?;
        let value = if let Some(((at, histogram), rest)) = self.histograms.split_first()
            && *at == self.next
        {
            self.histograms = rest;
            histogram.as_value()
        } else if let Some(((at, value), rest)) = self.fields.split_first()
            && *at == self.next
        {
            self.fields = rest;
            value.as_value()
        } else {
            Value::Float(*self.columns.values.get(self.next)?)
        };
        let start_ms = self.columns.start_time_ms(self.next);
        self.next += 1;
        Some(Sample {
            t_ms: self.unit.to_ms(tick),
            tick,
            value,
            start_ms: start_ms.map(|start| self.unit.to_ms(start)),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.columns.len().saturating_sub(self.next);
        (left, Some(left))
    }
}

impl ExactSizeIterator for SamplesIter<'_> {}
