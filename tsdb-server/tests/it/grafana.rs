//! Requests of Grafana that were recorded against a Prometheus 2.42, put to this server over the same samples.
//!
//! The samples are the remote-write requests that the same Prometheus sent at the time. It added the external labels
//! `cluster` and `replica` to them, which its own answers do not have: they are taken out of ours before comparing.
//! Where Prometheus 3.14 answers otherwise than 2.42, 3.14 is right, and the table below says why.

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{Method, Request};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Answer, Server};

fn recordings() -> Option<PathBuf> {
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
struct Write {
    body_base64: String,
}

#[derive(Debug, Deserialize)]
struct Exchange {
    note: String,
    method: String,
    target: String,
    request_headers: Vec<(String, String)>,
    request_body: Option<String>,
    status: u16,
    response_headers: Vec<(String, String)>,
    response_body: String,
}

fn lines<T: for<'a> Deserialize<'a>>(path: &Path) -> Vec<T> {
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
enum Expect {
    /// The same JSON.
    Same,
    /// The same keys and types; the contents are of the moment or of another program.
    Shape,
    /// The same series in another order.
    Unordered(&'static str),
    /// 3.14 answers otherwise.
    Differs(&'static str, u16, Value),
    /// Not served here.
    Absent(&'static str),
}

fn expect(exchange: &Exchange) -> Expect {
    let path = exchange.target.split('?').next().unwrap();
    match (path, exchange.note.as_str()) {
        ("/api/v1/rules" | "/api/v1/alerts", _) => Expect::Absent(
            "there are no rules yet: the lists are empty, see `rules_and_alerts_are_empty_lists`",
        ),
        ("/api/v1/label/U__http_2e_status:code/values", _) => Expect::Differs(
            "3.x unescapes names that begin with U__, and there is no such label",
            200,
            json!({"status": "success", "data": []}),
        ),
        (_, "missing query") => Expect::Differs(
            "3.x names no position in an empty query",
            400,
            json!({
                "status": "error",
                "errorType": "bad_data",
                "error": "invalid parameter \"query\": unknown position: parse error: no expression found in input",
            }),
        ),
        ("/api/v1/query", _)
            if exchange
                .request_body
                .as_deref()
                .is_some_and(|b| b.starts_with("query=topk%28")) =>
        {
            Expect::Unordered(
                "of equal values the order in the store decides, which is not that of Prometheus's head",
            )
        }
        ("/api/v1/parse_query", _) => {
            Expect::Absent("2.42 has none, see `trees_are_those_that_prometheus_shows`")
        }
        (
            "/api/v1/status/config"
            | "/api/v1/targets"
            | "/api/v1/targets/metadata"
            | "/api/v1/alertmanagers"
            | "/federate",
            _,
        ) => Expect::Absent("nothing is scraped here and nothing configured in a file"),
        (_, "series, limit=3 (2.42 does not know limit)") => {
            Expect::Absent("3.x cuts at the limit and warns, see `series_are_cut_at_the_limit`")
        }
        (_, "instant: problem_counter * on(nope) up") => Expect::Absent(
            "3.x words the error otherwise, see `the_many_to_many_error_is_the_one_of_3_14`",
        ),
        ("/api/v1/query_range", note) if note.starts_with("custom parameter") => Expect::Absent(
            "3.x has `samplesRead` as well, see `samples_are_counted_as_prometheus_counts_them`",
        ),
        ("/api/v1/status/buildinfo" | "/api/v1/status/tsdb" | "/api/v1/status/walreplay", _) => {
            Expect::Shape
        }
        ("/api/v1/status/runtimeinfo", _) => {
            Expect::Absent("3.x has more keys, see `runtimeinfo_has_the_keys_of_2_42_and_more`")
        }
        ("/api/v1/status/flags", _) => {
            Expect::Absent("other flags, see `flags_are_a_map_of_strings`")
        }
        _ => Expect::Same,
    }
}

async fn loaded(dir: &Path) -> Server {
    let server = Server::new(&[]);
    for write in lines::<Write>(&dir.join("remote-write-v1.jsonl")) {
        let answer = server.write_raw(base64(&write.body_base64)).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
    server
}

async fn put(server: &Server, exchange: &Exchange) -> Answer {
    let mut request = Request::builder()
        .method(exchange.method.parse::<Method>().unwrap())
        .uri(&exchange.target);
    for (name, value) in &exchange.request_headers {
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
fn shape(value: &Value) -> Value {
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

#[tokio::test]
async fn recorded_requests_get_the_recorded_answers() {
    let Some(dir) = recordings() else { return };
    let server = loaded(&dir).await;
    let mut compared = 0;
    let mut wrong = Vec::new();
    for exchange in lines::<Exchange>(&dir.join("grafana-replayed.jsonl")) {
        let expect = expect(&exchange);
        match expect {
            Expect::Absent(why) => {
                println!("not compared: {} {}: {why}", exchange.note, exchange.target);
                continue;
            }
            Expect::Differs(why, ..) | Expect::Unordered(why) => {
                println!("differs: {} {}: {why}", exchange.note, exchange.target)
            }
            _ => {}
        }
        compared += 1;
        let answer = put(&server, &exchange).await;
        if let Err(reason) = compare(&exchange, &expect, &answer) {
            let what = format!(
                "{} {} {:?}",
                exchange.method, exchange.target, exchange.request_body
            );
            wrong.push(format!("{} ({what}): {reason}", exchange.note));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(compared, 39, "exchanges compared");
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

#[tokio::test]
async fn rules_and_alerts_are_empty_lists() {
    let server = Server::without_store();
    assert_eq!(
        server.get("/api/v1/rules?type=alert").await.json()["data"],
        json!({"groups": []})
    );
    assert_eq!(
        server.get("/api/v1/alerts").await.json()["data"],
        json!({"alerts": []})
    );
}

#[tokio::test]
async fn series_are_cut_at_the_limit() {
    let Some(dir) = recordings() else { return };
    let answer = loaded(&dir)
        .await
        .form(
            "/api/v1/series",
            "match%5B%5D=%7B__name__%21%3D%22%22%7D&limit=3",
        )
        .await
        .json();
    assert_eq!(answer["data"].as_array().unwrap().len(), 3);
    assert_eq!(
        answer["warnings"],
        json!(["results truncated due to limit"])
    );
}

#[tokio::test]
async fn the_many_to_many_error_is_the_one_of_3_14() {
    let Some(dir) = recordings() else { return };
    let target = "/api/v1/query?query=problem_counter+%2A+on%28nope%29+up&time=1795446030.249";
    let answer = loaded(&dir).await.get(target).await;
    assert_eq!(answer.status, 422);
    let answer = answer.json();
    assert_eq!(answer["errorType"], "execution");
    let text = answer["error"].as_str().unwrap();
    assert!(
        text.starts_with("found duplicate series for the match group {} on the right"),
        "{text}"
    );
    assert!(
        text.ends_with(
            "many-to-many matching not allowed: matching labels must be unique on one side"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn runtimeinfo_has_the_keys_of_2_42_and_more() {
    let Some(dir) = recordings() else { return };
    let recorded = lines::<Exchange>(&dir.join("grafana-replayed.jsonl"));
    let recorded = recorded
        .iter()
        .find(|e| e.target == "/api/v1/status/runtimeinfo")
        .unwrap();
    let theirs: Value = serde_json::from_str(&recorded.response_body).unwrap();
    let ours = Server::without_store()
        .get("/api/v1/status/runtimeinfo")
        .await
        .json();
    for (key, value) in theirs["data"].as_object().unwrap() {
        assert_eq!(shape(&ours["data"][key]), shape(value), "{key}");
    }
}

#[tokio::test]
async fn flags_are_a_map_of_strings() {
    let flags = Server::without_store()
        .get("/api/v1/status/flags")
        .await
        .json();
    let flags = flags["data"].as_object().unwrap();
    assert!(flags.values().all(Value::is_string));
    assert_eq!(flags["query.lookback-delta"], "5m");
    assert_eq!(flags["storage.tsdb.retention.time"], "15d");
}
