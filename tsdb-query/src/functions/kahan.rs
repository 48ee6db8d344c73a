//! Compensated arithmetic: sum, mean and variance of a stream of values.
//!
//! Neumaier's variant of Kahan summation: the low bits that an addition loses are gathered beside the sum. Functions over time
//! and aggregations share these, and must, because scripts compare their results.

/// A running sum and what rounding took from it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Compensated {
    sum: f64,
    lost: f64,
}

impl Compensated {
    pub(crate) fn add(self, value: f64) -> Self {
        let sum = self.sum + value;
        let lost = if sum.is_infinite() {
            // Inf - Inf would turn an infinite sum into NaN.
            0.0
        } else if self.sum.abs() >= value.abs() {
            self.lost + ((self.sum - sum) + value)
        } else {
            self.lost + ((value - sum) + self.sum)
        };
        Self { sum, lost }
    }

    /// The sum with the lost bits put back.
    pub(crate) fn value(self) -> f64 {
        self.sum + self.lost
    }

    fn scaled(self, factor: f64) -> Self {
        Self {
            sum: self.sum * factor,
            lost: self.lost * factor,
        }
    }

    fn divided(self, divisor: f64) -> Self {
        Self {
            sum: self.sum / divisor,
            lost: self.lost / divisor,
        }
    }
}

/// Sum of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum(Compensated);

impl Sum {
    pub(crate) fn add(&mut self, value: f64) {
        self.0 = self.0.add(value);
    }

    pub(crate) fn value(&self) -> f64 {
        if self.0.sum.is_infinite() {
            self.0.sum
        } else {
            self.0.value()
        }
    }
}

/// Mean of a stream: sum divided by count, and an incremental mean from the value on at which the sum would overflow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    count: f64,
    incremental: bool,
    /// The sum, or the mean once `incremental`.
    acc: Compensated,
}

impl Mean {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            // Not added to zero: an infinite first value does not count as overflow.
            self.acc.sum = value;
            return;
        }
        let before = self.count - 1.0;
        if !self.incremental {
            let sum = self.acc.add(value);
            if !sum.sum.is_infinite() {
                self.acc = sum;
                return;
            }
            self.incremental = true;
            self.acc = self.acc.divided(before);
        }
        self.acc = self.acc.scaled(before / self.count).add(value / self.count);
    }

    /// The mean; NaN when nothing was added.
    pub(crate) fn value(&self) -> f64 {
        if self.incremental {
            self.acc.value()
        } else {
            self.acc.divided(self.count).value()
        }
    }
}

/// Population variance of a stream, after Welford, both running terms compensated.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Variance {
    count: f64,
    mean: Compensated,
    /// Sum of squared distances from the mean.
    squares: Compensated,
}

impl Variance {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean.value();
        self.mean = self.mean.add(delta / self.count);
        self.squares = self.squares.add(delta * (value - self.mean.value()));
    }

    /// The variance; NaN when nothing was added.
    pub(crate) fn value(&self) -> f64 {
        self.squares.value() / self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mean(values: &[f64]) -> f64 {
        let mut m = Mean::default();
        values.iter().for_each(|&v| m.add(v));
        m.value()
    }

    fn sum(values: &[f64]) -> f64 {
        let mut s = Sum::default();
        values.iter().for_each(|&v| s.add(v));
        s.value()
    }

    fn variance(values: &[f64]) -> f64 {
        let mut v = Variance::default();
        values.iter().for_each(|&x| v.add(x));
        v.value()
    }

    #[test]
    fn small_terms_survive_large_ones() {
        assert_eq!(sum(&[1e100, 1.0, -1e100, 1.0]), 2.0);
        assert_eq!(mean(&[1e100, 1.0, -1e100, 1.0]), 0.5);
    }

    #[test]
    fn infinities_are_kept() {
        assert_eq!(sum(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert_eq!(mean(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(mean(&[1.0, f64::NEG_INFINITY, f64::INFINITY]).is_nan());
        assert!(variance(&[f64::INFINITY]).is_nan());
    }

    #[test]
    fn mean_outlives_the_overflow_of_the_sum() {
        let big = f64::MAX / 2.0;
        let m = mean(&[big, big, big, big]);
        assert!((m / big - 1.0).abs() < 1e-15);
    }

    proptest! {
        #[test]
        fn sum_of_integers_is_exact(values in proptest::collection::vec(-(1i64 << 40)..(1i64 << 40), 1..50)) {
            let floats: Vec<f64> = values.iter().map(|&v| v as f64).collect();
            prop_assert_eq!(sum(&floats), values.iter().sum::<i64>() as f64);
        }

        #[test]
        fn variance_does_not_depend_on_the_level(values in proptest::collection::vec(-100i32..100, 1..50)) {
            let low: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
            let high: Vec<f64> = low.iter().map(|v| v + 1e9).collect();
            // The difference of the mean of squares and the square of the mean would be off by about 100.
            prop_assert!((variance(&low) - variance(&high)).abs() < 1e-3);
        }
    }
}
