//! Buckets with their bounds.

use std::iter::{Chain, FusedIterator, Rev};
use std::option;

use super::scale::bound;
use super::span::Indexed;
use super::{FloatHistogram, is_custom_buckets_schema};

/// A bucket: an interval and the observations in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket<C> {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Whether an observation of the lower bound itself is in the bucket.
    pub lower_inclusive: bool,
    /// Whether an observation of the upper bound itself is in the bucket.
    pub upper_inclusive: bool,
    /// Number of observations.
    pub count: C,
    /// Index within schema and side; 0 for the zero bucket.
    pub index: i32,
}

impl<C> Bucket<C> {
    /// Which bounds are inside, as the HTTP API has it: 0 the upper, 1 the lower, 2 neither, 3 both.
    #[must_use]
    pub fn boundary_rule(&self) -> u8 {
        match (self.lower_inclusive, self.upper_inclusive) {
            (false, true) => 0,
            (true, false) => 1,
            (false, false) => 2,
            (true, true) => 3,
        }
    }

    /// The zero bucket.
    pub(super) fn around_zero(threshold: f64, count: C) -> Self {
        Self {
            lower: -threshold,
            upper: threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count,
            index: 0,
        }
    }
}

/// What gives the buckets of a side their bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds<'a> {
    pub(super) schema: i32,
    pub(super) custom_values: &'a [f64],
    pub(super) positive: bool,
}

impl Bounds<'_> {
    pub(super) fn bucket<C>(&self, index: i32, count: C) -> Bucket<C> {
        let far = bound(index, self.schema, self.custom_values);
        let near = bound(index.wrapping_sub(1), self.schema, self.custom_values);
        let (lower, upper) = if self.positive {
            (near, far)
        } else {
            (-far, -near)
        };
        let (lower_inclusive, upper_inclusive) = if is_custom_buckets_schema(self.schema) {
            (index == 0, true)
        } else {
            (lower < 0.0, upper > 0.0)
        };
        Bucket {
            lower,
            upper,
            lower_inclusive,
            upper_inclusive,
            count,
            index,
        }
    }
}

/// Buckets of one side of a histogram, from zero outwards.
#[derive(Clone, Debug)]
pub struct BucketIter<'a> {
    counts: Indexed<'a, f64>,
    bounds: Bounds<'a>,
}

impl<'a> BucketIter<'a> {
    pub(super) fn positive(h: &'a FloatHistogram) -> Self {
        Self {
            counts: h.positive.indexed(),
            bounds: Bounds {
                schema: h.schema,
                custom_values: &h.custom_values,
                positive: true,
            },
        }
    }

    pub(super) fn negative(h: &'a FloatHistogram) -> Self {
        Self {
            counts: h.negative.indexed(),
            bounds: Bounds {
                schema: h.schema,
                custom_values: &[],
                positive: false,
            },
        }
    }
}

impl Iterator for BucketIter<'_> {
    type Item = Bucket<f64>;

    fn next(&mut self) -> Option<Self::Item> {
        let (index, count) = self.counts.next()?;
        Some(self.bounds.bucket(index, count))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.counts.size_hint()
    }
}

impl DoubleEndedIterator for BucketIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (index, count) = self.counts.next_back()?;
        Some(self.bounds.bucket(index, count))
    }
}

impl FusedIterator for BucketIter<'_> {}

/// All buckets of a histogram, from the lowest to the highest.
#[derive(Clone, Debug)]
pub struct AllBuckets<'a> {
    buckets: Chain<Chain<Rev<BucketIter<'a>>, option::IntoIter<Bucket<f64>>>, BucketIter<'a>>,
    zero_threshold: f64,
}

impl<'a> AllBuckets<'a> {
    pub(super) fn new(h: &'a FloatHistogram) -> Self {
        let zero = h.zero_bucket().filter(|bucket| bucket.count > 0.0);
        Self {
            buckets: h
                .negative_buckets()
                .rev()
                .chain(zero)
                .chain(h.positive_buckets()),
            zero_threshold: h.zero_threshold,
        }
    }
}

/// Cuts a bucket where it overlaps the zero bucket.
fn outside_of_zero(mut bucket: Bucket<f64>, threshold: f64) -> Bucket<f64> {
    if bucket.upper < 0.0 && bucket.upper > -threshold {
        bucket.upper = -threshold;
    } else if bucket.lower > 0.0 && bucket.lower < threshold {
        bucket.lower = threshold;
    }
    bucket
}

impl Iterator for AllBuckets<'_> {
    type Item = Bucket<f64>;

    fn next(&mut self) -> Option<Self::Item> {
        let bucket = self.buckets.next()?;
        Some(outside_of_zero(bucket, self.zero_threshold))
    }
}

impl DoubleEndedIterator for AllBuckets<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let bucket = self.buckets.next_back()?;
        Some(outside_of_zero(bucket, self.zero_threshold))
    }
}
