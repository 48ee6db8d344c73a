//! Rates and differences of native histograms.

use std::borrow::Borrow;

use tsdb_core::{CounterResetHint, FloatHistogram};

use super::window::{start_time_overlap, start_time_reset};
use super::{Annotated, Annotation, HistogramOperation, HistogramWindow, Point, PointValue};
use crate::functions::kernel::seconds;

/// How many average distances the first (last) sample may be away from the start (end) of the window
/// for the series to count as covering it.
const EXTRAPOLATION_THRESHOLD: f64 = 1.1;

/// A result, if there is one.
type Result = Annotated<Option<FloatHistogram>>;

/// `rate(m)`: per-second increase of a counter. Of a window that has floats too there is none, which the caller tells.
pub(crate) fn rate<H: Borrow<FloatHistogram>>(w: &HistogramWindow<'_, H>) -> Result {
    extrapolated(w, true, |factor| factor / seconds(w.end_ms - w.start_ms))
}

/// `increase(m)`: increase of a counter over the window.
pub(crate) fn increase<H: Borrow<FloatHistogram>>(w: &HistogramWindow<'_, H>) -> Result {
    extrapolated(w, true, |factor| factor)
}

/// `delta(m)`: difference of a gauge over the window.
pub(crate) fn delta<H: Borrow<FloatHistogram>>(w: &HistogramWindow<'_, H>) -> Result {
    extrapolated(w, false, |factor| factor)
}

/// The difference between the bounds of the window, extrapolated from the samples inside as for floats; counts take the place of
/// values where it is asked when a counter was zero. Where the start time of the first sample says when that was, even one sample
/// is enough.
fn extrapolated<H: Borrow<FloatHistogram>>(
    w: &HistogramWindow<'_, H>,
    is_counter: bool,
    scale: impl Fn(f64) -> f64,
) -> Result {
    let ([first, rest @ ..], [first_ms, ..], [.., last_ms]) =
        (w.histograms, w.times_ms, w.times_ms)
    else {
        return None.into();
    };
    let start_ms = w.start_times_ms.first().copied().unwrap_or(0);
    let begins_inside =
        is_counter && start_ms != 0 && start_ms > w.start_ms && start_ms < *first_ms;
    let mut result = match rest {
        [] if begins_inside => Some(first.borrow().clone()).into(),
        [] => return None.into(),
        _ => difference(w, is_counter),
    };
    let Some(h) = &mut result.value else {
        return result;
    };
    let mut bounds_differ = false;
    let mut sampled = seconds(last_ms - first_ms);
    let distance = sampled / rest.len().max(1) as f64;
    let threshold = distance * EXTRAPOLATION_THRESHOLD;
    let mut to_start = seconds(first_ms - w.start_ms);
    if begins_inside {
        // The counter was zero at its start time.
        to_start = 0.0;
        sampled = seconds(last_ms - start_ms);
        if !rest.is_empty() {
            match h.add(first.borrow()) {
                Err(_) => {
                    result.tell(Annotation::MixedExponentialCustomHistograms);
                    result.value = None;
                    return result;
                }
                Ok(reconciled) if reconciled.custom_bounds => {
                    bounds_differ = true;
                }
                Ok(_) => {}
            }
        }
    } else {
        if to_start >= threshold {
            to_start = distance / 2.0;
        }
        let first_count = first.borrow().count;
        if is_counter && h.count > 0.0 && first_count >= 0.0 {
            let to_zero = sampled * (first_count / h.count);
            if to_zero < to_start {
                to_start = to_zero;
            }
        }
    }
    let mut to_end = seconds(w.end_ms - last_ms);
    if to_end >= threshold {
        to_end = distance / 2.0;
    }
    let factor = if sampled == 0.0 {
        1.0
    } else {
        (sampled + to_start + to_end) / sampled
    };
    h.mul(scale(factor));
    if bounds_differ {
        result.tell(Annotation::MismatchedCustomBuckets(HistogramOperation::Add));
    }
    result
}

/// Difference between the last and the first of at least two histograms, with resets of a counter made up for; a gauge, in the
/// lowest schema and without empty buckets.
fn difference<H: Borrow<FloatHistogram>>(w: &HistogramWindow<'_, H>, is_counter: bool) -> Result {
    let histograms = || w.histograms.iter().map(Borrow::borrow);
    let points: Vec<Point<'_>> = w.points().collect();
    let (Some(first), Some(last)) = (histograms().next(), histograms().next_back()) else {
        return None.into();
    };
    let mixed = || Annotated::with(None, [Annotation::MixedExponentialCustomHistograms]);
    let mut result = Annotated::from(None);
    let is_gauge = |h: &FloatHistogram| h.counter_reset_hint == CounterResetHint::Gauge;
    if is_counter && (is_gauge(first) || is_gauge(last)) {
        result.tell(Annotation::NativeHistogramNotCounter);
    }

    // With a reset behind it the first sample counts for nothing, whatever its buckets are.
    let nothing;
    let mut base = first;
    if is_counter
        && let (Some(second), [a, b, ..]) = (histograms().nth(1), points.as_slice())
        && (start_time_reset(a, b) || second.detect_reset(first))
    {
        nothing = FloatHistogram {
            schema: second.schema,
            custom_values: second.custom_values.clone(),
            ..FloatHistogram::default()
        };
        base = &nothing;
    }
    let custom = base.uses_custom_buckets();
    if last.uses_custom_buckets() != custom {
        result.tell(Annotation::MixedExponentialCustomHistograms);
        return result;
    }

    let mut schema = last.schema.min(base.schema);
    if is_counter {
        let inner = w.histograms.get(1..w.histograms.len() - 1);
        for h in inner.unwrap_or_default().iter().map(Borrow::borrow) {
            if is_gauge(h) {
                result.tell(Annotation::NativeHistogramNotCounter);
            }
            schema = schema.min(h.schema);
            if h.uses_custom_buckets() != custom {
                return mixed();
            }
        }
    }

    let Ok(mut h) = last.copy_to_schema(schema) else {
        return mixed();
    };
    match h.sub(base) {
        Err(_) => return mixed(),
        Ok(reconciled) if reconciled.custom_bounds => {
            result.tell(Annotation::MismatchedCustomBuckets(HistogramOperation::Sub))
        }
        Ok(_) => {}
    }
    if is_counter {
        let mut before = base;
        for (pair, now) in points.windows(2).zip(histograms().skip(1)) {
            let [a, b] = pair else { continue };
            if start_time_overlap(a, b) {
                result.tell(Annotation::StartTimeOverlap);
            }
            if start_time_reset(a, b) || now.detect_reset(before) {
                match h.add(before) {
                    Err(_) => return mixed(),
                    Ok(reconciled) if reconciled.custom_bounds => {
                        result.tell(Annotation::MismatchedCustomBuckets(HistogramOperation::Add))
                    }
                    Ok(_) => {}
                }
            }
            before = now;
        }
    } else if !is_gauge(first) || !is_gauge(last) {
        result.tell(Annotation::NativeHistogramNotGauge);
    }
    h.counter_reset_hint = CounterResetHint::Gauge;
    h.compact(0);
    result.value = Some(h);
    result
}

/// `irate(m)` of the last two samples of a window, floats or histograms, one of them at least a histogram: per-second increase
/// of a counter.
pub(crate) fn irate(before: &Point<'_>, last: &Point<'_>) -> Result {
    instant(before, last, true)
}

/// `idelta(m)` of the last two samples of a window, floats or histograms, one of them at least a histogram: their difference.
pub(crate) fn idelta(before: &Point<'_>, last: &Point<'_>) -> Result {
    instant(before, last, false)
}

fn instant(before: &Point<'_>, last: &Point<'_>, is_counter: bool) -> Result {
    if last.t_ms == before.t_ms {
        return None.into();
    }
    let (PointValue::Histogram(from), PointValue::Histogram(to)) = (before.value, last.value)
    else {
        return Annotated::with(None, [Annotation::MixedFloatsHistograms]);
    };
    let gauges = [from, to].map(|h| h.counter_reset_hint == CounterResetHint::Gauge);
    let mut result = Annotated::from(None);
    match (is_counter, gauges) {
        (true, [false, false]) | (false, [true, true]) => {}
        (true, _) => result.tell(Annotation::NativeHistogramNotCounter),
        (false, _) => result.tell(Annotation::NativeHistogramNotGauge),
    }
    let mut h = to.clone();
    if !is_counter || !(start_time_reset(before, last) || to.detect_reset(from)) {
        match h.sub(from) {
            Err(_) => {
                result.tell(Annotation::MixedExponentialCustomHistograms);
                return result;
            }
            Ok(reconciled) if reconciled.custom_bounds => {
                result.tell(Annotation::MismatchedCustomBuckets(HistogramOperation::Sub))
            }
            Ok(_) => {}
        }
    }
    h.counter_reset_hint = CounterResetHint::Gauge;
    h.compact(0);
    if is_counter {
        h.div(seconds(last.t_ms - before.t_ms));
    }
    result.value = Some(h);
    result
}
