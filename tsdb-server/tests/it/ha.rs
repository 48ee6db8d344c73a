//! Highly available pairs: two senders of the same series.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::common::process::{Process, free_address, until};
use crate::common::wire::{Message, encode, owned};
use crate::common::{compress, http};
use crate::support::Server;

const FLAGS: [&str; 2] = ["--ha.replica-label=__replica__", "--ha.failover-timeout=1s"];

fn now_ms() -> i64 {
    i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}

/// A replica that writes its own value until it is killed; it tries again while the server is away.
struct Sender {
    thread: Option<JoinHandle<u32>>,
    killed: std::sync::Arc<AtomicBool>,
}

impl Sender {
    fn start(address: &str, replica: &'static str, value: f64) -> Self {
        let killed = std::sync::Arc::<AtomicBool>::default();
        let (address, stop) = (address.to_owned(), std::sync::Arc::clone(&killed));
        let thread = std::thread::spawn(move || {
            let mut acknowledged = 0;
            while !stop.load(Ordering::Relaxed) {
                let labels = [
                    ("__name__", "up"),
                    ("__replica__", replica),
                    ("cluster", "eu"),
                ];
                let body = compress(&encode(&[(owned(&labels), vec![(now_ms(), value)])], &[]));
                if let Ok(answer) = http::request(&address, "POST /api/v1/write", &[], &body) {
                    let refused = answer.status != 204 && answer.status != 503;
                    assert!(!refused, "{}", answer.text());
                    acknowledged += u32::from(answer.status == 204);
                }
                sleep(Duration::from_millis(30));
            }
            acknowledged
        });
        let thread = Some(thread);
        Self { thread, killed }
    }

    /// How many of its samples were acknowledged.
    fn kill(mut self) -> u32 {
        self.killed.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

/// All values, in order of time.
fn values(process: &Process) -> Vec<String> {
    let target = format!(
        "GET /api/v1/query?query=up%5B1h%5D&time={}",
        now_ms() / 1000 + 1
    );
    let (status, answer) = process.request(&target, &[]);
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let result = answer["data"]["result"].as_array().unwrap();
    let [series] = result.as_slice() else {
        panic!("not one series: {answer}");
    };
    assert_eq!(series["metric"], json!({"__name__": "up", "cluster": "eu"}));
    let values = series["values"].as_array().unwrap().iter();
    values.map(|v| v[1].as_str().unwrap().to_owned()).collect()
}

#[test]
fn of_two_senders_one_is_kept_and_the_other_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let address = free_address();
    let process = Process::start_at(&address, dir.path(), &FLAGS);
    let a = Sender::start(&address, "a", 1.0);
    until("a is elected", || {
        let (_, metrics) = process.request("GET /metrics", &[]);
        metrics
            .contains("\ntsdb_ha_elections_total 1\n")
            .then_some(())
    });
    let b = Sender::start(&address, "b", 2.0);
    sleep(Duration::from_millis(300));
    drop(process); // SIGKILL
    let process = Process::start_at(&address, dir.path(), &FLAGS);
    sleep(Duration::from_millis(300));
    let before = values(&process);
    assert!(before.iter().all(|value| value == "1"), "{before:?}");

    assert!(a.kill() > 10);
    until("b takes over", || {
        values(&process)
            .iter()
            .any(|value| value == "2")
            .then_some(())
    });
    let again = Sender::start(&address, "a", 3.0);
    sleep(Duration::from_millis(300));
    assert!(again.kill() > 3, "what is dropped is acknowledged");
    assert!(b.kill() > 10);
    let mut all = values(&process);
    all.dedup();
    assert_eq!(all, ["1", "2"]);
    let (_, metrics) = process.request("GET /metrics", &[]);
    let dropped = metrics
        .lines()
        .find_map(|l| l.strip_prefix("tsdb_ha_samples_dropped_total "));
    assert!(dropped.unwrap().parse::<f64>().unwrap() > 10.0);
}

/// A request of version 2 with one sample.
async fn write_v2(server: &Server, replica: &str, value: f64) -> (u16, String) {
    let symbols = ["", "__name__", "up", "__replica__", replica];
    let mut request = Message::default();
    for symbol in symbols {
        request = request.bytes(4, symbol.as_bytes());
    }
    let sample = Message::default()
        .double(1, value)
        .varint(2, 1_700_000_000_000);
    let series = Message::default()
        .bytes(1, &[1, 2, 3, 4])
        .bytes(2, &sample.0);
    let body = compress(&request.bytes(5, &series.0).0);
    let post = Request::post("/api/v1/write")
        .header(
            "content-type",
            "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        )
        .header("content-encoding", "snappy");
    let answer = server.send(post.body(Body::from(body)).unwrap()).await;
    let written = answer
        .header("x-prometheus-remote-write-samples-written")
        .to_owned();
    (answer.status.as_u16(), written)
}

#[tokio::test]
async fn version_2_counts_what_is_dropped_as_written() {
    let server = Server::new(&FLAGS);
    for (replica, value) in [("a", 1.0), ("b", 2.0), ("a", 1.0)] {
        let written = write_v2(&server, replica, value).await;
        assert_eq!(written, (204, "1".to_owned()), "{replica}");
    }
    let answer = server
        .get("/api/v1/query?query=up&time=1700000000")
        .await
        .json();
    assert_eq!(
        answer["data"]["result"],
        json!([{"metric": {"__name__": "up"}, "value": [1_700_000_000, "1"]}])
    );
}

#[tokio::test]
async fn names_that_are_too_long_are_refused() {
    let server = Server::new(&FLAGS);
    let long = "x".repeat(1025);
    let labels = [("__name__", "up"), ("__replica__", &long)];
    let answer = server.write(&[(owned(&labels), vec![(0, 1.0)])]).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.text().contains("longer than 1024 bytes"),
        "{}",
        answer.text()
    );
}
