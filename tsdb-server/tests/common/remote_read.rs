//! Remote read as its clients speak it, kept apart from the server's code.

use super::protobuf::{fields, uvarint};
use super::wire::Message;

/// Types of matchers.
pub(crate) const EQUAL: u64 = 0;
pub(crate) const REGEX: u64 = 2;

/// Forms of an answer.
pub(crate) const SAMPLES: u64 = 0;
pub(crate) const STREAMED_XOR_CHUNKS: u64 = 1;

/// The encoding of chunks of floats; those of histograms follow.
pub(crate) const XOR: u64 = 1;

pub(crate) const HEADERS: [(&str, &str); 3] = [
    ("content-type", "application/x-protobuf"),
    ("content-encoding", "snappy"),
    ("x-prometheus-remote-read-version", "0.1.0"),
];

/// A query of a request.
pub(crate) struct Query(Message);

impl Query {
    pub(crate) fn new(start_ms: i64, end_ms: i64) -> Self {
        let query = Message::default().varint(1, start_ms.cast_unsigned());
        Self(query.varint(2, end_ms.cast_unsigned()))
    }

    pub(crate) fn matching(self, op: u64, name: &str, value: &str) -> Self {
        let matcher = Message::default().varint(1, op);
        let matcher = matcher.bytes(2, name.as_bytes()).bytes(3, value.as_bytes());
        Self(self.0.bytes(3, &matcher.0))
    }

    /// For this function over these times.
    pub(crate) fn hint(self, func: &str, start_ms: i64, end_ms: i64) -> Self {
        let hints = Message::default().bytes(2, func.as_bytes());
        let hints = hints.varint(3, start_ms.cast_unsigned());
        Self(self.0.bytes(4, &hints.varint(4, end_ms.cast_unsigned()).0))
    }
}

/// A `ReadRequest`.
pub(crate) fn request(queries: &[Query], accepted: &[u64]) -> Vec<u8> {
    let mut request = Message::default();
    for query in queries {
        request = request.bytes(1, &query.0.0);
    }
    for form in accepted {
        request = request.varint(2, *form);
    }
    request.0
}

/// A chunk of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
    pub(crate) encoding: u64,
    pub(crate) data: Vec<u8>,
}

/// What one frame has of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChunkedSeries {
    pub(crate) query: u64,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) chunks: Vec<Chunk>,
}

/// The series of a stream of frames.
pub(crate) fn chunked_series(mut stream: &[u8]) -> Vec<ChunkedSeries> {
    let mut found = Vec::new();
    while !stream.is_empty() {
        let message = fields(frame(&mut stream));
        let query = message.iter().find(|(number, _)| *number == 2);
        let query = query.map_or(0, |(_, index)| index.number());
        for (_, series) in message.iter().filter(|(number, _)| *number == 1) {
            found.push(one_series(query, series.bytes()));
        }
    }
    found
}

/// Takes a frame off the front: length, CRC-32C, message.
fn frame<'a>(stream: &mut &'a [u8]) -> &'a [u8] {
    let len = uvarint(stream) as usize;
    let (checksum, rest) = stream.split_first_chunk::<4>().unwrap();
    let (message, rest) = rest.split_at(len);
    *stream = rest;
    let big_endian = |sum, byte: &u8| sum << 8 | u32::from(*byte);
    let expected = checksum.iter().fold(0, big_endian);
    assert_eq!(crc32c(message), expected, "checksum of a frame");
    message
}

/// Castagnoli's polynomial, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

fn one_series(query: u64, message: &[u8]) -> ChunkedSeries {
    let (mut labels, mut chunks) = (Vec::new(), Vec::new());
    for (number, field) in fields(message) {
        match number {
            1 => labels.push(label(field.bytes())),
            2 => chunks.push(chunk(field.bytes())),
            _ => {}
        }
    }
    ChunkedSeries {
        query,
        labels,
        chunks,
    }
}

pub(crate) fn label(message: &[u8]) -> (String, String) {
    match fields(message).as_slice() {
        [(1, name), (2, value)] => (name.text().to_owned(), value.text().to_owned()),
        other => panic!("not a label: {other:?}"),
    }
}

fn chunk(message: &[u8]) -> Chunk {
    let (mut min_ms, mut max_ms, mut encoding, mut data) = (0, 0, 0, Vec::new());
    for (number, field) in fields(message) {
        match number {
            1 => min_ms = field.number().cast_signed(),
            2 => max_ms = field.number().cast_signed(),
            3 => encoding = field.number(),
            4 => data = field.bytes().to_vec(),
            _ => {}
        }
    }
    Chunk {
        min_ms,
        max_ms,
        encoding,
        data,
    }
}
