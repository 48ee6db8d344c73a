//! Whether a counter began anew between two histograms.

use super::custom::{common_bounds, places_on};
use super::scale::{exponential_bound, target_index};
use super::{CounterResetHint, FloatHistogram, Side};

impl FloatHistogram {
    /// Whether there was a counter reset between `previous` and this histogram: some count fell, or a populated bucket is gone.
    ///
    /// The hint of this histogram decides if it says reset or none. A finer schema, a narrower zero bucket, or one that ends
    /// inside of a populated bucket of `previous`, come with a reset only; a coarser schema and a wider zero bucket are
    /// compared as if `previous` had them. Custom buckets of different bounds are compared on the bounds both have.
    #[must_use]
    pub fn detect_reset(&self, previous: &Self) -> bool {
        match self.counter_reset_hint {
            CounterResetHint::Reset => return true,
            CounterResetHint::NotReset => return false,
            // Functions of counters take gauges too, with a warning.
            CounterResetHint::Unknown | CounterResetHint::Gauge => {}
        }
        if self.count < previous.count {
            return true;
        }
        if self.uses_custom_buckets() {
            if !previous.uses_custom_buckets() {
                return true;
            }
            if self.custom_values != previous.custom_values {
                return self.fell_on_common_bounds(previous);
            }
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        let (previous_zero, threshold) = previous.zero_count_up_to(self.zero_threshold, None);
        if threshold != self.zero_threshold || self.zero_count < previous_zero.sum {
            return true;
        }
        self.side_fell(&self.positive, previous, &previous.positive)
            || self.side_fell(&self.negative, previous, &previous.negative)
    }

    /// Whether a bucket outside of the zero bucket fell or is gone.
    fn side_fell(&self, side: &Side<f64>, previous: &Self, before: &Side<f64>) -> bool {
        let mut now = side.indexed().peekable();
        let mut before = before.indexed().peekable();
        while let Some((index, mut count)) = before.next() {
            let index = target_index(index, previous.schema, self.schema);
            while let Some((_, more)) = before
                .next_if(|&(next, _)| target_index(next, previous.schema, self.schema) == index)
            {
                count += more;
            }
            if !self.uses_custom_buckets()
                && exponential_bound(index, self.schema) <= self.zero_threshold
            {
                continue;
            }
            while now.next_if(|&(other, _)| other < index).is_some() {}
            let fell = match now.peek() {
                Some(&(other, now)) if other == index => now < count,
                _ => count != 0.0,
            };
            if fell {
                return true;
            }
        }
        false
    }

    fn fell_on_common_bounds(&self, previous: &Self) -> bool {
        let common = common_bounds(&self.custom_values, &previous.custom_values);
        let on_common = |h: &Self| {
            let mut counts = vec![0.0; common.len() + 1];
            for (place, count) in places_on(&h.positive, &h.custom_values, &common) {
                if let Some(sum) = counts.get_mut(place) {
                    *sum += count;
                }
            }
            counts
        };
        let (now, before) = (on_common(self), on_common(previous));
        now.iter().zip(before).any(|(&now, before)| now < before)
    }
}
