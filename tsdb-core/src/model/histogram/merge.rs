//! Adding the buckets of one side to another's.
//!
//! Both are walked by rising index. A bucket that only the other has joins the span of the bucket before it if that is its
//! neighbour, else the span of the one after it, else begins one; spans that come to touch stay two. So does Prometheus, and
//! whether two results are equal depends on it.

use super::Span;
use super::span::{Indexed, SpanBuilder, span_buckets};

/// What a bucket holds: something to which the like can be added.
pub(super) trait Lane: Copy {
    /// An empty bucket.
    const EMPTY: Self;

    /// Adds another to it.
    fn join(&mut self, other: Self);

    /// Whether nothing is in it.
    fn is_empty(&self) -> bool;
}

impl Lane for i64 {
    const EMPTY: Self = 0;

    fn is_empty(&self) -> bool {
        *self == 0
    }

    fn join(&mut self, other: Self) {
        *self = self.wrapping_add(other);
    }
}

impl Lane for f64 {
    const EMPTY: Self = 0.0;

    fn is_empty(&self) -> bool {
        *self == 0.0
    }

    fn join(&mut self, other: Self) {
        *self += other;
    }
}

/// Adds the buckets `other`, rising by index, to those of `spans`.
pub(super) fn add_indexed<C: Lane>(
    spans: &mut Vec<Span>,
    buckets: &mut Vec<C>,
    other: &[(i32, C)],
) {
    if other.is_empty() || add_in_place(spans, buckets, other) {
        return;
    }
    let mut merged = Vec::with_capacity(buckets.len() + other.len());
    let mut builder = SpanBuilder::default();
    let mut other = other.iter().copied().peekable();
    let mut mine = starts_of_spans(spans, buckets).peekable();
    // Set when a new bucket was put at the front of the span that my next bucket begins.
    let mut prepended = false;
    loop {
        let mine_is_next = match (mine.peek(), other.peek()) {
            (None, None) => break,
            (Some(my), Some(theirs)) => my.index <= theirs.0,
            (my, _) => my.is_some(),
        };
        if mine_is_next {
            let Some(my) = mine.next() else { break };
            if my.begins_span && !prepended {
                builder.push_span(my.index);
            } else {
                builder.push(my.index);
            }
            prepended = false;
            let mut value = my.value;
            if let Some((_, added)) = other.next_if(|&(index, _)| index == my.index) {
                value.join(added);
            }
            merged.push(value);
        } else {
            let Some((index, value)) = other.next() else {
                break;
            };
            if builder.last() == Some(index.wrapping_sub(1)) {
                builder.push(index);
            } else {
                builder.push_span(index);
                let my = mine.peek();
                prepended =
                    my.is_some_and(|my| my.begins_span && my.index == index.wrapping_add(1));
            }
            merged.push(value);
        }
    }
    drop(mine);
    *spans = builder.spans;
    *buckets = merged;
}

/// Adds bucket by bucket where every bucket of `other` is there already. Otherwise changes nothing and returns false.
fn add_in_place<C: Lane>(spans: &[Span], buckets: &mut [C], other: &[(i32, C)]) -> bool {
    if span_buckets(spans) != buckets.len() as u64 {
        return false;
    }
    let mut rest = other.iter().peekable();
    let mut places = Vec::with_capacity(other.len());
    for (place, (index, _)) in Indexed::new(spans, buckets).enumerate() {
        if rest.next_if(|bucket| bucket.0 == index).is_some() {
            places.push(place);
        }
    }
    if rest.peek().is_some() {
        return false;
    }
    for (place, &(_, added)) in places.into_iter().zip(other) {
        if let Some(value) = buckets.get_mut(place) {
            value.join(added);
        }
    }
    true
}

/// A bucket, and whether its span begins with it.
#[derive(Clone, Copy)]
struct Mine<C> {
    index: i32,
    value: C,
    begins_span: bool,
}

fn starts_of_spans<'a, C: Copy>(
    spans: &'a [Span],
    buckets: &'a [C],
) -> impl Iterator<Item = Mine<C>> + use<'a, C> {
    let lengths = spans.iter().filter(|span| span.length > 0);
    let begins = lengths.flat_map(|span| (0..span.length).map(|i| i == 0));
    Indexed::new(spans, buckets)
        .zip(begins)
        .map(|((index, value), begins_span)| Mine {
            index,
            value,
            begins_span,
        })
}

/// Joins neighbouring buckets that `target` maps to one index; a span for each run of indices.
pub(super) fn merge_neighbours<C: Lane>(
    spans: &[Span],
    buckets: &[C],
    target: impl Fn(i32) -> i32,
) -> (Vec<Span>, Vec<C>) {
    let mut merged: Vec<C> = Vec::new();
    let mut builder = SpanBuilder::default();
    for (index, value) in Indexed::new(spans, buckets) {
        let index = target(index);
        match merged.last_mut() {
            Some(last) if builder.last() == Some(index) => last.join(value),
            _ => {
                builder.push(index);
                merged.push(value);
            }
        }
    }
    (builder.spans, merged)
}
