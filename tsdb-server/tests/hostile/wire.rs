//! Requests that are hardly HTTP: chunks, lengths and parameters that are wrong. Heads, paths and slow clients have their tests
//! beside the serving loop.

use super::case::Case;
use super::case::Right::{Closed, Either, Refused};
use super::case::http;

fn raw(name: &str, right: super::case::Right, bytes: &'static [u8]) -> Case {
    Case::new(format!("HTTP: {name}"), right, move || bytes.to_vec())
}

pub(crate) fn cases() -> Vec<Case> {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    vec![
        raw("a chunk whose length is no number", Closed, b"POST /api/v1/write HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"),
        raw("a chunk of 2^64", Closed, b"POST /api/v1/write HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n10000000000000000\r\nabc"),
        raw("a chunk that is shorter than it says", Closed, b"POST /api/v1/write HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nff\r\nabc\r\n0\r\n\r\n"),
        raw("chunks that do not end", Closed, b"POST /api/v1/import HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        raw("a body that is shorter than it says", Closed, b"POST /api/v1/write HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nabc"),
        raw("a length of 2^63", Closed, b"POST /api/v1/write HTTP/1.1\r\nhost: a\r\ncontent-length: 9223372036854775808\r\n\r\nabc"),
        raw("a length of 10^12", Refused(413), b"POST /api/v1/write HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 1000000000000\r\n\r\nabc"),
        raw("a form of 10^12", Refused(413), b"POST /api/v1/query HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 1000000000000\r\n\r\nabc"),
        raw("a length below zero", Closed, b"POST /api/v1/write HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\nabc"),
        raw("no HTTP", Closed, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        Case::new("parameters: a million", Refused(400), move || http("POST /api/v1/query", &form, &b"a&".repeat(1_000_000))),
        Case::new("parameters: five million, 10 MB", Refused(400), move || http("POST /api/v1/query", &form, &b"a&".repeat(5_000_000))),
        Case::new("parameters: a form beyond the limit", Refused(413), move || http("POST /api/v1/query", &form, &vec![b'a'; 11 << 20])),
        Case::new("parameters: query a thousand times", Either, move || http("POST /api/v1/query", &form, &b"query=1&".repeat(1_000))),
        Case::new("parameters: percent signs", Either, move || http("POST /api/v1/query", &form, &b"%".repeat(9 << 20))),
        Case::new("parameters: not UTF-8", Refused(400), move || http("POST /api/v1/query", &form, b"query=%ff%fe%00")),
    ]
}
