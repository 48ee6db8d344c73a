//! Leaving out empty buckets.

use super::integer::{absolute_counts, differences};
use super::merge::Lane;
use super::span::{Indexed, SpanBuilder};
use super::{FloatHistogram, Histogram, Span};

impl Histogram {
    /// Leaves out empty buckets, see [`FloatHistogram::compact`].
    pub fn compact(&mut self, max_empty: usize) {
        for side in [&mut self.positive, &mut self.negative] {
            let counts: Vec<i64> = absolute_counts(&side.buckets).collect();
            let (spans, counts) = compacted(&side.spans, &counts, max_empty);
            side.spans = spans;
            side.buckets = differences(counts);
        }
    }
}

impl FloatHistogram {
    /// Leaves out empty buckets at the ends of spans, and inside of spans where more than `max_empty` stand in a row; joins
    /// spans that touch or are at most `max_empty` buckets apart.
    ///
    /// With `max_empty` 0 no empty bucket stays, and equal histograms have equal spans.
    pub fn compact(&mut self, max_empty: usize) {
        for side in [&mut self.positive, &mut self.negative] {
            (side.spans, side.buckets) = compacted(&side.spans, &side.buckets, max_empty);
        }
    }
}

/// The buckets that stay, with empty ones between spans that are joined.
pub(super) fn compacted<C: Lane>(
    spans: &[Span],
    buckets: &[C],
    max_empty: usize,
) -> (Vec<Span>, Vec<C>) {
    let mut kept = Kept {
        spans: SpanBuilder::default(),
        buckets: Vec::with_capacity(buckets.len()),
        max_empty,
    };
    // Empty buckets since the last kept one that stand in the same run with it.
    let mut empty: Vec<(i32, C)> = Vec::new();
    let mut before = None;
    for (index, value) in Indexed::new(spans, buckets) {
        if before.is_none_or(|before: i32| before.wrapping_add(1) != index) {
            empty.clear();
            before = None;
        }
        if !value.is_empty() {
            if empty.len() > max_empty {
                empty.clear();
            }
            for (index, value) in empty.drain(..) {
                kept.push(index, value);
            }
            kept.push(index, value);
            before = Some(index);
        } else if before.is_some() {
            empty.push((index, value));
            before = Some(index);
        }
    }
    (kept.spans.spans, kept.buckets)
}

struct Kept<C> {
    spans: SpanBuilder,
    buckets: Vec<C>,
    max_empty: usize,
}

impl<C: Lane> Kept<C> {
    fn push(&mut self, index: i32, value: C) {
        if let Some(last) = self.spans.last() {
            let gap = index.wrapping_sub(last).wrapping_sub(1);
            if usize::try_from(gap).is_ok_and(|gap| gap <= self.max_empty) {
                for missing in 1..=gap {
                    self.spans.push(last.wrapping_add(missing));
                    self.buckets.push(C::EMPTY);
                }
            }
        }
        self.spans.push(index);
        self.buckets.push(value);
    }
}
