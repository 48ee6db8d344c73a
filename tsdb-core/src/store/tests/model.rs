//! Any sequence of writes, deletes, flushes, merges, crashes and restarts against a plain map.

use proptest::prelude::*;

use super::*;
use crate::io::Unsynced;
use crate::store::RejectReason;

#[derive(Clone, Debug)]
enum Op {
    /// Samples of `(series, minutes before the clock, value)`.
    Write(Vec<(u8, u8, u8)>),
    Rotate,
    FlushOldest,
    Merge,
    /// Of the series with one of the first names, what lies from so many minutes before the clock on, for so long.
    Delete(usize, u8, u8),
    Clean,
    FlushAll,
    Crash(usize),
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    // Few series and times, so that they meet; the 250 minutes reach over nine partitions.
    let sample = (0u8..4, 0u8..250, 0u8..10);
    prop_oneof![
        8 => prop::collection::vec(sample, 1..8).prop_map(Op::Write),
        2 => Just(Op::Rotate),
        2 => Just(Op::FlushOldest),
        1 => Just(Op::Merge),
        3 => (1usize..5, 0u8..250, 0u8..120).prop_map(|(n, ago, len)| Op::Delete(n, ago, len)),
        1 => Just(Op::Clean),
        1 => Just(Op::FlushAll),
        1 => (0..Unsynced::EACH.len()).prop_map(Op::Crash),
        1 => Just(Op::Close),
    ]
}

fn value_of(n: u8) -> f64 {
    match n {
        0 => f64::from_bits(crate::model::STALE_NAN_BITS),
        1 => -0.0,
        2 => f64::NAN,
        // A staleness marker of histograms, then those of integers and of floats.
        5 => hist(0),
        6..=9 => hist(64 + u16::from(n)),
        n => f64::from(n) / 3.0,
    }
}

/// Applies a batch to the map as a store that keeps everything does.
fn write_to_model(model: &mut Contents, rows: Rows<'_>) -> u64 {
    let mut refused = 0;
    for (series, t_ms, value) in rows {
        let samples = model.entry((*series).to_owned()).or_default();
        let conflicts = samples
            .last_key_value()
            .is_some_and(|(last_ms, bits)| last_ms == t_ms && *bits != value.to_bits());
        if conflicts {
            refused += 1;
        } else {
            samples.insert(*t_ms, value.to_bits());
        }
    }
    model.retain(|_, samples| !samples.is_empty());
    refused
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn a_store_is_a_map(ops in prop::collection::vec(op(), 1..40)) {
        let mut fs = FaultFs::new();
        let mut store = open(&fs).unwrap();
        let mut model = Contents::new();
        for op in ops {
            match op {
                Op::Write(samples) => {
                    let rows: Vec<_> = samples
                        .iter()
                        .map(|&(series, minutes, value)| {
                            let name = ["a", "b", "c", "d"][usize::from(series)];
                            (name, NOW - i64::from(minutes) * MINUTE, value_of(value))
                        })
                        .collect();
                    let report = write(&store, &rows).unwrap();
                    let refused = write_to_model(&mut model, &rows);
                    prop_assert_eq!(report.rejected.total(), refused);
                    prop_assert!(report.rejected.counts().all(|(why, _)| why == RejectReason::DuplicateTimestamp));
                }
                Op::Rotate => {
                    let mut lane = store.lane.lock();
                    if store.view.get().frozen.len() < 2 {
                        lane.rotate(&store);
                    }
                }
                Op::FlushOldest => drop(store.flush_oldest().unwrap()),
                Op::Merge => drop(store.merge_once().unwrap()),
                Op::Delete(n, ago, minutes) => {
                    let start_ms = NOW - i64::from(ago) * MINUTE;
                    let range = TimeRange::new(start_ms, start_ms + i64::from(minutes) * MINUTE);
                    let names = &["a", "b", "c", "d"][..n];
                    delete(&store, names, range).unwrap();
                    delete_from_model(&mut model, names, range);
                }
                Op::Clean => {
                    store.clean_tombstones().unwrap();
                    prop_assert_eq!(store.stats().tombstones, 0);
                }
                Op::FlushAll => store.flush().unwrap(),
                Op::Crash(unsynced) => {
                    fs = fs.crash(Unsynced::EACH[unsynced]);
                    store = open(&fs).unwrap();
                    prop_assert_eq!(store.stats().corruptions, 0);
                }
                Op::Close => {
                    store.close().unwrap();
                    store = open(&fs).unwrap();
                    prop_assert_eq!(store.stats().replayed_frames, 0);
                }
            }
            prop_assert_eq!(&contents(&store), &model);
            // No name is left of what is deleted.
            let querier = store.querier(TimeRange::ALL).unwrap();
            let named = querier.label_values("series", &[]).unwrap();
            prop_assert!(named.iter().eq(model.keys()), "{:?}", named);
            let test = Matcher::equal("job", "test");
            let named = querier.label_values("series", &[vec![test]]).unwrap();
            prop_assert!(named.iter().eq(model.keys()), "{:?}", named);
            let names = querier.label_names(&[]).unwrap();
            prop_assert_eq!(names.is_empty(), model.is_empty());
        }
        let range = TimeRange::new(NOW - 100 * MINUTE, NOW - 40 * MINUTE);
        for samples in model.values_mut() {
            samples.retain(|t_ms, _| range.contains(*t_ms));
        }
        model.retain(|_, samples| !samples.is_empty());
        prop_assert_eq!(select(&store, &[Matcher::equal("__name__", "m")], range), model);
    }
}
