//! The golden segment: bytes that every later version must read, and this version writes.

use super::super::{PairNumbers, RecordBuilder, RecordItem, read_definitions, read_record};
use super::*;
use crate::model::histogram::{CUSTOM_BUCKETS_SCHEMA, Side};
use crate::model::{
    CounterResetHint, FieldValue, FloatHistogram, Histogram, HistogramSample, Kind, Labels,
    MatchOp, Matcher, MetricMetadata, MetricType, STALE_NAN_BITS, Span, TimeRange, TimeUnit,
    Tombstone,
};

/// The committed segment, which is the one that is written.
fn committed() -> Vec<u8> {
    crate::golden::committed("wal/0000000000000003-00000001.wal", &segment().bytes)
}

fn side<C>(offset: i32, buckets: Vec<C>) -> Side<C> {
    let length = buckets.len() as u32;
    Side {
        spans: vec![Span { offset, length }],
        buckets,
    }
}

fn integers() -> HistogramSample {
    let histogram = Histogram {
        counter_reset_hint: CounterResetHint::NotReset,
        schema: 3,
        zero_threshold: 0.001,
        zero_count: 2,
        count: 9,
        sum: 18.4,
        positive: side(-1, vec![1, 1, -1]),
        negative: side(0, vec![3]),
        ..Histogram::default()
    };
    histogram.into()
}

fn floats() -> HistogramSample {
    let histogram = FloatHistogram {
        counter_reset_hint: CounterResetHint::Gauge,
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: 2.5,
        sum: 4.0,
        positive: side(1, vec![2.5]),
        custom_values: [1.0, 5.0].into(),
        ..FloatHistogram::default()
    };
    histogram.into()
}

fn fields() -> [(i64, FieldValue); 3] {
    let values = [
        FieldValue::Integer(-3),
        FieldValue::Boolean(true),
        FieldValue::string("up"),
    ];
    let mut tick = 1_700_000_000_000_000_000;
    values.map(|value| {
        tick += 1;
        (tick, value)
    })
}

fn segment() -> Segment {
    let mut record = RecordBuilder::default();
    let up = Labels::from_pairs([("__name__", "up"), ("job", "node")]).unwrap();
    let load = Labels::from_pairs([("__name__", "node_load1"), ("job", "node")]).unwrap();
    let mut pairs = PairNumbers::default();
    record.define_series(7, TimeUnit::Milliseconds, pairs.of(up.as_bytes()));
    record.define_series(6, TimeUnit::Milliseconds, pairs.of(load.as_bytes()));
    record.start_series(7, Kind::Float);
    record.sample(1_700_000_000_000, 1.0_f64.to_bits());
    record.start_series(6, Kind::Float);
    record.start_time(1_650_000_000_000);
    record.sample(1_700_000_000_000, 0.42_f64.to_bits());
    record.start_time(1_600_000_000_000);
    record.sample(1_700_000_015_000, (-0.0_f64).to_bits());
    record.metadata(&MetricMetadata {
        metric: "node_load1".to_owned(),
        kind: MetricType::Gauge,
        help: "1m load average.".to_owned(),
        unit: String::new(),
    });
    let segment = Segment::new(3, 1, 41).frame(41, 40, record.finish());
    record.clear();
    record.start_series(7, Kind::Float);
    record.sample(1_700_000_030_000, STALE_NAN_BITS);
    record.start_series(6, Kind::Histogram);
    record.start_time(1_600_000_000_000);
    record.histogram(1_700_000_030_000, &integers());
    record.start_series(6, Kind::FloatHistogram);
    record.histogram(1_700_000_045_000, &floats());
    let mem = Labels::from_pairs([("__name__", "mem")]).unwrap();
    record.define_series(8, TimeUnit::Nanoseconds, pairs.of(mem.as_bytes()));
    for (tick, value) in fields() {
        record.start_series(8, value.kind());
        record.field(tick, &value);
    }
    let trace = Labels::from_pairs([("trace_id", "4bf9")]).unwrap();
    record.exemplar(up.as_bytes(), 1_700_000_030_000, 0.5, trace.as_bytes());
    let segment = segment.frame(42, 41, record.finish());
    record.clear();
    record.tombstone(&tombstone());
    segment.frame(43, 42, record.finish())
}

/// Samples of one job that are no metrics of the machine.
fn tombstone() -> Tombstone {
    let not = Matcher::new(MatchOp::NotRegex, "__name__", "node_.*").unwrap();
    Tombstone {
        number: 2,
        unit: TimeUnit::Milliseconds,
        range: TimeRange::new(1_600_000_000_000, 1_700_000_000_000),
        selectors: vec![vec![Matcher::equal("job", "node"), not]],
    }
}

#[test]
fn golden_mark_is_what_is_written_and_is_read() {
    let mark = Mark {
        segment: segment().id,
        first_seq: 41,
        durable_seq: 43,
    };
    let fs = new_fs();
    MarkFile::new(&fs, dir(), IDENTITY.id).write(&fs, mark);
    let path = dir().join("mark");
    let committed = crate::golden::committed("wal/mark", &fs.contents(&path).unwrap());
    fs.overwrite(&path, &committed);
    assert_eq!(Mark::read(&fs, dir(), IDENTITY.id), Some(mark));
}

#[test]
fn golden_segment_is_what_is_written_and_is_read() {
    let fs = new_fs();
    Segment {
        bytes: committed(),
        ..segment()
    }
    .put(&fs);
    let (frames, recovered) = read(&fs);
    assert_eq!(recovered.damages, []);
    assert_eq!(recovered.torn, None);
    assert_eq!(recovered.position.next_seq, 44);
    let (mut samples, mut histograms, mut found) = (Vec::new(), Vec::new(), Vec::new());
    let (mut starts, mut exemplars, mut tombstones) = (Vec::new(), Vec::new(), Vec::new());
    let mut series = Vec::new();
    for (generation, _, payload) in &frames {
        assert_eq!(*generation, 3);
        read_definitions(payload, |defined| {
            let labels = Labels::from_canonical(&defined.labels.canonical()).unwrap();
            series.push((defined.series, defined.unit, labels));
        })
        .unwrap();
        read_record(payload, |item| match item {
            RecordItem::Sample {
                series,
                t_ms,
                start_ms,
                bits,
            } => {
                samples.push((series, t_ms, bits));
                starts.push(start_ms);
            }
            RecordItem::Histogram {
                series,
                t_ms,
                start_ms,
                histogram,
            } => {
                histograms.push((series, t_ms, histogram));
                starts.push(start_ms);
            }
            RecordItem::Field {
                series,
                t_ms,
                value,
            } => found.push((series, t_ms, value)),
            RecordItem::Metadata(metadata) => assert_eq!(metadata.help, "1m load average."),
            RecordItem::Exemplar { series, exemplar } => exemplars.push((series, exemplar)),
            RecordItem::Tombstone(tombstone) => tombstones.push(tombstone),
        })
        .unwrap();
    }
    assert_eq!(
        samples,
        [
            (7, 1_700_000_000_000, 1.0_f64.to_bits()),
            (6, 1_700_000_000_000, 0.42_f64.to_bits()),
            (6, 1_700_000_015_000, (-0.0_f64).to_bits()),
            (7, 1_700_000_030_000, STALE_NAN_BITS),
        ]
    );
    let expected = [
        (6, 1_700_000_030_000_i64, integers()),
        (6, 1_700_000_045_000, floats()),
    ];
    assert_eq!(format!("{histograms:?}"), format!("{expected:?}"));
    assert_eq!(found, fields().map(|(tick, value)| (8, tick, value)));
    let units = series.iter().map(|(number, unit, _)| (*number, *unit));
    assert_eq!(
        units.collect::<Vec<_>>(),
        [
            (7, TimeUnit::Milliseconds),
            (6, TimeUnit::Milliseconds),
            (8, TimeUnit::Nanoseconds)
        ]
    );
    let since = 1_600_000_000_000;
    assert_eq!(starts, [0, 1_650_000_000_000, since, 0, since, 0]);
    assert_eq!(tombstones, [tombstone()]);
    assert_eq!(series[1].2.metric_name(), "node_load1");
    assert_eq!(exemplars[0].0.metric_name(), "up");
    let exemplar = &exemplars[0].1;
    assert_eq!((exemplar.value, exemplar.t_ms), (0.5, 1_700_000_030_000));
    assert_eq!(exemplar.labels.get("trace_id"), Some("4bf9"));
}
