//! Exemplars: single observations behind a series, mostly with the identifier of a trace.

use super::labels::{LabelIter, Labels};

/// The most characters of the labels of an exemplar, names and values together (OpenMetrics 1.0, "Exemplars").
const MAX_LABEL_CHARS: usize = 128;

/// An exemplar.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// Its own labels, such as `trace_id`; may be empty.
    pub labels: Labels,
    /// The value that was observed.
    pub value: f64,
    /// When, in milliseconds since the Unix epoch.
    pub t_ms: i64,
}

impl Exemplar {
    /// What tells it from others of its series, in their order: time, value, labels.
    pub(crate) fn order(&self) -> (i64, FloatOrder, &Labels) {
        (self.t_ms, FloatOrder(self.value), &self.labels)
    }
}

/// A float in an order that is total; equal are equal bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FloatOrder(f64);

impl Ord for FloatOrder {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for FloatOrder {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for FloatOrder {}

impl PartialEq for FloatOrder {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

/// Whether labels in canonical bytes are few enough for an exemplar.
pub(crate) fn fits_exemplar(canonical: &[u8]) -> bool {
    let chars = LabelIter::over(canonical)
        .map(|(name, value)| name.chars().count() + value.chars().count());
    canonical.len() <= 10 * MAX_LABEL_CHARS && chars.sum::<usize>() <= MAX_LABEL_CHARS
}

/// The exemplars of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesExemplars {
    /// The labels of the series.
    pub labels: Labels,
    /// In the order of their times.
    pub exemplars: Vec<Exemplar>,
}
