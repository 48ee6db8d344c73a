//! Histograms that stand for numbers, so that tests whose models hold the bits of floats can hold histograms as well.

use super::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Histogram, Side, differences};
use crate::model::HistogramSample;

/// A NaN that no test writes as a float.
const MARK: u64 = 0x7ff8_6869_7374_0000;

/// The bits that stand for the histogram of this number.
pub(crate) const fn bits_of_number(number: u16) -> u64 {
    MARK | number as u64
}

/// The histogram that bits stand for.
pub(crate) fn histogram_of(bits: u64) -> Option<HistogramSample> {
    (bits & !0xffff == MARK).then(|| histogram(bits as u16))
}

/// The bits that stand for a histogram, which must be as it was written but for hint and empty buckets.
pub(crate) fn bits_of_histogram(histogram: &HistogramSample) -> u64 {
    let number = match histogram {
        HistogramSample::Integer(h) if h.is_stale() => 0,
        HistogramSample::Float(h) if h.is_stale() => 1,
        HistogramSample::Integer(h) => h.sum as u16,
        HistogramSample::Float(h) => h.sum as u16,
    };
    let written = self::histogram(number);
    assert!(
        histogram.says_the_same(&written) && is_gauge(histogram) == is_gauge(&written),
        "{histogram:?} is not {written:?}"
    );
    bits_of_number(number)
}

fn is_gauge(histogram: &HistogramSample) -> bool {
    let (hint, is_stale) = match histogram {
        HistogramSample::Integer(h) => (h.counter_reset_hint, h.is_stale()),
        HistogramSample::Float(h) => (h.counter_reset_hint, h.is_stale()),
    };
    hint == CounterResetHint::Gauge && !is_stale
}

/// Even numbers are of integers, odd ones of floats; 0 and 1 are staleness markers. Neighbours are alike.
fn histogram(number: u16) -> HistogramSample {
    let of_integers = integers(number);
    if number.is_multiple_of(2) {
        return of_integers.into();
    }
    let mut of_floats = of_integers.to_float();
    for count in &mut of_floats.positive.buckets {
        *count /= 3.0;
    }
    of_floats.into()
}

fn integers(number: u16) -> Histogram {
    if number < 2 {
        return Histogram::stale();
    }
    let n = i64::from(number);
    let custom = number % 64 >= 56;
    let positive =
        Side::from_indexed((0..number % 7).map(|i| (i32::from(i * 2), n + i64::from(i))));
    let negative = match custom || !number.is_multiple_of(3) {
        true => Side::new(),
        false => Side::from_indexed([(-2, 1), (-1, n), (5, 2)]),
    };
    let observations: i64 = positive.buckets.iter().chain(&negative.buckets).sum();
    let side = |side: Side<i64>| Side {
        buckets: differences(side.buckets),
        ..side
    };
    let zero_count = if custom { 0 } else { u64::from(number / 10) };
    Histogram {
        counter_reset_hint: CounterResetHint::from_u8((number / 32 % 4) as u8),
        schema: match custom {
            true => CUSTOM_BUCKETS_SCHEMA,
            false => i32::from(number / 128 % 8) - 2,
        },
        zero_threshold: if custom { 0.0 } else { 0.001 },
        zero_count,
        count: observations.cast_unsigned() + zero_count,
        sum: f64::from(number),
        positive: side(positive),
        negative: side(negative),
        custom_values: match custom {
            true => (0..20).map(|i| f64::from(i) * 0.125).collect(),
            false => Vec::new().into(),
        },
    }
}

#[test]
fn all_numbers_are_valid_histograms() {
    for number in 0..=u16::MAX {
        let histogram = histogram(number);
        assert!(histogram.is_storable(), "{number}: {histogram:?}");
        assert_eq!(bits_of_histogram(&histogram), bits_of_number(number));
    }
}
