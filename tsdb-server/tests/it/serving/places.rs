//! The bound of connections, and file handles.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;

use super::{Started, read_all, start};
use crate::common::http;
use crate::common::process::{Process, Program, until};

#[test]
fn a_thousand_idle_connections_do_not_keep_others_out() {
    let server = start(&[]);
    let idle: Vec<TcpStream> = (0..1000).map(|_| server.connect()).collect();
    for _ in 0..20 {
        server.assert_serves();
    }
    assert!(server.metric("tsdb_http_connections ") <= 512.0);
    assert!(server.closed("evicted") >= 488.0);
    drop(idle);
}

/// A write whose body does not end.
fn busy(server: &Started) -> TcpStream {
    let mut stream = server.connect();
    let head = "POST /api/v1/write HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[test]
fn a_connection_that_finds_all_at_work_is_told_to_come_again() {
    let server = start(&["--web.max-connections=4"]);
    let mut at_work = Vec::new();
    let refused = until("all places are taken", || {
        // One that did not come so far as to work may have lost its place.
        at_work.push(busy(&server));
        let answer =
            server.exchange(b"GET /-/healthy HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        answer.starts_with("HTTP/1.1 503 ").then_some(answer)
    });
    assert!(refused.contains("retry-after: 5\r\n"), "{refused}");
    assert!(refused.contains("--web.max-connections"), "{refused}");
    drop(at_work);
    until("they are served again", || {
        let answer = http::request(&server.process.address, "GET /-/healthy", &[], &[]);
        answer.is_ok_and(|a| a.status == 200).then_some(())
    });
    assert!(server.closed("no_place") >= 1.0);
}

#[test]
fn without_file_handles_the_loop_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 48; exec \"$0\" \"$@\""])
        .arg(Process::path())
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir.path());
    let process = Process::of(Program::start(command));
    let server = Started { process, _dir: dir };
    let says = |path| {
        let answer = http::request(&server.process.address, path, &[], &[]);
        answer.is_ok_and(|a| a.status == 200).then_some(())
    };
    // A store that finds no handles while it is opened ends the server.
    until("the store is open", || says("GET /-/ready"));
    let many: Vec<TcpStream> = (0..100).map(|_| server.connect()).collect();
    let healthy = || says("GET /-/healthy");
    until("an idle one gave way", healthy);
    drop(many);
    until("all are served", || {
        healthy().and_then(|()| (server.closed("accept_failed") >= 1.0).then_some(()))
    });
}

#[test]
fn a_shutdown_ends_idle_connections_and_lets_requests_end() {
    let mut server = start(&[]);
    let mut idle = server.connect();
    let mut under_way = busy(&server);
    server.assert_serves(); // both are accepted
    server.process.program.signal("TERM");
    assert_eq!(read_all(&mut idle), "");
    under_way.write_all(b"0123456789").unwrap();
    let answer = read_all(&mut under_way);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}"); // it is no snappy
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(server.process.program.wait(), Some(0));
}
