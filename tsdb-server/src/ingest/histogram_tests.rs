//! The decoder against messages made by hand, and against anything.

use proptest::prelude::*;
use tsdb_core::STALE_NAN_BITS;
use tsdb_core::histogram::CUSTOM_BUCKETS_SCHEMA;

use super::*;
use crate::ingest::wire::Message as Wire;

fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)).cast_unsigned()
}

fn span(offset: i64, length: u64) -> Vec<u8> {
    Wire::default()
        .varint(1, zigzag(offset))
        .varint(2, length)
        .0
}

fn packed(deltas: &[i64]) -> Vec<u8> {
    // A tag of one byte comes before each.
    let each = deltas
        .iter()
        .flat_map(|&n| Wire::default().varint(1, zigzag(n)).0.split_off(1));
    each.collect()
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|v| v.to_bits().to_le_bytes())
        .collect()
}

fn integers() -> Wire {
    Wire::default()
        .varint(1, 9)
        .double(3, 18.4)
        .varint(4, zigzag(3))
        .double(5, 0.001)
        .varint(6, 2)
        .bytes(8, &span(0, 1))
        .bytes(9, &packed(&[3]))
        .bytes(11, &span(-1, 2))
        .bytes(11, &span(4, 1))
        .bytes(12, &packed(&[1, 1, -1]))
        .varint(14, 2)
        .varint(15, 1_700_000_000_000)
}

fn read(message: Wire) -> Result<(Times, HistogramSample), Unfit> {
    histogram(&message.0).unwrap()
}

#[test]
fn integers_are_read() {
    let expected = Histogram {
        counter_reset_hint: CounterResetHint::NotReset,
        schema: 3,
        zero_threshold: 0.001,
        zero_count: 2,
        count: 9,
        sum: 18.4,
        positive: Side {
            spans: vec![
                Span {
                    offset: -1,
                    length: 2,
                },
                Span {
                    offset: 4,
                    length: 1,
                },
            ],
            buckets: vec![1, 1, -1],
        },
        negative: Side {
            spans: vec![Span {
                offset: 0,
                length: 1,
            }],
            buckets: vec![3],
        },
        ..Histogram::default()
    };
    let (times, read) = read(integers()).unwrap();
    assert_eq!((times.t_ms, times.start_ms), (1_700_000_000_000, 0));
    assert_eq!(
        format!("{read:?}"),
        format!("{:?}", HistogramSample::from(expected))
    );
}

#[test]
fn floats_with_custom_buckets_are_read() {
    let message = Wire::default()
        .double(2, 4.5)
        .double(3, 7.0)
        .varint(4, zigzag(i64::from(CUSTOM_BUCKETS_SCHEMA)))
        .bytes(11, &span(0, 2))
        .bytes(13, &doubles(&[1.5, 3.0]))
        .varint(14, 3)
        .varint(15, 5)
        .bytes(16, &doubles(&[0.5, 2.5]))
        .varint(17, 3);
    let expected = FloatHistogram {
        counter_reset_hint: CounterResetHint::Gauge,
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: 4.5,
        sum: 7.0,
        positive: Side {
            spans: vec![Span {
                offset: 0,
                length: 2,
            }],
            buckets: vec![1.5, 3.0],
        },
        custom_values: [0.5, 2.5].into(),
        ..FloatHistogram::default()
    };
    let (times, read) = read(message.varint(17, 4)).unwrap();
    assert_eq!((times.t_ms, times.start_ms), (5, 4));
    assert_eq!(
        format!("{read:?}"),
        format!("{:?}", HistogramSample::from(expected))
    );
}

#[test]
fn numbers_may_stand_alone_and_fields_come_in_any_order() {
    let message = Wire::default()
        .varint(12, zigzag(4))
        .varint(12, zigzag(-1))
        .bytes(11, &span(2, 2))
        .varint(1, 7)
        .double(3, f64::from_bits(STALE_NAN_BITS));
    let (_, read) = read(message).unwrap();
    assert!(read.is_stale());
    let HistogramSample::Integer(h) = read else {
        panic!("it is of integers");
    };
    assert_eq!(h.positive.buckets, [4, -1]);
}

#[test]
fn what_is_not_valid_is_told_in_the_words_of_prometheus() {
    let text = |message: Wire| read(message).unwrap_err().to_string();
    assert_eq!(
        text(integers().varint(1, 10)),
        "9 observations found in buckets, but the Count field is 10: histogram's observation count should equal \
         the number of observations found in the buckets (in absence of NaN)"
    );
    assert_eq!(
        text(integers().bytes(11, &span(0, 3))),
        "positive side: spans need 6 buckets, have 3 buckets: histogram spans specify different number of buckets \
         than provided"
    );
    assert!(text(integers().varint(4, zigzag(77))).contains("invalid schema"));
    // A finer resolution than is computed with is brought down.
    let (_, fine) = read(integers().varint(4, zigzag(9))).unwrap();
    assert!(matches!(fine, HistogramSample::Integer(h) if h.schema == 8));
    assert_eq!(
        read(integers().bytes(12, &[0; MAX_NUMBERS])),
        Err(Unfit::TooLarge)
    );
    assert_eq!(
        read(integers().bytes(12, &vec![0; 4 << 20])),
        Err(Unfit::TooLarge)
    );
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = histogram(&bytes);
    }

    #[test]
    fn a_damaged_message_is_an_answer(at: prop::sample::Index, byte: u8) {
        let mut bytes = integers().0;
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(Ok((_, histogram))) = histogram(&bytes) {
            prop_assert!(histogram.validate().is_ok());
        }
    }
}
