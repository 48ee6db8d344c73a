//! One zero bucket for two histograms.

use super::FloatHistogram;
use super::compact::compacted;
use super::kahan::Compensated;

impl FloatHistogram {
    /// Widens the zero bucket of `self` until its end is inside of no populated bucket of either histogram, and moves into it
    /// what lies inside. Returns the count that the zero bucket of `other`, which is left as it is, would then have.
    ///
    /// `lost` is what [`kahan_add`](Self::kahan_add) keeps beside `self`; it is treated alike.
    pub(super) fn reconcile_zero_buckets(
        &mut self,
        other: &Self,
        mut lost: Option<&mut Self>,
    ) -> Compensated {
        let mut other_zero = Compensated {
            sum: other.zero_count,
            lost: 0.0,
        };
        let mut other_threshold = other.zero_threshold;
        while other_threshold != self.zero_threshold {
            if other_threshold.is_nan() || self.zero_threshold.is_nan() {
                break;
            }
            if self.zero_threshold > other_threshold {
                (other_zero, other_threshold) = other.zero_count_up_to(self.zero_threshold, None);
            }
            if other_threshold > self.zero_threshold {
                let (zero, threshold) = self.zero_count_up_to(other_threshold, lost.as_deref());
                self.zero_count = zero.sum;
                self.zero_threshold = threshold;
                if let Some(lost) = lost.as_deref_mut() {
                    lost.zero_count = zero.lost;
                }
                self.empty_zero_bucket_of_others(lost.as_deref_mut());
            }
        }
        other_zero
    }

    /// What the zero bucket would count if it ended at `threshold`, which is not below its end; and where it would end: at the
    /// far end of the populated bucket in which `threshold` lies, if there is one.
    pub(super) fn zero_count_up_to(
        &self,
        mut threshold: f64,
        lost: Option<&Self>,
    ) -> (Compensated, f64) {
        let mut zero = Compensated {
            sum: self.zero_count,
            lost: lost.map_or(0.0, |lost| lost.zero_count),
        };
        if threshold == self.zero_threshold {
            return (zero, threshold);
        }
        let lost_of = |positive: bool, i: usize| {
            let side = lost.map(|lost| {
                if positive {
                    &lost.positive
                } else {
                    &lost.negative
                }
            });
            side.and_then(|side| side.buckets.get(i))
                .copied()
                .unwrap_or(0.0)
        };
        'widen: loop {
            zero.sum = self.zero_count;
            for (i, bucket) in self.positive_buckets().enumerate() {
                if bucket.lower >= threshold {
                    break;
                }
                zero.add(bucket.count);
                zero.add(lost_of(true, i));
                if bucket.upper > threshold {
                    if bucket.count != 0.0 {
                        threshold = bucket.upper;
                    }
                    break;
                }
            }
            for (i, bucket) in self.negative_buckets().enumerate() {
                if bucket.upper <= -threshold {
                    break;
                }
                zero.add(bucket.count);
                zero.add(lost_of(false, i));
                if bucket.lower < -threshold {
                    if bucket.count != 0.0 {
                        // More positive buckets may lie inside now.
                        threshold = -bucket.lower;
                        continue 'widen;
                    }
                    break;
                }
            }
            return (zero, threshold);
        }
    }

    /// Takes out the buckets inside of the zero bucket, and all empty ones.
    fn empty_zero_bucket_of_others(&mut self, lost: Option<&mut Self>) {
        let threshold = self.zero_threshold;
        let inside = |distance: f64| distance < threshold;
        let positive = self
            .positive_buckets()
            .take_while(|b| inside(b.lower))
            .count();
        let negative = self
            .negative_buckets()
            .take_while(|b| inside(-b.upper))
            .count();
        let Some(lost) = lost else {
            for (side, emptied) in [
                (&mut self.positive, positive),
                (&mut self.negative, negative),
            ] {
                side.buckets
                    .iter_mut()
                    .take(emptied)
                    .for_each(|count| *count = 0.0);
                (side.spans, side.buckets) = compacted(&side.spans, &side.buckets, 0);
            }
            return;
        };
        for (side, lost, emptied) in [
            (&mut self.positive, &mut lost.positive, positive),
            (&mut self.negative, &mut lost.negative, negative),
        ] {
            let mut both = side.indexed_with_lost(&lost.buckets);
            both.buckets
                .iter_mut()
                .take(emptied)
                .for_each(|bucket| *bucket = Compensated::default());
            (both.spans, both.buckets) = compacted(&both.spans, &both.buckets, 0);
            both.split_into(side, lost);
        }
    }
}
