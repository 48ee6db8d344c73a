//! Records: what is built is read, and any bytes are read or refused.

use proptest::prelude::*;

use super::super::{PairNumbers, RecordBuilder, RecordItem, read_definitions, read_record};
use crate::codec::DecodeError;
use crate::model::histogram::testing;
use crate::model::{
    Exemplar, FieldValue, HistogramSample, Kind, Labels, MatchOp, Matcher, MetricMetadata,
    MetricType, STALE_NAN_BITS, TimeRange, TimeUnit, Tombstone,
};

/// A [`RecordItem`] that owns its bytes.
#[derive(Clone, Debug)]
enum Item {
    Series(u32, TimeUnit, Vec<u8>),
    /// Series, time, start time (0 for none), value.
    Sample(u32, i64, i64, u64),
    Histogram(u32, i64, i64, HistogramSample),
    Field(u32, i64, FieldValue),
    Metadata(MetricMetadata),
    /// The series, and what it is.
    Exemplar(Labels, Exemplar),
    Tombstone(Tombstone),
}

/// All of it counts: the hint of a histogram, and floats that are no number.
impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

fn items(payload: &[u8]) -> Result<Vec<Item>, DecodeError> {
    let mut items = Vec::new();
    read_definitions(payload, |defined| {
        let canonical = defined.labels.canonical();
        items.push(Item::Series(defined.series, defined.unit, canonical));
    })?;
    read_record(payload, |item| {
        items.push(match item {
            RecordItem::Sample {
                series,
                t_ms,
                start_ms,
                bits,
            } => Item::Sample(series, t_ms, start_ms, bits),
            RecordItem::Histogram {
                series,
                t_ms,
                start_ms,
                histogram,
            } => Item::Histogram(series, t_ms, start_ms, histogram),
            RecordItem::Field {
                series,
                t_ms,
                value,
            } => Item::Field(series, t_ms, value),
            RecordItem::Metadata(metadata) => Item::Metadata(metadata),
            RecordItem::Exemplar { series, exemplar } => Item::Exemplar(series, exemplar),
            RecordItem::Tombstone(tombstone) => Item::Tombstone(tombstone),
        });
    })?;
    Ok(items)
}

fn build(items: &[Item], record: &mut RecordBuilder) -> Vec<u8> {
    record.clear();
    let mut pairs = PairNumbers::default();
    for item in items {
        match item {
            Item::Series(series, unit, canonical) => {
                record.define_series(*series, *unit, pairs.of(canonical));
            }
            Item::Sample(series, t_ms, start_ms, bits) => {
                record.start_series(*series, Kind::Float);
                record.start_time(*start_ms);
                record.sample(*t_ms, *bits);
            }
            Item::Histogram(series, t_ms, start_ms, histogram) => {
                record.start_series(*series, histogram.kind());
                record.start_time(*start_ms);
                record.histogram(*t_ms, histogram);
            }
            Item::Field(series, t_ms, value) => {
                record.start_series(*series, value.kind());
                record.field(*t_ms, value);
            }
            Item::Metadata(metadata) => record.metadata(metadata),
            Item::Exemplar(
                series,
                Exemplar {
                    labels,
                    value,
                    t_ms,
                },
            ) => {
                record.exemplar(series.as_bytes(), *t_ms, *value, labels.as_bytes());
            }
            Item::Tombstone(tombstone) => record.tombstone(tombstone),
        }
    }
    assert_eq!(record.is_empty(), items.is_empty());
    record.finish().to_vec()
}

fn field() -> impl Strategy<Value = FieldValue> {
    prop_oneof![
        any::<i64>().prop_map(FieldValue::Integer),
        any::<bool>().prop_map(FieldValue::Boolean),
        any::<String>().prop_map(|text| FieldValue::string(&text)),
    ]
}

/// Mostly one that others have too, or none.
fn start() -> impl Strategy<Value = i64> {
    prop::sample::select(vec![0, 0, 1_000, 1_000, -5])
}

fn item() -> impl Strategy<Value = Item> {
    let labels = |n: u16| {
        let pairs = [("n", n % 100), ("job", n % 3), ("le", n % 7)];
        Labels::from_pairs(pairs.map(|(name, value)| (name, value.to_string()))).unwrap()
    };
    prop_oneof![
        (any::<u32>(), 1..3u8, any::<u16>()).prop_map(move |(series, unit, n)| {
            let unit = TimeUnit::from_u8(unit).unwrap();
            Item::Series(series, unit, labels(n).as_bytes().to_vec())
        }),
        (0..100_u32, 0..2_000_i64, start(), any::<u64>())
            .prop_map(|(series, t_ms, start_ms, bits)| Item::Sample(series, t_ms, start_ms, bits)),
        (any::<u32>(), any::<i64>(), any::<i64>()).prop_map(|(series, t_ms, start_ms)| {
            Item::Sample(series, t_ms, start_ms, STALE_NAN_BITS)
        }),
        (0..100_u32, 0..2_000_i64, start(), any::<u16>()).prop_map(
            |(series, t_ms, start_ms, number)| {
                let histogram = testing::histogram_of(testing::bits_of_number(number));
                Item::Histogram(series, t_ms, start_ms, histogram.unwrap())
            }
        ),
        (0..100_u32, any::<i64>(), field())
            .prop_map(|(series, tick, value)| { Item::Field(series, tick, value) }),
        ("[a-z]{0,5}", 0..9_u32, "\\PC{0,9}").prop_map(|(metric, kind, help)| {
            Item::Metadata(MetricMetadata {
                metric,
                kind: MetricType::from_u32(kind),
                unit: help.clone(),
                help,
            })
        }),
        (any::<u16>(), any::<i64>(), any::<u64>(), any::<u16>()).prop_map(
            move |(series, t_ms, bits, trace)| {
                let exemplar = Exemplar {
                    labels: if trace % 3 == 0 {
                        Labels::empty()
                    } else {
                        labels(trace)
                    },
                    value: f64::from_bits(bits),
                    t_ms,
                };
                Item::Exemplar(labels(series), exemplar)
            }
        ),
        (any::<u64>(), 0..9_i64, "[a-z]{0,5}").prop_map(|(number, start_ms, value)| {
            let matcher = Matcher::new(MatchOp::NotRegex, "job", &value).unwrap();
            Item::Tombstone(Tombstone {
                number,
                range: TimeRange::new(start_ms, i64::MAX),
                unit: match number % 2 {
                    0 => TimeUnit::Nanoseconds,
                    _ => TimeUnit::Milliseconds,
                },
                selectors: vec![vec![matcher, Matcher::equal("", &value)]],
            })
        }),
    ]
}

/// Definitions first, then samples of all kinds as they came, then metadata, then tombstones, then exemplars.
fn rank(item: &Item) -> u8 {
    match item {
        Item::Series(..) => 0,
        Item::Sample(..) | Item::Histogram(..) | Item::Field(..) => 1,
        Item::Metadata(_) => 2,
        Item::Tombstone(_) => 3,
        Item::Exemplar(..) => 4,
    }
}

#[test]
fn a_scrape_takes_ten_bytes_a_sample() {
    let mut record = RecordBuilder::default();
    for series in 0..1000 {
        record.start_series(series, Kind::Float);
        record.sample(1_700_000_000_000, f64::from(series).to_bits());
    }
    assert!(record.finish().len() <= 10_016);

    // All of them count since the same time.
    record.clear();
    for series in 0..1000 {
        record.start_series(series, Kind::Float);
        record.start_time(1_600_000_000_000);
        record.sample(1_700_000_000_000, f64::from(series).to_bits());
    }
    assert!(record.finish().len() <= 10_032);
}

#[test]
fn a_pair_stands_in_a_record_once() {
    let mut record = RecordBuilder::default();
    let mut pairs = PairNumbers::default();
    for series in 0..100 {
        let instance = format!("instance-{:02}", series / 10);
        let code = format!("{}", series % 10);
        let labels = [
            ("instance", instance.as_str()),
            ("job", "node"),
            ("code", &code),
        ];
        let labels = Labels::from_pairs(labels).unwrap();
        record.define_series(series, TimeUnit::Milliseconds, pairs.of(labels.as_bytes()));
    }
    // Six bytes a series; eleven instances, ten codes and a job of which each has its text once.
    assert!(record.finish().len() <= 100 * 6 + 10 * 22 + 10 * 8 + 10 + 3);
}

#[test]
fn what_is_not_a_record_is_refused() {
    let what = |bytes: &[u8]| items(bytes).unwrap_err().what;
    assert_eq!(what(&[99, 0]), "unknown type of section");
    assert_eq!(what(&[2, 200]), "bytes end too early");
    assert_eq!(what(&[2, 100, 0]), "count is too large");
    assert_eq!(what(&[2, 1, 1]), "series number has more than 32 bits");
    assert_eq!(what(&[1, 3, 0, 1, 0]), "label set is empty");
    assert_eq!(what(&[1, 3, 0, 7, 0]), "unknown unit of time");
    assert_eq!(what(&[12, 1, 1]), "bytes end too early");
    assert_eq!(what(&[4, 3, 0, 0, 9]), "unknown hint of a counter reset");
    let many_starts = "start times of more samples than there are";
    let float = [2, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(
        what(&[[6, 3, 1, 1, 8].as_slice(), &float].concat()),
        many_starts
    );
    assert_eq!(what(&[6, 3, 0, 1, 8]), many_starts);
    assert_eq!(what(&[6, 3, 0, 0, 8]), "start time of no sample");
    let many_spans = [[4, 23, 0, 0, 0, 0].as_slice(), &[0; 18], &[99]].concat();
    assert_eq!(what(&many_spans), "count is too large");
    // A label with an empty name.
    let bytes = [1, 7, 0, 1, 1, 0, 0, 1, b'x'];
    assert_eq!(what(&bytes), "label pair is not canonical");
    assert_eq!(items(&bytes).unwrap_err().at, 6);
    // The same label twice, and one that is not there.
    let again = |place| [1, 9, 0, 1, 2, 0, 1, b'a', 1, b'x', place];
    assert_eq!(what(&again(1)), "label set is not canonical");
    assert_eq!(what(&again(2)), "count is too large");
}

proptest! {
    #[test]
    fn round_trip(records in prop::collection::vec(prop::collection::vec(item(), 0..30), 1..4)) {
        let mut record = RecordBuilder::default();
        for mut wanted in records {
            let payload = build(&wanted, &mut record);
            wanted.sort_by_key(rank);
            prop_assert_eq!(items(&payload).unwrap(), wanted);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        // What can be read can be written and read again.
        if let Ok(read) = items(&bytes) {
            let mut wanted = read.clone();
            wanted.sort_by_key(rank);
            let payload = build(&read, &mut RecordBuilder::default());
            prop_assert_eq!(items(&payload).unwrap(), wanted);
        }
    }

    #[test]
    fn flipped_bytes_never_panic(wanted in prop::collection::vec(item(), 1..20), at: prop::sample::Index, byte: u8) {
        let mut payload = build(&wanted, &mut RecordBuilder::default());
        let at = at.index(payload.len());
        payload[at] = byte;
        drop(items(&payload));
    }
}
