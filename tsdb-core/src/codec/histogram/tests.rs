//! Chunks against what was appended, and against damaged bytes.

mod properties;

use super::append::{Appended, HistogramAppender};
use super::header::CounterResetHeader;
use super::read::Decoder;
use super::sample::ChunkSample;
use super::*;
use crate::codec::DecodeError;
use crate::model::histogram::{Side, Span};
use crate::model::{CounterResetHint, FloatHistogram, Histogram};

/// The chunks that samples become, one after the other.
pub(super) fn chunks_of<H: ChunkSample>(samples: &[(i64, H)]) -> Vec<HistogramAppender<H>> {
    let mut chunks: Vec<HistogramAppender<H>> = Vec::new();
    for (t_ms, h) in samples {
        let Some(chunk) = chunks.last_mut() else {
            chunks.push(HistogramAppender::begin(None, *t_ms, h).unwrap());
            continue;
        };
        if let Appended::NewChunk(next) = chunk.append(*t_ms, h).unwrap() {
            chunks.push(next);
        }
    }
    chunks
}

/// Fails unless both are the same but for empty buckets and the hint.
pub(super) fn same_observations<H: ChunkSample + PartialEq + std::fmt::Debug>(
    read: &H,
    appended: &H,
) {
    if appended.is_stale() {
        assert!(read.is_stale());
        assert_eq!(read.spans(), [[]; 2]);
        return;
    }
    let populated = |h: &H| {
        let mut h = h.clone();
        h.set_counts(h.counts().map(|side| {
            let populated = side
                .indexed()
                .filter(|&(_, count)| count != H::Count::default());
            Side::from_indexed(populated)
        }));
        h
    };
    assert_eq!(populated(read), populated(appended));
}

fn drain<H: ChunkSample>(bytes: &[u8]) -> Result<Vec<(i64, H)>, DecodeError> {
    Decoder::<H, _>::new(bytes)?.collect()
}

fn counter(buckets: &[i64]) -> Histogram {
    let total: i64 = buckets.iter().sum();
    let mut h = Histogram {
        count: total.cast_unsigned(),
        ..Histogram::default()
    };
    let indexed = (0..).zip(buckets.iter().copied());
    h.set_counts([Side::from_indexed(indexed), Side::new()]);
    h
}

fn begin(h: &Histogram) -> HistogramAppender<Histogram> {
    HistogramAppender::begin(None, 0, h).unwrap()
}

#[test]
fn other_buckets_are_brought_together() {
    let spans = |chunk: &HistogramAppender<Histogram>| chunk.last().1.positive.spans.clone();
    // More buckets: the chunk is written anew.
    let mut chunk = begin(&counter(&[1, 2]));
    assert!(matches!(
        chunk.append(1, &counter(&[1, 2, 3])),
        Ok(Appended::Recoded)
    ));
    assert_eq!(
        spans(&chunk),
        [Span {
            offset: 0,
            length: 3
        }]
    );
    let read: Vec<_> = chunk.iter().map(|s| s.unwrap().1).collect();
    assert_eq!(read[0].positive.buckets, [1, 1, -2]);
    // An empty bucket is missing: it is added.
    let mut chunk = begin(&counter(&[1, 0, 2]));
    let mut next = counter(&[1, 0, 3]);
    next.compact(0);
    assert!(matches!(chunk.append(1, &next), Ok(Appended::Here)));
    assert_eq!(
        spans(&chunk),
        [Span {
            offset: 0,
            length: 3
        }]
    );
    // Both at once.
    let mut next = counter(&[2, 0, 3, 0, 5]);
    next.compact(0);
    assert!(matches!(chunk.append(2, &next), Ok(Appended::Recoded)));
    assert_eq!(
        chunk.last().1.positive,
        Side {
            spans: vec![
                Span {
                    offset: 0,
                    length: 3
                },
                Span {
                    offset: 1,
                    length: 1
                }
            ],
            buckets: vec![2, -2, 3, 2]
        }
    );
    // A populated bucket is missing, or a count fell: a reset.
    for next in [
        counter(&[1]),
        counter(&[5, 0, 2, 0, 9]),
        counter(&[9, 0, 9, 0, 4]),
    ] {
        match chunk.append(3, &next) {
            Ok(Appended::NewChunk(new)) => {
                assert_eq!(new.counter_reset(), CounterResetHeader::Reset)
            }
            other => panic!("{other:?}"),
        }
    }
    // A gauge may do both.
    let gauge = |buckets: &[i64]| Histogram {
        counter_reset_hint: CounterResetHint::Gauge,
        ..counter(buckets)
    };
    let mut chunk = begin(&gauge(&[5, 5]));
    let mut next = gauge(&[0, 1, 1]);
    next.compact(0);
    assert!(matches!(chunk.append(1, &next), Ok(Appended::Recoded)));
    assert_eq!(chunk.last().1.positive.buckets, [0, 1, 0]);
}

#[test]
fn headers_tell_what_is_known_of_a_reset() {
    use CounterResetHeader::{Gauge, NotReset, Reset, Unknown};
    let h = counter(&[1, 2]);
    let with = |change: fn(&mut Histogram)| {
        let mut h = counter(&[3, 4]);
        change(&mut h);
        h
    };
    // Header of the chunk that the second begins behind the first: of integers and of floats.
    for (first, second, integers, floats) in [
        (
            h.clone(),
            with(|h| h.counter_reset_hint = CounterResetHint::Reset),
            Reset,
            Reset,
        ),
        (
            h.clone(),
            with(|h| h.counter_reset_hint = CounterResetHint::Gauge),
            Gauge,
            Gauge,
        ),
        (h.clone(), with(|h| h.schema = 1), Unknown, Unknown),
        (
            h.clone(),
            with(|h| h.zero_threshold = 1.0),
            Unknown,
            Unknown,
        ),
        (h.clone(), with(|h| h.count = 1), Reset, Reset),
        (Histogram::stale(), with(|_| ()), Unknown, Unknown),
        (
            with(|h| h.counter_reset_hint = CounterResetHint::Gauge),
            with(|_| ()),
            NotReset,
            Unknown,
        ),
    ] {
        let Ok(Appended::NewChunk(new)) = begin(&first).append(1, &second) else {
            panic!("{second}")
        };
        assert_eq!(new.counter_reset(), integers, "{second}");
        let (first, second) = (
            if first.is_stale() {
                FloatHistogram::stale()
            } else {
                first.to_float()
            },
            second.to_float(),
        );
        let mut chunk = HistogramAppender::<FloatHistogram>::begin(None, 0, &first).unwrap();
        let Ok(Appended::NewChunk(new)) = chunk.append(1, &second) else {
            panic!("{second}")
        };
        assert_eq!(new.counter_reset(), floats, "{second}");
    }
    // A chunk ended for another reason.
    let before = begin(&h);
    for (next, header) in [
        (with(|_| ()), NotReset),
        (counter(&[0, 9]), Reset),
        (with(|h| h.schema = 1), Unknown),
    ] {
        let chunk = HistogramAppender::begin(Some(&before), 1, &next).unwrap();
        assert_eq!(chunk.counter_reset(), header);
    }
}

#[test]
fn what_no_chunk_can_hold_is_refused() {
    let mut h = counter(&[1, 2]);
    h.positive.buckets.pop();
    assert_eq!(
        HistogramAppender::<Histogram>::begin(None, 0, &h).unwrap_err(),
        Unstorable
    );
    assert_eq!(begin(&counter(&[1])).append(1, &h).unwrap_err(), Unstorable);
}

#[test]
fn higher_resolutions_are_reduced_when_read() {
    let h = Histogram {
        schema: 9,
        ..counter(&[0, 1, 2, 4])
    };
    let read = drain::<Histogram>(&begin(&h).to_bytes())
        .unwrap()
        .remove(0)
        .1;
    // Buckets 1 and 2 of schema 9 are bucket 1 of schema 8, bucket 3 is bucket 2; bucket 0 stays.
    assert_eq!(
        (read.schema, read.counts()[0].buckets.clone()),
        (8, vec![0, 3, 4])
    );
}

#[test]
fn a_full_chunk_ends() {
    let h = counter(&[1]);
    let mut chunk = begin(&h);
    for t_ms in 1..i64::from(u16::MAX) {
        assert!(matches!(chunk.append(t_ms, &h), Ok(Appended::Here)));
    }
    let Ok(Appended::NewChunk(next)) = chunk.append(1 << 20, &h) else {
        panic!()
    };
    assert_eq!(
        (chunk.samples(), next.samples(), next.counter_reset()),
        (u16::MAX, 1, CounterResetHeader::NotReset)
    );
    assert_eq!(
        drain::<Histogram>(&chunk.to_bytes()).unwrap().len(),
        usize::from(u16::MAX)
    );
}

#[test]
fn buckets_are_not_taken_from_a_number_alone() {
    // A layout that promises 2³¹ buckets and ends there.
    let mut stream = super::stream::Stream::<super::stream::Words>::default();
    for (value, bits) in [(0, 8), (0, 1)] {
        stream.put(value, bits);
    }
    stream.put_uint(1);
    stream.put_uint(1 << 31);
    stream.put_int(-5);
    stream.put_uint(0);
    stream.put_uint(0);
    stream.flush();
    let bytes = stream.to_bytes([0, 1, 0]);
    assert_eq!(
        drain::<Histogram>(&bytes).unwrap_err().what,
        "chunk ends within a sample"
    );
    assert_eq!(
        drain::<FloatHistogram>(&bytes).unwrap_err().what,
        "chunk ends within a sample"
    );
}
