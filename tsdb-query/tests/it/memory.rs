//! A storage in memory: a map from label sets to samples.

use std::collections::BTreeMap;
use std::sync::Arc;

use tsdb_core::{
    Columns, CounterResetHint, FloatHistogram, HistogramSample, Labels, Matcher, TimeRange,
};
use tsdb_query::{SeriesReader, Snapshot, StorageError};

/// A number or a native histogram.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Float(f64),
    Histogram(Arc<FloatHistogram>),
}

impl From<f64> for Value {
    fn from(v: f64) -> Self {
        Self::Float(v)
    }
}

/// Samples by label set, times rising.
pub(crate) type Data = BTreeMap<Labels, Vec<(i64, Value)>>;

/// What is known of resets when histograms are read, by the rules by which Prometheus cuts them into chunks: nothing of the first
/// of a chunk, of the others that there was none.
fn with_hint(h: &FloatHistogram, before: Option<&FloatHistogram>) -> FloatHistogram {
    use CounterResetHint::{Gauge, NotReset, Reset, Unknown};
    let mut h = h.clone();
    if h.is_stale() || h.counter_reset_hint == Gauge || h.counter_reset_hint == Reset {
        return h;
    }
    h.counter_reset_hint = Unknown;
    let goes_on = before.is_some_and(|before| {
        !before.is_stale()
            && before.counter_reset_hint != Gauge
            && before.schema == h.schema
            && before.zero_threshold == h.zero_threshold
            && before.custom_values == h.custom_values
            && !h.detect_reset(before)
    });
    if goes_on {
        h.counter_reset_hint = NotReset;
    }
    h
}

/// Holds what it was made of.
pub(crate) struct Memory {
    series: Vec<Arc<MemorySeries>>,
}

struct MemorySeries {
    labels: Labels,
    columns: Columns,
}

/// Start times by the times of their samples.
pub(crate) type StartTimes = BTreeMap<Labels, Vec<(i64, i64)>>;

impl Memory {
    pub(crate) fn new(data: &Data) -> Self {
        Self::with_start_times(data, &StartTimes::new())
    }

    pub(crate) fn with_start_times(data: &Data, starts: &StartTimes) -> Self {
        let series = data.iter().map(|(labels, samples)| {
            let mut columns = Columns::with_start_times();
            let starts = starts.get(labels).map_or(&[][..], Vec::as_slice);
            let mut before = None;
            for (t_ms, value) in samples {
                match value {
                    Value::Float(v) => {
                        columns.push(*t_ms, *v);
                        before = None;
                    }
                    Value::Histogram(h) => {
                        let h = Arc::new(with_hint(h, before.as_deref()));
                        columns.push_histogram(*t_ms, HistogramSample::Float(Arc::clone(&h)));
                        before = Some(h);
                    }
                }
                let start = starts.iter().find(|(t, _)| t == t_ms);
                columns.set_start_time(start.map_or(0, |(_, start_ms)| *start_ms));
            }
            Arc::new(MemorySeries {
                labels: labels.clone(),
                columns,
            })
        });
        Self {
            series: series.collect(),
        }
    }
}

impl Snapshot for Memory {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<Arc<dyn SeriesReader>>, StorageError> {
        let matches = |labels: &Labels| {
            matchers
                .iter()
                .all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
        };
        Ok(self
            .series
            .iter()
            .filter(|s| matches(&s.labels))
            .filter(|s| s.columns.times_ms.iter().any(|&t| range.contains(t)))
            .map(|s| Arc::clone(s) as Arc<dyn SeriesReader>)
            .collect())
    }
}

impl SeriesReader for MemorySeries {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn read(&self, range: TimeRange, out: &mut Columns) -> Result<(), StorageError> {
        let times = &self.columns.times_ms;
        let first = times.partition_point(|&t| t < range.start_ms);
        let end = times.partition_point(|&t| t <= range.end_ms).max(first);
        let start = out.len();
        let values = &self.columns.values[first..end];
        for (i, (&t_ms, &value)) in (first..).zip(times[first..end].iter().zip(values)) {
            out.push(t_ms, value);
            out.set_start_time(self.columns.start_time_ms(i).unwrap_or(0));
        }
        let histograms = self.columns.histograms.iter();
        let inside = histograms.filter(|(i, _)| (first..end).contains(i));
        out.histograms
            .extend(inside.map(|(i, h)| (i - first + start, h.clone())));
        Ok(())
    }
}
