//! Integers, booleans and strings, and series of nanoseconds: through restarts, flushes and merges.

use super::*;
use crate::model::{Columns, MAX_STRING_BYTES, Value};
use crate::store::RejectReason;

const MS: i64 = 1_000_000;
const NOW_NS: i64 = NOW * MS;

/// A batch of one series.
fn batch_of(
    name: &str,
    unit: TimeUnit,
    policy: ConflictPolicy,
    samples: &[(i64, Value<'_>)],
) -> WriteBatch {
    let mut batch = WriteBatch::with_policy(policy);
    let mut series = batch.series([("__name__", name)]).unwrap();
    series.unit(unit);
    for (tick, value) in samples {
        series.value(*tick, *value);
    }
    batch
}

fn write_ns(store: &Store, samples: &[(i64, Value<'_>)]) -> WriteReport {
    let batch = batch_of("f", TimeUnit::Nanoseconds, ConflictPolicy::Replace, samples);
    store.submit(&batch).unwrap().wait().unwrap()
}

/// Unit, ticks and values of a series, as text.
fn read(store: &Store, name: &str, range: TimeRange) -> (TimeUnit, Vec<(i64, String)>) {
    let querier = store.querier(range).unwrap();
    let series = querier.select(&[Matcher::equal("__name__", name)]).unwrap();
    let samples = series[0].samples().unwrap();
    let text = |value: Value<'_>| format!("{value:?}");
    let samples = samples
        .iter()
        .map(|sample| (sample.tick, text(sample.value)));
    (series[0].unit(), samples.collect())
}

/// What PromQL shows of a series.
fn shown(store: &Store, name: &str, range: TimeRange) -> Vec<(i64, f64)> {
    let querier = store.querier(TimeRange::ALL).unwrap();
    let series = querier.select(&[Matcher::equal("__name__", name)]).unwrap();
    let mut columns = Columns::default();
    series[0].read_into(range, &mut columns).unwrap();
    columns.times_ms.into_iter().zip(columns.values).collect()
}

fn reasons(report: &WriteReport) -> Vec<(RejectReason, u64)> {
    report.rejected.counts().collect()
}

/// Checks in the head, replayed, frozen, flushed, merged, and opened anew.
fn everywhere(check: impl Fn(&Store)) {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let samples = [
        (NOW_NS, Value::Integer((1 << 53) + 1)),
        (NOW_NS + 1, Value::Integer(i64::MIN)),
        (NOW_NS + MS - 1, Value::Boolean(true)),
        (NOW_NS + MS, Value::String("left out é")),
        (NOW_NS + 2 * MS, Value::Float(2.5)),
        (NOW_NS + 3 * MS, Value::Integer(i64::MAX)),
        (NOW_NS - 1, Value::Integer(-7)),
        (-1, Value::Boolean(false)),
        (i64::MIN, Value::Integer(1)),
    ];
    for sample in samples {
        assert_eq!(write_ns(&store, &[sample]).accepted, 1);
    }
    check(&store);
    check(&open(&fs.kill()).unwrap());
    store.lane.lock().rotate(&store);
    check(&store);
    store.flush_oldest().unwrap();
    check(&store);
    store.flush().unwrap();
    check(&store);
    store.close().unwrap();
    check(&open(&fs).unwrap());
}

#[test]
fn every_kind_comes_back_as_it_was_written() {
    everywhere(|store| {
        let (unit, samples) = read(store, "f", TimeRange::ALL);
        assert_eq!(unit, TimeUnit::Nanoseconds);
        let expected = [
            (i64::MIN, "Integer(1)"),
            (-1, "Boolean(false)"),
            (NOW_NS - 1, "Integer(-7)"),
            (NOW_NS, "Integer(9007199254740993)"),
            (NOW_NS + 1, "Integer(-9223372036854775808)"),
            (NOW_NS + MS - 1, "Boolean(true)"),
            (NOW_NS + MS, "String(\"left out é\")"),
            (NOW_NS + 2 * MS, "Float(2.5)"),
            (NOW_NS + 3 * MS, "Integer(9223372036854775807)"),
        ];
        let expected = expected.map(|(tick, value)| (tick, value.to_owned()));
        assert_eq!(samples, expected);
        // A millisecond is whole, and rounded down before the epoch.
        let of_one = read(store, "f", TimeRange::new(NOW, NOW)).1;
        assert_eq!(of_one, expected[3..6]);
        assert_eq!(read(store, "f", TimeRange::new(-1, 0)).1, expected[1..2]);
    });
}

#[test]
fn promql_sees_the_last_of_each_millisecond_and_no_strings() {
    everywhere(|store| {
        let expected = [
            (i64::MIN.div_euclid(MS), 1.0),
            (-1, 0.0),
            (NOW - 1, -7.0),
            (NOW, 1.0),
            (NOW + 2, 2.5),
            (NOW + 3, 9_223_372_036_854_775_807.0),
        ];
        assert_eq!(shown(store, "f", TimeRange::ALL), expected);
        let range = TimeRange::new(NOW, NOW + 2);
        assert_eq!(shown(store, "f", range), expected[3..5]);
        assert_eq!(shown(store, "f", TimeRange::new(NOW + 1, NOW + 1)), []);
        assert_eq!(shown(store, "f", TimeRange::new(i64::MAX, i64::MAX)), []);
    });
}

#[test]
fn the_later_write_wins_wherever_the_earlier_is() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let ticks = [NOW_NS, NOW_NS + 1, NOW_NS + 2 * MS];
    let mut written = 0;
    let mut check = |store: &Store, step: &dyn Fn(&Store)| {
        for tick in ticks {
            written += 1;
            let value = match written % 3 {
                0 => Value::Boolean(written % 2 == 0),
                1 => Value::Integer(written),
                _ => Value::Float(written as f64),
            };
            write_ns(store, &[(tick, value)]);
            let found = read(store, "f", TimeRange::ALL).1;
            let found = found.iter().find(|(at, _)| *at == tick).unwrap();
            assert_eq!(found.1, format!("{value:?}"));
        }
        // Another kind next time.
        written += 1;
        let before = read(store, "f", TimeRange::ALL);
        step(store);
        assert_eq!(read(store, "f", TimeRange::ALL), before);
    };
    check(&store, &|_| {});
    check(&store, &|store| store.lane.lock().rotate(store));
    check(&store, &|store| {
        store.flush_oldest().unwrap();
    });
    check(&store, &|store| store.flush_head().unwrap());
    check(&store, &|store| store.flush().unwrap());
    check(&store, &|_| {});
    let before = read(&store, "f", TimeRange::ALL);
    let again = open(&fs.kill()).unwrap();
    assert_eq!(read(&again, "f", TimeRange::ALL), before);
    again.flush().unwrap();
    assert_eq!(read(&again, "f", TimeRange::ALL), before);
}

#[test]
fn a_series_keeps_its_unit_wherever_it_is() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let units = [TimeUnit::Milliseconds, TimeUnit::Nanoseconds];
    let names = ["ms", "ns"];
    let write = |store: &Store, name: &str, unit, tick| {
        let value = [(tick, Value::Integer(1))];
        let batch = batch_of(name, unit, ConflictPolicy::Replace, &value);
        store.submit(&batch).unwrap().wait().unwrap()
    };
    for (name, unit) in names.into_iter().zip(units) {
        let tick = unit.ticks_of(TimeRange::new(NOW, NOW)).start_ms;
        assert_eq!(write(&store, name, unit, tick).accepted, 1);
    }
    let check = |store: &Store, minute: i64| {
        // Newer than all there is, so that no sample of a run could be met.
        let t_ms = NOW + minute * MINUTE;
        assert_eq!(write(store, "ns", units[0], t_ms).accepted, 1);
        let refused = write(store, "ms", units[1], t_ms * MS + 1);
        assert_eq!(reasons(&refused), [(RejectReason::NoSuchTick, 1)]);
        assert_eq!(refused.rejected.first()[0].t_ms, t_ms);
        assert_eq!(write(store, "ms", units[1], t_ms * MS).accepted, 1);
        for (name, unit) in names.into_iter().zip(units) {
            let (found, samples) = read(store, name, TimeRange::ALL);
            assert_eq!(found, unit);
            let last = unit.to_ms(samples.last().unwrap().0);
            assert_eq!((samples.len() as i64, last), (minute + 1, t_ms));
        }
    };
    check(&store, 1);
    let store = open(&fs.kill()).unwrap();
    check(&store, 2);
    store.lane.lock().rotate(&store);
    check(&store, 3);
    store.flush_oldest().unwrap();
    check(&store, 4);
    store.flush_head().unwrap();
    check(&store, 5);
    store.flush().unwrap();
    check(&store, 6);
}

#[test]
fn limits_and_retention_count_milliseconds() {
    let fs = FaultFs::new();
    let options = options()
        .future_limit(Some(std::time::Duration::from_secs(60)))
        .retention(Some(std::time::Duration::from_secs(3_600)));
    let store = open_with(&fs, options).unwrap();
    let value = Value::Boolean(true);
    let end = (NOW + MINUTE) * MS + MS - 1;
    let report = write_ns(&store, &[(NOW_NS, value), (end, value), (end + 1, value)]);
    assert_eq!(reasons(&report), [(RejectReason::TooFarInFuture, 1)]);
    let oldest = (NOW - HOUR) * MS;
    let report = write_ns(&store, &[(oldest, value), (oldest - 1, value)]);
    assert_eq!(reasons(&report), [(RejectReason::TooOld, 1)]);
    let stats = store.stats();
    assert_eq!(stats.newest_ms, Some(NOW + MINUTE));
    assert_eq!(stats.head_time_range, Some((NOW - HOUR, NOW + MINUTE)));
    store.flush().unwrap();
    assert_eq!(store.stats().oldest_ms, Some(NOW - HOUR));
    store.close().unwrap();
    let stats = open(&fs).unwrap().stats();
    assert_eq!(stats.newest_ms, Some(NOW + MINUTE));
}

#[test]
fn the_longest_string_is_kept_and_a_longer_one_refused() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let longest = "x".repeat(MAX_STRING_BYTES);
    let longer = "x".repeat(MAX_STRING_BYTES + 1);
    let samples = [
        (NOW_NS, Value::String(&longest)),
        (NOW_NS + 1, Value::String(&longer)),
        (NOW_NS + 2, Value::String("")),
    ];
    let report = write_ns(&store, &samples);
    assert_eq!(reasons(&report), [(RejectReason::StringTooLong, 1)]);
    assert_eq!(report.accepted, 2);
    store.flush().unwrap();
    let samples = read(&store, "f", TimeRange::ALL).1;
    assert_eq!(samples.len(), 2);
    assert_eq!(samples[0].1, format!("{:?}", Value::String(&longest)));
    assert_eq!(samples[1], (NOW_NS + 2, "String(\"\")".to_owned()));
}

#[test]
fn repetitions_are_recognised_and_conflicts_refused_by_kind() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let values = [field(7), field(1), field(8)];
    let check = |store: &Store| {
        for (series, value) in ["i", "nsb", "s"].into_iter().zip(values) {
            let report = write(store, &[(series, NOW, value)]).unwrap();
            assert!(report.rejected.is_empty());
            for other in [field(9), field(0), field(10), 1.0, hist(70)] {
                let report = write(store, &[(series, NOW, other)]).unwrap();
                assert_eq!(reasons(&report), [(RejectReason::DuplicateTimestamp, 1)]);
            }
        }
        let expected = [
            ("i", NOW, values[0]),
            ("nsb", NOW, values[1]),
            ("s", NOW, values[2]),
        ];
        assert_eq!(contents(store), model_of(&expected));
    };
    check(&store);
    check(&open(&fs.kill()).unwrap());
    store.lane.lock().rotate(&store);
    check(&store);
    store.flush().unwrap();
    check(&store);
    drop(store);
    check(&open(&fs).unwrap());
}
