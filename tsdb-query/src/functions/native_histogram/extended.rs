//! Differences of native histograms over `anchored` and `smoothed` ranges, whose bounds have values of their own.

use std::borrow::Borrow;

use tsdb_core::histogram::{IncompatibleSchemas, Reconciled};
use tsdb_core::{CounterResetHint, FloatHistogram};

use super::{Annotated, Annotation, HistogramOperation};

/// The histograms in and around a range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExtendedWindow<'a, H> {
    /// Milliseconds since the Unix epoch, strictly rising; they reach beyond the bounds of the range.
    pub(crate) times_ms: &'a [i64],
    /// The histograms, as many as there are times.
    pub(crate) histograms: &'a [H],
    /// Where the range begins, itself outside.
    pub(crate) start_ms: i64,
    /// Where the range ends, itself inside.
    pub(crate) end_ms: i64,
    /// The values at the bounds lie between their neighbours; otherwise they are those of the last samples before them.
    pub(crate) smoothed: bool,
}

/// A value that is there unless an operation failed, which has been told.
type Step<T> = Result<T, Vec<Annotation>>;

/// Gathers what is told on the way.
struct Teller(Vec<Annotation>);

impl Teller {
    fn tell(&mut self, annotation: Annotation) {
        if !self.0.contains(&annotation) {
            self.0.push(annotation);
        }
    }

    fn take<T>(&mut self, annotated: Annotated<Option<T>>) -> Step<T> {
        annotated.annotations.into_iter().for_each(|a| self.tell(a));
        annotated.value.ok_or_else(|| std::mem::take(&mut self.0))
    }

    fn check(
        &mut self,
        done: Result<Reconciled, IncompatibleSchemas>,
        operation: HistogramOperation,
    ) -> Step<()> {
        match done {
            Err(IncompatibleSchemas) => {
                self.tell(Annotation::MixedExponentialCustomHistograms);
                Err(std::mem::take(&mut self.0))
            }
            Ok(reconciled) => {
                if reconciled.custom_bounds {
                    self.tell(Annotation::MismatchedCustomBuckets(operation));
                }
                Ok(())
            }
        }
    }
}

/// The histogram at `t_ms` between two others, count by count on the line between theirs. A counter that was reset in between
/// began at zero.
pub(crate) fn interpolate_histograms(
    (from_ms, from): (i64, &FloatHistogram),
    (to_ms, to): (i64, &FloatHistogram),
    t_ms: i64,
    is_counter: bool,
) -> Annotated<Option<FloatHistogram>> {
    if t_ms == from_ms {
        return Some(from.clone()).into();
    }
    let mut h = to.clone();
    if t_ms == to_ms {
        return Some(h).into();
    }
    let fraction = (t_ms - from_ms) as f64 / (to_ms - from_ms) as f64;
    if is_counter && to.detect_reset(from) {
        h.mul(fraction);
        return Some(h).into();
    }
    let mut teller = Teller(Vec::new());
    let done = teller
        .check(h.sub(from), HistogramOperation::Sub)
        .and_then(|()| {
            h.mul(fraction);
            teller.check(h.add(from), HistogramOperation::Add)
        });
    match done {
        Ok(()) => Annotated::with(Some(h), teller.0),
        Err(told) => Annotated::with(None, told),
    }
}

impl<H: Borrow<FloatHistogram>> ExtendedWindow<'_, H> {
    /// `increase(m)` or, when it is no counter, `delta(m)`.
    pub(crate) fn difference(&self, is_counter: bool) -> Annotated<Option<FloatHistogram>> {
        let mut teller = Teller(Vec::new());
        match self.compute(is_counter, &mut teller) {
            Ok(h) => Annotated::with(h, teller.0),
            Err(told) => Annotated::with(None, told),
        }
    }

    fn at(&self, i: usize) -> (i64, &FloatHistogram) {
        (self.times_ms[i], self.histograms[i].borrow())
    }

    fn compute(&self, is_counter: bool, teller: &mut Teller) -> Step<Option<FloatHistogram>> {
        let Some(mut last) = self.times_ms.len().checked_sub(1) else {
            return Ok(None);
        };
        let before_last = &self.times_ms[..last];
        let first = before_last
            .partition_point(|&t| t <= self.start_ms)
            .saturating_sub(1);
        if self.smoothed {
            last = before_last.partition_point(|&t| t < self.end_ms);
        }
        let begins_after_end = self.smoothed && self.times_ms[first] > self.end_ms;
        if self.times_ms[last] <= self.start_ms || begins_after_end {
            return Ok(None);
        }
        self.validate(first, last, is_counter, teller)?;

        let left = if self.smoothed && self.times_ms[first] < self.start_ms {
            let (from, to) = (self.at(first), self.at(first + 1));
            teller.take(interpolate_histograms(from, to, self.start_ms, is_counter))?
        } else {
            self.at(first).1.clone()
        };
        let right = if self.smoothed && last > 0 && self.times_ms[last] > self.end_ms {
            let (from, to) = (self.at(last - 1), self.at(last));
            teller.take(interpolate_histograms(from, to, self.end_ms, is_counter))?
        } else {
            self.at(last).1.clone()
        };
        let is_gauge = |h: &FloatHistogram| h.counter_reset_hint == CounterResetHint::Gauge;
        let are_gauges = is_gauge(&left) && is_gauge(&right);
        if !(is_counter || are_gauges) {
            teller.tell(Annotation::NativeHistogramNotGauge);
        }
        let mut h = right.clone();
        teller.check(h.sub(&left), HistogramOperation::Sub)?;
        if is_counter && let Some(lost) = self.lost_by_resets(first, last, &left, &right, teller)? {
            teller.check(h.add(&lost), HistogramOperation::Add)?;
        }
        h.counter_reset_hint = CounterResetHint::Gauge;
        h.compact(0);
        Ok(Some(h))
    }

    /// Whether all have the same kind of buckets.
    fn validate(
        &self,
        first: usize,
        last: usize,
        is_counter: bool,
        teller: &mut Teller,
    ) -> Step<()> {
        let custom = self.at(first).1.uses_custom_buckets();
        for i in first..=last {
            let h = self.at(i).1;
            if h.uses_custom_buckets() != custom {
                return teller.check(Err(IncompatibleSchemas), HistogramOperation::Sub);
            }
            if is_counter && h.counter_reset_hint == CounterResetHint::Gauge {
                teller.tell(Annotation::NativeHistogramNotCounter);
            }
        }
        Ok(())
    }

    /// What a counter lost by resets on its way from `left` over the samples between to `right`.
    fn lost_by_resets(
        &self,
        first: usize,
        last: usize,
        left: &FloatHistogram,
        right: &FloatHistogram,
        teller: &mut Teller,
    ) -> Step<Option<FloatHistogram>> {
        // The samples at the ends are those that `left` and `right` stand for.
        let mut next = first + 1;
        let mut before = left;
        if self.smoothed
            && self.times_ms[first] < self.start_ms
            && self.at(next).1.detect_reset(self.at(first).1)
        {
            // The reset is inside of the interpolation of `left`.
            before = self.at(next).1;
            next += 1;
        }
        if next > last {
            return Ok(None);
        }
        let mut lost: Option<FloatHistogram> = None;
        let between = (next..last).map(|i| self.at(i).1);
        for now in between.chain([right]) {
            if now.detect_reset(before) {
                match &mut lost {
                    None => lost = Some(before.clone()),
                    Some(lost) => teller.check(lost.add(before), HistogramOperation::Add)?,
                }
            }
            before = now;
        }
        Ok(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tsdb_core::Span;
    use tsdb_core::histogram::Side;

    fn h(count: f64, hint: CounterResetHint) -> FloatHistogram {
        FloatHistogram {
            counter_reset_hint: hint,
            count,
            sum: count,
            positive: Side {
                spans: vec![Span {
                    offset: 0,
                    length: 1,
                }],
                buckets: vec![count],
            },
            ..FloatHistogram::default()
        }
    }

    fn increase(samples: &[(i64, f64)], start_ms: i64, end_ms: i64, smoothed: bool) -> Option<f64> {
        let histograms: Vec<FloatHistogram> = samples
            .iter()
            .map(|s| h(s.1, CounterResetHint::Unknown))
            .collect();
        let times_ms: Vec<i64> = samples.iter().map(|s| s.0).collect();
        let window = ExtendedWindow {
            times_ms: &times_ms,
            histograms: &histograms,
            start_ms,
            end_ms,
            smoothed,
        };
        window.difference(true).value.map(|h| h.count)
    }

    #[test]
    fn bounds_are_samples_or_between_them() {
        let samples = [(0, 1.0), (10, 2.0), (20, 3.0)];
        assert_eq!(increase(&samples, 0, 15, false), Some(2.0));
        assert_eq!(increase(&samples, 5, 15, true), Some(1.0));
        assert_eq!(increase(&samples, -10, 5, true), Some(0.5));
        assert_eq!(increase(&samples, 20, 30, false), None);
        assert_eq!(increase(&[], 0, 10, false), None);
    }

    #[test]
    fn resets_are_made_up_for_once() {
        assert_eq!(increase(&[(0, 5.0), (10, 3.0)], 0, 10, false), Some(3.0));
        // Both bounds lie in the same fall.
        assert_eq!(increase(&[(0, 10.0), (20, 5.0)], 5, 15, true), Some(2.5));
        // The second reset follows the one that the left bound lies in: from 0.5 to 2 with 5 lost.
        let twice = [(0, 10.0), (10, 5.0), (20, 2.0), (30, 4.0)];
        assert_eq!(increase(&twice, 1, 20, true), Some(6.5));
    }

    #[test]
    fn gauges_are_told() {
        let histograms = [
            h(1.0, CounterResetHint::Gauge),
            h(2.0, CounterResetHint::Gauge),
        ];
        let window = ExtendedWindow {
            times_ms: &[0, 10],
            histograms: &histograms,
            start_ms: 0,
            end_ms: 10,
            smoothed: false,
        };
        assert_eq!(
            window.difference(true).annotations,
            [Annotation::NativeHistogramNotCounter]
        );
        assert!(window.difference(false).annotations.is_empty());
    }
}
