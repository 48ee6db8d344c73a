//! Sums and means of native histograms, over time or over series, and how often they change.

use std::borrow::Borrow;

use tsdb_core::histogram::IncompatibleSchemas;
use tsdb_core::{CounterResetHint, FloatHistogram};

use super::window::start_time_reset;
use super::{Annotated, Annotation, HistogramOperation, HistogramWindow, Point, PointValue};

/// What the terms of a sum have told.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    reset: bool,
    not_reset: bool,
    custom_bounds: bool,
}

impl Told {
    fn hint(&mut self, hint: CounterResetHint) {
        self.reset |= hint == CounterResetHint::Reset;
        self.not_reset |= hint == CounterResetHint::NotReset;
    }

    fn annotations(self) -> impl Iterator<Item = Annotation> {
        let collision = Annotation::HistogramCounterResetCollision(HistogramOperation::Agg);
        let bounds = Annotation::MismatchedCustomBuckets(HistogramOperation::Agg);
        let collided = (self.reset && self.not_reset).then_some(collision);
        collided
            .into_iter()
            .chain(self.custom_bounds.then_some(bounds))
    }
}

/// A running sum, compensated.
#[derive(Clone, Debug)]
pub(crate) struct HistogramSum {
    sum: FloatHistogram,
    lost: Option<FloatHistogram>,
    told: Told,
}

impl HistogramSum {
    pub(crate) fn new(first: &FloatHistogram) -> Self {
        let mut told = Told::default();
        told.hint(first.counter_reset_hint);
        Self {
            sum: first.clone(),
            lost: None,
            told,
        }
    }

    /// Adds a term. After an error the sum is of no use.
    pub(crate) fn add(&mut self, h: &FloatHistogram) -> Result<(), IncompatibleSchemas> {
        self.told.hint(h.counter_reset_hint);
        let reconciled = self.sum.kahan_add(h, &mut self.lost)?;
        self.told.custom_bounds |= reconciled.custom_bounds;
        Ok(())
    }

    /// The sum, its buckets as they came to be: an aggregation leaves out the empty ones, a function over time does not.
    pub(crate) fn finish(mut self) -> Annotated<FloatHistogram> {
        if let Some(lost) = &self.lost {
            // Both have the same kind of buckets: cannot fail.
            let _ = self.sum.add(lost);
        }
        Annotated::with(self.sum, self.told.annotations())
    }
}

/// A running mean: the sum divided by the count, and an incremental mean from the term on with which the sum would overflow.
#[derive(Clone, Debug)]
pub(crate) struct HistogramMean {
    /// The sum, or the mean once `incremental`.
    acc: FloatHistogram,
    lost: Option<FloatHistogram>,
    count: f64,
    incremental: bool,
    told: Told,
}

impl HistogramMean {
    pub(crate) fn new(first: &FloatHistogram) -> Self {
        let HistogramSum { sum, lost, told } = HistogramSum::new(first);
        Self {
            acc: sum,
            lost,
            count: 1.0,
            incremental: false,
            told,
        }
    }

    /// Adds a term. After an error the mean is of no use.
    pub(crate) fn add(&mut self, h: &FloatHistogram) -> Result<(), IncompatibleSchemas> {
        self.told.hint(h.counter_reset_hint);
        let before = self.count;
        self.count += 1.0;
        if !self.incremental {
            let (mut sum, mut lost) = (self.acc.clone(), self.lost.clone());
            let reconciled = sum.kahan_add(h, &mut lost)?;
            self.told.custom_bounds |= reconciled.custom_bounds;
            if !sum.has_overflow() {
                (self.acc, self.lost) = (sum, lost);
                return Ok(());
            }
            self.incremental = true;
            self.divide(before);
        }
        let share = before / self.count;
        if let Some(lost) = &mut self.lost {
            lost.mul(share);
        }
        let mut term = h.clone();
        term.div(self.count);
        self.acc.mul(share);
        let reconciled = self.acc.kahan_add(&term, &mut self.lost)?;
        self.told.custom_bounds |= reconciled.custom_bounds;
        Ok(())
    }

    /// The mean, its buckets as they came to be, see [`HistogramSum::finish`].
    pub(crate) fn finish(mut self) -> Annotated<FloatHistogram> {
        if !self.incremental {
            self.divide(self.count);
        }
        if let Some(lost) = &self.lost {
            // Both have the same kind of buckets: cannot fail.
            let _ = self.acc.add(lost);
        }
        Annotated::with(self.acc, self.told.annotations())
    }

    fn divide(&mut self, divisor: f64) {
        self.acc.div(divisor);
        if let Some(lost) = &mut self.lost {
            lost.div(divisor);
        }
    }
}

/// `sum_over_time(m)` of a window of histograms alone; of a mixed one there is none, which the caller tells.
pub(crate) fn sum_over_time<H: Borrow<FloatHistogram>>(
    w: &HistogramWindow<'_, H>,
) -> Annotated<Option<FloatHistogram>> {
    let Some((first, rest)) = w.histograms.split_first() else {
        return None.into();
    };
    let mut sum = HistogramSum::new(first.borrow());
    if rest.iter().try_for_each(|h| sum.add(h.borrow())).is_err() {
        return incompatible();
    }
    some(sum.finish())
}

/// `avg_over_time(m)` of a window of histograms alone; of a mixed one there is none, which the caller tells.
pub(crate) fn avg_over_time<H: Borrow<FloatHistogram>>(
    w: &HistogramWindow<'_, H>,
) -> Annotated<Option<FloatHistogram>> {
    let Some((first, rest)) = w.histograms.split_first() else {
        return None.into();
    };
    let mut mean = HistogramMean::new(first.borrow());
    if rest.iter().try_for_each(|h| mean.add(h.borrow())).is_err() {
        return incompatible();
    }
    some(mean.finish())
}

fn incompatible() -> Annotated<Option<FloatHistogram>> {
    Annotated::with(None, [Annotation::MixedExponentialCustomHistograms])
}

fn some<T>(annotated: Annotated<T>) -> Annotated<Option<T>> {
    Annotated {
        value: Some(annotated.value),
        annotations: annotated.annotations,
    }
}

/// `resets(m)` of samples in order of time: how often a value fell or became one of the other kind. `None` without samples.
pub(crate) fn resets<'a>(points: impl Iterator<Item = Point<'a>>) -> Option<f64> {
    count_pairs(points, |before, now| match (before.value, now.value) {
        (PointValue::Float(a), PointValue::Float(b)) => b < a || start_time_reset(before, now),
        (PointValue::Histogram(a), PointValue::Histogram(b)) => {
            start_time_reset(before, now) || b.detect_reset(a)
        }
        _ => true,
    })
}

/// `changes(m)` of samples in order of time: how often a value became another one. From NaN to NaN is no change. `None` without
/// samples.
pub(crate) fn changes<'a>(points: impl Iterator<Item = Point<'a>>) -> Option<f64> {
    count_pairs(points, |before, now| match (before.value, now.value) {
        (PointValue::Float(before), PointValue::Float(now)) => {
            now != before && !(now.is_nan() && before.is_nan())
        }
        (PointValue::Histogram(before), PointValue::Histogram(now)) => now != before,
        _ => true,
    })
}

fn count_pairs<'a>(
    mut points: impl Iterator<Item = Point<'a>>,
    differ: impl Fn(&Point<'a>, &Point<'a>) -> bool,
) -> Option<f64> {
    let mut before = points.next()?;
    let mut count = 0.0;
    for point in points {
        if differ(&before, &point) {
            count += 1.0;
        }
        before = point;
    }
    Some(count)
}
