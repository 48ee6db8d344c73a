//! Clients that send or read slowly.

use std::io::Write;
use std::time::{Duration, Instant};

use super::{read_all, start};
use crate::common::process::until;

#[test]
fn a_slow_head_is_closed_and_others_are_served_meanwhile() {
    let server = start(&["--web.header-timeout=300ms"]);
    let mut slow: Vec<_> = (0..50).map(|_| server.connect()).collect();
    let begun = Instant::now();
    // A byte at a time does not help.
    for byte in b"GET / HTTP/1.1\r\nx: yyyyyyyyyyyyyyyyyyyyy" {
        for stream in &mut slow {
            let _ = stream.write_all(&[*byte]); // it may be closed already
        }
        std::thread::sleep(Duration::from_millis(20));
        server.assert_serves();
    }
    for stream in &mut slow {
        assert_eq!(read_all(stream), "");
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(server.closed("slow_head"), 50.0);
}

#[test]
fn an_idle_connection_is_closed_after_its_time() {
    let server = start(&["--web.idle-timeout=300ms"]);
    let mut fresh = server.connect();
    let mut used = server.connect();
    used.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    assert_eq!(read_all(&mut fresh), "");
    let answer = read_all(&mut used);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(server.closed("idle"), 2.0);
}

#[test]
fn a_body_that_stops_or_drips_is_a_timeout() {
    let server = start(&["--web.body-timeout=300ms"]);
    for target in [
        "POST /api/v1/write",
        "POST /api/v1/import/prometheus",
        "POST /write?db=a",
        "POST /v1/metrics",
        "POST /datadog/api/v1/series",
    ] {
        let mut stopped = server.connect();
        let head = format!(
            "{target} HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-protobuf\r\ncontent-length: 100\r\n\r\nabc"
        );
        stopped.write_all(head.as_bytes()).unwrap();
        let answer = read_all(&mut stopped);
        assert!(answer.starts_with("HTTP/1.1 408 "), "{target}: {answer}");
        assert!(answer.contains("--web.body-timeout"), "{target}: {answer}");
    }
    let form = "POST /api/v1/query HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\
        content-type: application/x-www-form-urlencoded\r\n\r\nquery";
    let answer = server.exchange(form.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");

    let mut dripping = server.connect();
    let head = "POST /api/v1/write HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    dripping.write_all(head.as_bytes()).unwrap();
    let begun = Instant::now();
    while dripping.write_all(b"1\r\na\r\n").is_ok() && begun.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "it may drip for ever"
    );
    server.assert_serves();
}

#[test]
fn a_body_that_comes_steadily_may_take_longer_than_the_timeout() {
    let server = start(&["--web.body-timeout=300ms"]);
    let mut stream = server.connect();
    let line = format!("a{{b=\"{}\"}} 1 1700000000000\n", "x".repeat(1000));
    let head = format!(
        "POST /api/v1/import/prometheus HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        8 * line.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..8 {
        stream.write_all(line.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    let answer = read_all(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
}

#[test]
fn an_import_that_goes_on_and_on_ends_and_keeps_what_came() {
    let server = start(&["--web.import-timeout=500ms"]);
    let mut stream = server.connect();
    let head =
        "POST /api/v1/import/prometheus HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let begun = Instant::now();
    let line = "b 1 1700000000000\n";
    while begun.elapsed() < Duration::from_secs(10) {
        let chunk = format!("{:x}\r\n{line}\r\n", line.len());
        if stream.write_all(chunk.as_bytes()).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let answer = read_all(&mut stream);
    assert!(begun.elapsed() < Duration::from_secs(9), "{answer}");
    // Whether the answer arrives is up to the network: the client goes on writing.
    if !answer.is_empty() {
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("--web.import-timeout"), "{answer}");
    }
    let found = "GET /api/v1/query?query=count_over_time(b[1m])&time=1700000000";
    until("what came is there", || {
        let (_, body) = server.process.request(found, &[]);
        body.contains("\"1\"]").then_some(())
    });
}

#[test]
fn a_client_that_does_not_read_is_closed_and_others_are_served_meanwhile() {
    let server = start(&["--web.write-timeout=500ms"]);
    let mut readers: Vec<_> = (0..5).map(|_| server.connect()).collect();
    for stream in &mut readers {
        stream
            .set_write_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        // Far more answers than the buffers of the system hold.
        let requests = b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n".repeat(2000);
        let _ = stream.write_all(&requests); // nobody takes all of it
    }
    server.assert_serves();
    until("all are closed", || {
        server.assert_serves();
        (server.closed("stalled") >= 5.0).then_some(())
    });
}
