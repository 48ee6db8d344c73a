//! Values in exponential buckets that get wider as the values spread, as in OpenTelemetry's histograms.

use tsdb_core::{Histogram, HistogramSample};

use crate::ingest::buckets::{Buckets, DEFAULT_ZERO_THRESHOLD};

/// Buckets on one side of zero.
const MAX_BUCKETS: usize = 160;

/// Eight buckets for each doubling, to begin with: what is read from it is wrong by 9 % at most.
const FIRST_SCALE: i32 = 3;

/// What a scale can at least be: 160 buckets of scale −4 hold every number.
const MIN_SCALE: i32 = -4;

/// A histogram that grows.
#[derive(Debug)]
pub(super) struct Distribution {
    scale: i32,
    positive: Buckets,
    negative: Buckets,
    zero_count: u64,
    count: u64,
    sum: f64,
}

impl Distribution {
    pub(super) fn new() -> Self {
        Self {
            scale: FIRST_SCALE,
            positive: Buckets::default(),
            negative: Buckets::default(),
            zero_count: 0,
            count: 0,
            sum: 0.0,
        }
    }

    /// Adds a finite value so many times.
    pub(super) fn add(&mut self, value: f64, times: u64) {
        self.count = self.count.saturating_add(times);
        self.sum += value * times as f64;
        if value == 0.0 {
            self.zero_count = self.zero_count.saturating_add(times);
            return;
        }
        loop {
            let index = index(value.abs(), self.scale);
            let side = match value > 0.0 {
                true => &mut self.positive,
                false => &mut self.negative,
            };
            if let Some(count) = bucket(side, index) {
                *count = count.saturating_add(times);
                return;
            }
            if self.scale == MIN_SCALE {
                return; // not reached: every number has its bucket
            }
            self.scale -= 1;
            halve(&mut self.positive);
            halve(&mut self.negative);
        }
    }

    /// The present state.
    ///
    /// # Errors
    /// When there are more than 2⁶³ of a value.
    pub(super) fn sample(&self) -> Result<HistogramSample, String> {
        Ok(HistogramSample::from(Histogram {
            schema: self.scale,
            zero_threshold: DEFAULT_ZERO_THRESHOLD,
            zero_count: self.zero_count,
            count: self.count,
            sum: self.sum,
            positive: self.positive.side(1)?,
            negative: self.negative.side(1)?,
            ..Histogram::default()
        }))
    }
}

/// The bucket of a number above 0.
fn index(number: f64, scale: i32) -> i32 {
    let at = number.log2() * f64::from(scale).exp2();
    at.ceil() as i32 - 1
}

/// The count of a bucket, made if it is not there; `None` when there would be too many.
fn bucket(side: &mut Buckets, index: i32) -> Option<&mut u64> {
    if side.counts.is_empty() {
        side.offset = index;
    }
    let last = side.offset + side.counts.len() as i32 - 1;
    let (first, last) = (side.offset.min(index), last.max(index));
    let len = usize::try_from(last - first).ok()? + 1;
    if len > MAX_BUCKETS {
        return None;
    }
    let before = (side.offset - first) as usize; // not negative
    side.counts.splice(..0, std::iter::repeat_n(0, before));
    side.counts.resize(len, 0);
    side.offset = first;
    side.counts.get_mut((index - first) as usize)
}

/// Joins two buckets each, as the next lower scale has them.
fn halve(side: &mut Buckets) {
    let mut halved = Buckets {
        offset: side.offset >> 1,
        counts: Vec::new(),
    };
    for (index, count) in (side.offset..).zip(&side.counts) {
        if let Some(sum) = bucket(&mut halved, index >> 1) {
            *sum = sum.saturating_add(*count);
        }
    }
    *side = halved;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn total(side: &Buckets) -> u64 {
        side.counts.iter().sum()
    }

    proptest! {
        #[test]
        fn every_value_has_its_bucket(values in proptest::collection::vec(proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO, 1..200)) {
            let mut distribution = Distribution::new();
            for value in &values {
                distribution.add(*value, 2);
            }
            prop_assert_eq!(distribution.count, 2 * values.len() as u64);
            let counted = total(&distribution.positive) + total(&distribution.negative) + distribution.zero_count;
            prop_assert_eq!(counted, distribution.count);
            prop_assert!(distribution.positive.counts.len() <= MAX_BUCKETS);
            prop_assert!(distribution.sample().unwrap().validate().is_ok());
        }

        #[test]
        fn values_of_one_magnitude_keep_the_first_scale(values in proptest::collection::vec(0.5f64..1000.0, 1..200)) {
            let mut distribution = Distribution::new();
            values.iter().for_each(|value| distribution.add(*value, 1));
            prop_assert_eq!(distribution.scale, FIRST_SCALE);
        }
    }

    #[test]
    fn bounds_are_those_of_the_scale() {
        for (number, scale, expected) in [
            (1.0, 3, -1),
            (1.01, 3, 0),
            (2.0, 0, 0),
            (2.1, 0, 1),
            (0.5, 0, -2),
            (256.0, -3, 0),
        ] {
            assert_eq!(index(number, scale), expected, "{number} at {scale}");
        }
    }
}
