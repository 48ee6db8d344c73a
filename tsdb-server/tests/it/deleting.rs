//! Deletes through HTTP.

use std::path::Path;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::common::compress;
use crate::common::process::Process;
use crate::common::wire::{encode, owned};
use crate::support::Server;

const DELETE: &str = "/api/v1/admin/tsdb/delete_series";
const CLEAN: &str = "/api/v1/admin/tsdb/clean_tombstones";

async fn server() -> Server {
    let server = Server::new(&["--web.enable-admin-api"]);
    let samples: Vec<(i64, f64)> = (0..10)
        .map(|i| (1_000_000 + i * 10_000, i as f64))
        .collect();
    let series = [("up", "a"), ("up", "b"), ("down", "a")]
        .map(|(name, job)| (owned(&[("__name__", name), ("job", job)]), samples.clone()));
    assert_eq!(server.write(&series).await.status, StatusCode::NO_CONTENT);
    server
}

/// What may not stand in a URL, percent-encoded.
fn encoded(target: &str) -> String {
    let escape = |c: char| match c {
        '{' | '}' | '"' | '~' | '|' => format!("%{:02X}", u32::from(c)),
        _ => c.to_string(),
    };
    target.chars().map(escape).collect()
}

async fn count(server: &Server, selector: &str) -> Value {
    let query = format!("/api/v1/query?query=sum(count_over_time({selector}[1h]))&time=1100");
    server.get(&encoded(&query)).await.json()["data"]["result"][0]["value"][1].clone()
}

async fn deleted(server: &Server, parameters: &str) -> StatusCode {
    let answer = server
        .request(Method::POST, &encoded(&format!("{DELETE}?{parameters}")))
        .await;
    assert!(answer.body.is_empty() || answer.status != StatusCode::NO_CONTENT);
    answer.status
}

#[tokio::test]
async fn what_is_deleted_is_gone_from_every_answer() {
    let server = server().await;
    let flush = "/api/v1/admin/tsdb/flush";
    for round in 0..2 {
        let status = deleted(&server, "match[]=up{job=\"a\"}&start=1030&end=1059.999").await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        assert_eq!(count(&server, "up{job=\"a\"}").await, "7", "round {round}");
        assert_eq!(count(&server, "up{job=\"b\"}").await, "10");
        server.request(Method::POST, flush).await;
    }
    let form = "match[]=down&match[]=up{job=\"b\"}";
    assert_eq!(
        server.form(DELETE, form).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(count(&server, "{job=~\".%2B\"}").await, "7");
    for clean in [false, true] {
        let data = |answer: crate::support::Answer| answer.json()["data"].clone();
        let names = data(server.get("/api/v1/label/__name__/values").await);
        assert_eq!(names, json!(["up"]), "clean: {clean}");
        assert_eq!(
            data(server.get("/api/v1/label/job/values").await),
            json!(["a"])
        );
        let series = data(
            server
                .get(&encoded("/api/v1/series?match[]={job=~\".*.\"}"))
                .await,
        );
        assert_eq!(series, json!([{"__name__": "up", "job": "a"}]));
        let cleaned = server.request(Method::PUT, CLEAN).await;
        assert_eq!(
            (cleaned.status, cleaned.body.len()),
            (StatusCode::NO_CONTENT, 0)
        );
        let metrics = server.get("/metrics").await;
        assert!(
            metrics.text().contains("\ntsdb_tombstones 0\n"),
            "{}",
            metrics.text()
        );
    }
    assert_eq!(
        deleted(&server, "match[]={__name__=~\".%2B\"}").await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(server.get("/api/v1/labels").await.json()["data"], json!([]));
    // The same again, and what never was.
    assert_eq!(deleted(&server, "match[]=up").await, StatusCode::NO_CONTENT);
    assert_eq!(
        deleted(&server, "match[]=nosuch").await,
        StatusCode::NO_CONTENT
    );
    // A series that is deleted is written anew, at the same times and with other values.
    let again = [(
        owned(&[("__name__", "up"), ("job", "a")]),
        vec![(1_090_000, 99.0)],
    )];
    assert_eq!(server.write(&again).await.status, StatusCode::NO_CONTENT);
    assert_eq!(count(&server, "up").await, "1");
}

#[tokio::test]
async fn wrong_parameters_are_told_and_delete_nothing() {
    let server = server().await;
    for (parameters, reason) in [
        ("start=1", "no match[] parameter provided"),
        ("match[]={", "invalid parameter \"match[]\""),
        ("match[]={job=~\".*\"}", "at least one non-empty matcher"),
        ("match[]=up&start=x", "invalid parameter \"start\""),
        ("match[]=up&end=x", "invalid parameter \"end\""),
        (
            "match[]=up&start=2&end=1",
            "end timestamp must not be before start time",
        ),
    ] {
        let target = encoded(&format!("{DELETE}?{parameters}"));
        let answer = server.request(Method::POST, &target).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{parameters}");
        let body = answer.json();
        assert_eq!(body["errorType"], "bad_data");
        assert!(body["error"].as_str().unwrap().contains(reason), "{body}");
    }
    assert_eq!(
        server.get(DELETE).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(
        server.get(CLEAN).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(count(&server, "up").await, "20");
    assert_eq!(count(&server, "down").await, "10");
}

#[test]
fn an_acknowledged_delete_outlives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let write = |process: &Process, value: f64| {
        let up = owned(&[("__name__", "up")]);
        let samples = vec![(1_700_000_000_000, value), (1_700_000_060_000, value)];
        let body = compress(&encode(&[(up, samples)], &[]));
        assert_eq!(process.request("POST /api/v1/write", &body).0, 204);
    };
    let ask = |process: &Process| {
        let query = "GET /api/v1/query?query=sum_over_time(up[1h])&time=1700000060";
        process.request(query, &[]).1
    };
    let delete = format!("POST {DELETE}?match[]=up&end=1700000000");
    let start = |dir: &Path| Process::start_at("127.0.0.1:0", dir, &["--web.enable-admin-api"]);
    let process = start(dir.path());
    write(&process, 1.0);
    assert_eq!(process.request("POST /api/v1/admin/tsdb/flush", &[]).0, 204);
    assert_eq!(process.request(&delete, &[]).0, 204);
    assert!(ask(&process).contains("\"1\"]"), "{}", ask(&process));
    drop(process); // SIGKILL

    let process = start(dir.path());
    assert!(ask(&process).contains("\"1\"]"), "{}", ask(&process));
    let up = owned(&[("__name__", "up")]);
    let body = compress(&encode(&[(up, vec![(1_700_000_000_000, 5.0)])], &[]));
    assert_eq!(process.request("POST /api/v1/write", &body).0, 204);
    drop(process);

    let process = start(dir.path());
    assert!(ask(&process).contains("\"6\"]"), "{}", ask(&process));
    assert_eq!(process.request(&format!("POST {CLEAN}"), &[]).0, 204);
    assert_eq!(process.request("POST /api/v1/admin/tsdb/flush", &[]).0, 204);
    drop(process);
    assert!(ask(&start(dir.path())).contains("\"6\"]"));
}
