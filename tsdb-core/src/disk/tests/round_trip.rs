//! What is written comes back, whole and in parts.

use proptest::prelude::*;

use super::support::*;
use crate::codec::StoreIdentity;
use crate::disk::column::{ColumnBuilder, ColumnStats};
use crate::disk::loader::RawColumn;
use crate::disk::{GroupCache, Partition, Run, RunSpec, RunWriter, publish};
use crate::error::Error;
use crate::index::FoundPairs;
use crate::io::Fs;
use crate::model::histogram::testing::bits_of_number;
use crate::model::histogram::{Side, Span};
use crate::model::{
    Columns, CounterResetHint, FieldValue, FloatHistogram, HistogramSample, Kind, Labels,
    MAX_STRING_BYTES, StartRuns, TimeRange, TimeUnit, testing,
};

const START_MS: i64 = 4 * HOUR_MS;

fn partition() -> Partition {
    Partition::of(START_MS, HOUR_MS)
}

fn last_of(run: &Run, series: u32, cache: &GroupCache) -> Option<(i64, u64)> {
    let last = run.last_sample(series, cache).unwrap()?;
    Some((last.t_ms, testing::bits_of_last(&last)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn samples_come_back(
        written in any_contents(TimeRange::new(START_MS, START_MS + HOUR_MS - 1), 0..30),
        ranges in prop::collection::vec((0..HOUR_MS, 0..HOUR_MS), 4),
    ) {
        let fs = shared(&fault_fs());
        let run = write(&fs, spec(3, 9, START_MS), &written).unwrap();
        let meta = run.meta();
        prop_assert_eq!((meta.file_id, meta.generations.clone()), (3, 9..=9));
        prop_assert_eq!(meta.partition, partition());
        prop_assert_eq!(meta.series as usize, written.len());
        prop_assert_eq!(meta.samples as usize, written.values().map(|s| s.len()).sum::<usize>());
        let times: Vec<i64> = written
            .iter()
            .flat_map(|(labels, samples)| samples.keys().map(|&tick| unit_of(labels).to_ms(tick)))
            .collect();
        if let (Some(&min_ms), Some(&max_ms)) = (times.iter().min(), times.iter().max()) {
            prop_assert_eq!((meta.min_ms, meta.max_ms), (min_ms, max_ms));
        }
        assert_intact(&run);

        let cache = GroupCache::new(1 << 20);
        for (id, (labels, samples)) in (0u32..).zip(&written) {
            prop_assert_eq!(&run.index().labels(id).unwrap(), labels);
            prop_assert_eq!(run.index().find(labels.as_bytes(), &mut FoundPairs::default()).unwrap(), Some(id));
            let (first, last) = (samples.first_key_value().unwrap(), samples.last_key_value().unwrap());
            prop_assert_eq!(run.column_range(id), Some((*first.0, *last.0)));
            prop_assert!(run.weight_of(id) >= samples.len() as u64);
            prop_assert_eq!(last_of(&run, id, &cache), Some((*last.0, *last.1)));
            for &(from, to) in &ranges {
                let range = TimeRange::new(START_MS + from, START_MS + to);
                let range = unit_of(labels).ticks_of(range);
                let mut out = Columns::default();
                read_strictly(&run, id, range, &cache, &mut out).unwrap();
                let expected = samples.iter().filter(|(t, _)| range.contains(**t));
                prop_assert_eq!(map_of(&out), expected.map(|(t, v)| (*t, *v)).collect());
            }
        }
        prop_assert_eq!(run.column_range(meta.series), None);
        prop_assert_eq!(last_of(&run, meta.series, &cache), None);
        prop_assert_eq!(contents(&[run]).unwrap(), written);
    }
}

#[test]
fn the_ends_of_time_and_partitions_of_any_length() {
    for (t_ms, len_ms) in [(i64::MIN, HOUR_MS), (i64::MAX, HOUR_MS), (0, i64::MAX)] {
        let partition = Partition::of(t_ms, len_ms);
        let range = partition.range();
        let written = Contents::from([(
            labels(&[("a", "b")]),
            [(range.start_ms, 1), (range.end_ms, 2)].into(),
        )]);
        let fs = shared(&fault_fs());
        let spec = RunSpec {
            partition,
            ..spec(1, 1, 0)
        };
        let run = write(&fs, spec, &written).unwrap();
        assert_eq!(contents(&[run]).unwrap(), written);
    }
}

/// Values that do not compress, so that columns, groups and the buffer of the writer overflow.
fn long(series: u64, samples: u64) -> Contents {
    let mut bits = 99u64;
    (0..series)
        .map(|series| {
            let samples = (0..samples as i64).map(|i| {
                bits = bits
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(series | 1);
                (i * 100, bits)
            });
            (labels(&[("a", &format!("{series:03}"))]), samples.collect())
        })
        .collect()
}

#[test]
fn a_series_longer_than_a_column_and_many_groups() {
    let mut written = long(3, 30_000);
    written.extend(
        long(300, 20)
            .into_iter()
            .map(|(l, s)| (labels(&[("b", l.get("a").unwrap())]), s)),
    );
    let fs = shared(&fault_fs());
    let run = write(&fs, spec(1, 1, 0), &written).unwrap();
    assert_intact(&run);
    assert!(run.meta().bytes > 512 << 10);
    assert_eq!(run.weight_of(1), 30_000);
    assert_eq!(run.weight_of(5), 20);
    let cache = GroupCache::new(64 << 10);
    let mut out = Columns::default();
    read_strictly(
        &run,
        2,
        TimeRange::new(1_000_000, 1_000_100),
        &cache,
        &mut out,
    )
    .unwrap();
    assert_eq!(out.times_ms, [1_000_000, 1_000_100]);
    assert!(cache.bytes() <= 64 << 10 | 20 << 10);
    assert_eq!(contents(&[run]).unwrap(), written);
}

/// A column of chunks, as those of histograms are.
fn chunks(samples: &Columns) -> (Vec<u8>, ColumnStats) {
    let mut builder = ColumnBuilder::default();
    assert!(builder.push(&samples.times_ms, &samples.values).unwrap());
    let mut bytes = Vec::new();
    let (_, stats) = builder.finish(&mut bytes).unwrap();
    (bytes, stats)
}

fn runs_of(samples: &Columns) -> StartRuns {
    let mut runs = StartRuns::default();
    runs.extend(samples);
    runs
}

#[test]
fn columns_of_chunks_and_of_floats_stand_side_by_side() {
    let fs = shared(&fault_fs());
    let mut writer = RunWriter::create(fs.clone(), dir(), IDENTITY, spec(1, 1, 0)).unwrap();
    let mut written = Contents::new();
    for series in 0..90i64 {
        let labels = labels(&[("a", &format!("{series:02}"))]);
        writer.start_series(&labels, unit_of(&labels)).unwrap();
        let mut all = Columns::default();
        // Some series change in the middle, some are of one sort.
        for part in 0..3 {
            let mut samples = Columns::with_start_times();
            for i in 0..100 {
                let (t_ms, value) = ((part * 100 + i) * 1_000 + series % 2, (i * series) as f64);
                samples.push(t_ms, value);
                samples.set_start_time(start_of(&labels, t_ms, value.to_bits()).unwrap_or(0));
                all.push(t_ms, value);
            }
            if (series / 10 + part * (series % 3)) % 2 == 0 {
                let (bytes, stats) = chunks(&samples);
                let runs = runs_of(&samples);
                let column = RawColumn {
                    kind: Kind::Float,
                    stats,
                    bytes: &bytes,
                    starts: runs.as_slice(),
                };
                writer.push_column(&column).unwrap();
            } else {
                writer.push_samples(&samples).unwrap();
            }
        }
        written.insert(labels, map_of(&all));
    }
    let run = publish(&fs, dir(), vec![writer.finish().unwrap()], &end_memory())
        .unwrap()
        .remove(0);
    assert_intact(&run);
    let cache = GroupCache::new(1 << 20);
    for (id, samples) in (0u32..).zip(written.values()) {
        let (first, last) = (
            samples.first_key_value().unwrap(),
            samples.last_key_value().unwrap(),
        );
        assert_eq!(run.column_range(id), Some((*first.0, *last.0)));
        assert_eq!(run.weight_of(id), 300);
        let found = run.last_sample(id, &cache).unwrap().unwrap();
        assert_eq!(found.t_ms, *last.0);
        assert!(found.value.is_float(*last.1));
        let range = TimeRange::new(90_000, 210_000);
        let mut out = Columns::default();
        read_strictly(&run, id, range, &cache, &mut out).unwrap();
        let expected = samples.iter().filter(|(t, _)| range.contains(**t));
        assert_eq!(map_of(&out), expected.map(|(t, v)| (*t, *v)).collect());
    }
    assert_eq!(contents(&[run]).unwrap(), written);
}

#[test]
fn start_times_take_nothing_where_there_are_none_and_little_where_they_are_alike() {
    let len = |start_of: &dyn Fn(i64) -> i64, asked: bool| {
        let fs = shared(&fault_fs());
        let mut writer = RunWriter::create(fs.clone(), dir(), IDENTITY, spec(1, 1, 0)).unwrap();
        for series in 0..500 {
            let labels = labels(&[("a", &format!("{series:03}"))]);
            let mut samples = match asked {
                true => Columns::with_start_times(),
                false => Columns::default(),
            };
            for i in 0..100 {
                let t_ms = i * 15_000 + i % 3;
                testing::push(&mut samples, t_ms, (i as f64).to_bits());
                samples.set_start_time(start_of(t_ms));
            }
            writer
                .push_series(&labels, TimeUnit::Milliseconds, &samples)
                .unwrap();
        }
        let runs = publish(&fs, dir(), vec![writer.finish().unwrap()], &end_memory()).unwrap();
        runs[0].meta().bytes
    };
    let without = len(&|_| 0, false);
    assert_eq!(len(&|_| 0, true), without);
    let one = len(&|_| -3_600_000, true);
    assert!(one - without < 100, "{one} bytes, {without} without");
    // Each counts since the one before, with its jitter: a column of its own in every series.
    let deltas = len(&|t_ms| t_ms - 15_000, true);
    assert!(deltas - without < 500 * 100, "{deltas} bytes");
}

#[test]
fn histograms_beside_floats_in_long_columns() {
    let mut written = Contents::new();
    for series in 0..12u16 {
        let samples = (0..3_000u16).map(|i| {
            let bits = match (series, i / 500 % 3) {
                (0..4, _) | (4..8, 0) => bits_of_number(2 * i + (series & 1)),
                (4..8, 1) => bits_of_number(i | 1),
                _ => u64::from(i),
            };
            (i64::from(i) * 1_000, bits)
        });
        written.insert(labels(&[("a", &format!("{series:02}"))]), samples.collect());
    }
    let fs = shared(&fault_fs());
    let run = write(&fs, spec(1, 1, 0), &written).unwrap();
    assert_intact(&run);
    assert_eq!(run.weight_of(0), 3_000 * 64);
    let cache = GroupCache::new(64 << 10);
    for (id, (_, samples)) in (0u32..).zip(&written) {
        for from in [0, 1, 17, 499, 500, 1_700, 2_999] {
            let range = TimeRange::new(from * 1_000, from * 1_000 + 40_000);
            let mut out = Columns::default();
            read_strictly(&run, id, range, &cache, &mut out).unwrap();
            let expected = samples.range(range.start_ms..=range.end_ms);
            assert_eq!(map_of(&out), expected.map(|(t, v)| (*t, *v)).collect());
        }
    }
    assert_eq!(contents(&[run]).unwrap(), written);
}

#[test]
fn long_strings_and_long_columns_of_integers() {
    let mut written = Columns::default();
    let text = |i: i64, len: usize| {
        let start = i.to_string();
        let rest = "x".repeat(len - start.len());
        FieldValue::string(&(start + &rest))
    };
    for i in 0..40_000 {
        let value = match i {
            ..20_000 => FieldValue::Integer(i64::MAX - i * i),
            20_000..20_050 => text(i, MAX_STRING_BYTES),
            20_050..22_000 => text(i % 500, 900),
            22_000..22_300 => FieldValue::string(""),
            _ => FieldValue::Boolean(i % 700 < 3),
        };
        written.push_field(i * 80, value);
    }
    let fs = shared(&fault_fs());
    let mut writer = RunWriter::create(fs.clone(), dir(), IDENTITY, spec(1, 1, 0)).unwrap();
    let a = labels(&[("a", "b")]);
    writer
        .push_series(&a, TimeUnit::Milliseconds, &written)
        .unwrap();
    let run = publish(&fs, dir(), vec![writer.finish().unwrap()], &end_memory())
        .unwrap()
        .remove(0);
    assert!(run.check(&mut |_| true).unwrap().is_empty());
    let cache = GroupCache::new(64 << 10);
    for range in [TimeRange::ALL, TimeRange::new(19_990 * 80, 22_100 * 80 + 3)] {
        let mut read = Columns::default();
        run.read_series(0, range, &cache, &mut read, &mut |_, damage| {
            panic!("{damage}")
        })
        .unwrap();
        let mut expected = Columns::default();
        for (t_ms, (_, value)) in written.times_ms.iter().zip(&written.fields) {
            if range.contains(*t_ms) {
                expected.push_field(*t_ms, value.clone());
            }
        }
        assert_eq!(read.times_ms, expected.times_ms);
        assert!(read.fields == expected.fields, "values differ");
    }
}

/// As large as may be, and no two with the same buckets, so that a chunk of several would be far larger than a column.
#[test]
fn large_histograms_of_ever_other_buckets() {
    let side = |i: i32| Side {
        spans: (0..2_000)
            .map(|n| Span {
                offset: if n == 0 { i } else { 40 },
                length: 1,
            })
            .collect(),
        buckets: (0..2_000).map(|n| f64::from(n) / 7.0 + 1.0).collect(),
    };
    let mut written = Columns::default();
    for i in 0..40 {
        let histogram = HistogramSample::from(FloatHistogram {
            counter_reset_hint: CounterResetHint::Gauge,
            positive: side(i),
            ..FloatHistogram::default()
        });
        assert!(histogram.is_storable());
        written.push_histogram(i64::from(i), histogram);
    }
    let fs = shared(&fault_fs());
    let mut writer = RunWriter::create(fs.clone(), dir(), IDENTITY, spec(1, 1, 0)).unwrap();
    writer
        .push_series(&labels(&[("a", "b")]), TimeUnit::Milliseconds, &written)
        .unwrap();
    let run = crate::disk::publish(&fs, dir(), vec![writer.finish().unwrap()], &end_memory())
        .unwrap()
        .remove(0);
    assert_intact(&run);
    let mut read = Columns::default();
    let cache = GroupCache::new(64 << 10);
    read_strictly(&run, 0, TimeRange::ALL, &cache, &mut read).unwrap();
    assert_eq!(read.times_ms, written.times_ms);
    for ((_, read), (_, written)) in read.histograms.iter().zip(&written.histograms) {
        assert!(read.says_the_same(written));
    }
}

#[test]
fn the_order_of_calls_is_kept() {
    let misuse = |push: &dyn Fn(&mut RunWriter) -> crate::Result<()>| {
        let fs = shared(&fault_fs());
        let mut writer = RunWriter::create(fs.clone(), dir(), IDENTITY, spec(1, 1, 0)).unwrap();
        let error = push(&mut writer).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { .. }), "{error}");
        drop(writer);
        assert!(fs.list(dir()).unwrap().is_empty());
    };
    let sample = |t_ms| columns(&[(t_ms, 0)].into());
    let (a, b) = (labels(&[("a", "")]), labels(&[("b", "1")]));
    let ms = TimeUnit::Milliseconds;
    for not_after in [&a, &b] {
        let fs = shared(&fault_fs());
        let mut writer = RunWriter::create(fs.clone(), dir(), IDENTITY, spec(1, 1, 0)).unwrap();
        writer.push_series(&b, ms, &sample(0)).unwrap();
        writer.push_series(not_after, ms, &sample(0)).unwrap();
        let error = writer.finish().unwrap_err();
        assert!(matches!(error, Error::InvalidOption { .. }), "{error}");
        assert!(fs.list(dir()).unwrap().is_empty());
    }
    misuse(&|w| w.push_series(&b, ms, &sample(HOUR_MS)));
    misuse(&|w| w.push_series(&b, TimeUnit::Nanoseconds, &sample(HOUR_MS * 1_000_000)));
    misuse(&|w| {
        w.push_series(&b, ms, &sample(5))
            .and(w.push_samples(&sample(5)))
    });
    misuse(&|w| w.push_samples(&sample(5)));
    misuse(&|w| {
        let mut falling = sample(5);
        falling.push(4, 0.0);
        w.push_series(&b, ms, &falling)
    });
    misuse(&|w| {
        w.push_series(&a, ms, &Columns::default())?;
        w.push_series(&b, ms, &sample(0))
    });
}

#[test]
fn a_file_of_another_store_is_refused() {
    let fs = fault_fs();
    let run = write(&shared(&fs), spec(1, 1, 0), &small(0, 1)).unwrap();
    for other in [
        StoreIdentity { id: 1, ..IDENTITY },
        StoreIdentity {
            key: [0; 16],
            ..IDENTITY
        },
    ] {
        let error = Run::open(&fs, run.path(), other, &end_memory()).unwrap_err();
        assert!(error.is_corruption(), "{error}");
    }
}

#[test]
fn a_file_under_the_name_of_another_is_refused() {
    let fs = fault_fs();
    let run = write(&shared(&fs), spec(1, 1, 0), &small(0, 1)).unwrap();
    for name in [
        "8000000000000000-0000000000000002.run",
        "7000000000000000-0000000000000001.run",
    ] {
        let to = dir().join(name);
        let bytes = fs.contents(run.path()).unwrap();
        fs.create(&to).unwrap().write_all(&bytes).unwrap();
        let error = Run::open(&fs, &to, IDENTITY, &end_memory()).unwrap_err();
        assert!(error.is_corruption(), "{error}");
    }
    let empty = write(&shared(&fs), spec(7, 1, 0), &Contents::new()).unwrap();
    assert_eq!(
        empty
            .index()
            .find(Labels::empty().as_bytes(), &mut FoundPairs::default())
            .unwrap(),
        None
    );
    assert_intact(&empty);
}
