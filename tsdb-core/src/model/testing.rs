//! Values of all kinds that stand for the bits of floats, so that tests hold every sample as a time and 64 bits.

use super::histogram::testing::{bits_of_histogram, histogram_of};
use super::{Columns, FieldValue, HistogramSample, LastSample, SeriesBuilder, StoredValue, Value};

/// A NaN that no test writes as a float.
const MARK: u64 = 0x7ff8_6669_656c_0000;

/// The bits that stand for the integer, boolean or string of this number: 0 and 1 are booleans, other even ones strings,
/// other odd ones integers.
pub(crate) const fn bits_of_field_number(number: u16) -> u64 {
    MARK | number as u64
}

/// A value of any kind.
#[derive(Clone, Debug)]
pub(crate) enum AnyKind {
    Float(f64),
    Histogram(HistogramSample),
    Field(FieldValue),
}

/// What bits stand for.
pub(crate) fn value_of(bits: u64) -> AnyKind {
    match histogram_of(bits) {
        Some(histogram) => AnyKind::Histogram(histogram),
        None if is_field(bits) => AnyKind::Field(field(bits as u16)),
        None => AnyKind::Float(f64::from_bits(bits)),
    }
}

fn field(number: u16) -> FieldValue {
    match number {
        0 | 1 => FieldValue::Boolean(number == 1),
        2 => FieldValue::string(""),
        _ if number.is_multiple_of(2) => FieldValue::string(&format!("{number} é")),
        // Beyond what a double holds exactly, of both signs.
        _ => FieldValue::Integer((i64::from(number) << 48) + i64::from(number)),
    }
}

fn bits_of_field(value: &FieldValue) -> u64 {
    let number = match value {
        FieldValue::Boolean(boolean) => u16::from(*boolean),
        FieldValue::String(text) if text.is_empty() => 2,
        FieldValue::String(text) => text.trim_end_matches(" é").parse().unwrap(),
        FieldValue::Integer(integer) => *integer as u16,
    };
    assert_eq!(*value, field(number));
    bits_of_field_number(number)
}

/// The bits that a value that was read stands for.
pub(crate) fn bits_of_value(value: Value<'_>) -> u64 {
    match value {
        Value::Float(value) => value.to_bits(),
        Value::Histogram(h) => bits_of_histogram(&h.clone().into()),
        Value::FloatHistogram(h) => bits_of_histogram(&h.clone().into()),
        Value::Integer(integer) => bits_of_field(&FieldValue::Integer(integer)),
        Value::Boolean(boolean) => bits_of_field(&FieldValue::Boolean(boolean)),
        Value::String(text) => bits_of_field(&FieldValue::string(text)),
    }
}

/// The bits that the value of a newest sample stands for.
pub(crate) fn bits_of_last(last: &LastSample) -> u64 {
    match &last.value {
        StoredValue::Float(bits) => *bits,
        StoredValue::Histogram(histogram) => bits_of_histogram(histogram),
        value => bits_of_field(&value.as_field().unwrap()),
    }
}

/// Whether the bits stand for an integer, a boolean or a string, which have no start time.
pub(crate) const fn is_field(bits: u64) -> bool {
    bits & !0xffff == MARK
}

/// Adds what the bits stand for to a batch; what may have a start time gets this one, 0 for none.
pub(crate) fn add_since(series: &mut SeriesBuilder<'_>, start_ms: i64, t_ms: i64, bits: u64) {
    match value_of(bits) {
        AnyKind::Float(value) => series.sample_since(start_ms, t_ms, value),
        AnyKind::Histogram(histogram) => series.histogram_since(start_ms, t_ms, histogram),
        AnyKind::Field(value) => series.value(t_ms, value.as_value()),
    };
}

/// Appends what the bits stand for.
pub(crate) fn push(columns: &mut Columns, t_ms: i64, bits: u64) {
    match value_of(bits) {
        AnyKind::Float(value) => columns.push(t_ms, value),
        AnyKind::Histogram(histogram) => columns.push_histogram(t_ms, histogram),
        AnyKind::Field(value) => columns.push_field(t_ms, value),
    }
}

/// Times and bits of all samples.
pub(crate) fn bits_of_columns(columns: &Columns) -> Vec<(i64, u64)> {
    let floats = columns.values.iter().map(|value| value.to_bits());
    let mut samples: Vec<(i64, u64)> = columns.times_ms.iter().copied().zip(floats).collect();
    for (at, histogram) in &columns.histograms {
        samples[*at].1 = bits_of_histogram(histogram);
    }
    for (at, value) in &columns.fields {
        samples[*at].1 = bits_of_field(value);
    }
    assert!(columns.histograms.is_sorted_by(|a, b| a.0 < b.0));
    assert!(columns.fields.is_sorted_by(|a, b| a.0 < b.0));
    samples
}

#[test]
fn all_numbers_come_back() {
    for number in 0..=u16::MAX {
        let mut columns = Columns::default();
        push(&mut columns, 1, bits_of_field_number(number));
        assert_eq!(
            bits_of_columns(&columns),
            [(1, bits_of_field_number(number))]
        );
    }
}
