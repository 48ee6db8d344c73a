//! HTTP/2, with and without TLS, frame by frame where a proper client would not do such things.
#![expect(clippy::big_endian_bytes, reason = "frames of HTTP/2 are")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{Started, start};
use crate::common::https::Client;
use crate::common::process::until;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `GET /-/healthy`, and the same for `/metrics`: indexed fields of the static table, and a path.
fn get(path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x04, path.len() as u8];
    block.extend_from_slice(path.as_bytes());
    block.extend_from_slice(&[0x41, 1, b'a']);
    block
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// A connection after its preface with these settings.
fn connect(server: &Started, settings: &[u8]) -> TcpStream {
    let mut stream = server.connect();
    begin(&mut stream, settings);
    stream
}

fn begin(stream: &mut impl Write, settings: &[u8]) {
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, settings)).unwrap();
}

/// The next frame: kind, flags, stream and payload; none at the end.
fn read_frame(stream: &mut impl Read) -> Option<(u8, u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).ok()?;
    let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let number = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    let mut payload = vec![0; len as usize];
    stream.read_exact(&mut payload).ok()?;
    Some((head[3], head[4], number, payload))
}

/// Whether the server ends the connection, and whether it says so.
fn ends(stream: &mut impl Read) -> bool {
    let mut said = false;
    while let Some((kind, ..)) = read_frame(stream) {
        said |= kind == GOAWAY;
    }
    said
}

#[test]
fn a_client_that_knows_it_beforehand_is_served() {
    let server = start(&[]);
    let mut stream = connect(&server, &[]);
    for number in [1, 3, 5] {
        let headers = get("/-/healthy");
        let flags = END_STREAM | END_HEADERS;
        stream
            .write_all(&frame(HEADERS, flags, number, &headers))
            .unwrap();
        let body = loop {
            let (kind, _, of, payload) = read_frame(&mut stream).unwrap();
            if kind == 0 && of == number && !payload.is_empty() {
                break payload;
            }
        };
        assert_eq!(body, b"Prometheus Server is Healthy.\n");
    }
}

/// Requests that are taken back at once.
fn resets(count: u32) -> Vec<u8> {
    let mut flood = Vec::new();
    for number in 0..count {
        let stream = 2 * number + 1;
        let flags = END_STREAM | END_HEADERS;
        flood.extend_from_slice(&frame(HEADERS, flags, stream, &get("/metrics")));
        flood.extend_from_slice(&frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    flood
}

/// Sends headers of 16 KiB each, not indexed, on and on; how many bytes the server took.
fn endless_headers(stream: &mut impl Write) -> usize {
    stream
        .write_all(&frame(HEADERS, END_STREAM, 1, &get("/metrics")))
        .unwrap();
    let mut field = vec![0x00, 0x01, b'x', 0x7f, 0xe1, 0x7e];
    field.extend(std::iter::repeat_n(b'y', 127 + 0x61 + (0x7e << 7)));
    field.truncate(16_000);
    let begun = Instant::now();
    let mut sent = 0;
    while begun.elapsed() < Duration::from_secs(10) && sent < 64 << 20 {
        match stream.write_all(&frame(CONTINUATION, 0, 1, &field)) {
            Ok(()) => sent += field.len(),
            Err(_) => break,
        }
    }
    sent
}

#[test]
fn many_resets_end_the_connection() {
    let server = start(&[]);
    let mut stream = connect(&server, &[]);
    let flood = resets(10_000);
    let mut writer = stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || drop(writer.write_all(&flood)));
    assert!(ends(&mut stream), "without a word");
    writing.join().unwrap();
    server.assert_serves();
}

#[test]
fn headers_that_never_end_end_the_connection() {
    let server = start(&[]);
    let sent = endless_headers(&mut connect(&server, &[]));
    assert!(sent < 16 << 20, "{sent} bytes of headers were taken");
    server.assert_serves();
}

#[test]
fn the_same_bounds_hold_over_tls() {
    let secured = crate::tls::start("", &[]);
    let client = Client {
        protocols: &[b"h2"],
        ..Client::default()
    };
    let address = &secured.process.address;
    let connect = || {
        let mut stream = client.connect_blocking(address).unwrap();
        begin(&mut stream, &[]);
        stream
    };
    let is_served = || {
        let mut stream = connect();
        let flags = END_STREAM | END_HEADERS;
        let headers = frame(HEADERS, flags, 1, &get("/-/healthy"));
        stream.write_all(&headers).unwrap();
        loop {
            let (kind, _, of, payload) = read_frame(&mut stream).unwrap();
            if kind == 0 && of == 1 && !payload.is_empty() {
                return payload == b"Prometheus Server is Healthy.\n";
            }
        }
    };
    assert!(is_served());
    let mut stream = connect();
    // No more than the buffers hold: one thread has both directions.
    stream.write_all(&resets(100)).unwrap();
    assert!(ends(&mut stream), "without a word");
    let sent = endless_headers(&mut connect());
    assert!(sent < 16 << 20, "{sent} bytes of headers were taken");
    assert!(is_served());
}

#[test]
fn streams_beyond_the_bound_are_refused() {
    let server = start(&["--web.http2.max-streams=5"]);
    let mut stream = connect(&server, &[]);
    // Bodies that do not end keep the streams open.
    for number in 0..10 {
        let mut headers = vec![0x83, 0x86, 0x04, 13];
        headers.extend_from_slice(b"/api/v1/write");
        headers.extend_from_slice(&[0x41, 1, b'a']);
        let headers = frame(HEADERS, END_HEADERS, 2 * number + 1, &headers);
        stream.write_all(&headers).unwrap();
    }
    let mut refused = Vec::new();
    while refused.len() < 5 {
        let (kind, _, number, payload) = read_frame(&mut stream).unwrap();
        if kind == RST_STREAM {
            assert_eq!(payload, 7_u32.to_be_bytes(), "REFUSED_STREAM");
            refused.push(number);
        }
    }
    assert_eq!(refused, [11, 13, 15, 17, 19]);
}

#[test]
fn a_client_that_opens_no_window_is_closed() {
    let server = start(&["--web.write-timeout=400ms", "--web.idle-timeout=1s"]);
    // SETTINGS_INITIAL_WINDOW_SIZE of 0: no body may be sent.
    let mut stream = connect(&server, &[0, 4, 0, 0, 0, 0]);
    for number in [1, 3] {
        let flags = END_STREAM | END_HEADERS;
        stream
            .write_all(&frame(HEADERS, flags, number, &get("/metrics")))
            .unwrap();
    }
    let begun = Instant::now();
    ends(&mut stream);
    assert!(begun.elapsed() < Duration::from_secs(10), "{begun:?}");
    until("it is counted", || {
        (server.closed("stalled") + server.closed("idle") >= 1.0).then_some(())
    });
}
