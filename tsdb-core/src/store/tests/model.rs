//! Any sequence of writes, deletes, flushes, merges, crashes and restarts against a plain map.

use proptest::prelude::*;

use super::*;
use crate::io::Unsynced;
use crate::store::RejectReason;

#[derive(Clone, Debug)]
enum Op {
    /// Samples of `(series, minutes before the clock, value)`, and their start times, 0 for none.
    Write(Vec<((u8, u8, u8), i64)>),
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
    let sample = (0u8..5, 0u8..250, 0u8..14);
    let start = prop::sample::select(vec![0, 0, NOW - HOUR, 5]);
    prop_oneof![
        8 => prop::collection::vec((sample, start), 1..8).prop_map(Op::Write),
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
        // Booleans, an integer and a string.
        10..=13 => field(u16::from(n) - if n < 12 { 10 } else { 7 }),
        n => f64::from(n) / 3.0,
    }
}

/// Start times by series and time.
type Starts = BTreeMap<String, BTreeMap<i64, i64>>;

/// Applies a batch to the maps as a store that keeps everything does. The same value again changes nothing, not even its
/// start time.
fn write_to_model(
    (model, starts): (&mut Contents, &mut Starts),
    rows: &[(i64, (&str, i64, f64))],
) -> u64 {
    let mut refused = 0;
    for (start_ms, (series, t_ms, value)) in rows {
        let samples = model.entry((*series).to_owned()).or_default();
        let newest = samples.last_key_value();
        match newest.filter(|(last_ms, _)| *last_ms == t_ms) {
            Some((_, bits)) => refused += u64::from(*bits != value.to_bits()),
            None => {
                samples.insert(*t_ms, value.to_bits());
                let starts = starts.entry((*series).to_owned()).or_default();
                let has_start = !testing::is_field(value.to_bits());
                starts.insert(*t_ms, if has_start { *start_ms } else { 0 });
            }
        }
    }
    refused
}

/// Those that are known.
fn known(starts: &Starts) -> Starts {
    let mut starts = starts.clone();
    for of_series in starts.values_mut() {
        of_series.retain(|_, start_ms| *start_ms != 0);
    }
    starts.retain(|_, of_series| !of_series.is_empty());
    starts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn a_store_is_a_map(ops in prop::collection::vec(op(), 1..40)) {
        let mut fs = FaultFs::new();
        let mut store = open(&fs).unwrap();
        let (mut model, mut starts) = (Contents::new(), Starts::new());
        for op in ops {
            match op {
                Op::Write(samples) => {
                    let rows: Vec<_> = samples
                        .iter()
                        .map(|&((series, minutes, value), start_ms)| {
                            let name = ["a", "b", "c", "ns1", "ns2"][usize::from(series)];
                            (start_ms, (name, NOW - i64::from(minutes) * MINUTE, value_of(value)))
                        })
                        .collect();
                    let report = store.submit(&batch_since(rows.iter().copied())).unwrap().wait().unwrap();
                    let refused = write_to_model((&mut model, &mut starts), &rows);
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
                    let names = &["a", "ns1", "b", "c"][..n];
                    delete(&store, names, range).unwrap();
                    delete_from_model(&mut model, names, range);
                    delete_from_model(&mut starts, names, range);
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
            prop_assert_eq!(start_times(&store), known(&starts));
        }
        let range = TimeRange::new(NOW - 100 * MINUTE, NOW - 40 * MINUTE);
        for samples in model.values_mut() {
            samples.retain(|t_ms, _| range.contains(*t_ms));
        }
        model.retain(|_, samples| !samples.is_empty());
        prop_assert_eq!(select(&store, &[Matcher::equal("__name__", "m")], range), model);
    }
}
