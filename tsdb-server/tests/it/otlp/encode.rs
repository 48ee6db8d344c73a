//! Requests in protobuf from the same in JSON, by a table of the fields.

use serde_json::Value;

use crate::common::wire::Message;

/// What a key of the JSON encoding is in protobuf.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Zigzag,
    Fixed,
    Double,
    Hex,
    Message(&'static [Field]),
    /// An attribute, whose value may have attributes again.
    Pair,
    Value,
}

type Field = (&'static str, u32, Kind);

use Kind::{Double, Fixed, Hex, Message as Nested, Number, Pair, Text, Zigzag};

const VALUE: &[Field] = &[
    ("stringValue", 1, Text),
    ("boolValue", 2, Number),
    ("intValue", 3, Number),
    ("doubleValue", 4, Double),
    ("arrayValue", 5, Nested(&[("values", 1, Kind::Value)])),
    ("kvlistValue", 6, Nested(&[("values", 1, Pair)])),
];
const PAIR: &[Field] = &[("key", 1, Text), ("value", 2, Kind::Value)];
const EXEMPLAR: &[Field] = &[
    ("timeUnixNano", 2, Fixed),
    ("asDouble", 3, Double),
    ("spanId", 4, Hex),
    ("traceId", 5, Hex),
    ("asInt", 6, Fixed),
    ("filteredAttributes", 7, Pair),
];
const NUMBER: &[Field] = &[
    ("startTimeUnixNano", 2, Fixed),
    ("timeUnixNano", 3, Fixed),
    ("asDouble", 4, Double),
    ("exemplars", 5, Nested(EXEMPLAR)),
    ("asInt", 6, Fixed),
    ("attributes", 7, Pair),
    ("flags", 8, Number),
];
const HISTOGRAM: &[Field] = &[
    ("startTimeUnixNano", 2, Fixed),
    ("timeUnixNano", 3, Fixed),
    ("count", 4, Fixed),
    ("sum", 5, Double),
    ("bucketCounts", 6, Fixed),
    ("explicitBounds", 7, Double),
    ("exemplars", 8, Nested(EXEMPLAR)),
    ("attributes", 9, Pair),
    ("flags", 10, Number),
];
const BUCKETS: &[Field] = &[("offset", 1, Zigzag), ("bucketCounts", 2, Number)];
const EXPONENTIAL: &[Field] = &[
    ("attributes", 1, Pair),
    ("startTimeUnixNano", 2, Fixed),
    ("timeUnixNano", 3, Fixed),
    ("count", 4, Fixed),
    ("sum", 5, Double),
    ("scale", 6, Zigzag),
    ("zeroCount", 7, Fixed),
    ("positive", 8, Nested(BUCKETS)),
    ("negative", 9, Nested(BUCKETS)),
    ("flags", 10, Number),
    ("exemplars", 11, Nested(EXEMPLAR)),
    ("zeroThreshold", 14, Double),
];
const SUMMARY: &[Field] = &[
    ("startTimeUnixNano", 2, Fixed),
    ("timeUnixNano", 3, Fixed),
    ("count", 4, Fixed),
    ("sum", 5, Double),
    (
        "quantileValues",
        6,
        Nested(&[("quantile", 1, Double), ("value", 2, Double)]),
    ),
    ("attributes", 7, Pair),
    ("flags", 8, Number),
];
const METRIC: &[Field] = &[
    ("name", 1, Text),
    ("description", 2, Text),
    ("unit", 3, Text),
    ("gauge", 5, Nested(&[("dataPoints", 1, Nested(NUMBER))])),
    (
        "sum",
        7,
        Nested(&[
            ("dataPoints", 1, Nested(NUMBER)),
            ("aggregationTemporality", 2, Number),
            ("isMonotonic", 3, Number),
        ]),
    ),
    (
        "histogram",
        9,
        Nested(&[
            ("dataPoints", 1, Nested(HISTOGRAM)),
            ("aggregationTemporality", 2, Number),
        ]),
    ),
    (
        "exponentialHistogram",
        10,
        Nested(&[
            ("dataPoints", 1, Nested(EXPONENTIAL)),
            ("aggregationTemporality", 2, Number),
        ]),
    ),
    ("summary", 11, Nested(&[("dataPoints", 1, Nested(SUMMARY))])),
];
const SCOPE: &[Field] = &[
    ("name", 1, Text),
    ("version", 2, Text),
    ("attributes", 3, Pair),
];
const REQUEST: &[Field] = &[(
    "resourceMetrics",
    1,
    Nested(&[
        ("resource", 1, Nested(&[("attributes", 1, Pair)])),
        (
            "scopeMetrics",
            2,
            Nested(&[
                // After the metrics, as nothing forbids.
                ("metrics", 2, Nested(METRIC)),
                ("scope", 1, Nested(SCOPE)),
                ("schemaUrl", 3, Text),
            ]),
        ),
    ]),
)];

/// The request in protobuf.
pub(super) fn request(json: &Value) -> Vec<u8> {
    message(json, REQUEST).0
}

fn message(json: &Value, fields: &[Field]) -> Message {
    let object = json.as_object().unwrap();
    for key in object.keys() {
        assert!(fields.iter().any(|(name, ..)| name == key), "{key}");
    }
    let present = fields
        .iter()
        .filter(|(name, ..)| object.contains_key(*name));
    present.fold(
        Message::default(),
        |out, &(name, number, kind)| match object[name].as_array() {
            Some(list) => list
                .iter()
                .fold(out, |out, one| field(out, number, kind, one)),
            None => field(out, number, kind, &object[name]),
        },
    )
}

fn field(out: Message, number: u32, kind: Kind, json: &Value) -> Message {
    match kind {
        Text => out.bytes(number, json.as_str().unwrap().as_bytes()),
        Number => out.varint(number, integer(json).cast_unsigned()),
        Zigzag => {
            let n = integer(json);
            out.varint(number, (n << 1 ^ n >> 63).cast_unsigned())
        }
        Fixed => out.fixed64(number, integer(json).cast_unsigned()),
        Double => out.double(number, json.as_f64().unwrap()),
        Hex => {
            let digits = json.as_str().unwrap().as_bytes();
            let byte =
                |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
            let bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
            out.bytes(number, &bytes)
        }
        Pair => out.bytes(number, &message(json, PAIR).0),
        Kind::Value => out.bytes(number, &message(json, VALUE).0),
        Nested(fields) => out.bytes(number, &message(json, fields).0),
    }
}

fn integer(json: &Value) -> i64 {
    match json {
        Value::Bool(truth) => i64::from(*truth),
        Value::String(text) => text.parse().unwrap(),
        json => json.as_i64().unwrap(),
    }
}
