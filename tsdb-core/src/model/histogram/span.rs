//! Spans: which buckets of a schema a histogram has.

use std::iter::FusedIterator;

/// A run of neighbouring buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Buckets left out since the end of the span before; for the first span the index of its first bucket, which may be
    /// negative.
    pub offset: i32,
    /// Number of buckets.
    pub length: u32,
}

/// Positive or negative half of a histogram: its spans and one value for each of their buckets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side<C> {
    /// The runs of buckets, away from zero.
    pub spans: Vec<Span>,
    /// Counts of the buckets of all spans, in order. A [`FloatHistogram`](super::FloatHistogram) has absolute counts; a
    /// [`Histogram`](super::Histogram) has the first count, then differences to the bucket before, across spans too.
    pub buckets: Vec<C>,
}

impl<C> Side<C> {
    /// A side without buckets.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            spans: Vec::new(),
            buckets: Vec::new(),
        }
    }

    /// Whether there is no bucket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }
}

impl<C: Copy> Side<C> {
    /// Index within the schema and value of each bucket, rising. Of spans and buckets the shorter counts.
    pub(crate) fn indexed(&self) -> Indexed<'_, C> {
        Indexed::new(&self.spans, &self.buckets)
    }

    /// The side whose buckets have these indices, rising: a span for each run of neighbours.
    pub(crate) fn from_indexed(buckets: impl IntoIterator<Item = (i32, C)>) -> Self {
        let mut side = Self::new();
        let mut builder = SpanBuilder::default();
        for (index, value) in buckets {
            builder.push(index);
            side.buckets.push(value);
        }
        side.spans = builder.spans;
        side
    }
}

/// Makes spans of rising indices.
#[derive(Debug, Default)]
pub(crate) struct SpanBuilder {
    pub(crate) spans: Vec<Span>,
    last: i32,
}

impl SpanBuilder {
    /// Adds a bucket: to the span before if it is its neighbour.
    pub(crate) fn push(&mut self, index: i32) {
        let gap = self.gap(index);
        match self.spans.last_mut() {
            Some(span) if gap == 0 => span.length += 1,
            _ => self.spans.push(Span {
                offset: gap,
                length: 1,
            }),
        }
        self.last = index;
    }

    /// Adds a bucket that begins a span, even where it is the neighbour of the one before.
    pub(super) fn push_span(&mut self, index: i32) {
        self.spans.push(Span {
            offset: self.gap(index),
            length: 1,
        });
        self.last = index;
    }

    /// The index added last.
    pub(super) fn last(&self) -> Option<i32> {
        (!self.spans.is_empty()).then_some(self.last)
    }

    fn gap(&self, index: i32) -> i32 {
        if self.spans.is_empty() {
            index
        } else {
            index.wrapping_sub(self.last).wrapping_sub(1)
        }
    }
}

/// Buckets that spans claim.
pub(crate) fn span_buckets(spans: &[Span]) -> u64 {
    spans.iter().map(|span| u64::from(span.length)).sum()
}

/// Whether two lists of spans have the same buckets in the same runs: spans of length 0 are only gaps.
pub(crate) fn spans_match(a: &[Span], b: &[Span]) -> bool {
    let runs = |spans| Starts { spans, end: 0 }.map(|(start, span)| (start, span.length));
    runs(a).eq(runs(b))
}

/// Spans with buckets, and the index of their first.
struct Starts<'a> {
    spans: &'a [Span],
    /// Index after the last bucket of the spans before.
    end: i32,
}

impl<'a> Iterator for Starts<'a> {
    type Item = (i32, &'a Span);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (span, rest) = self.spans.split_first()?;
            self.spans = rest;
            let start = self.end.wrapping_add(span.offset);
            self.end = start.wrapping_add_unsigned(span.length);
            if span.length > 0 {
                return Some((start, span));
            }
        }
    }
}

/// Indices and values of buckets, from either end.
///
/// Spans and buckets that disagree (a histogram that was not validated) end the sequence early, never with a panic.
#[derive(Clone, Debug)]
pub(crate) struct Indexed<'a, C> {
    spans: &'a [Span],
    values: &'a [C],
    front: Position,
    back: Position,
}

/// A place between two buckets.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    /// The span of the next bucket forwards; backwards one more than that.
    span: usize,
    /// Buckets of that span before the place; backwards those after it.
    inside: u32,
    /// Index of the next bucket forwards; backwards one more than that.
    index: i32,
}

impl<'a, C> Indexed<'a, C> {
    pub(crate) fn new(spans: &'a [Span], values: &'a [C]) -> Self {
        let claimed = usize::try_from(span_buckets(spans)).unwrap_or(usize::MAX);
        let mut back = Position {
            span: spans.len(),
            inside: 0,
            index: spans.iter().fold(0_i32, |end, span| {
                end.wrapping_add(span.offset)
                    .wrapping_add_unsigned(span.length)
            }),
        };
        // Spans that claim more buckets than there are: the end lies where the buckets do.
        let mut surplus = claimed.saturating_sub(values.len());
        while surplus > 0
            && let Some(span) = back.span.checked_sub(1).and_then(|i| spans.get(i))
        {
            let step = surplus.min((span.length - back.inside) as usize);
            surplus -= step;
            // Not above the length of the span, which is a u32.
            back.inside += step as u32;
            back.index = back.index.wrapping_sub_unsigned(step as u32);
            if back.inside == span.length {
                back.leave(span);
            }
        }
        Self {
            spans,
            values: values.get(..claimed).unwrap_or(values),
            front: Position {
                index: spans.first().map_or(0, |span| span.offset),
                ..Position::default()
            },
            back,
        }
    }
}

impl Position {
    /// Steps backwards over the gap before `span`.
    fn leave(&mut self, span: &Span) {
        self.index = self.index.wrapping_sub(span.offset);
        self.span -= 1;
        self.inside = 0;
    }
}

impl<C: Copy> Iterator for Indexed<'_, C> {
    type Item = (i32, C);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (&value, rest) = self.values.split_first()?;
        while self.front.inside >= self.spans.get(self.front.span)?.length {
            self.front.span += 1;
            self.front.inside = 0;
            self.front.index = self
                .front
                .index
                .wrapping_add(self.spans.get(self.front.span)?.offset);
        }
        self.values = rest;
        let index = self.front.index;
        self.front.inside += 1;
        self.front.index = index.wrapping_add(1);
        Some((index, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.values.len(), Some(self.values.len()))
    }
}

impl<C: Copy> DoubleEndedIterator for Indexed<'_, C> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (&value, rest) = self.values.split_last()?;
        loop {
            let span = self.spans.get(self.back.span.checked_sub(1)?)?;
            if self.back.inside < span.length {
                break;
            }
            self.back.leave(span);
        }
        self.values = rest;
        self.back.inside += 1;
        self.back.index = self.back.index.wrapping_sub(1);
        Some((self.back.index, value))
    }
}

impl<C: Copy> FusedIterator for Indexed<'_, C> {}

impl<C: Copy> ExactSizeIterator for Indexed<'_, C> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(super) fn span((offset, length): (i32, u32)) -> Span {
        Span { offset, length }
    }

    fn side(spans: &[(i32, u32)], buckets: &[i64]) -> Side<i64> {
        Side {
            spans: spans.iter().copied().map(span).collect(),
            buckets: buckets.to_vec(),
        }
    }

    #[test]
    fn indices_skip_gaps_and_empty_spans() {
        let side = side(&[(-2, 2), (3, 0), (1, 1)], &[7, 8, 9]);
        let forwards: Vec<_> = side.indexed().collect();
        assert_eq!(forwards, [(-2, 7), (-1, 8), (4, 9)]);
        let mut backwards: Vec<_> = side.indexed().rev().collect();
        backwards.reverse();
        assert_eq!(backwards, forwards);
    }

    #[test]
    fn spans_match_by_their_runs() {
        let spans = |s: &[(i32, u32)]| s.iter().copied().map(span).collect::<Vec<_>>();
        assert!(spans_match(&[], &spans(&[(3, 0)])));
        assert!(spans_match(
            &spans(&[(1, 2), (2, 0), (1, 1)]),
            &spans(&[(1, 2), (3, 1), (9, 0)])
        ));
        assert!(!spans_match(&spans(&[(1, 2)]), &spans(&[(1, 1), (0, 1)])));
        assert!(!spans_match(&spans(&[(1, 2)]), &spans(&[(2, 2)])));
    }

    proptest! {
        #[test]
        fn both_directions_agree_whatever_the_spans_claim(
            spans in proptest::collection::vec((-3i32..5, 0u32..5), 0..6),
            buckets in proptest::collection::vec(any::<i64>(), 0..20),
        ) {
            let side = side(&spans, &buckets);
            let forwards: Vec<_> = side.indexed().collect();
            let mut backwards: Vec<_> = side.indexed().rev().collect();
            backwards.reverse();
            prop_assert_eq!(&forwards, &backwards);
            prop_assert_eq!(forwards.len(), buckets.len().min(span_buckets(&side.spans) as usize));
        }

        #[test]
        fn spans_of_indices_have_those_indices(gaps in proptest::collection::vec(1i32..4, 0..20)) {
            let mut at = -10;
            let buckets: Vec<(i32, i64)> = gaps.iter().map(|gap| { at += gap; (at, i64::from(at)) }).collect();
            let side = Side::from_indexed(buckets.iter().copied());
            prop_assert_eq!(side.indexed().collect::<Vec<_>>(), buckets);
        }
    }
}
