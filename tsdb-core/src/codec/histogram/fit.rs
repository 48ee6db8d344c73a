//! Bringing histograms of different buckets together in one chunk.

use crate::model::Span;
use crate::model::histogram::{Indexed, Side, SpanBuilder};

/// How the buckets of a histogram compare with those of a chunk, on one side of zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fit {
    /// The histogram has buckets that the chunk has not.
    pub(super) chunk_grows: bool,
    /// The chunk has buckets that the histogram has not.
    pub(super) histogram_grows: bool,
}

/// Compares the buckets of the last histogram of a chunk with those of the next. With `counters`, `None` when a count fell or a
/// populated bucket is gone.
pub(super) fn fit<C: Copy + PartialOrd + Default>(
    last: &Side<C>,
    next: &Side<C>,
    counters: bool,
) -> Option<Fit> {
    let mut fit = Fit::default();
    for (_, before, now) in paired(last, next) {
        let fell = match (before, now) {
            (Some(before), Some(now)) => before > now,
            (Some(before), None) => before != C::default(),
            (None, _) => false,
        };
        if counters && fell {
            return None;
        }
        fit.chunk_grows |= before.is_none();
        fit.histogram_grows |= now.is_none();
    }
    Some(fit)
}

/// The buckets that one or both have, as spans as long as can be.
pub(super) fn union<C: Copy>(a: &Side<C>, b: &Side<C>) -> Vec<Span> {
    let mut union = SpanBuilder::default();
    for (index, _, _) in paired(a, b) {
        union.push(index);
    }
    union.spans
}

/// The buckets of both by rising index: what the one and what the other has there.
fn paired<'a, C: Copy>(
    a: &'a Side<C>,
    b: &'a Side<C>,
) -> impl Iterator<Item = (i32, Option<C>, Option<C>)> + use<'a, C> {
    let (mut a, mut b) = (a.indexed().peekable(), b.indexed().peekable());
    std::iter::from_fn(move || {
        let index = match (a.peek(), b.peek()) {
            (Some(a), Some(b)) => a.0.min(b.0),
            (one, other) => one.or(other)?.0,
        };
        let of_a = a.next_if(|bucket| bucket.0 == index);
        let of_b = b.next_if(|bucket| bucket.0 == index);
        Some((index, of_a.map(|(_, v)| v), of_b.map(|(_, v)| v)))
    })
}

/// The side with the buckets of `spans`, which are a superset of its own: the new ones are empty.
pub(super) fn with_spans<C: Copy + Default>(side: &Side<C>, spans: &[Span]) -> Side<C> {
    let buckets: usize = spans.iter().map(|span| span.length as usize).sum();
    let empty = vec![C::default(); buckets];
    let mut old = side.indexed().peekable();
    Side {
        spans: spans.to_vec(),
        buckets: Indexed::new(spans, &empty)
            .map(|(index, empty)| {
                old.next_if(|&(other, _)| other == index)
                    .map_or(empty, |(_, count)| count)
            })
            .collect(),
    }
}
