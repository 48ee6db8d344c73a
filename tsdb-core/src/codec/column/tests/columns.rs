//! One column at a time, in every scale and shape.

use proptest::prelude::*;

use super::{AWKWARD, all_scales, bits, column};
use crate::codec::column::sequence::{decode_integers, encode_integers, skip_integers};
use crate::codec::column::shape::Shape;
use crate::codec::column::streams::Streams;
use crate::codec::column::values::{ValuesHeader, ValuesPlan};

/// Writes a column, checks that reading and skipping end where it ends, and gives what was read.
fn through(plan: &ValuesPlan, count: usize) -> Vec<f64> {
    let mut streams = Streams::default();
    plan.encode(&mut streams);
    let mut read = Vec::new();
    let mut from = streams.reader();
    let header = ValuesHeader::read(&mut from).unwrap();
    let mut skipped = from;
    header.decode(&mut from, count, &mut read).unwrap();
    assert!(from.is_empty());
    header.skip(&mut skipped, count).unwrap();
    assert!(skipped.is_empty());
    read
}

fn check_all(values: &[f64]) {
    for scale in all_scales() {
        for shape in Shape::ALL {
            let plan = ValuesPlan::in_scale(values, scale, Some(shape));
            assert_eq!(
                bits(&through(&plan, values.len())),
                bits(values),
                "{scale:?} {shape:?}"
            );
        }
    }
    let plan = ValuesPlan::new(values, None);
    assert_eq!(bits(&through(&plan, values.len())), bits(values));
    let hinted = ValuesPlan::new(values, Some(plan.choice()));
    assert_eq!(
        (hinted.choice(), through(&hinted, values.len()).len()),
        (plan.choice(), values.len()),
        "a choice fits the column it was made for"
    );
}

#[test]
fn awkward_values_come_back() {
    let values = AWKWARD.map(f64::from_bits);
    check_all(&values);
    for value in values {
        check_all(&[value]);
        check_all(&[value; 3]);
        check_all(&[1.5, value, 2.5]);
        check_all(&[value, 0.1, value]);
    }
}

#[test]
fn all_lengths_come_back() {
    for len in 1..300 {
        let values: Vec<f64> = (0..len).map(|i| f64::from(i * i % 37) / 10.0).collect();
        let plan = ValuesPlan::new(&values, None);
        assert_eq!(bits(&through(&plan, values.len())), bits(&values));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_scale_and_shape_gives_the_bits_back(values in column(200).prop_filter("columns have values", |values| !values.is_empty())) {
        check_all(&values);
    }

    #[test]
    fn times_come_back(times in prop_oneof![
        prop::collection::vec(any::<i64>(), 0..300),
        (any::<i64>(), prop::collection::vec(-3..3_i64, 0..300)).prop_map(|(start, jitter)| {
            jitter.iter().zip(0_i64..).map(|(jitter, i)| start.wrapping_add(15_000 * i + jitter)).collect()
        }),
    ]) {
        let mut streams = Streams::default();
        encode_integers(&times, &mut streams);
        let mut read = Vec::new();
        let mut from = streams.reader();
        let mut skipped = from;
        decode_integers(&mut from, times.len(), &mut read).unwrap();
        skip_integers(&mut skipped, times.len()).unwrap();
        prop_assert!(from.is_empty() && skipped.is_empty());
        prop_assert_eq!(read, times);
    }
}

#[test]
fn regular_columns_are_small() {
    let len = |values: &[f64]| {
        let mut streams = Streams::default();
        ValuesPlan::new(values, None).encode(&mut streams);
        streams.len()
    };
    let made = |of: fn(i32) -> f64| (0..1000).map(of).collect::<Vec<f64>>();
    assert_eq!(len(&made(|_| 1.0)), 3);
    assert_eq!(len(&made(|_| f64::NAN)), 12);
    assert_eq!(len(&made(|i| f64::from(i) * 5.0)), 6);
    assert_eq!(len(&made(|i| f64::from(i) / 100.0)), 5);
    assert_eq!(len(&made(|i| f64::from(i / 100))), 9);
    // A program that multiplies milliseconds by 0.001 makes other doubles than those nearest to the decimal number.
    assert_eq!(len(&made(|i| f64::from(i) * 0.001)), 5);
    // Sixteen values of noise a byte, or two, and a header.
    assert!(len(&made(|i| f64::from(i * i % 16))) < 1010);
    assert!(len(&made(|i| f64::from(i.wrapping_mul(7919) % 4096) * 512.0)) < 2020);
}

#[test]
fn times_with_jitter_take_their_jitter() {
    let times: Vec<i64> = (0..1000)
        .map(|i| 1_700_000_000_000 + 15_000 * i + i * i % 7)
        .collect();
    let mut streams = Streams::default();
    encode_integers(&times, &mut streams);
    assert_eq!(
        (streams.symbols.len() < 1020, streams.noise.len()),
        (true, 0)
    );
}
