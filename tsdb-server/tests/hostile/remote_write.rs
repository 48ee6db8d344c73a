//! Remote write of both versions: snappy and protobuf that lie, objects without number, labels and times that are not.

use super::case::Right::{Accepted, Either, Refused};
use super::case::{Case, Right, http, noise};
use super::common::compress;
use super::common::wire::{Message, Series, encode, owned};
use super::server::now_ms;

const V1: [(&str, &str); 2] = [
    ("content-type", "application/x-protobuf"),
    ("content-encoding", "snappy"),
];
const V2: [(&str, &str); 2] = [
    (
        "content-type",
        "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    ),
    ("content-encoding", "snappy"),
];

const MIB: usize = 1 << 20;

/// A body as it is.
fn raw(name: &str, right: Right, body: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Case {
    Case::new(format!("write: {name}"), right, move || {
        http("POST /api/v1/write", &V1, &body())
    })
}

/// A message of version 1, compressed.
fn v1(name: &str, right: Right, message: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Case {
    raw(name, right, move || compress(&message()))
}

fn v2(name: &str, right: Right, message: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Case {
    Case::new(format!("write 2.0: {name}"), right, move || {
        http("POST /api/v1/write", &V2, &compress(&message()))
    })
}

/// Snappy of so many bytes, the same few again and again; about a twentieth of that on the wire.
fn repeated(pattern: &[u8], bytes: usize) -> Vec<u8> {
    compress(&pattern.repeat(bytes / pattern.len()))
}

/// A series `up`, and what else is in its message.
fn in_series(rest: &[u8]) -> Vec<u8> {
    let name = Message::default()
        .bytes(1, b"__name__")
        .bytes(2, b"hostile");
    let series = [Message::default().bytes(1, &name.0).0, rest.to_vec()].concat();
    Message::default().bytes(1, &series).0
}

/// Labels of a message of version 2 beside its texts: the metric name or not, and 16,000 names of a text of 60 KB.
fn many_labels(skip_name: usize) -> Vec<u8> {
    let name = [vec![1], uvarint(2)].concat().repeat(1 - skip_name);
    let pairs = (3..16_003).flat_map(|label| [uvarint(label), uvarint(2)].concat());
    name.into_iter().chain(pairs).collect()
}

fn texts_of_many_labels() -> Vec<u8> {
    let names = (0..16_000).map(|n| format!("l{n:05}").into_bytes());
    let texts = [Vec::new(), b"__name__".to_vec(), vec![b'x'; 60_000]];
    let texts = texts.into_iter().chain(names);
    texts
        .fold(Message::default(), |message, text| message.bytes(4, &text))
        .0
}

fn one(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Vec<u8> {
    let series: Series = (owned(labels), samples.to_vec());
    encode(&[series], &[])
}

fn uvarint(mut n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out
}

pub(crate) fn cases() -> Vec<Case> {
    [
        snappy(),
        wire_format(),
        objects(),
        labels(),
        times(),
        version_2(),
    ]
    .concat()
}

fn snappy() -> Vec<Case> {
    let declared = |len: u64| move || [uvarint(len), vec![0, b'x']].concat();
    vec![
        raw("nothing", Either, Vec::new),
        raw("no snappy", Refused(400), || vec![0xff; 10]),
        raw("noise", Refused(400), || noise(1, 10_000)),
        raw("cut short", Refused(400), || {
            let whole = compress(&encode(
                &[(owned(&[("__name__", "a")]), vec![(1, 1.0); 1000])],
                &[],
            ));
            whole[..whole.len() / 2].to_vec()
        }),
        raw("declares 4 GiB", Refused(413), declared((1 << 32) - 1)),
        raw("declares 2 GiB", Refused(413), declared(1 << 31)),
        raw(
            "declares 64 MiB in three bytes",
            Refused(400),
            declared(64 << 20),
        ),
        raw(
            "declares one byte more than the limit",
            Refused(413),
            declared((64 << 20) + 1),
        ),
        raw("declares less than it holds", Refused(400), || {
            let mut body = compress(&one(&[("__name__", "a")], &[(1, 1.0)]));
            body[0] = 1;
            body
        }),
        raw("declares more than it holds", Refused(400), || {
            let mut body = compress(&one(&[("__name__", "a")], &[(1, 1.0)]));
            body[0] += 1;
            body
        }),
        raw("length that does not end", Refused(400), || vec![0x80; 11]),
        raw("copies from before the beginning", Refused(400), || {
            vec![20, 0xfe, 0xff, 0xff]
        }),
        raw("zeros, 63 MiB", Refused(400), || repeated(&[0], 63 * MIB)).heavy(),
        raw("frames of another snappy", Refused(400), || {
            b"\xff\x06\x00\x00sNaPpY".to_vec()
        }),
        raw("gzip that says snappy", Refused(400), || {
            super::case::gzip(&one(&[("__name__", "a")], &[(1, 1.0)]))
        }),
        Case::new("write: body beyond the limit", Refused(413), || {
            http("POST /api/v1/write", &V1, &vec![0; 33 * MIB])
        })
        .heavy(),
    ]
}

fn wire_format() -> Vec<Case> {
    let mut cases = vec![
        v1("lengths beyond the end", Refused(400), || {
            vec![0x0a, 0x7f, 0x01]
        }),
        v1("length of 2^63", Refused(400), || {
            [vec![0x0a], uvarint(1 << 63), vec![0]].concat()
        }),
        v1("length of 2^64 - 1", Refused(400), || {
            [vec![0x0a], uvarint(u64::MAX), vec![0]].concat()
        }),
        v1("varint of eleven bytes", Refused(400), || {
            [vec![0x80; 10], vec![1]].concat()
        }),
        v1("varint of 66 bits", Refused(400), || {
            [vec![0xff; 9], vec![0x7f]].concat()
        }),
        v1("series as a number", Refused(400), || {
            Message::default().varint(1, 7).0
        }),
        v1("labels as a number", Refused(400), || {
            Message::default()
                .bytes(1, &Message::default().varint(1, 7).0)
                .0
        }),
        v1("samples as fixed64", Refused(400), || {
            in_series(&Message::default().fixed64(2, 7).0)
        }),
        v1("value as bytes", Refused(400), || {
            in_series(
                &Message::default()
                    .bytes(2, &Message::default().bytes(1, b"x").0)
                    .0,
            )
        }),
        v1("group", Refused(400), || vec![0x0b, 0x0c]),
        v1("wire type 7", Refused(400), || vec![0x0f, 0x00]),
        v1("field 0", Refused(400), || vec![0x02, 0x00]),
        v1("field 2^29", Refused(400), || {
            [uvarint(1 << 32 | 2), vec![0]].concat()
        }),
        v1("unknown fields, 31 MiB", Either, || {
            [0x7a, 0x00].repeat(31 * MIB / 2)
        })
        .heavy(),
        v1("nested ten thousand deep", Either, || {
            (0..10_000).fold(Vec::new(), |inner, _| Message::default().bytes(1, &inner).0)
        }),
        v1("nested in an unknown field", Either, || {
            (0..10_000).fold(Vec::new(), |inner, _| Message::default().bytes(9, &inner).0)
        }),
    ];
    for seed in 0..6 {
        cases.push(v1(&format!("noise {seed}"), Refused(400), move || {
            noise(seed + 10, 5_000)
        }));
        cases.push(v2(&format!("noise {seed}"), Refused(400), move || {
            noise(seed + 20, 5_000)
        }));
    }
    cases
}

fn objects() -> Vec<Case> {
    let within = |number: u32, pattern: &'static [u8], bytes: usize| {
        move || {
            let all = pattern.repeat(bytes / pattern.len());
            in_series(&Message::default().bytes(number, &all).0)
        }
    };
    let many = |number: u32, bytes: usize| {
        move || in_series(&[(number << 3 | 2) as u8, 0].repeat(bytes / 2))
    };
    vec![
        raw("empty series, 31 MiB", Refused(413), || {
            repeated(&[0x0a, 0], 31 * MIB)
        })
        .heavy(),
        raw("empty series, 63 MiB", Refused(413), || {
            repeated(&[0x0a, 0], 63 * MIB)
        })
        .heavy(),
        raw("empty metadata, 31 MiB", Refused(0), || {
            repeated(&[0x1a, 0], 31 * MIB)
        })
        .heavy(),
        v1("empty labels, 31 MiB", Refused(400), many(1, 31 * MIB)).heavy(),
        v1("empty samples, 63 MiB", Refused(413), many(2, 63 * MIB)).heavy(),
        v1("empty samples, 7 MiB", Refused(400), many(2, 7 * MIB)).heavy(),
        v1("empty exemplars, 31 MiB", Refused(413), many(3, 31 * MIB)).heavy(),
        v1("empty histograms, 63 MiB", Refused(413), many(4, 63 * MIB)).heavy(),
        v1(
            "empty labels of an exemplar, 31 MiB",
            Either,
            within(3, &[0x0a, 0], 31 * MIB),
        )
        .heavy(),
        v1(
            "empty spans, 31 MiB",
            Refused(400),
            within(4, &[0x5a, 0], 31 * MIB),
        )
        .heavy(),
        v1("buckets of a histogram, 31 MiB", Refused(400), || {
            let histogram = Message::default().bytes(12, &vec![0; 31 * MIB]);
            in_series(&Message::default().bytes(4, &histogram.0).0)
        })
        .heavy(),
        v1("span of 2^32 - 1 buckets", Refused(400), || {
            let span = Message::default().varint(2, u64::from(u32::MAX));
            let histogram = Message::default().bytes(11, &span.0).varint(15, 1);
            in_series(&Message::default().bytes(4, &histogram.0).0)
        }),
        v1("histograms of extreme schemas", Refused(400), || {
            let histograms = [i64::from(i32::MIN), -10, 60, i64::from(i32::MAX)].map(|schema| {
                let histogram =
                    Message::default().varint(4, ((schema << 1) ^ (schema >> 63)).cast_unsigned());
                Message::default().bytes(4, &histogram.varint(15, 1).0).0
            });
            in_series(&histograms.concat())
        }),
        v1("labels without values, 10 million", Refused(0), || {
            let label = Message::default().bytes(1, b"a");
            Message::default()
                .bytes(
                    1,
                    &Message::default().bytes(1, &label.0).0.repeat(10_000_000),
                )
                .0
        })
        .heavy(),
        v1("four million samples of one series", Either, || {
            let now = now_ms();
            let samples: Vec<(i64, f64)> = (0..4_000_000)
                .map(|i| (now - 4_000_000 + i, i as f64))
                .collect();
            one(&[("__name__", "many")], &samples)
        })
        .heavy(),
    ]
}

/// Many series: they come last, since what asks for everything has more to do after them.
pub(crate) fn floods() -> Vec<Case> {
    vec![
        v1("half a million new series", Right::Costly, || {
            new_series(500_000)
        })
        .heavy(),
        v1("two hundred thousand new series", Accepted, || {
            new_series(200_000)
        })
        .heavy(),
    ]
}

fn new_series(n: usize) -> Vec<u8> {
    let now = now_ms();
    let series: Vec<Series> = (0..n)
        .map(|i| {
            (
                owned(&[("__name__", "n"), ("i", &i.to_string())]),
                vec![(now, 1.0)],
            )
        })
        .collect();
    encode(&series, &[])
}

fn labels() -> Vec<Case> {
    let case = |name: &'static str, right, labels: Vec<(String, String)>| {
        v1(name, right, move || {
            encode(&[(labels.clone(), vec![(now_ms(), 1.0)])], &[])
        })
    };
    let named = |more: &[(&str, &str)]| {
        let mut labels = owned(&[("__name__", "labels")]);
        labels.extend(owned(more));
        labels
    };
    let long = |n| "x".repeat(n);
    vec![
        case("no labels", Refused(400), Vec::new()),
        case("no metric name", Refused(400), owned(&[("a", "b")])),
        case("empty label name", Refused(400), named(&[("", "b")])),
        case("empty label value", Accepted, named(&[("a", "")])),
        case(
            "a label twice",
            Refused(400),
            named(&[("a", "1"), ("a", "2")]),
        ),
        case(
            "a label twice, the same",
            Refused(400),
            named(&[("a", "1"), ("a", "1")]),
        ),
        case(
            "metric name twice",
            Refused(400),
            named(&[("__name__", "other")]),
        ),
        case(
            "labels not sorted",
            Accepted,
            named(&[("z", "1"), ("b", "2"), ("A", "3")]),
        ),
        case("NUL in labels", Either, named(&[("a\0b", "\0")])),
        case(
            "label value of 1 MiB",
            Refused(400),
            named(&[("a", &long(MIB))]),
        ),
        case(
            "label name of 1 MiB",
            Refused(400),
            named(&[(&long(MIB), "a")]),
        ),
        case(
            "metric name of 1 MiB",
            Refused(400),
            owned(&[("__name__", &long(MIB))]),
        ),
        case("ten thousand labels", Refused(400), {
            let mut labels = named(&[]);
            labels.extend((0..10_000).map(|i| (format!("l{i}"), "v".to_owned())));
            labels
        }),
        v1("labels that are not UTF-8", Refused(400), || {
            let label = Message::default().bytes(1, b"a\xff").bytes(2, b"\xc0\x80");
            in_series(&Message::default().bytes(1, &label.0).bytes(2, &[]).0)
        }),
        v1("half a surrogate in a label", Refused(400), || {
            let label = Message::default().bytes(1, b"a").bytes(2, b"\xed\xa0\x80");
            in_series(&Message::default().bytes(1, &label.0).bytes(2, &[]).0)
        }),
        case(
            "script in labels",
            Accepted,
            named(&[
                ("a", "<script>alert(1)</script>"),
                ("b", "\"><img src=x onerror=alert(1)>"),
            ]),
        ),
    ]
}

fn times() -> Vec<Case> {
    const YEAR: i64 = 366 * 86_400_000;
    let at = |name: &'static str, right, t_ms: fn() -> i64| {
        v1(name, right, move || {
            one(&[("__name__", "times")], &[(t_ms(), 1.0)])
        })
    };
    let samples = |name: &'static str, right, samples: fn(i64) -> Vec<(i64, f64)>| {
        v1(name, right, move || {
            one(&[("__name__", name)], &samples(now_ms()))
        })
    };
    vec![
        at("the earliest time", Refused(400), || i64::MIN),
        at("the latest time", Refused(400), || i64::MAX),
        at("the year 1970", Refused(400), || 0),
        at("before 1970", Refused(400), || -1),
        at("in a year", Refused(400), || now_ms() + YEAR),
        at("in two hours", Refused(400), || now_ms() + 7_200_000),
        at("the year 9999", Refused(400), || 253_402_300_799_000),
        at("nanoseconds taken for milliseconds", Refused(400), || {
            now_ms() * 1_000_000
        }),
        samples("out_of_order", Accepted, |now| {
            (0..1000)
                .map(|i| (now - (i * 7919) % 3_000_000, i as f64))
                .collect()
        }),
        samples("the_same_twice", Accepted, |now| vec![(now - 5, 1.0); 1000]),
        samples("another_value_at_the_same_time", Refused(400), |now| {
            vec![(now - 5, 1.0), (now - 5, 2.0)]
        }),
        samples("no_numbers", Accepted, |now| {
            let bits = [
                0x7ff0_0000_0000_0002,
                0x7ff8_0000_0000_0001,
                0x7ff0_dead_beef_0001,
                u64::MAX,
            ];
            let values = bits.into_iter().map(f64::from_bits).chain([
                f64::INFINITY,
                f64::NEG_INFINITY,
                -0.0,
            ]);
            values
                .enumerate()
                .map(|(i, value)| (now - 100 + i as i64, value))
                .collect()
        }),
        samples("far_apart", Refused(400), |now| {
            vec![(i64::MIN, 1.0), (now, 2.0), (i64::MAX, 3.0)]
        }),
    ]
}

fn version_2() -> Vec<Case> {
    let symbols = |texts: &[&str]| {
        texts
            .iter()
            .fold(Message::default(), |all, text| {
                all.bytes(4, text.as_bytes())
            })
            .0
    };
    let with = move |refs: Vec<u8>, rest: Vec<u8>| {
        let series = [Message::default().bytes(1, &refs).0, rest].concat();
        [
            symbols(&["", "__name__", "v2"]),
            Message::default().bytes(5, &series).0,
        ]
        .concat()
    };
    let sample = || {
        Message::default()
            .bytes(
                2,
                &Message::default()
                    .double(1, 1.0)
                    .varint(2, now_ms().cast_unsigned())
                    .0,
            )
            .0
    };
    vec![
        v2("symbol that is not there", Refused(400), move || {
            with(vec![1, 9], sample())
        }),
        v2("symbol 2^64 - 1", Refused(400), move || {
            with([vec![1], uvarint(u64::MAX)].concat(), sample())
        }),
        v2("name without a value", Refused(400), move || {
            with(vec![1, 2, 1], sample())
        }),
        v2("no symbols", Refused(400), || {
            Message::default()
                .bytes(5, &Message::default().bytes(1, &[0, 1]).0)
                .0
        }),
        v2("refs cut short", Refused(400), move || {
            with(vec![1, 0x80], sample())
        }),
        v2("the same label a million times", Refused(400), move || {
            with([1, 2].repeat(MIB), sample())
        }),
        v2("thirty million refs", Refused(400), move || {
            with(vec![1; 30 * MIB], sample())
        })
        .heavy(),
        v2("refs of an exemplar, 30 MiB", Either, move || {
            let exemplar = Message::default().bytes(1, &vec![1; 30 * MIB]);
            with(vec![1, 2], Message::default().bytes(4, &exemplar.0).0)
        })
        .heavy(),
        v2("empty symbols, 31 MiB", Refused(413), || {
            [0x22, 0].repeat(31 * MIB / 2)
        })
        .heavy(),
        v2("empty series, 31 MiB", Refused(413), || {
            [0x2a, 0].repeat(31 * MIB / 2)
        })
        .heavy(),
        v2("empty exemplars, 31 MiB", Refused(413), move || {
            with(vec![1, 2], [0x22, 0].repeat(31 * MIB / 2))
        })
        .heavy(),
        v2("symbol of 30 MiB that all series share", Refused(0), || {
            let texts = Message::default()
                .bytes(4, b"")
                .bytes(4, b"__name__")
                .bytes(4, &vec![b'x'; 30 * MIB]);
            let sample = Message::default()
                .bytes(2, &Message::default().varint(2, now_ms().cast_unsigned()).0);
            let series = [Message::default().bytes(1, &[1, 2]).0, sample.0].concat();
            [texts.0, Message::default().bytes(5, &series).0.repeat(1000)].concat()
        })
        .heavy(),
        v2(
            "label of 20 KB that a hundred thousand series share",
            Refused(413),
            || {
                let texts = Message::default()
                    .bytes(4, b"")
                    .bytes(4, b"__name__")
                    .bytes(4, &[b'x'; 20_000]);
                let sample = Message::default()
                    .bytes(2, &Message::default().varint(2, now_ms().cast_unsigned()).0);
                let series = [Message::default().bytes(1, &[1, 2]).0, sample.0].concat();
                [
                    texts.0,
                    Message::default().bytes(5, &series).0.repeat(100_000),
                ]
                .concat()
            },
        ),
        v2(
            "help of 30 MiB that all families share",
            Refused(413),
            || {
                let names = (0..1000).map(|n| format!("hostile_{n}").into_bytes());
                let mut texts = vec![Vec::new(), b"__name__".to_vec(), vec![b'x'; 30 * MIB]];
                texts.extend(names);
                let texts = texts
                    .iter()
                    .fold(Message::default(), |m, text| m.bytes(4, text));
                let series = (3..1003_u64).flat_map(|name| {
                    let refs = [vec![1], uvarint(name)].concat();
                    let metadata = Message::default().varint(1, 1).varint(3, 2);
                    let series = Message::default().bytes(1, &refs).bytes(5, &metadata.0);
                    Message::default().bytes(5, &series.0).0
                });
                [texts.0, series.collect()].concat()
            },
        )
        .heavy(),
        v2("16,000 labels with the same 60 KB", Refused(400), || {
            Message::default()
                .bytes(5, &Message::default().bytes(1, &many_labels(0)).0)
                .0
                .repeat(100)
                .into_iter()
                .chain(texts_of_many_labels())
                .collect()
        })
        .heavy(),
        v2(
            "exemplars with 16,000 labels of the same 60 KB",
            Either,
            || {
                let exemplar = Message::default().bytes(1, &many_labels(1)).double(2, 1.0);
                let exemplars = Message::default().bytes(4, &exemplar.0).0.repeat(100);
                let series = [Message::default().bytes(1, &[1, 2]).0, exemplars].concat();
                [
                    texts_of_many_labels(),
                    Message::default().bytes(5, &series).0,
                ]
                .concat()
            },
        )
        .heavy(),
        v2("metadata that refers to nothing", Either, move || {
            let metadata = Message::default()
                .varint(1, u64::MAX)
                .varint(3, u64::MAX)
                .varint(4, 7);
            with(
                vec![1, 2],
                [sample(), Message::default().bytes(5, &metadata.0).0].concat(),
            )
        }),
        Case::new("write: unknown message", Refused(415), || {
            let headers = [(
                "content-type",
                "application/x-protobuf;proto=io.prometheus.write.v3.Request",
            )];
            http("POST /api/v1/write", &headers, &[])
        }),
        Case::new("write: text", Refused(415), || {
            http(
                "POST /api/v1/write",
                &[("content-type", "text/plain")],
                b"up 1",
            )
        }),
        Case::new("write: encoding that is not snappy", Refused(415), || {
            http("POST /api/v1/write", &[("content-encoding", "br")], &[])
        }),
        Case::new("write: GET", Refused(405), || {
            http("GET /api/v1/write", &[], &[])
        }),
    ]
}
