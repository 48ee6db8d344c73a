//! A generation against a map of times to values, alone and with readers beside the writer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use parking_lot::RwLock;
use proptest::prelude::*;

use super::append::CHUNK_SAMPLES;
use super::series::Series;
use super::{Generation, SeriesRef, SeriesSnapshot};
use crate::model::histogram::testing::bits_of_number;
use crate::model::testing::{self, AnyKind};
use crate::model::{
    Columns, Labels, LastSample, Matcher, STALE_NAN_BITS, StoredValue, TimeRange, TimeUnit,
};

fn create(generation: &Generation, labels: &Labels, last: Option<LastSample>) -> SeriesRef {
    generation.create(
        hash(labels),
        labels.as_bytes(),
        TimeUnit::Milliseconds,
        last,
    )
}

/// A poor hash, so that different label sets meet in the lookup.
fn hash(labels: &Labels) -> u64 {
    labels.as_bytes().len() as u64 % 3
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied()).expect("valid labels")
}

fn read(snapshot: &SeriesSnapshot, range: TimeRange) -> Vec<(i64, u64)> {
    let mut out = Columns::default();
    // What was there before stays.
    out.push(i64::MIN, 0.5);
    snapshot.read(range, &mut out).expect("own chunks decode");
    assert_eq!((out.times_ms[0], out.values[0]), (i64::MIN, 0.5));
    testing::bits_of_columns(&out).split_off(1)
}

/// Appends what the bits stand for.
fn append(generation: &Generation, series: SeriesRef, t_ms: i64, bits: u64) {
    match testing::value_of(bits) {
        AnyKind::Histogram(histogram) => generation.append(series, t_ms, &histogram),
        AnyKind::Field(value) => generation.append(series, t_ms, &value),
        AnyKind::Float(_) => generation.append(series, t_ms, bits),
    }
}

fn float_at(t_ms: i64, bits: u64) -> LastSample {
    LastSample {
        t_ms,
        value: StoredValue::Float(bits),
    }
}

#[derive(Clone, Debug)]
enum Op {
    /// So many samples, each so much later than the newest.
    Run { samples: usize, step_ms: i64 },
    /// The samples from here on are of another kind.
    Kind(Values),
    /// A sample so much before the newest.
    Late { behind_ms: i64 },
    /// A snapshot, which must not show what comes later.
    Capture,
}

/// What samples there are.
#[derive(Clone, Copy, Debug)]
enum Values {
    Floats,
    Histograms,
    FloatHistograms,
    Fields,
    Mixed,
}

impl Values {
    fn bits(self, n: u64) -> u64 {
        let number = n as u16 & !1;
        match self {
            Self::Floats if n.is_multiple_of(7) => STALE_NAN_BITS,
            Self::Floats => (n as f64).to_bits(),
            Self::Histograms if n.is_multiple_of(7) => bits_of_number(0),
            Self::Histograms => bits_of_number(number),
            Self::FloatHistograms => bits_of_number(number | 1),
            // Rows of integers, booleans and strings, and all of them.
            Self::Fields => testing::bits_of_field_number(match n / 64 % 4 {
                0 => number | 3,
                1 => number / 2 % 2,
                2 => number + 2,
                _ => n as u16,
            }),
            Self::Mixed => match n % 4 {
                0 => Self::Floats.bits(n),
                1 => Self::Histograms.bits(n),
                2 => Self::Fields.bits(n),
                _ => Self::FloatHistograms.bits(n),
            },
        }
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (1usize..200, 1i64..50).prop_map(|(samples, step_ms)| Op::Run { samples, step_ms }),
        4 => (0i64..3_000).prop_map(|behind_ms| Op::Late { behind_ms }),
        // Near the newest, so that times repeat.
        4 => (0i64..4).prop_map(|behind_ms| Op::Late { behind_ms }),
        2 => prop::sample::select(vec![
            Values::Floats, Values::Histograms, Values::FloatHistograms, Values::Fields, Values::Mixed,
        ]).prop_map(Op::Kind),
        3 => Just(Op::Capture),
    ]
}

fn ranges(max_ms: i64) -> impl Strategy<Value = Vec<TimeRange>> {
    prop::collection::vec((-100..max_ms, -100..max_ms), 4).prop_map(|pairs| {
        let mut ranges: Vec<_> = pairs
            .into_iter()
            .map(|(a, b)| TimeRange::new(a, b))
            .collect();
        ranges.push(TimeRange::ALL);
        ranges
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn snapshots_agree_with_a_map(
        ops in prop::collection::vec(op(), 1..24),
        ranges in ranges(20_000),
        last in prop::option::of(Just(float_at(500, 1))),
    ) {
        let generation = Generation::new(1);
        let series = create(&generation, &labels(&[("a", "b")]), last.clone());
        let mut model = BTreeMap::new();
        let mut newest_ms = last.as_ref().map_or(0, |last| last.t_ms);
        let mut values = Values::Floats;
        let mut written = 0u64;
        let mut snapshots = Vec::new();
        for op in ops {
            let times: Vec<i64> = match op {
                Op::Run { samples, step_ms } => {
                    (1i64..).take(samples).map(|n| newest_ms + n * step_ms).collect()
                }
                Op::Late { behind_ms } => vec![newest_ms - behind_ms],
                Op::Kind(other) => {
                    values = other;
                    continue;
                }
                Op::Capture => {
                    snapshots.push((generation.capture(series), model.clone()));
                    continue;
                }
            };
            for t_ms in times {
                written += 1;
                let bits = values.bits(written);
                append(&generation, series, t_ms, bits);
                model.insert(t_ms, bits);
                newest_ms = newest_ms.max(t_ms);
            }
        }
        snapshots.push((generation.capture(series), model.clone()));

        for (snapshot, model) in &snapshots {
            let bounds = model.keys().next().zip(model.keys().next_back());
            prop_assert_eq!(snapshot.time_range(), bounds.map(|(min, max)| (*min, *max)));
            for range in &ranges {
                let expected: Vec<(i64, u64)> = model
                    .iter()
                    .map(|(t_ms, bits)| (*t_ms, *bits))
                    .filter(|(t_ms, _)| range.contains(*t_ms))
                    .collect();
                prop_assert_eq!(read(snapshot, *range), expected);
            }
        }
        let bounds = model.keys().next().zip(model.keys().next_back());
        prop_assert_eq!(generation.time_range(), bounds.map(|(min, max)| (*min, *max)));
        prop_assert_eq!(generation.samples(), written);
        let newest = generation.last(series);
        let newest_ms = newest.as_ref().map(|last| last.t_ms);
        prop_assert_eq!(newest_ms, last.map(|l| l.t_ms).max(model.keys().next_back().copied()));
        if let Some(newest) = newest && let Some(bits) = model.get(&newest.t_ms) {
            prop_assert_eq!(testing::bits_of_last(&newest), *bits);
        }
    }

    #[test]
    fn label_order_is_the_order_of_label_sets(
        sets in prop::collection::btree_set(
            prop::collection::vec(("[ab\u{0}é]{1,2}", "[ab\u{0}é]{0,2}"), 1..4), 0..40),
    ) {
        let mut sets: Vec<Labels> = sets
            .iter()
            .filter_map(|pairs| Labels::from_pairs(pairs.iter().map(|(n, v)| (n, v))).ok())
            .filter(|labels| !labels.is_empty())
            .collect();
        let generation = Generation::new(1);
        sets.dedup();
        for labels in &sets {
            if generation.find(hash(labels), labels.as_bytes()).is_none() {
                create(&generation, labels, None);
            }
        }
        let ordered: Vec<Labels> =
            generation.refs_in_label_order().into_iter().map(|s| generation.labels(s)).collect();
        sets.sort();
        sets.dedup();
        prop_assert_eq!(ordered, sets);
    }
}

#[test]
fn ranges_may_end_on_any_sample() {
    let generation = Generation::new(1);
    let series = create(&generation, &labels(&[("a", "b")]), None);
    let samples: Vec<(i64, u64)> = (0..3 * u64::from(CHUNK_SAMPLES) + 50)
        .map(|n| (n.cast_signed() * 10, n))
        .collect();
    for &(t_ms, bits) in &samples {
        generation.append(series, t_ms, bits);
    }
    let snapshot = generation.capture(series);
    for (n, &(t_ms, _)) in samples.iter().enumerate() {
        let inside = |from: i64, to: i64| read(&snapshot, TimeRange::new(from, to));
        assert_eq!(inside(t_ms, t_ms), samples[n..=n]);
        assert_eq!(inside(i64::MIN, t_ms), samples[..=n]);
        assert_eq!(inside(t_ms, i64::MAX), samples[n..]);
        assert_eq!(inside(t_ms + 1, t_ms + 9), []);
    }
}

#[test]
fn series_are_found_by_labels_though_hashes_meet() {
    let generation = Generation::new(3);
    let sets: Vec<Labels> = (0..5_000)
        .map(|n| labels(&[("__name__", "up"), ("instance", &format!("host-{n}"))]))
        .collect();
    let refs: Vec<SeriesRef> = sets
        .iter()
        .map(|set| create(&generation, set, None))
        .collect();
    assert_eq!(refs, (0..5_000).collect::<Vec<_>>());
    // A few, since with this hash each lookup compares thousands.
    let lookup = generation.lookup();
    for n in [0usize, 1, 999, 1_024, 4_999] {
        assert_eq!(
            lookup.find(hash(&sets[n]), sets[n].as_bytes()),
            Some(refs[n])
        );
        assert_eq!(generation.labels(refs[n]), sets[n]);
    }
    let other = labels(&[("__name__", "up"), ("instance", "host-5000")]);
    assert_eq!(lookup.find(hash(&other), other.as_bytes()), None);
    drop(lookup);

    let found = generation.resolve(&[Matcher::equal("instance", "host-17")]);
    assert_eq!(found.expect("memory does not fail"), [17]);
    assert_eq!(generation.label_names(), ["__name__", "instance"]);
    assert_eq!(generation.label_values("__name__"), ["up"]);
    assert_eq!((generation.id(), generation.series_len()), (3, 5_000));
}

#[test]
fn a_series_stays_small() {
    assert!(size_of::<Series>() <= 176, "{} bytes", size_of::<Series>());
}

#[test]
fn memory_estimate_follows_the_samples() {
    let generation = Generation::new(1);
    let empty = generation.bytes();
    let series = create(&generation, &labels(&[("a", "b")]), None);
    let made = generation.bytes();
    assert!(made > empty);
    let full = i64::from(CHUNK_SAMPLES);
    for t in 0..full * 10 {
        generation.append(series, t * 15_000, (t as f64).sqrt().to_bits());
    }
    let chunks = generation.bytes() - made;
    assert!(
        (8_000..16_000).contains(&chunks),
        "{chunks} bytes of ten chunks of 8 bytes a sample"
    );
    for t in 0..1_000 {
        generation.append(series, t, 0_u64);
    }
    let late = generation.bytes() - made - chunks;
    assert!(
        (16_000..34_000).contains(&late),
        "{late} bytes of a log of 1,000"
    );
}

/// The writer appends rounds of one sample a series, under the lock exclusively; a reader captures all series under it
/// shared and decodes after. Every snapshot holds whole rounds, from the first to the last, and late samples likewise.
#[test]
fn readers_see_whole_rounds_beside_the_writer() {
    const SERIES: u32 = 8;
    const ROUNDS: i64 = 1_500;
    let generation = Generation::new(1);
    let lane = RwLock::new(());
    let done = AtomicBool::new(false);
    for n in 0..SERIES {
        create(&generation, &labels(&[("n", &n.to_string())]), None);
    }
    let expected = |rounds: i64| -> Vec<(i64, u64)> {
        // Every tenth round also writes the time between the rounds five before.
        let late = (0..rounds)
            .filter(|r| r % 10 == 9)
            .map(|r| ((r - 5) * 10 + 5, r.cast_unsigned()));
        let mut all: Vec<_> = (0..rounds)
            .map(|r| (r * 10, r.cast_unsigned()))
            .chain(late)
            .collect();
        all.sort_unstable();
        all
    };
    let check = |snapshots: &[SeriesSnapshot]| {
        let first = read(&snapshots[0], TimeRange::ALL);
        let rounds = first.last().map_or(0, |(t_ms, _)| t_ms / 10 + 1);
        let expected = expected(rounds);
        for snapshot in snapshots {
            assert_eq!(read(snapshot, TimeRange::ALL), expected);
        }
        rounds
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut seen = 0;
                while !done.load(Ordering::Relaxed) {
                    let guard = lane.read();
                    let all = generation.resolve(&[]).expect("memory does not fail");
                    let snapshots: Vec<_> =
                        all.into_iter().map(|s| generation.capture(s)).collect();
                    drop(guard);
                    let rounds = check(&snapshots[..SERIES as usize]);
                    assert!(rounds >= seen, "a later snapshot shows less");
                    seen = rounds;
                }
            });
        }
        for round in 0..ROUNDS {
            let guard = lane.write();
            for series in 0..SERIES {
                generation.append(series, round * 10, round.cast_unsigned());
                if round % 10 == 9 {
                    generation.append(series, (round - 5) * 10 + 5, round.cast_unsigned());
                }
            }
            if round % 50 == 0 {
                create(&generation, &labels(&[("round", &round.to_string())]), None);
            }
            drop(guard);
        }
        done.store(true, Ordering::Relaxed);
    });
    let snapshots: Vec<_> = (0..SERIES).map(|s| generation.capture(s)).collect();
    assert_eq!(check(&snapshots), ROUNDS);
}
