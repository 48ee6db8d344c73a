//! Any sequence of histograms, and any bytes.

use proptest::prelude::*;

use super::*;
use crate::model::histogram::CUSTOM_BUCKETS_SCHEMA;

/// What happens to a histogram from sample to sample.
#[derive(Clone, Debug)]
enum Change {
    /// So many observations in a bucket above (or below) zero.
    Observe {
        index: i32,
        positive: bool,
        count: u16,
    },
    /// A bucket without observations.
    Empty {
        index: i32,
    },
    /// A bucket is gone, with its observations.
    Lose {
        index: i32,
    },
    Zero(u16),
    Schema(i32),
    Threshold(u8),
    Bounds(u8),
    Stale,
    Hint(u8),
}

fn changes() -> impl Strategy<Value = Vec<(Vec<Change>, i64)>> {
    let change = prop_oneof![
        8 => (-6i32..8, any::<bool>(), 0u16..1000).prop_map(|(index, positive, count)| Change::Observe { index, positive, count }),
        2 => (-6i32..8).prop_map(|index| Change::Empty { index }),
        1 => (-6i32..8).prop_map(|index| Change::Lose { index }),
        2 => any::<u16>().prop_map(Change::Zero),
        1 => prop_oneof![-4i32..9, Just(CUSTOM_BUCKETS_SCHEMA)].prop_map(Change::Schema),
        1 => (0u8..4).prop_map(Change::Threshold),
        1 => (0u8..3).prop_map(Change::Bounds),
        1 => Just(Change::Stale),
        1 => (0u8..4).prop_map(Change::Hint),
    ];
    let sample = (
        proptest::collection::vec(change, 0..4),
        prop_oneof![Just(15_000), -5i64..100_000],
    );
    proptest::collection::vec(sample, 1..40)
}

/// Histograms of integers that follow from the changes.
fn histograms(changes: &[(Vec<Change>, i64)]) -> Vec<(i64, Histogram)> {
    use std::collections::BTreeMap;
    let (mut above, mut below) = (BTreeMap::<i32, i64>::new(), BTreeMap::<i32, i64>::new());
    let (mut h, mut bounds, mut t_ms) = (Histogram::default(), 0, 1_700_000_000_000);
    let mut out = Vec::new();
    for (changes, delta) in changes {
        t_ms += delta;
        h.counter_reset_hint = match h.counter_reset_hint {
            CounterResetHint::Gauge => CounterResetHint::Gauge,
            _ => CounterResetHint::Unknown,
        };
        let mut stale = false;
        for change in changes {
            match *change {
                Change::Observe {
                    index,
                    positive,
                    count,
                } => {
                    let side = if positive { &mut above } else { &mut below };
                    *side.entry(index).or_default() += i64::from(count);
                    h.sum += f64::from(index) * f64::from(count);
                }
                Change::Empty { index } => {
                    above.entry(index).or_default();
                }
                Change::Lose { index } => {
                    above.remove(&index);
                }
                Change::Zero(count) => h.zero_count += u64::from(count),
                Change::Schema(schema) => h.schema = schema,
                Change::Threshold(i) => {
                    h.zero_threshold = [0.0, 2f64.powi(-128), 0.001, 1e10][usize::from(i)]
                }
                Change::Bounds(n) => bounds = n,
                Change::Stale => stale = true,
                Change::Hint(hint) => h.counter_reset_hint = CounterResetHint::from_u8(hint),
            }
        }
        if stale {
            out.push((t_ms, Histogram::stale()));
            continue;
        }
        let mut sample = h.clone();
        let absolute =
            |side: &BTreeMap<i32, i64>| Side::from_indexed(side.iter().map(|(&i, &n)| (i, n)));
        if h.uses_custom_buckets() {
            let all = [0.0, 0.001, 0.5, 33_554.43, 33_554.431, 1e300].into_iter();
            sample.custom_values = all
                .chain((0..3).map(|i| 1e301 * f64::from(i + 1)))
                .skip(bounds.into())
                .collect();
            (sample.zero_threshold, sample.zero_count) = (0.0, 0);
            let within: BTreeMap<i32, i64> = above.range(0..7).map(|(&i, &n)| (i, n)).collect();
            sample.set_counts([absolute(&within), Side::new()]);
        } else {
            sample.set_counts([absolute(&above), absolute(&below)]);
        }
        let [positive, negative] = sample.counts();
        let observations: i64 = positive.buckets.iter().chain(&negative.buckets).sum();
        sample.count = sample.zero_count + observations.cast_unsigned();
        sample.validate().unwrap();
        out.push((t_ms, sample));
    }
    out
}

/// The same in floats, some of them no integers.
fn floats(histograms: &[(i64, Histogram)]) -> Vec<(i64, FloatHistogram)> {
    let float = |(t_ms, h): &(i64, Histogram)| {
        let mut float = if h.is_stale() {
            FloatHistogram::stale()
        } else {
            h.to_float()
        };
        float.mul(1.25);
        (*t_ms, float)
    };
    histograms.iter().map(float).collect()
}

fn check<H: ChunkSample + PartialEq + std::fmt::Debug>(samples: &[(i64, H)]) {
    let chunks = chunks_of(samples);
    let mut rest = samples.iter();
    for chunk in &chunks {
        let bytes = chunk.to_bytes();
        assert_eq!(bytes.len(), chunk.bytes_len());
        let read: Vec<(i64, H)> = Decoder::new(&bytes).unwrap().map(Result::unwrap).collect();
        let open: Vec<(i64, H)> = chunk.iter().map(Result::unwrap).collect();
        assert_eq!(read, open);
        assert_eq!(read.len(), usize::from(chunk.samples()));
        for (i, (read_ms, read)) in read.iter().enumerate() {
            let (t_ms, sample) = rest.next().unwrap();
            assert_eq!(read_ms, t_ms);
            same_observations(read, sample);
            if read.is_stale() {
                continue;
            }
            let expected = match (chunk.counter_reset(), i) {
                (CounterResetHeader::Gauge, _) => CounterResetHint::Gauge,
                (_, 0) => CounterResetHint::Unknown,
                _ => CounterResetHint::NotReset,
            };
            assert_eq!(read.hint(), expected);
            assert_eq!(
                sample.hint() == CounterResetHint::Gauge,
                expected == CounterResetHint::Gauge
            );
        }
    }
    assert_eq!(rest.len(), 0);
}

/// A chunk of the samples from the first on, as many as fit.
fn first_chunk<H: ChunkSample>(samples: &[(i64, H)]) -> Vec<u8> {
    chunks_of(samples)
        .first()
        .map(HistogramAppender::to_bytes)
        .unwrap_or_default()
}

proptest! {
    #[test]
    fn what_was_appended_comes_back(changes in changes()) {
        let integers = histograms(&changes);
        check(&integers);
        check(&floats(&integers));
    }

    #[test]
    fn counters_do_not_fall_inside_of_a_chunk(changes in changes()) {
        for chunk in chunks_of(&histograms(&changes)) {
            if chunk.counter_reset() == CounterResetHeader::Gauge {
                continue;
            }
            let read: Vec<FloatHistogram> = chunk.iter().map(|s| s.unwrap().1.to_float()).collect();
            for pair in read.windows(2).filter(|pair| !pair[1].is_stale()) {
                let mut now = pair[1].clone();
                now.counter_reset_hint = CounterResetHint::Unknown;
                prop_assert!(!now.detect_reset(&pair[0]));
            }
        }
    }

    #[test]
    fn damaged_bytes_give_samples_or_an_error(
        changes in changes(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let integers = histograms(&changes);
        for mut bytes in [first_chunk(&integers), first_chunk(&floats(&integers))] {
            let whole = bytes.clone();
            for (at, value) in &damage {
                *at.get_mut(&mut bytes) = *value;
            }
            let _ = (drain::<Histogram>(&bytes), drain::<FloatHistogram>(&bytes));
            let cut = &whole[..cut.index(whole.len())];
            let _ = (drain::<Histogram>(cut), drain::<FloatHistogram>(cut));
        }
    }

    #[test]
    fn any_bytes_give_samples_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(samples) = drain::<Histogram>(&bytes) {
            check(&samples);
        }
        if let Ok(samples) = drain::<FloatHistogram>(&bytes) {
            check(&samples);
        }
    }
}
