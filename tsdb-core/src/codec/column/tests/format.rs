//! The examples of `docs/format/column.md`.

use super::Reader;
use super::bits;
use crate::codec::column::scale::Scale;
use crate::codec::column::shape::Shape;
use crate::codec::column::values::ValuesPlan;
use crate::codec::column::{Streams, TimesTable, TimesTableBuilder};

#[track_caller]
fn check(plan: &ValuesPlan, values: &[f64], symbols: &[u8], noise: &[u8]) {
    let mut streams = Streams::default();
    plan.encode(&mut streams);
    assert_eq!(streams.symbols, symbols);
    assert_eq!(streams.noise, noise);
    let mut reader = Reader::over(streams, vec![values.len() as u32]).unwrap();
    let mut read = Vec::new();
    reader.decode(0, &mut read).unwrap();
    assert_eq!(bits(&read), bits(values));
}

#[test]
fn a_decimal_column() {
    let values = [20.5, 20.5, 20.5, 21.0, 21.0];
    let plan = ValuesPlan::new(&values, None);
    let symbols = [
        0x01, 0x0a, 0x05, 0x9a, 0x03, 0x81, 0x00, 0x00, 0x00, 0x02, 0x00,
    ];
    check(&plan, &values, &symbols, &[]);
}

#[test]
fn a_column_with_noise() {
    let values = [
        1000.0, 1100.0, 1203.0, 1299.0, 1404.0, 1500.0, 1620.0, 1700.0, 1810.0,
    ];
    let plan = ValuesPlan::in_scale(&values, Scale::Divide(0), Some(Shape::Delta));
    let symbols = [
        0x00, 0x02, 0xd0, 0x0f, 0x83, 0xce, 0x01, 0x01, 0x00, 0x03, 0x01, 0x03, 0x08, 0x0b, 0x03,
    ];
    check(&plan, &values, &symbols, &[0x11, 0x99]);
}

#[test]
fn a_column_that_ends_with_a_staleness_marker() {
    let values = [1.0, 2.0, f64::from_bits(0x7ff0_0000_0000_0002)];
    let plan = ValuesPlan::new(&values, None);
    let symbols = [
        0x40, 0x02, 0x02, 0x01, 0x00, 0x01, 0x00, 0x0a, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
        0xf8, 0x3f, 0x00, 0x01, 0x00, 0x00, 0x01,
    ];
    check(&plan, &values, &symbols, &[]);
}

#[test]
fn a_table_of_timestamps() {
    let mut builder = TimesTableBuilder::new();
    let whole = [1000, 2000, 3000, 4000, 5000];
    builder.push(&whole);
    builder.push(&[2000, 4000]);
    let mut streams = Streams::default();
    builder.encode(&mut streams);
    assert_eq!(
        streams.symbols,
        [
            0x01, 0x00, 0x0a, // one union, of 5
            0x0e, 0xe8, 0x07, 0xd0, 0x0f, 0x02,
            0x00, // 1000, and 1000 more each, without a bend
            0x02, // two columns
            0x00, 0x00, // of union 0
            0x01, 0x00, 0x00, 0x01, // 0 and 1 before
            0x01, 0x00, 0x00, 0x01, // 0 and 1 after
            0x01, 0x00, 0x00, 0x01, // 0 holes and 1
            0x00, 0x02, // after 1
        ]
    );
    assert!(streams.noise.is_empty());
    assert_eq!(TimesTable::from_streams(streams).unwrap().columns(), 2);
}
