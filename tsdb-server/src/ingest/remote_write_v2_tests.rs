//! The decoder against messages made by hand, and against anything.

use axum::http::StatusCode;
use proptest::prelude::*;
use tsdb_core::{Db, Labels, Options, TimeRange};

use super::*;
use crate::ingest::wire::Message;

fn store() -> Db {
    Db::in_memory(Options::new().retention(None).future_limit(None)).unwrap()
}

const SYMBOLS: [&str; 9] = [
    "",
    "__name__",
    "up",
    "job",
    "a",
    "lat_bucket",
    "How long.",
    "seconds",
    "\u{e9}",
];

/// A request with these series and all symbols.
fn request(series: &[Message]) -> Vec<u8> {
    let mut request = Message::default();
    for symbol in SYMBOLS {
        request = request.bytes(4, symbol.as_bytes());
    }
    for series in series {
        request = request.bytes(5, &series.0);
    }
    request.0
}

fn sample(value: f64, t_ms: u64) -> Vec<u8> {
    Message::default()
        .double(1, value)
        .varint(2, t_ms)
        .varint(3, 1)
        .0
}

fn histogram(count: u64, t_ms: u64) -> Vec<u8> {
    let message = Message::default().varint(1, count).double(3, 0.5);
    message.varint(6, 1).varint(15, t_ms).varint(17, 1).0
}

fn up() -> Message {
    Message::default().bytes(1, &[1, 2, 3, 4])
}

#[test]
fn samples_histograms_and_metadata_are_read() {
    let metadata = Message::default().varint(1, 3).varint(3, 6).varint(4, 7);
    let exemplar = Message::default().double(2, 1.0);
    let series = [
        up().bytes(2, &sample(1.5, 10)).bytes(2, &sample(2.5, 20)),
        // Unpacked references, the value first of which the symbol is not sorted.
        Message::default()
            .varint(1, 3)
            .varint(1, 8)
            .varint(1, 1)
            .varint(1, 5)
            .bytes(3, &histogram(1, 30))
            .bytes(4, &exemplar.0)
            .bytes(5, &metadata.0)
            .varint(6, 5),
        Message::default()
            .bytes(1, &[1, 5])
            .bytes(3, &histogram(1, 30))
            .bytes(5, &metadata.0),
    ];
    let db = store();
    let mut writer = db.writer();
    let left_out = decode(
        &request(&series),
        RequestLimits::default(),
        &mut writer,
        &mut Replicas::default(),
    )
    .unwrap();
    assert_eq!(left_out, LeftOut::default());
    let floats: Vec<_> = writer
        .entries()
        .map(|(canonical, times, values)| {
            let labels = Labels::from_canonical(&canonical).unwrap();
            (labels, times.to_vec(), values.to_vec())
        })
        .collect();
    let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).unwrap();
    assert_eq!(
        floats,
        [
            (
                labels(&[("__name__", "up"), ("job", "a")]),
                vec![10, 20],
                vec![1.5, 2.5]
            ),
            (
                labels(&[("__name__", "lat_bucket"), ("job", "\u{e9}")]),
                vec![],
                vec![]
            ),
            (labels(&[("__name__", "lat_bucket")]), vec![], vec![]),
        ]
    );
    assert_eq!(
        writer.metadata_entries(),
        [MetricMetadata {
            metric: "lat".to_owned(),
            kind: MetricType::Histogram,
            help: "How long.".to_owned(),
            unit: "seconds".to_owned(),
        }]
    );
    let report = writer.submit().unwrap().wait().unwrap();
    assert_eq!((report.accepted, report.accepted_histograms), (4, 2));
    let series = db.querier(TimeRange::ALL).unwrap().select(&[]).unwrap();
    let samples = series.iter().map(|series| series.samples().unwrap());
    let starts: Vec<_> = samples
        .flat_map(|s| s.iter().map(|s| s.start_ms).collect::<Vec<_>>())
        .collect();
    assert_eq!(starts, [Some(1); 4]);
}

#[test]
fn what_is_not_valid_is_left_out_and_the_rest_kept() {
    let good = || up().bytes(2, &sample(1.0, 1));
    for (bad, series, reason) in [
        (up(), 1, "at least one sample, histogram or exemplar"),
        (
            Message::default()
                .bytes(1, &[1, 2, 3])
                .bytes(2, &sample(1.0, 1)),
            1,
            "a name and no value",
        ),
        (
            Message::default()
                .bytes(1, &[1, 99])
                .bytes(2, &sample(1.0, 1)),
            1,
            "symbol that is not there",
        ),
        (
            Message::default()
                .bytes(1, &[3, 4])
                .bytes(2, &sample(1.0, 1)),
            1,
            "no metric name",
        ),
        (
            Message::default()
                .bytes(1, &[1, 2, 0, 4])
                .bytes(2, &sample(1.0, 1)),
            1,
            "name is empty",
        ),
        (up().bytes(3, &histogram(2, 1)), 0, "the Count field is 2"),
    ] {
        let mut writer = store().writer();
        let request = request(&[good(), bad, good()]);
        let left_out = decode(
            &request,
            RequestLimits::default(),
            &mut writer,
            &mut Replicas::default(),
        )
        .unwrap();
        assert_eq!(left_out.series, series, "{reason}");
        assert_eq!(left_out.samples, 1 - series, "{reason}");
        assert_eq!(writer.samples_len(), 2);
        let first = left_out.first.unwrap();
        assert!(first.contains(reason), "{first}");
    }
}

#[test]
fn counts_are_bounded() {
    let status = |limits| {
        let series = [
            up().bytes(2, &sample(1.0, 1)),
            up().bytes(2, &sample(1.0, 2)),
        ];
        let decoded = decode(
            &request(&series),
            limits,
            &mut store().writer(),
            &mut Replicas::default(),
        );
        decoded.err().map(|e| e.status)
    };
    assert_eq!(status(RequestLimits::default()), None);
    let too_large = Some(StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        status(RequestLimits {
            series: 1,
            ..RequestLimits::default()
        }),
        too_large
    );
    assert_eq!(
        status(RequestLimits {
            samples: 1,
            ..RequestLimits::default()
        }),
        too_large
    );
    assert_eq!(
        status(RequestLimits {
            symbols: 8,
            ..RequestLimits::default()
        }),
        too_large
    );
}

#[test]
fn texts_that_series_share_count_for_each() {
    let limits = RequestLimits {
        label_bytes: 60,
        ..RequestLimits::default()
    };
    let decode = |series: &[Message]| {
        let mut writer = store().writer();
        let decoded = decode(
            &request(series),
            limits,
            &mut writer,
            &mut Replicas::default(),
        );
        decoded.map(|_| ()).map_err(|e| e.status)
    };
    let up = || up().bytes(2, &sample(1.0, 1)); // 18 bytes of labels
    assert_eq!(decode(&[up(), up(), up()]), Ok(()));
    assert_eq!(
        decode(&[up(), up(), up(), up()]),
        Err(StatusCode::PAYLOAD_TOO_LARGE)
    );
    let metadata = Message::default().varint(1, 1).varint(3, 6).varint(4, 7);
    let families = [2, 3, 4, 5].map(|name| {
        let series = Message::default().bytes(1, &[1, name]);
        series.bytes(5, &metadata.0)
    });
    assert_eq!(decode(&families), Err(StatusCode::PAYLOAD_TOO_LARGE));
}

/// What `writer` holds: labels, times and bits of the floats.
fn contents(writer: &Writer) -> Vec<(Labels, Vec<i64>, Vec<u64>)> {
    let entries = writer.entries().map(|(canonical, times, values)| {
        let bits = values.iter().map(|value| value.to_bits()).collect();
        let labels = Labels::from_canonical(&canonical).unwrap();
        (labels, times.to_vec(), bits)
    });
    entries.collect()
}

/// How a request says what others say.
#[derive(Clone, Debug)]
struct Spelling {
    /// 0: `SYMBOLS`. 1: the same with other numbers. 2: each of them twice. 3: one of them is another.
    table: u8,
    /// Where the references stand: 0 and 1 as senders write them, 2 in two fields, 3 in a field each, 4 half of them behind the sample.
    refs: u8,
    reversed: bool,
    scrapes: u64,
    /// Whether samples have start times, and series metadata.
    start_times: bool,
    metadata: bool,
}

impl Spelling {
    fn any() -> impl Strategy<Value = Self> {
        let parts = (0u8..4, 0u8..5, 0u8..4, 1u64..4, 0u8..3, 0u8..3);
        parts.prop_map(
            |(table, refs, order, scrapes, start_times, metadata)| Self {
                table,
                refs,
                reversed: order == 0,
                scrapes,
                start_times: start_times == 0,
                metadata: metadata == 0,
            },
        )
    }

    fn symbols(&self) -> Vec<&'static str> {
        let mut symbols = SYMBOLS.to_vec();
        match self.table {
            1 => symbols[1..].rotate_right(1),
            2 => symbols.extend(SYMBOLS),
            3 => symbols[4] = "b",
            _ => {}
        }
        symbols
    }

    fn number(&self, symbol: u8) -> u8 {
        match (self.table, symbol) {
            (1, 1..8) => symbol + 1,
            (1, 8) => 1,
            (2, 1..9) => symbol + 9,
            _ => symbol,
        }
    }

    fn series(&self, refs: &[u8], t_ms: u64) -> Message {
        let refs: Vec<u8> = [1, 2].iter().chain(refs).map(|&n| self.number(n)).collect();
        let (first, second) = refs.split_at(refs.len() / 2);
        let message = Message::default();
        let mut message = match self.refs {
            0 | 1 => message.bytes(1, &refs),
            2 => message.bytes(1, first).bytes(1, second),
            3 => refs.iter().fold(message, |m, &n| m.varint(1, n.into())),
            _ => message.bytes(1, first),
        };
        let sample = Message::default().double(1, 1.5).varint(2, t_ms);
        message = match self.start_times {
            true => message.bytes(2, &sample.varint(3, 1).0),
            false => message.bytes(2, &sample.0),
        };
        if self.refs == 4 {
            message = message.bytes(1, second);
        }
        match self.metadata {
            true => message.bytes(5, &Message::default().varint(1, 1).varint(3, 6).0),
            false => message,
        }
    }

    fn request(&self, series: &[Vec<u8>]) -> Vec<u8> {
        let mut request = Message::default();
        for symbol in self.symbols() {
            request = request.bytes(4, symbol.as_bytes());
        }
        for t_ms in 1..=self.scrapes {
            let mut messages: Vec<_> = series.iter().map(|refs| self.series(refs, t_ms)).collect();
            if self.reversed {
                messages.reverse();
            }
            for message in messages {
                request = request.bytes(5, &message.0);
            }
        }
        request.0
    }
}

proptest! {
    /// Series are the same whether they were sent before or not, in whatever way.
    #[test]
    fn what_is_recognised_is_what_would_be_decoded(
        series in prop::collection::vec(prop::collection::vec(0u8..10, 0..5), 1..6),
        spellings in prop::collection::vec(Spelling::any(), 1..4),
        rounds in prop::collection::vec((0usize..4, 1usize..4), 1..6),
    ) {
        let db = store();
        for (spelling, times) in rounds {
            let spelling = &spellings[spelling % spellings.len()];
            for _ in 0..times {
                let request = spelling.request(&series);
                let (mut recognised, mut decoded) = (db.writer(), store().writer());
                let left_out = decode(&request, RequestLimits::default(), &mut recognised, &mut Replicas::default()).unwrap();
                prop_assert_eq!(left_out, decode(&request, RequestLimits::default(), &mut decoded, &mut Replicas::default()).unwrap());
                prop_assert_eq!(contents(&recognised), contents(&decoded));
                prop_assert_eq!(recognised.metadata_entries(), decoded.metadata_entries());
                if !recognised.is_empty() {
                    let _ = recognised.submit().unwrap();
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes, RequestLimits::default(), &mut store().writer(), &mut Replicas::default());
    }

    #[test]
    fn a_damaged_request_is_an_answer(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let series = up().bytes(2, &sample(1.0, 1)).bytes(3, &histogram(1, 2));
        let mut bytes = request(&[series]);
        let len = bytes.len();
        bytes[at.index(len)] = byte;
        bytes.truncate(cut.index(len) + 1);
        let _ = decode(&bytes, RequestLimits::default(), &mut store().writer(), &mut Replicas::default());
    }
}
