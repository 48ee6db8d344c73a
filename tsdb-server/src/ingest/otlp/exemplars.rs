//! Exemplars of data points on their way to the series that they stand for.

use tsdb_core::SeriesBuilder;

use super::model::{Exemplar, Point};
use super::translate::milliseconds;
use crate::ingest::label_set::LabelSet;

/// The most characters of all labels; attributes that would make them more are left out, and the trace is kept.
const MAX_CHARS: usize = 128;

/// Adds the exemplars of a data point to its series.
pub(super) fn add_all(point: &Point<'_>, series: &mut SeriesBuilder<'_>) {
    add(point.exemplars.iter(), series);
}

/// Adds those above one bound and up to another to the series of a bucket.
pub(super) fn add_between(
    point: &Point<'_>,
    above: f64,
    up_to: f64,
    series: &mut SeriesBuilder<'_>,
) {
    let inside = |e: &&Exemplar<'_>| e.value.is_some_and(|v| v > above && v <= up_to);
    add(point.exemplars.iter().filter(inside), series);
}

fn add<'a>(exemplars: impl Iterator<Item = &'a Exemplar<'a>>, series: &mut SeriesBuilder<'_>) {
    let mut exemplars: Vec<_> = exemplars.collect();
    // Of a series they are kept in the order of their times.
    exemplars.sort_by_key(|exemplar| exemplar.time_ns);
    for exemplar in exemplars {
        let Some(value) = exemplar.value else {
            continue;
        };
        let mut labels = labels(exemplar);
        // Exemplars are examples: one whose labels are not valid is left out.
        if let Ok(canonical) = labels.canonical_of_any() {
            let _ = series.exemplar(milliseconds(exemplar.time_ns), value, canonical);
        }
    }
}

fn labels<'a>(exemplar: &'a Exemplar<'a>) -> LabelSet<'a> {
    let trace = [
        ("trace_id", &*exemplar.trace_id),
        ("span_id", &*exemplar.span_id),
    ];
    let trace = trace.into_iter().filter(|(_, id)| !id.is_empty());
    let attributes = exemplar.attributes.iter().map(|(k, v)| (&**k, &**v));
    let chars = |(name, value): (&str, &str)| name.chars().count() + value.chars().count();
    let all: usize = trace.clone().chain(attributes.clone()).map(chars).sum();
    let attributes = attributes.filter(|_| all <= MAX_CHARS);
    let mut labels = LabelSet::default();
    for (name, value) in trace.chain(attributes) {
        labels.push(name.as_bytes(), value.as_bytes());
    }
    labels
}
