//! Leaving out the observations on one side of a value: the operators `</` and `>/`.

use super::scale::log2;
use super::{Bucket, FloatHistogram};

/// Which observations stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trim {
    /// Those below the value (`</`).
    Upper,
    /// Those above the value (`>/`).
    Lower,
}

/// The observations of a bucket that stay, and the value they are taken to have.
#[derive(Clone, Copy, Debug)]
struct Kept {
    count: f64,
    midpoint: f64,
}

/// How observations are thought to be distributed in a bucket.
#[derive(Clone, Copy, Debug)]
enum Spread {
    /// Evenly: custom buckets.
    Linear,
    /// Evenly on a logarithmic scale; below zero mirrored.
    Exponential { positive: bool },
}

impl FloatHistogram {
    /// The histogram of the observations below or above `at`. In the bucket in which `at` lies they are estimated by
    /// interpolation, and so is the sum, unless nothing was left out.
    #[must_use]
    pub fn trimmed(&self, at: f64, trim: Trim) -> Self {
        let mut trimmed = self.clone();
        let mut count = 0.0;
        let mut sum = 0.0;
        let mut changed = false;
        let mut populated = [false, false];
        let sides = [
            (self.positive_buckets(), &mut trimmed.positive, true),
            (self.negative_buckets(), &mut trimmed.negative, false),
        ];
        for ((buckets, side, positive), populated) in sides.into_iter().zip(&mut populated) {
            let spread = if self.uses_custom_buckets() {
                Spread::Linear
            } else {
                Spread::Exponential { positive }
            };
            for (bucket, left) in buckets.zip(&mut side.buckets) {
                if bucket.count == 0.0 {
                    continue;
                }
                *populated = true;
                let Some(kept) = kept_of_bucket(&bucket, at, trim, spread) else {
                    *left = 0.0;
                    changed = true;
                    continue;
                };
                count += kept.count;
                sum += kept.midpoint * kept.count;
                if *left != kept.count {
                    *left = kept.count;
                    changed = true;
                }
            }
        }
        if trimmed.zero_count > 0.0 {
            let [has_positive, has_negative] = populated;
            // Without observations on one side, none in the zero bucket is thought to lie there.
            let lower = if has_positive && !has_negative {
                0.0
            } else {
                -self.zero_threshold
            };
            let upper = if has_negative && !has_positive {
                0.0
            } else {
                self.zero_threshold
            };
            let kept = kept_of_zero_bucket(lower, upper, self.zero_count, at, trim);
            changed |= trimmed.zero_count != kept.count;
            trimmed.zero_count = kept.count;
            sum += kept.midpoint * kept.count;
            count += kept.count;
        }
        if changed {
            trimmed.count = count;
            trimmed.sum = sum;
            trimmed.compact(0);
        }
        trimmed
    }
}

/// `None` when nothing of the bucket stays because all of it lies on the other side.
fn kept_of_bucket(bucket: &Bucket<f64>, at: f64, trim: Trim, spread: Spread) -> Option<Kept> {
    let (all, some) = match trim {
        Trim::Upper => (bucket.upper <= at, bucket.lower < at),
        Trim::Lower => (bucket.lower >= at, bucket.upper > at),
    };
    if all {
        return Some(Kept {
            count: bucket.count,
            midpoint: midpoint(bucket.lower, bucket.upper, spread),
        });
    }
    if !some {
        return None;
    }
    if bucket.lower == f64::NEG_INFINITY || bucket.upper == f64::INFINITY {
        return Some(kept_of_infinite_bucket(bucket, at, trim));
    }
    let below = count_below(bucket, at, spread);
    Some(match trim {
        Trim::Upper => Kept {
            count: below,
            midpoint: midpoint(bucket.lower, at, spread),
        },
        Trim::Lower => Kept {
            count: bucket.count - below,
            midpoint: midpoint(at, bucket.upper, spread),
        },
    })
}

/// Nothing is known of the distribution in a bucket without end: it goes or stays as a whole, except that one from −∞ to a
/// positive bound is thought to begin at 0.
fn kept_of_infinite_bucket(bucket: &Bucket<f64>, at: f64, trim: Trim) -> Kept {
    let finite_or_zero = |bound: f64| if bound.is_infinite() { 0.0 } else { bound };
    let Bucket {
        lower,
        upper,
        count,
        ..
    } = *bucket;
    let keep = |count, midpoint| Kept { count, midpoint };
    match (lower == f64::NEG_INFINITY, trim) {
        (true, Trim::Upper) if at >= upper => keep(count, 0.0),
        (true, Trim::Upper) if at > 0.0 && upper > 0.0 && upper != f64::INFINITY => {
            keep(count * at / upper, at / 2.0)
        }
        (true, Trim::Upper) if upper <= 0.0 => keep(count, at),
        (true, Trim::Lower) if at <= lower => keep(count, 0.0),
        (true, Trim::Lower) if at >= 0.0 && upper > at && upper != f64::INFINITY => {
            keep(count * (1.0 - at / upper), (at + upper) / 2.0)
        }
        (true, _) => keep(0.0, finite_or_zero(upper)),
        (false, Trim::Lower) if at >= lower => keep(count, at),
        (false, _) => keep(0.0, finite_or_zero(lower)),
    }
}

/// Observations up to `at`, which lies inside of the bucket.
fn count_below(bucket: &Bucket<f64>, at: f64, spread: Spread) -> f64 {
    if at <= bucket.lower {
        return 0.0;
    }
    if at >= bucket.upper {
        return bucket.count;
    }
    let log = |bound: f64| log2(bound.abs());
    let (lower, upper) = (bucket.lower, bucket.upper);
    let fraction = match spread {
        Spread::Linear => (at - lower) / (upper - lower),
        Spread::Exponential { positive: true } => {
            (log(at) - log(lower)) / (log(upper) - log(lower))
        }
        Spread::Exponential { positive: false } => {
            1.0 - ((log(at) - log(upper)) / (log(lower) - log(upper)))
        }
    };
    bucket.count * fraction
}

/// The value that observations between two bounds are taken to have: the mean of the bounds, the geometric mean where the
/// distribution is exponential, the finite bound where one is infinite.
fn midpoint(lower: f64, upper: f64, spread: Spread) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => return 0.0,
        (true, false) if upper > 0.0 => return upper / 2.0,
        (true, false) => return upper,
        (false, true) => return lower,
        (false, false) => {}
    }
    let geometric = (lower * upper).abs().sqrt();
    match spread {
        Spread::Linear => (lower + upper) / 2.0,
        Spread::Exponential { positive: true } => geometric,
        Spread::Exponential { positive: false } => -geometric,
    }
}

fn kept_of_zero_bucket(lower: f64, upper: f64, count: f64, at: f64, trim: Trim) -> Kept {
    let nothing = Kept {
        count: 0.0,
        midpoint: 0.0,
    };
    let all = Kept {
        count,
        midpoint: (lower + upper) / 2.0,
    };
    match trim {
        Trim::Upper if at <= lower => nothing,
        Trim::Upper if at >= upper => all,
        Trim::Upper => Kept {
            count: count * ((at - lower) / (upper - lower)),
            midpoint: (lower + at) / 2.0,
        },
        Trim::Lower if at <= lower => all,
        Trim::Lower if at >= upper => nothing,
        Trim::Lower => Kept {
            count: count * ((upper - at) / (upper - lower)),
            midpoint: (at + upper) / 2.0,
        },
    }
}
