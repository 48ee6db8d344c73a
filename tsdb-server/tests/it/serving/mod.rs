//! Connections: what one client does slowly or wrongly, and what the others notice of it.

mod http2;
mod places;
mod requests;
mod slow;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::common::http;
use crate::common::process::Process;

/// A server with these flags, in a directory that is removed with it.
struct Started {
    process: Process,
    _dir: tempfile::TempDir,
}

fn start(flags: &[&str]) -> Started {
    let dir = tempfile::tempdir().unwrap();
    let process = Process::start_at("127.0.0.1:0", dir.path(), flags);
    Started { process, _dir: dir }
}

impl Started {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.process.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    /// Sends bytes and reads until the server closes.
    fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        read_all(&mut stream)
    }

    /// Another client is served, and soon, also where the machine is busy otherwise.
    fn assert_serves(&self) {
        let begun = Instant::now();
        let target = "GET /api/v1/query?query=1";
        let answer = http::request(&self.process.address, target, &[], &[]).unwrap();
        assert_eq!(answer.status, 200);
        assert!(begun.elapsed() < Duration::from_secs(10), "{begun:?}");
    }

    /// The value of a metric of the server.
    fn metric(&self, name: &str) -> f64 {
        let (_, page) = self.process.request("GET /metrics", &[]);
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no {name} in {page}"));
        value.trim().parse().unwrap()
    }

    fn closed(&self, reason: &str) -> f64 {
        self.metric(&format!(
            "tsdb_http_connections_closed_total{{reason=\"{reason}\"}}"
        ))
    }
}

/// What comes until the end, which may be a reset.
fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut piece) {
        answer.extend_from_slice(&piece[..n]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}
