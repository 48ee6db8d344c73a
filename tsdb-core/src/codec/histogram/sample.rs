//! What the chunk of integers and that of floats do alike, and where they differ.

use super::header::CounterResetHeader;
use super::layout::Layout;
use super::stream::{Stream, WordStore};
use crate::codec::bits::{BitReader, WordSource};
use crate::model::histogram::{Side, span_buckets};
use crate::model::{CounterResetHint, Kind, Span};

/// A histogram that a chunk can hold.
///
/// State is what a sample is written and read against, besides the sample before it.
pub(crate) trait ChunkSample: Clone + Default {
    /// Absolute count of a bucket.
    type Count: Copy + PartialOrd + Default;
    /// See the trait.
    type State: std::fmt::Debug + Default;
    /// Least number of bits a bucket of the first sample takes.
    const BITS_A_BUCKET: u64;
    /// What the chunk holds; the number is that of the encoding in what Prometheus stores and sends.
    const KIND: Kind;

    /// Writes the first sample, without its time.
    fn write_first(&self, state: &mut Self::State, stream: &mut Stream<impl WordStore>);

    /// Writes a later sample, without its time.
    fn write_next(
        &self,
        before: &Self,
        state: &mut Self::State,
        stream: &mut Stream<impl WordStore>,
    );

    /// Reads the first sample into a histogram that has layout and buckets already.
    fn read_first<S: WordSource>(
        &mut self,
        state: &mut Self::State,
        bits: &mut BitReader<S>,
    ) -> Result<(), &'static str>;

    /// Reads a later sample into the one before it.
    fn read_next<S: WordSource>(
        &mut self,
        state: &mut Self::State,
        bits: &mut BitReader<S>,
    ) -> Result<(), &'static str>;

    /// Header of a chunk that begins because the next sample did not fit the one before, for which `reason` stands.
    fn header_of_cut(reason: CounterResetHeader) -> CounterResetHeader;

    /// Header of a chunk that begins although the next sample might have fit the one before.
    fn header_of_sequel(reason: CounterResetHeader) -> CounterResetHeader;

    /// Counts of the buckets above and below zero.
    fn counts(&self) -> [Side<Self::Count>; 2];

    /// Replaces the buckets.
    fn set_counts(&mut self, counts: [Side<Self::Count>; 2]);

    /// Whether the number of all observations, or that in the zero bucket, is less than before.
    fn count_fell(&self, before: &Self) -> (bool, bool);

    /// Whether schema and zero threshold are the same.
    fn same_scale(&self, other: &Self) -> bool;

    /// Whether custom bounds, if there are any, are the same.
    fn same_bounds(&self, other: &Self) -> bool;

    /// Becomes a copy, in the memory it has.
    fn copy_from(&mut self, other: &Self);

    /// A histogram without observations.
    fn with_layout(layout: &Layout) -> Self;

    /// Schema, zero bucket and buckets.
    fn layout(&self) -> Layout;

    /// Spans above and below zero.
    fn spans(&self) -> [&[Span]; 2];

    /// Number of buckets above and below zero.
    fn buckets(&self) -> [usize; 2];

    /// The same but for the hint.
    fn set_hint(&mut self, hint: CounterResetHint);

    /// What the sample itself says of resets.
    fn hint(&self) -> CounterResetHint;

    /// The staleness marker.
    fn stale() -> Self;

    /// Whether this is the staleness marker.
    fn is_stale(&self) -> bool;

    /// Brings the resolution down to the highest that is computed with.
    fn reduce_to_known_resolution(&mut self);
}

/// What is written in the same words for both kinds.
macro_rules! common_to_samples {
    () => {
        fn with_layout(layout: &Layout) -> Self {
            Self {
                schema: layout.schema,
                zero_threshold: layout.zero_threshold,
                positive: empty_side(&layout.positive),
                negative: empty_side(&layout.negative),
                custom_values: std::sync::Arc::clone(&layout.custom_values),
                ..Self::default()
            }
        }

        fn copy_from(&mut self, other: &Self) {
            let Self {
                counter_reset_hint,
                schema,
                zero_threshold,
                zero_count,
                count,
                sum,
                positive,
                negative,
                custom_values,
            } = other;
            self.counter_reset_hint = *counter_reset_hint;
            self.schema = *schema;
            self.zero_threshold = *zero_threshold;
            self.zero_count = *zero_count;
            self.count = *count;
            self.sum = *sum;
            self.positive.spans.clone_from(&positive.spans);
            self.positive.buckets.clone_from(&positive.buckets);
            self.negative.spans.clone_from(&negative.spans);
            self.negative.buckets.clone_from(&negative.buckets);
            self.custom_values.clone_from(custom_values);
        }

        fn layout(&self) -> Layout {
            Layout {
                schema: self.schema,
                zero_threshold: self.zero_threshold,
                positive: self.positive.spans.clone(),
                negative: self.negative.spans.clone(),
                custom_values: std::sync::Arc::clone(&self.custom_values),
            }
        }

        fn spans(&self) -> [&[crate::model::Span]; 2] {
            [&self.positive.spans, &self.negative.spans]
        }

        fn buckets(&self) -> [usize; 2] {
            [self.positive.buckets.len(), self.negative.buckets.len()]
        }

        fn count_fell(&self, before: &Self) -> (bool, bool) {
            (
                self.count < before.count,
                self.zero_count < before.zero_count,
            )
        }

        fn same_scale(&self, other: &Self) -> bool {
            self.schema == other.schema && self.zero_threshold == other.zero_threshold
        }

        fn same_bounds(&self, other: &Self) -> bool {
            !self.uses_custom_buckets() || self.custom_values == other.custom_values
        }

        fn set_hint(&mut self, hint: crate::model::CounterResetHint) {
            self.counter_reset_hint = hint;
        }

        fn hint(&self) -> crate::model::CounterResetHint {
            self.counter_reset_hint
        }

        fn stale() -> Self {
            Self::stale()
        }

        fn is_stale(&self) -> bool {
            self.is_stale()
        }

        fn reduce_to_known_resolution(&mut self) {
            use crate::model::histogram::EXPONENTIAL_SCHEMA_MAX;
            if self.schema > EXPONENTIAL_SCHEMA_MAX {
                // Lower than the present one, and neither has custom buckets: cannot fail.
                let _ = self.reduce_resolution(EXPONENTIAL_SCHEMA_MAX);
            }
        }
    };
}
pub(super) use common_to_samples;

/// A side of empty buckets. Their number was checked against the bits at hand when the layout was read.
pub(super) fn empty_side<C: Clone + Default>(spans: &[Span]) -> Side<C> {
    Side {
        spans: spans.to_vec(),
        buckets: vec![C::default(); spans.iter().map(|span| span.length as usize).sum()],
    }
}

/// Whether spans and buckets agree, which the chunk relies on.
pub(super) fn is_consistent<H: ChunkSample>(h: &H) -> bool {
    let (spans, buckets) = (h.spans(), h.buckets());
    spans
        .iter()
        .zip(buckets)
        .all(|(spans, buckets)| span_buckets(spans) == buckets as u64)
}
