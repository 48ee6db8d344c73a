//! Compares values with what a script expects.

use std::collections::HashMap;

use tsdb_core::{FloatHistogram, Labels, is_stale};
use tsdb_query::QueryValue;

use super::script::Expect;
use super::series::Value;

/// Compares the value of an instant query.
pub(crate) fn instant(expect: &Expect, value: &QueryValue) -> Result<(), String> {
    match value {
        QueryValue::Scalar { value, .. } => match expect.scalar {
            Some(wanted) => same(wanted, *value),
            None => Err("unexpected scalar".to_owned()),
        },
        QueryValue::String { value, .. } => match &expect.string {
            Some(wanted) if wanted == value => Ok(()),
            other => Err(format!("expected {other:?}, got the string {value:?}")),
        },
        QueryValue::Vector(samples) => {
            if let Some(wanted) = expect.scalar {
                return match samples.as_slice() {
                    [only] if only.labels.is_empty() => same(wanted, only.value),
                    _ => Err("expected a scalar".to_owned()),
                };
            }
            let wanted: HashMap<&Labels, (usize, &Value)> = expect
                .series
                .iter()
                .enumerate()
                .map(|(i, (labels, values))| (labels, (i, &values[0])))
                .collect();
            for (i, sample) in samples.iter().enumerate() {
                let Some((place, wanted)) = wanted.get(&sample.labels) else {
                    return Err(format!("unexpected {:?} {}", sample.labels, sample.value));
                };
                if expect.ordered && *place != i {
                    return Err(format!("{:?} at place {i}, not {place}", sample.labels));
                }
                match (wanted, &sample.histogram) {
                    (Value::Float(wanted), None) => same(*wanted, sample.value),
                    (Value::Histogram(wanted, hint_set), Some(found)) => {
                        same_histogram(wanted, found, *hint_set)
                    }
                    (wanted, found) => Err(format!("expected {wanted:?}, got {found:?}")),
                }
                .map_err(|e| format!("{:?}: {e}", sample.labels))?;
            }
            let found = |labels: &Labels| samples.iter().any(|s| s.labels == *labels);
            match wanted.keys().find(|labels| !found(labels)) {
                Some(labels) => Err(format!("{labels:?} is missing")),
                None => Ok(()),
            }
        }
        other => Err(format!("unexpected value {other:?}")),
    }
}

/// Compares a matrix whose expectations stand for the times from `start_ms` on.
pub(crate) fn matrix(
    expect: &Expect,
    value: &QueryValue,
    start_ms: i64,
    step_ms: i64,
) -> Result<(), String> {
    let QueryValue::Matrix(series) = value else {
        return Err(format!("expected a matrix, got {value:?}"));
    };
    if !series.is_sorted_by(|a, b| a.labels < b.labels) {
        return Err("series are not sorted".to_owned());
    }
    let mut wanted: HashMap<&Labels, &Vec<Value>> =
        expect.series.iter().map(|(l, v)| (l, v)).collect();
    for s in series {
        let Some(values) = wanted.remove(&s.labels) else {
            return Err(format!("unexpected {:?} {:?}", s.labels, s.values));
        };
        let histograms: Vec<(i64, &FloatHistogram, bool)> = (0..)
            .zip(values)
            .filter_map(|(i, v)| match v {
                Value::Histogram(h, hint_set) => Some((start_ms + i * step_ms, &**h, *hint_set)),
                _ => None,
            })
            .collect();
        if !histograms
            .iter()
            .map(|h| h.0)
            .eq(s.histograms.iter().map(|h| h.0))
        {
            let found = &s.histograms;
            return Err(format!(
                "{:?}: expected histograms {histograms:?}, got {found:?}",
                s.labels
            ));
        }
        for ((t, wanted, hint_set), (_, found)) in histograms.iter().zip(&s.histograms) {
            same_histogram(wanted, found, *hint_set)
                .map_err(|e| format!("{:?} at {t}: {e}", s.labels))?;
        }
        let points: Vec<(i64, f64)> = (0..)
            .zip(values)
            .filter_map(|(i, v)| match v {
                Value::Float(v) => Some((start_ms + i * step_ms, *v)),
                _ => None,
            })
            .collect();
        let times: Vec<i64> = points.iter().map(|p| p.0).collect();
        if times != s.times_ms {
            return Err(format!(
                "{:?}: expected samples at {times:?}, got {:?} {:?}",
                s.labels, s.times_ms, s.values
            ));
        }
        for ((t, wanted), found) in points.iter().zip(&s.values) {
            same(*wanted, *found).map_err(|e| format!("{:?} at {t}: {e}", s.labels))?;
        }
    }
    match wanted.keys().next() {
        Some(labels) => Err(format!("{labels:?} is missing")),
        None => Ok(()),
    }
}

/// Whether two histograms are the same but for rounding and empty buckets.
fn same_histogram(
    wanted: &FloatHistogram,
    found: &FloatHistogram,
    hint_set: bool,
) -> Result<(), String> {
    let compacted = |h: &FloatHistogram| {
        let mut h = h.clone();
        h.compact(0);
        h
    };
    let (w, f) = (compacted(wanted), compacted(found));
    let numbers = |h: &FloatHistogram| -> Vec<f64> {
        let sides = h.positive.buckets.iter().chain(&h.negative.buckets);
        let scalars = [h.count, h.sum, h.zero_count];
        scalars.into_iter().chain(sides.copied()).collect()
    };
    let (a, b) = (numbers(&w), numbers(&f));
    let equal = w.schema == f.schema
        && w.zero_threshold == f.zero_threshold
        && (!w.uses_custom_buckets() || w.custom_values == f.custom_values)
        && w.positive.spans == f.positive.spans
        && w.negative.spans == f.negative.spans
        && a.len() == b.len()
        && a.iter().zip(&b).all(|(a, b)| same(*a, *b).is_ok())
        && (!hint_set || w.counter_reset_hint == f.counter_reset_hint);
    if equal {
        Ok(())
    } else {
        Err(format!("expected {w:?}, got {f:?}"))
    }
}

/// Equal up to a relative difference of 10⁻⁶ (`util/almost`).
fn same(wanted: f64, found: f64) -> Result<(), String> {
    const EPSILON: f64 = 1e-6;
    let (sum, diff) = (wanted.abs() + found.abs(), (wanted - found).abs());
    let equal = if is_stale(wanted) || is_stale(found) {
        is_stale(wanted) && is_stale(found)
    } else if (wanted.is_nan() && found.is_nan()) || wanted == found {
        true
    } else if wanted == 0.0 || found == 0.0 || sum < f64::MIN_POSITIVE {
        diff < EPSILON * f64::MIN_POSITIVE
    } else {
        diff / sum.min(f64::MAX) < EPSILON
    };
    if equal {
        Ok(())
    } else {
        Err(format!("expected {wanted}, got {found}"))
    }
}
