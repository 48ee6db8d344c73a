//! Requests that can be read in two ways, and heads that are too large.

use super::start;

/// A request that would answer 200, to be smuggled.
const HIDDEN: &str = "GET /-/healthy HTTP/1.1\r\nhost: a\r\n\r\n";

#[test]
fn what_can_be_read_in_two_ways_is_refused_and_the_connection_closed() {
    let server = start(&[]);
    for head in [
        "content-length: 0\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 0",
        "content-length: 0\r\ncontent-length: 0",
        "content-length: 0\r\ncontent-length: 43",
        "content-length: 0, 0",
        "content-length: +0",
        "content-length: -1",
        "content-length: 0x0",
        "content-length: 99999999999999999999",
        "content-length : 0",
        "content-length:\r\n 0",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: identity, chunked",
        "transfer-encoding: xchunked",
        "transfer-encoding:\x0bchunked",
        "transfer-encoding : chunked",
        "x: y\ncontent-length: 0",
        "x: y\rcontent-length: 0",
        "x: y\0z",
        "x: y\r\n folded: z",
        "host: b",
        "no colon",
        ": no name",
        "na me: x",
    ] {
        let request = format!("POST /api/v1/query HTTP/1.1\r\nhost: a\r\n{head}\r\n\r\n{HIDDEN}");
        let answer = server.exchange(request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{head:?}: {answer}");
    }
    for start_line in [
        "GET /-/healthy HTTP/1.1\nhost: a",
        "GET /-/healthy HTTP/1.2x\r\nhost: a",
        "GET /-/healthy\r\nhost: a",
        "GET /a b HTTP/1.1\r\nhost: a",
        "GE T / HTTP/1.1\r\nhost: a",
        " GET / HTTP/1.1\r\nhost: a",
        "GET /\0 HTTP/1.1\r\nhost: a",
    ] {
        let answer = server.exchange(format!("{start_line}\r\n\r\n{HIDDEN}").as_bytes());
        assert!(
            answer.starts_with("HTTP/1.1 400 "),
            "{start_line:?}: {answer}"
        );
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{start_line:?}");
    }
}

#[test]
fn a_chunk_that_can_be_read_in_two_ways_ends_the_connection() {
    let server = start(&[]);
    for body in [
        "0\n\n",
        "0\r\n\n",
        "-1\r\n\r\n",
        "0x0\r\n\r\n",
        "\r\n\r\n",
        "1\r\nab\r\n0\r\n\r\n",
        "1 \r\na\r\n0\r\n\r\n",
        "g\r\n\r\n",
        "fffffffffffffffff\r\n\r\n",
        "ffffffffffffffff\r\n\r\n0\r\n\r\n",
    ] {
        let request = format!(
            "POST /api/v1/write HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{body}{HIDDEN}"
        );
        let mut stream = server.connect();
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = super::read_all(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 4"), "{body:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{body:?}: {answer}");
    }
}

#[test]
fn requests_one_after_the_other_get_their_answers_in_order() {
    let server = start(&[]);
    let form = "POST /api/v1/query HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\
        content-type: application/x-www-form-urlencoded\r\n\r\n7\r\nquery=1\r\n0\r\n\r\n";
    let refused = "GET / HTTP/1.1\nhost: a\r\n\r\n";
    let answer = server.exchange(format!("{HIDDEN}{form}{HIDDEN}{refused}{HIDDEN}").as_bytes());
    let statuses: Vec<&str> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at + 9..at + 12])
        .collect();
    assert_eq!(statuses, ["200", "200", "200", "400"], "{answer}");
}

#[test]
fn heads_beyond_a_flag_are_refused_by_its_name_and_far_beyond_it_without() {
    let server = start(&[
        "--web.max-uri-bytes=1000",
        "--web.max-header-bytes=2000",
        "--web.max-headers=20",
    ]);
    let get = |target: &str, headers: &str| {
        let head =
            format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n");
        server.exchange(head.as_bytes())
    };
    let long = |n: usize| format!("/-/healthy?x={}", "1".repeat(n - 13));
    let wide = |n: usize| format!("x: {}\r\n", "y".repeat(n));
    for (target, headers, status, flag) in [
        (long(1000), String::new(), "200", ""),
        (long(1001), String::new(), "414", "--web.max-uri-bytes"),
        (long(70_000), String::new(), "431", ""),
        ("/-/healthy".into(), wide(1900), "200", ""),
        (
            "/-/healthy".into(),
            wide(2001),
            "431",
            "--web.max-header-bytes",
        ),
        ("/-/healthy".into(), wide(1_000_000), "431", ""),
        ("/-/healthy".into(), wide(1).repeat(18), "200", ""),
        (
            "/-/healthy".into(),
            wide(1).repeat(19),
            "431",
            "--web.max-headers",
        ),
        ("/-/healthy".into(), wide(1).repeat(200), "431", ""),
    ] {
        let answer = get(&target, &headers);
        let said = format!("{status}: {:.300}", answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
        assert!(answer.contains(flag), "{said}");
    }
    server.assert_serves();
}

#[test]
fn wrong_methods_name_the_right_ones() {
    let server = start(&[]);
    for (request, allow) in [
        ("GET /api/v1/write", "POST"),
        ("GET /api/v1/admin/tsdb/snapshot", "POST,PUT"),
        ("GET /-/reload", "POST,PUT"),
        ("DELETE /api/v1/query", "GET,HEAD,POST"),
        ("TRACE /metrics", "GET,HEAD"),
    ] {
        let answer = server.exchange(
            format!("{request} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").as_bytes(),
        );
        assert!(answer.starts_with("HTTP/1.1 405 "), "{request}: {answer}");
        assert!(
            answer.contains(&format!("allow: {allow}\r\n")),
            "{request}: {answer}"
        );
    }
}
