//! Exchanges of real clients with InfluxDB 1.6.7, put to this server one after the other.

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::Request;
use serde::Deserialize;
use serde_json::Value;

use crate::support::{Answer, Server};

#[derive(Deserialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Base64 { base64: String },
}

impl Bytes {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Base64 { base64 } => crate::recorded::base64(base64),
        }
    }
}

#[derive(Deserialize)]
struct Exchange {
    method: String,
    target: String,
    request_headers: Vec<(String, String)>,
    request_body: Option<Bytes>,
    status: u16,
    response_headers: Vec<(String, String)>,
    response_body: Bytes,
}

impl Exchange {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.response_headers.iter();
        let found = headers.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Answers that differ, by a part of their target, and why.
const DIFFERENT: [(&str, &str); 3] = [
    (
        "SELECT+integral%28%22usage_rate%22%2C+1s%29",
        "of integers InfluxDB takes the value before the edge of an interval for the one at it: too small an area",
    ),
    (
        "SHOW+DIAGNOSTICS",
        "the diagnostics are those of another program",
    ),
    (
        "SHOW+DATABASES&db=pydb",
        "the recorded server had databases of other clients",
    ),
];

fn exchanges(name: &str) -> Option<Vec<Exchange>> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")?;
    let dir: PathBuf = Path::new(&package).join("../../shared/expositions/recorded/influxdb-1.6.7");
    let path = dir.join(format!("{name}.jsonl"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: no recordings at {}", path.display());
        return None;
    };
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

async fn replay(server: &Server, name: &str) -> usize {
    let Some(exchanges) = exchanges(name) else {
        return 0;
    };
    let mut faults = Vec::new();
    for exchange in &exchanges {
        let mut request = Request::builder()
            .method(exchange.method.as_str())
            .uri(exchange.target.replace(' ', "%20"));
        for (key, value) in &exchange.request_headers {
            // The length is the body's, and the answer is to be read.
            let left_out = ["content-length", "accept-encoding"];
            if !left_out.iter().any(|name| key.eq_ignore_ascii_case(name)) {
                request = request.header(key, value);
            }
        }
        let body = exchange
            .request_body
            .as_ref()
            .map(Bytes::bytes)
            .unwrap_or_default();
        let answer = server.send(request.body(Body::from(body)).unwrap()).await;
        if let Some(fault) = difference(exchange, &answer) {
            faults.push(format!("{} {}: {fault}", exchange.method, exchange.target));
        }
    }
    assert!(faults.is_empty(), "{name}: {}", faults.join("\n"));
    exchanges.len()
}

fn difference(exchange: &Exchange, answer: &Answer) -> Option<String> {
    if answer.status.as_u16() != exchange.status {
        return Some(format!(
            "status {} for {}: {answer:?}",
            answer.status, exchange.status
        ));
    }
    if !answer.header("x-influxdb-version").starts_with("1.6.7") {
        return Some("no version".to_owned());
    }
    if let Some(error) = exchange.header("x-influxdb-error")
        && error != answer.header("x-influxdb-error")
    {
        return Some(format!(
            "header x-influxdb-error {:?}",
            answer.header("x-influxdb-error")
        ));
    }
    if DIFFERENT
        .iter()
        .any(|(part, _)| exchange.target.contains(part))
    {
        return None;
    }
    let theirs = exchange.response_body.bytes();
    let ours = &answer.body;
    if exchange.header("content-type") == Some("application/x-msgpack") && !theirs.is_empty() {
        // JSON is what we answer, and what the client reads by its content type.
        let theirs = msgpack(&mut theirs.as_slice());
        let ours: Value = serde_json::from_slice(ours).unwrap();
        let theirs = without_empty_series(theirs);
        return (theirs != ours).then(|| format!("\n  ours   {ours}\n  theirs {theirs}"));
    }
    let (ours, theirs) = (
        String::from_utf8_lossy(ours),
        String::from_utf8_lossy(&theirs),
    );
    (ours != theirs).then(|| format!("\n  ours   {ours}\n  theirs {theirs}"))
}

/// InfluxDB's msgpack says `series: []` where its JSON says nothing.
fn without_empty_series(mut answer: Value) -> Value {
    for result in answer["results"].as_array_mut().into_iter().flatten() {
        if let Some(result) = result.as_object_mut()
            && result
                .get("series")
                .and_then(Value::as_array)
                .is_some_and(Vec::is_empty)
        {
            result.remove("series");
        }
    }
    answer
}

/// As much of msgpack as the recordings have; a time becomes text.
fn msgpack(rest: &mut &[u8]) -> Value {
    let take = |rest: &mut &[u8], n: usize| {
        let (bytes, tail) = rest.split_at(n);
        *rest = tail;
        bytes.to_vec()
    };
    let number = |rest: &mut &[u8], n: usize| {
        take(rest, n)
            .iter()
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    let text = |rest: &mut &[u8], n: usize| Value::from(String::from_utf8(take(rest, n)).unwrap());
    match take(rest, 1)[0] {
        byte @ 0x00..=0x7f => Value::from(byte),
        byte @ 0x80..=0x8f => {
            let pairs = (0..byte & 0xf).map(|_| {
                let Value::String(key) = msgpack(rest) else {
                    panic!("a key")
                };
                (key, msgpack(rest))
            });
            Value::Object(pairs.collect())
        }
        byte @ 0x90..=0x9f => (0..byte & 0xf).map(|_| msgpack(rest)).collect(),
        byte @ 0xa0..=0xbf => text(rest, usize::from(byte & 0x1f)),
        0xc0 => Value::Null,
        0xc2 => Value::Bool(false),
        0xc3 => Value::Bool(true),
        0xc7 => {
            let length = take(rest, 2)[0];
            assert_eq!(length, 12);
            let seconds = number(rest, 8);
            let nanoseconds = number(rest, 4);
            let timestamp = jiff::Timestamp::new(seconds as i64, nanoseconds as i32).unwrap();
            Value::from(timestamp.to_string())
        }
        0xcb => {
            let value = f64::from_bits(number(rest, 8));
            // JSON of InfluxDB has no point where none is needed.
            if value.fract() == 0.0 {
                Value::from(value as i64)
            } else {
                Value::from(value)
            }
        }
        0xd9 => {
            let length = number(rest, 1) as usize;
            text(rest, length)
        }
        0xcc => Value::from(number(rest, 1)),
        0xcd => Value::from(number(rest, 2)),
        0xce => Value::from(number(rest, 4)),
        0xcf | 0xd3 => Value::from(number(rest, 8)),
        other => panic!("msgpack {other:#x}"),
    }
}

#[tokio::test]
async fn heapster_s_sink() {
    replay(&Server::new(&[]), "heapster-sink").await;
}

#[tokio::test]
async fn the_command_line_client() {
    replay(&Server::new(&[]), "influx-cli-1.6.7").await;
}

#[tokio::test]
async fn the_python_client() {
    replay(&Server::new(&[]), "influxdb-python-5.3").await;
}

#[tokio::test]
async fn telegraf() {
    replay(&Server::new(&[]), "telegraf-replayed").await;
}

#[tokio::test]
async fn cadvisor_s_driver() {
    let server = Server::new(&[]);
    super::query(&server, "", "CREATE DATABASE cadvisor").await;
    replay(&server, "cadvisor-driver").await;
}

/// Grafana's questions were put to the server that had Heapster's and the other clients' data.
#[tokio::test]
async fn heapster_replayed_and_grafana() {
    let server = Server::new(&[]);
    for name in ["clidb", "impdb"] {
        super::query(&server, "", &format!("CREATE DATABASE {name}")).await;
    }
    replay(&server, "heapster-replayed").await;
    for name in ["cadvisor", "telegraf"] {
        super::query(&server, "", &format!("CREATE DATABASE {name}")).await;
    }
    replay(&server, "grafana-influxql-replayed").await;
}
