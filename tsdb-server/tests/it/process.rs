//! The program itself: flags, signals, a crash.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::compress;
use crate::wire::{encode, owned};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tsdb-server");

/// A running server; killed when dropped.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(dir)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_once("msg=listening address=")
                    .map(|(_, a)| a.to_owned())
            })
            .unwrap();
        std::thread::spawn(move || lines.for_each(drop)); // a full pipe would stop the server
        let process = Self { child, address };
        let begun = Instant::now();
        while process.request("GET /-/ready", &[]).0 != 200 {
            assert!(begun.elapsed() < Duration::from_secs(20), "not ready");
            std::thread::sleep(Duration::from_millis(20));
        }
        process
    }

    /// Status and body.
    fn request(&self, line: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &id])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "until the store is here"]
fn acknowledged_samples_outlive_a_kill_and_a_shutdown() {
    let dir = tempfile::tempdir().unwrap();
    let ask =
        |process: &Process| process.request("GET /api/v1/query?query=up&time=1700000000", &[]);

    let process = Process::start(dir.path());
    let body = compress(&encode(
        &[(owned(&[("__name__", "up")]), vec![(1_700_000_000_000, 7.0)])],
        &[],
    ));
    assert_eq!(process.request("POST /api/v1/write", &body).0, 204);
    let before = ask(&process);
    assert!(before.1.contains("[1700000000,\"7\"]"), "{before:?}");
    drop(process); // SIGKILL

    let mut process = Process::start(dir.path());
    assert_eq!(ask(&process), before);
    process.signal("HUP");
    assert_eq!(ask(&process), before);
    process.signal("TERM");
    assert_eq!(process.child.wait().unwrap().code(), Some(0));

    let process = Process::start(dir.path());
    assert_eq!(ask(&process), before);
}

#[test]
fn exit_codes_tell_flags_from_failures() {
    let code = |args: &[&str]| {
        Command::new(PROGRAM)
            .args(args)
            .output()
            .unwrap()
            .status
            .code()
    };
    assert_eq!(code(&["--help"]), Some(0));
    assert_eq!(code(&["--no-such-flag"]), Some(2));
    assert_eq!(code(&["--storage.tsdb.min-block-duration=1s"]), Some(2));
    assert_eq!(
        code(&["--listen=127.0.0.1:0", "--data-dir=/proc/nowhere"]),
        Some(1)
    );
}
