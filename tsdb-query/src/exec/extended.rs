//! `anchored` and `smoothed` ranges: windows whose bounds have values of their own.

use std::sync::Arc;

use tsdb_core::Columns;

use super::select::interpolate;
use crate::ast::RangeExtension;
use crate::functions::mixed::{self, MixedKernel, MixedWindow};
use crate::functions::native_histogram::{Annotated, Annotation, ExtendedWindow, HistogramWindow};
use crate::functions::{Window, Windows};
use crate::vector::{Column, Sample};

/// What is computed of an extended window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    Delta,
    Increase,
    Rate,
    Resets,
    Changes,
}

/// A function of extended windows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension {
    smoothed: bool,
    quantity: Quantity,
}

impl Extension {
    /// Whether the function can take such a range, and the text of the query's error if not.
    pub(crate) fn new(extension: RangeExtension, function: &str) -> Result<Self, String> {
        let smoothed = extension == RangeExtension::Smoothed;
        let quantity = match function {
            "delta" => Quantity::Delta,
            "increase" => Quantity::Increase,
            "rate" => Quantity::Rate,
            "resets" if !smoothed => Quantity::Resets,
            "changes" if !smoothed => Quantity::Changes,
            _ => {
                let (name, functions) = if smoothed {
                    ("smoothed", "delta, increase, rate")
                } else {
                    ("anchored", "changes, delta, increase, rate, resets")
                };
                return Err(format!(
                    "{name} modifier can only be used with: {functions} - not with {function}"
                ));
            }
        };
        Ok(Self { smoothed, quantity })
    }

    /// How far beyond its start and its end a window looks.
    pub(crate) fn reach(&self, lookback_ms: i64) -> (i64, i64) {
        (lookback_ms, if self.smoothed { lookback_ms } else { 0 })
    }

    /// The values of all windows; their bounds reach as far as [`reach`](Self::reach) says.
    pub(crate) fn evaluate(&self, windows: &Windows<'_>, column: &mut Column) {
        for (k, &(lo, hi)) in windows.bounds.iter().enumerate() {
            if lo == hi {
                continue;
            }
            let end_ms = windows.ends_ms[k];
            let range = Range {
                times_ms: &windows.times_ms[lo..hi],
                values: &windows.values[lo..hi],
                start_ms: end_ms.saturating_sub(windows.range_ms),
                end_ms,
            };
            let value = match self.quantity {
                Quantity::Resets => range.count_anchored(|before, now| now < before),
                Quantity::Changes => range.count_anchored(|before, now| {
                    now != before && !(now.is_nan() && before.is_nan())
                }),
                Quantity::Delta => range.difference(self.smoothed, false),
                Quantity::Increase => range.difference(self.smoothed, true),
                Quantity::Rate => range
                    .difference(self.smoothed, true)
                    .map(|v| v / (windows.range_ms as f64 / 1000.0)),
            };
            if let Some(value) = value {
                column.set(k, value);
            }
        }
    }
}

impl Extension {
    /// The same for a window with native histograms, which reaches as far as [`reach`](Self::reach) says.
    pub(crate) fn evaluate_mixed(&self, w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
        let (start_ms, end_ms) = (w.floats.start_ms, w.floats.end_ms);
        let range = Range {
            times_ms: w.floats.times_ms,
            values: w.floats.values,
            start_ms,
            end_ms,
        };
        let counts = match self.quantity {
            Quantity::Resets => Some(mixed::resets as MixedKernel),
            Quantity::Changes => Some(mixed::changes as MixedKernel),
            Quantity::Delta | Quantity::Increase | Quantity::Rate => None,
        };
        if let Some(count) = counts {
            return match from_anchor(w) {
                Some(window) => count(&window),
                None => None.into(),
            };
        }
        let is_counter = self.quantity != Quantity::Delta;
        let seconds = (end_ms.saturating_sub(start_ms)) as f64 / 1000.0;
        match (
            w.floats.times_ms.is_empty(),
            w.histograms.times_ms.is_empty(),
        ) {
            (false, false) => Annotated::with(None, [Annotation::MixedFloatsHistograms]),
            (_, true) => {
                let difference = range.difference(self.smoothed, is_counter);
                let rate = |v| {
                    if self.quantity == Quantity::Rate {
                        v / seconds
                    } else {
                        v
                    }
                };
                difference.map(|v| Sample::Float(rate(v))).into()
            }
            (true, false) => {
                let window = ExtendedWindow {
                    times_ms: w.histograms.times_ms,
                    histograms: w.histograms.histograms,
                    start_ms,
                    end_ms,
                    smoothed: self.smoothed,
                };
                let difference = window.difference(is_counter);
                let value = difference.value.map(|mut h| {
                    if self.quantity == Quantity::Rate {
                        h.div(seconds);
                        h.compact(0);
                    }
                    Sample::Histogram(Arc::new(h))
                });
                Annotated {
                    value,
                    annotations: difference.annotations,
                }
            }
        }
    }
}

/// The window from its anchor on: the last sample at or before its start, of whichever kind. `None` when nothing is after the start.
fn from_anchor<'a>(w: &MixedWindow<'a>) -> Option<MixedWindow<'a>> {
    let (floats, histograms) = (&w.floats, &w.histograms);
    let mut float = floats.times_ms.partition_point(|&t| t <= floats.start_ms);
    let mut histogram = histograms
        .times_ms
        .partition_point(|&t| t <= floats.start_ms);
    if float == floats.times_ms.len() && histogram == histograms.times_ms.len() {
        return None;
    }
    let before = |times: &[i64], i: usize| i.checked_sub(1).and_then(|i| times.get(i).copied());
    match (
        before(floats.times_ms, float),
        before(histograms.times_ms, histogram),
    ) {
        (Some(f), h) if h.is_none_or(|h| f >= h) => float -= 1,
        (_, Some(_)) => histogram -= 1,
        _ => {}
    }
    Some(MixedWindow {
        floats: Window {
            times_ms: &floats.times_ms[float..],
            values: &floats.values[float..],
            ..*floats
        },
        float_start_times_ms: w.float_start_times_ms.get(float..).unwrap_or(&[]),
        histograms: HistogramWindow {
            times_ms: &histograms.times_ms[histogram..],
            histograms: &histograms.histograms[histogram..],
            start_times_ms: histograms.start_times_ms.get(histogram..).unwrap_or(&[]),
            ..*histograms
        },
    })
}

/// Samples of a window and of what lies around it.
struct Range<'a> {
    times_ms: &'a [i64],
    values: &'a [f64],
    start_ms: i64,
    end_ms: i64,
}

impl Range<'_> {
    fn point(&self, i: usize) -> (i64, f64) {
        (self.times_ms[i], self.values[i])
    }

    /// As [`interpolate`], but a counter that was reset in between begins at zero.
    fn between(&self, i: usize, t_ms: i64, is_counter: bool) -> f64 {
        let (mut from, to) = (self.point(i), self.point(i + 1));
        if is_counter && to.1 < from.1 {
            from.1 = 0.0;
        }
        interpolate(from, to, t_ms)
    }

    /// Where the window begins and ends, and what the values are there; `None` when it has none.
    fn bounds(&self, smoothed: bool, is_counter: bool) -> Option<Bounds> {
        let mut last = self.times_ms.len().checked_sub(1)?;
        let before_last = &self.times_ms[..last];
        let mut first = before_last
            .partition_point(|&t| t <= self.start_ms)
            .saturating_sub(1);
        if smoothed {
            last = before_last.partition_point(|&t| t < self.end_ms);
        }
        if self.times_ms[last] <= self.start_ms {
            return None;
        }
        let left = if smoothed && self.times_ms[first] < self.start_ms {
            self.between(first, self.start_ms, is_counter)
        } else {
            self.values[first]
        };
        let right = if smoothed && last > 0 && self.times_ms[last] > self.end_ms {
            self.between(last - 1, self.end_ms, is_counter)
        } else {
            self.values[last]
        };
        let begins_after_end = self.times_ms[first] > self.end_ms;
        // The bounds stand for the samples at or beyond them.
        if self.times_ms[first] <= self.start_ms {
            first += 1;
        }
        let end = last + usize::from(self.times_ms[last] < self.end_ms);
        Some(Bounds {
            left,
            right,
            inside: first..end.max(first),
            begins_after_end,
        })
    }

    /// The difference between the bounds, resets of a counter made up for.
    fn difference(&self, smoothed: bool, is_counter: bool) -> Option<f64> {
        let bounds = self.bounds(smoothed, is_counter)?;
        if smoothed && bounds.begins_after_end {
            return None;
        }
        let mut result = bounds.right - bounds.left;
        if is_counter {
            let inside = self.values.get(bounds.inside).unwrap_or(&[]);
            result += resets_between(bounds.left, inside, bounds.right);
        }
        Some(result)
    }

    /// Counts pairs of neighbours from the last sample at or before the start on.
    fn count_anchored(&self, counts: impl Fn(f64, f64) -> bool) -> Option<f64> {
        let inside = self.times_ms.partition_point(|&t| t <= self.start_ms);
        if inside >= self.times_ms.len() {
            return None;
        }
        let values = &self.values[inside.saturating_sub(1)..];
        let pairs = values.windows(2);
        Some(pairs.filter(|pair| counts(pair[0], pair[1])).count() as f64)
    }
}

/// Values at the bounds of a window and the samples strictly inside.
struct Bounds {
    left: f64,
    right: f64,
    inside: std::ops::Range<usize>,
    /// No sample is before the end.
    begins_after_end: bool,
}

/// An extended range as the result of a query: the samples inside with a value at each bound. `samples` reach as far beyond
/// the bounds as the lookback does.
pub(crate) fn with_bounds(
    samples: &Columns,
    start_ms: i64,
    end_ms: i64,
    extension: RangeExtension,
) -> Columns {
    let range = Range {
        times_ms: &samples.times_ms,
        values: &samples.values,
        start_ms,
        end_ms,
    };
    let mut out = Columns::default();
    if let Some(bounds) = range.bounds(extension == RangeExtension::Smoothed, false) {
        out.push(start_ms, bounds.left);
        for i in bounds.inside {
            out.push(samples.times_ms[i], samples.values[i]);
        }
        out.push(end_ms, bounds.right);
    }
    out
}

/// What a counter lost by resets on its way from `left` over `values` to `right`.
fn resets_between(left: f64, values: &[f64], right: f64) -> f64 {
    let mut lost = 0.0;
    let mut before = left;
    for &v in values {
        if v < before {
            lost += before;
        }
        before = v;
    }
    if right < before {
        lost += before;
    }
    lost
}
