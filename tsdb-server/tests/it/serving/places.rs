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

/// The program under a limit of open files; it need not be ready.
fn start_with_files(limit: usize) -> Started {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")])
        .arg(Process::path())
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir.path());
    let process = Process::of(Program::start(command));
    Started { process, _dir: dir }
}

fn says(server: &Started, path: &str) -> Option<()> {
    let answer = http::request(&server.process.address, path, &[], &[]);
    answer.is_ok_and(|a| a.status == 200).then_some(())
}

#[test]
fn a_flood_while_the_store_is_opened_leaves_it_its_file_handles() {
    let server = start_with_files(96);
    let many: Vec<TcpStream> = (0..300).map(|_| server.connect()).collect();
    until("the store is open", || says(&server, "GET /-/ready"));
    assert!(server.metric("tsdb_http_connections ") <= 48.0);
    let begun = b"POST /api/v1/write HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n";
    for mut stream in many {
        let _ = stream.write_all(begun); // most are closed
    }
    until("all are served", || says(&server, "GET /-/healthy"));
}

#[test]
fn the_limit_of_open_files_is_raised() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -S -n 64; exec \"$0\" \"$@\""])
        .arg(Process::path())
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir.path());
    let process = Process::of(Program::start(command));
    let limits = format!("/proc/{}/limits", process.program.id());
    let limits = std::fs::read_to_string(limits).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let words: Vec<&str> = files.unwrap().split_whitespace().collect();
    assert_eq!(words[3], words[4], "{words:?}");
    assert_ne!(words[3], "64");
}

#[test]
fn without_file_handles_the_loop_goes_on() {
    let server = start_with_files(512);
    until("the store is open", || says(&server, "GET /-/ready"));
    // Below what is open and what connections may have.
    let lowered = Command::new("prlimit")
        .args([
            "--nofile=40:40",
            "--pid",
            &server.process.program.id().to_string(),
        ])
        .status();
    assert!(lowered.unwrap().success());
    let many: Vec<TcpStream> = (0..100).map(|_| server.connect()).collect();
    let healthy = || says(&server, "GET /-/healthy");
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
