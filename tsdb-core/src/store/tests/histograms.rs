//! Native histograms: beside floats, through restarts, flushes and merges.

use super::*;
use crate::model::histogram::Side;
use crate::model::{CounterResetHint, FloatHistogram, Histogram, HistogramSample, Span, Value};
use crate::store::RejectReason;

fn counts(report: &WriteReport) -> Vec<(RejectReason, u64)> {
    report.rejected.counts().collect()
}

#[test]
fn another_value_at_the_last_time_is_refused_wherever_that_sample_is() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let check = |store: &Store| {
        // Equal: accepted again.
        let rows: Rows<'_> = &[("i", NOW, hist(70)), ("f", NOW, hist(71))];
        assert!(write(store, rows).unwrap().rejected.is_empty());
        let rows: Rows<'_> = &[
            ("i", NOW, hist(71)),
            ("i", NOW, hist(72)),
            ("f", NOW, hist(70)),
            ("i", NOW, 1.0),
            ("other", NOW, 1.0),
        ];
        let report = write(store, rows).unwrap();
        assert_eq!(counts(&report), [(RejectReason::DuplicateTimestamp, 4)]);
        let rows: Rows<'_> = &[("other", NOW, hist(70))];
        let report = write(store, rows).unwrap();
        assert_eq!(counts(&report), [(RejectReason::DuplicateTimestamp, 1)]);
        let expected = [
            ("i", NOW, hist(70)),
            ("f", NOW, hist(71)),
            ("other", NOW, 1.0),
        ];
        assert_eq!(contents(store), model_of(&expected));
    };
    check(&store); // in the active generation
    check(&open(&fs.kill()).unwrap()); // replayed
    store.lane.lock().rotate(&store);
    check(&store); // in a frozen one
    store.flush_oldest().unwrap();
    check(&store); // in a run
    store.flush().unwrap();
    drop(store);
    check(&open(&fs).unwrap()); // in a run, after a restart
}

#[test]
fn buckets_that_a_chunk_added_do_not_make_a_repetition_another_value() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let of_buckets = |buckets: &[i64]| Histogram {
        count: 1 + buckets.iter().sum::<i64>().cast_unsigned(),
        zero_count: 1,
        positive: Side {
            spans: vec![Span {
                offset: 0,
                length: buckets.len() as u32,
            }],
            // As differences: only the first has observations.
            buckets: buckets
                .iter()
                .scan(0, |before, &count| {
                    Some(count - std::mem::replace(before, count))
                })
                .collect(),
        },
        ..Histogram::default()
    };
    let write = |t_ms, histogram: &Histogram| {
        let mut batch = WriteBatch::new();
        let mut series = batch.series([("__name__", "h")]).unwrap();
        series.value(t_ms, Value::Histogram(histogram));
        store.submit(&batch).unwrap().wait().unwrap()
    };
    let (wide, narrow) = (of_buckets(&[1, 0, 0, 0]), of_buckets(&[2]));
    write(NOW, &wide);
    write(NOW + 1, &narrow);
    store.flush().unwrap();
    let report = write(NOW + 1, &narrow);
    assert_eq!((report.accepted, report.rejected.total()), (1, 0));
    assert_eq!(store.stats().head_samples, 0);
}

#[test]
fn any_age_and_any_change_of_kind_is_merged_on_read() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let mut rows: Vec<(&str, i64, f64)> = Vec::new();
    let values = [
        hist(64),
        1.0,
        hist(65),
        hist(66),
        2.0,
        field(5),
        hist(68),
        field(0),
        field(6),
        hist(67),
    ];
    for (i, step) in [50, 3, 17, 17, 4, 51, 0, 2, 17, 51 + 20, 60, 3, 17]
        .into_iter()
        .enumerate()
    {
        let value = values[i % values.len()];
        rows.push(("a", NOW - 100 * MINUTE + step * MINUTE, value));
        write(&store, &rows[rows.len() - 1..]).unwrap();
        assert_eq!(contents(&store), model_of(&rows));
        assert_eq!(contents(&open(&fs.kill()).unwrap()), model_of(&rows));
        match i % 5 {
            2 => store.flush_head().unwrap(),
            4 => store.flush().unwrap(),
            _ => {}
        }
        assert_eq!(contents(&store), model_of(&rows));
    }
    store.flush().unwrap();
    assert_eq!(contents(&store), model_of(&rows));
    drop(store);
    assert_eq!(contents(&open(&fs).unwrap()), model_of(&rows));
}

#[test]
fn replaying_keeps_the_order_among_kinds() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let values = [1.0, 2.0, hist(70), hist(71), hist(72), field(7), field(8)];
    let rows: Vec<_> = values
        .iter()
        .rev()
        .map(|&value| ("a", NOW, value))
        .collect();
    let batch = batch_with(ConflictPolicy::Replace, &rows);
    store.submit(&batch).unwrap().wait().unwrap();
    let expected = model_of(&[("a", NOW, 1.0)]);
    assert_eq!(contents(&store), expected);
    assert_eq!(contents(&open(&fs.kill()).unwrap()), expected);
    store.flush().unwrap();
    assert_eq!(contents(&store), expected);
}

#[test]
fn what_is_not_valid_is_refused_and_the_rest_kept() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let mut batch = WriteBatch::new();
    let broken = FloatHistogram {
        schema: 9,
        ..FloatHistogram::default()
    };
    batch
        .series([("__name__", "m"), ("series", "a")])
        .unwrap()
        .value(NOW, Value::FloatHistogram(&broken))
        .sample(NOW + 1, 1.0);
    batch
        .series([("__name__", "m"), ("series", "never")])
        .unwrap()
        .histogram(NOW, broken);
    assert_eq!(batch.samples_len(), 3);
    let report = store.submit(&batch).unwrap().wait().unwrap();
    assert_eq!(counts(&report), [(RejectReason::InvalidHistogram, 2)]);
    assert_eq!(report.accepted, 1);
    assert_eq!(contents(&store), model_of(&[("a", NOW + 1, 1.0)]));
    assert_eq!(store.stats().head_series, 1);
}

#[test]
fn only_neighbours_say_that_there_was_no_reset() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let hints = |store: &Store| -> Vec<CounterResetHint> {
        let series = store.querier(TimeRange::ALL).unwrap();
        let series = series.select(&[Matcher::equal("series", "a")]).unwrap();
        let mut columns = crate::model::Columns::default();
        series[0].read_into(TimeRange::ALL, &mut columns).unwrap();
        let hint = |(_, histogram): &(usize, HistogramSample)| match histogram {
            HistogramSample::Integer(h) => h.counter_reset_hint,
            HistogramSample::Float(h) => h.counter_reset_hint,
        };
        columns.histograms.iter().map(hint).collect()
    };
    use CounterResetHint::{NotReset, Unknown};
    for (minute, number) in [(0, 2), (2, 4), (4, 6)] {
        // One bucket each, rising.
        let mut histogram = Histogram {
            zero_count: number,
            count: number,
            ..Histogram::default()
        };
        histogram.counter_reset_hint = NotReset;
        let mut batch = WriteBatch::new();
        let mut series = batch.series([("series", "a")]).unwrap();
        series.histogram(NOW + minute * MINUTE, histogram);
        store.submit(&batch).unwrap().wait().unwrap();
    }
    assert_eq!(hints(&store), [Unknown, NotReset, NotReset]);
    let mut batch = WriteBatch::new();
    let mut series = batch.series([("series", "a")]).unwrap();
    series.sample(NOW + MINUTE, 1.0);
    store.submit(&batch).unwrap().wait().unwrap();
    assert_eq!(hints(&store), [Unknown, Unknown, NotReset]);
    store.flush().unwrap();
    assert_eq!(hints(&store), [Unknown, Unknown, NotReset]);
}

#[test]
fn histograms_in_memory_are_accounted_for() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let bytes = || store.view.get().active.bytes();
    let mut rows = Vec::new();
    for i in 0..400u16 {
        rows.push(("a", NOW + i64::from(i), hist(2 * i + 2)));
    }
    write(&store, &rows).unwrap();
    let compressed = bytes();
    assert!(
        (10_000..60_000).contains(&compressed),
        "{compressed} bytes of 400 histograms in chunks"
    );
    let late: Vec<_> = (0..400u16)
        .map(|i| ("a", NOW - 1 - i64::from(i), hist(2 * i + 2)))
        .collect();
    write(&store, &late).unwrap();
    let of_late = bytes() - compressed;
    assert!(
        (30_000..120_000).contains(&of_late),
        "{of_late} bytes of 400 late histograms"
    );
}
