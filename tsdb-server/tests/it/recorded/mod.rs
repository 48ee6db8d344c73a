//! Requests of clients that were recorded against a Prometheus 2.42, put to this server over the same samples.
//!
//! The samples are the remote-write requests that the same Prometheus sent at the time. It added the external labels
//! `cluster` and `replica` to them, which its own answers do not have: they are taken out of ours before comparing.
//! Where Prometheus 3.14 answers otherwise than 2.42, 3.14 is right, and the tables of each client say why.

mod clients;
mod grafana;

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Answer, Server};

pub(super) fn recordings() -> Option<PathBuf> {
    // At run time, not at compile time: a test binary may be run from another checkout.
    let package = std::env::var_os("CARGO_MANIFEST_DIR")?;
    let dir = Path::new(&package).join("../../shared/expositions/recorded/prometheus-2.42");
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!("skipped: no recordings at {}", dir.display());
    None
}

#[derive(Deserialize)]
pub(super) struct Write {
    pub(super) headers: Vec<(String, String)>,
    pub(super) body_base64: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Exchange {
    /// What it was recorded for, if that was noted.
    #[serde(default)]
    pub(super) note: String,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) request_headers: Vec<(String, String)>,
    pub(super) request_body: Option<String>,
    pub(super) status: u16,
    pub(super) response_headers: Vec<(String, String)>,
    pub(super) response_body: String,
}

pub(super) fn lines<T: for<'a> Deserialize<'a>>(path: &Path) -> Vec<T> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for byte in text.bytes().filter(|b| *b != b'=') {
        let six = ALPHABET.iter().position(|b| *b == byte).unwrap();
        bits = bits << 6 | six as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}

/// How an answer of ours relates to the recorded one.
pub(super) enum Expect {
    /// The same JSON.
    Same,
    /// The same keys and types; the contents are of the moment or of another program.
    Shape,
    /// The same series in another order.
    Unordered(&'static str),
    /// 3.14 answers otherwise.
    Differs(&'static str, u16, Value),
    /// The same keys, of empty lists: there is nothing of the kind here.
    Empty(&'static str),
    /// Another test compares it, which is named.
    Elsewhere(&'static str),
}

pub(super) async fn loaded(dir: &Path) -> Server {
    // Prometheus's default.
    let server = Server::new(&["--web.cors.origin=.*"]);
    for write in lines::<Write>(&dir.join("remote-write-v1.jsonl")) {
        replay(&server, &write).await;
    }
    server
}

/// Writes as Prometheus did, with all that it sent besides.
pub(super) async fn replay(server: &Server, write: &Write) {
    let mut request = Request::post("/api/v1/write");
    for (name, value) in &write.headers {
        request = request.header(name, value);
    }
    let body = Body::from(base64(&write.body_base64));
    let answer = server.send(request.body(body).unwrap()).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
}

pub(super) async fn put(server: &Server, exchange: &Exchange) -> Answer {
    let mut request = Request::builder()
        .method(exchange.method.parse::<Method>().unwrap())
        .uri(&exchange.target);
    for (name, value) in &exchange.request_headers {
        if name.eq_ignore_ascii_case(header::ACCEPT_ENCODING.as_str()) {
            continue; // the recorded bodies are decompressed
        }
        request = request.header(name, value);
    }
    let body = exchange.request_body.clone().unwrap_or_default();
    server.send(request.body(Body::from(body)).unwrap()).await
}

/// Takes out the labels that Prometheus adds on the way out.
fn without_external_labels(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.retain(|item| item != "cluster" && item != "replica");
            items.iter_mut().for_each(without_external_labels);
        }
        Value::Object(fields) => {
            fields.retain(|name, value| {
                !matches!(name.as_str(), "cluster" | "replica") || !value.is_string()
            });
            fields.values_mut().for_each(without_external_labels);
        }
        _ => {}
    }
}

/// Keys and types; of arrays the first element.
pub(super) fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("bool"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
        Value::Array(items) => items
            .first()
            .map_or_else(|| json!([]), |first| json!([shape(first)])),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), shape(value)))
            .collect(),
    }
}

/// Without the keys that only 3.x has.
fn known(mut ours: Value, theirs: &Value) -> Value {
    if let Some(data) = ours["data"].as_object_mut() {
        data.retain(|name, _| theirs["data"].get(name).is_some());
    }
    ours
}

/// With all lists empty.
fn emptied(value: &Value) -> Value {
    match value {
        Value::Array(_) => json!([]),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), emptied(value)));
            fields.collect()
        }
        other => other.clone(),
    }
}

/// Puts all requests of a file to the server; how many were compared.
pub(super) async fn replay_all(
    server: &Server,
    exchanges: Vec<Exchange>,
    expect: impl Fn(&Exchange) -> Expect,
) -> usize {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for exchange in exchanges {
        let expect = expect(&exchange);
        match expect {
            Expect::Elsewhere(why) => {
                println!("elsewhere: {} {}: {why}", exchange.note, exchange.target);
                continue;
            }
            Expect::Differs(why, ..) | Expect::Unordered(why) | Expect::Empty(why) => {
                println!("differs: {} {}: {why}", exchange.note, exchange.target)
            }
            _ => {}
        }
        compared += 1;
        let answer = put(server, &exchange).await;
        if let Err(reason) = compare(&exchange, &expect, &answer) {
            let what = format!(
                "{} {} {:?}",
                exchange.method, exchange.target, exchange.request_body
            );
            wrong.push(format!("{} ({what}): {reason}", exchange.note));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    compared
}

fn compare(exchange: &Exchange, expect: &Expect, answer: &Answer) -> Result<(), String> {
    let same = |what: &str, ours: &dyn std::fmt::Debug, theirs: &dyn std::fmt::Debug| {
        let (ours, theirs) = (format!("{ours:?}"), format!("{theirs:?}"));
        if ours == theirs {
            Ok(())
        } else {
            Err(format!("{what}\n  ours     {ours}\n  recorded {theirs}"))
        }
    };
    let json_of = |text: &str| serde_json::from_str::<Value>(text).ok();
    let mut ours = json_of(answer.text());
    if let Some(ours) = &mut ours {
        without_external_labels(ours);
    }
    if let Expect::Differs(_, status, body) = expect {
        same("status", &answer.status.as_u16(), status)?;
        return same("body", &ours.as_ref(), &Some(body));
    }
    same("status", &answer.status.as_u16(), &exchange.status)?;
    let relevant = [
        "content-type",
        "x-content-type-options",
        "access-control-allow-origin",
        "access-control-allow-methods",
        "access-control-allow-headers",
        "access-control-expose-headers",
    ];
    for (name, value) in &exchange.response_headers {
        let name = name.to_lowercase();
        if relevant.contains(&name.as_str()) {
            same(&name, &answer.header(&name), value)?;
        }
    }
    match (ours, json_of(&exchange.response_body), expect) {
        (Some(ours), Some(theirs), Expect::Empty(_)) => {
            let empty = emptied(&ours);
            same("emptied", &empty, &ours)?;
            same("lists", &known(empty, &theirs), &emptied(&theirs))
        }
        (Some(ours), Some(theirs), Expect::Shape) => same("shape", &shape(&ours), &shape(&theirs)),
        (Some(mut ours), Some(mut theirs), Expect::Unordered(_)) => {
            let by_text = |v: &Value| v.to_string();
            for answer in [&mut ours, &mut theirs] {
                answer["data"]["result"]
                    .as_array_mut()
                    .unwrap()
                    .sort_by_key(by_text);
            }
            same("body", &ours, &theirs)
        }
        (Some(ours), Some(theirs), _) => same("body", &ours, &theirs),
        _ => same("text", &answer.text(), &exchange.response_body),
    }
}
