//! Tables of timestamps.

use proptest::prelude::*;

use crate::codec::column::{
    MAX_STREAM_BYTES, Packer, TimesRef, TimesTable, TimesTableBuilder, Unpacker,
};

fn through(columns: &[Vec<i64>]) -> (usize, TimesTable, Vec<TimesRef>) {
    let mut builder = TimesTableBuilder::new();
    let refs: Vec<TimesRef> = columns.iter().map(|times| builder.push(times)).collect();
    let mut bytes = Vec::new();
    let distinct = builder.columns();
    builder
        .finish(&mut Packer::new().unwrap(), &mut bytes)
        .unwrap();
    let table = TimesTable::open(&bytes, MAX_STREAM_BYTES, &mut Unpacker::new().unwrap()).unwrap();
    assert_eq!(table.columns(), distinct);
    (bytes.len(), table, refs)
}

fn check(columns: &[Vec<i64>]) -> usize {
    let (len, table, refs) = through(columns);
    for (times, reference) in columns.iter().zip(refs) {
        let mut read = Vec::new();
        table.decode(reference, &mut read).unwrap();
        assert_eq!(&read, times);
        assert_eq!(table.count(reference), Some(times.len()));
    }
    assert!(
        table
            .decode(TimesRef(table.columns() as u32), &mut Vec::new())
            .is_err()
    );
    len
}

/// Scrapes of a target with up to 5 ms of jitter.
fn scrapes(target: i64, rounds: i64) -> Vec<i64> {
    (0..rounds)
        .map(|i| 1_700_000_000_000 + target * 1_237 + i * 15_000 + (i * i * 7 + target) % 6)
        .collect()
}

#[test]
fn equal_columns_are_one() {
    let columns: Vec<Vec<i64>> = (0..500).map(|i| scrapes(i % 4, 240)).collect();
    let (_, table, refs) = through(&columns);
    assert_eq!(table.columns(), 4);
    assert!(
        refs.iter()
            .zip(0..)
            .all(|(reference, i)| reference.0 == i % 4)
    );
    // Two and a half bits of jitter a scrape.
    assert!(check(&columns) < 4 * 240 * 3 / 8 + 150);
}

#[test]
fn parts_of_a_column_cost_little() {
    let whole = scrapes(0, 1000);
    let alone = check(std::slice::from_ref(&whole));
    let mut columns = vec![whole.clone()];
    columns.push(whole[..700].to_vec());
    columns.push(whole[300..].to_vec());
    columns.push(whole[1..999].to_vec());
    columns.push(
        whole
            .iter()
            .copied()
            .filter(|time| time % 7 != 0 || time % 9 != 0)
            .collect(),
    );
    columns.push(Vec::new());
    assert!(check(&columns) < alone + 80);
}

#[test]
fn columns_of_one_target_make_a_union_that_none_of_them_is() {
    let whole = scrapes(0, 1000);
    let alone = check(std::slice::from_ref(&whole));
    assert!(check(&[whole[..995].to_vec(), whole[3..].to_vec()]) < alone + 40);
}

proptest! {
    #[test]
    fn any_columns_come_back(columns in prop::collection::vec(prop::collection::vec(any::<i64>(), 0..40), 0..8)) {
        check(&columns);
    }

    #[test]
    fn overlapping_columns_come_back(columns in prop::collection::vec(prop::collection::btree_set(0..80_i64, 0..80), 0..12)) {
        let columns: Vec<Vec<i64>> = columns.into_iter().map(|times| times.into_iter().collect()).collect();
        check(&columns);
    }
}
