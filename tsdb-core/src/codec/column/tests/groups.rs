//! Many columns at a time.

use proptest::prelude::*;

use super::{Reader, bits, column};
use crate::codec::column::{Group, GroupWriter, MAX_STREAM_BYTES, Packer, Unpacker};

fn packed(columns: &[(u32, Vec<f64>)]) -> Vec<u8> {
    let mut writer = GroupWriter::new();
    for (times, values) in columns {
        writer.push(*times, values, None);
    }
    let mut bytes = Vec::new();
    let mut packer = Packer::new().unwrap();
    assert_eq!(writer.columns(), columns.len());
    writer.finish(&mut packer, &mut bytes).unwrap();
    assert_eq!((writer.columns(), writer.len()), (0, 0));
    bytes
}

fn open(bytes: &[u8], columns: &[(u32, Vec<f64>)]) -> Reader {
    let counts = columns.iter().map(|(_, values)| values.len() as u32);
    Reader::open(bytes, MAX_STREAM_BYTES, counts.collect()).unwrap()
}

/// The buckets of a histogram, in the order of their labels, and a counter that has nothing to do with them.
fn histogram(len: usize) -> Vec<(u32, Vec<f64>)> {
    let mut columns = vec![(0, Vec::new()); 12];
    let mut state = 1_u64;
    let mut levels = [0_u64; 12];
    for _ in 0..len {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let requests = (state >> 33) % 100_000;
        for (i, level) in (1..).zip(&mut levels) {
            *level += requests * i / 12 + (state >> (20 + i)) % 2;
        }
        levels[5] += state >> 50;
        for (column, &level) in columns.iter_mut().zip(&levels) {
            column.1.push(level as f64);
        }
    }
    columns
}

#[test]
fn buckets_of_a_histogram_follow_each_other() {
    let together = histogram(400);
    let apart: Vec<_> = (0..)
        .zip(&together)
        .map(|(i, column)| (i, column.1.clone()))
        .collect();
    let (small, large) = (packed(&together), packed(&apart));
    assert!(
        small.len() * 2 < large.len(),
        "{} bytes with common timestamps, {} without",
        small.len(),
        large.len()
    );
    for columns in [&together, &apart] {
        let bytes = packed(columns);
        // Forwards with one reader, backwards with one, and each column with one of its own.
        let mut forwards = open(&bytes, columns);
        let mut backwards = open(&bytes, columns);
        for (i, (_, values)) in columns.iter().enumerate() {
            for reader in [&mut forwards, &mut open(&bytes, columns)] {
                let mut read = Vec::new();
                reader.decode(i, &mut read).unwrap();
                assert_eq!(bits(&read), bits(values));
            }
        }
        for (i, (_, values)) in columns.iter().enumerate().rev() {
            let mut read = Vec::new();
            backwards.decode(i, &mut read).unwrap();
            assert_eq!(bits(&read), bits(values));
        }
        assert!(forwards.decode(columns.len(), &mut Vec::new()).is_err());
    }
}

#[test]
fn another_number_of_columns_is_an_error() {
    let columns = histogram(20);
    let bytes = packed(&columns);
    let open = |columns| Reader::open(&bytes, MAX_STREAM_BYTES, vec![20; columns]);
    assert!(open(11).is_err());
    assert!(open(12).is_ok());
    assert!(open(13).is_err());
}

#[test]
fn memory_is_bounded_before_it_is_taken() {
    let columns = vec![(0, vec![1.0; 1000]); 1000];
    let bytes = packed(&columns);
    let mut unpacker = Unpacker::new().unwrap();
    let mut open = |max, counts| Group::open(&bytes, max, counts, &mut unpacker).is_ok();
    assert!(!open(2999, vec![1000; 1000]));
    assert!(open(3000, vec![1000; 1000]));
    assert!(!open(3000, vec![u32::MAX]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn groups_come_back(
        columns in prop::collection::vec((0_u32..2, column(150)), 1..12),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let columns: Vec<_> = columns.into_iter().filter(|(_, values)| !values.is_empty()).collect();
        prop_assume!(!columns.is_empty());
        let bytes = packed(&columns);
        let mut reader = open(&bytes, &columns);
        for at in order {
            let (_, values) = at.get(&columns);
            let mut read = vec![7.0];
            reader.decode(at.index(columns.len()), &mut read).unwrap();
            prop_assert_eq!(bits(&read[1..]), bits(values));
        }
    }
}
