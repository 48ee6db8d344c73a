//! Answers that are large, answers that explain, and queries that were made to hurt.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::common::wire::owned;
use crate::support::Server;

const SAMPLES: usize = 61;

/// `m` of so many instances, each 10 s from 0 to 600 s.
async fn server(flags: &[&str], series: usize) -> Server {
    let server = Server::new(flags);
    let all: Vec<usize> = (0..series).collect();
    for some in all.chunks(500) {
        let series: Vec<_> = some
            .iter()
            .map(|i| {
                let samples = (0..SAMPLES as i64).map(|k| (10_000 * k, (k as usize * i) as f64));
                let instance = format!("host-{i:05}");
                let labels = owned(&[("__name__", "m"), ("instance", &instance)]);
                (labels, samples.collect())
            })
            .collect();
        assert_eq!(server.write(&series).await.status, 204);
    }
    server
}

fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_matrices_are_streams() {
    const SERIES: usize = 3_000;
    let server = server(&[], SERIES).await;
    for target in [
        "/api/v1/query?query=m[1d]&time=600&stats=true".to_owned(),
        "/api/v1/query_range?query=m&start=0&end=600&step=10&stats=true".to_owned(),
        format!(
            "/api/v1/query?query={}&time=600&stats=true",
            encoded("m[601s:10s]")
        ),
    ] {
        let response = server.response(&target).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(!response.headers().contains_key("content-length"));
        let (mut body, mut bytes, mut frames) = (response.into_body(), Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            bytes.extend_from_slice(&frame.unwrap().into_data().unwrap());
            frames += 1;
        }
        assert!(frames > 3 && bytes.len() > 2 << 20, "{frames}");
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        let result = answer["data"]["result"].as_array().unwrap();
        assert_eq!(result.len(), SERIES);
        for (i, series) in result.iter().enumerate() {
            assert_eq!(series["metric"]["instance"], format!("host-{i:05}"));
            assert_eq!(series["values"].as_array().unwrap().len(), SAMPLES);
        }
        assert!(answer["data"]["stats"]["samples"].is_object());
        let cut = server.get(&(target + "&limit=2000")).await.json();
        assert_eq!(cut["data"]["result"].as_array().unwrap().len(), 2_000);
        assert_eq!(cut["warnings"], json!(["results truncated due to limit"]));
    }
    let running = server.get("/api/v1/status/queries").await.json();
    assert_eq!(running["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_early_has_its_status_and_what_fails_late_breaks_off() {
    const TARGET: &str = "/api/v1/query?query=m[1d]&time=600";
    let early = server(&["--query.max-samples=10000"], 3_000).await;
    let answer = early.get(TARGET).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["errorType"], "execution");
    let late = server(&["--query.max-samples=150000"], 3_000).await;
    let response = late.response(TARGET).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body();
    let failed = loop {
        match body.frame().await {
            Some(Ok(_)) => {}
            Some(Err(e)) => break e,
            None => panic!("the body ends as if it were whole"),
        }
    };
    assert!(failed.to_string().contains("too many samples"), "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_nobody_reads_ends_its_query() {
    let server = server(&[], 3_000).await;
    drop(server.response("/api/v1/query?query=m[1d]&time=600").await);
    for _ in 0..1000 {
        let running = server.get("/api/v1/status/queries").await.json();
        if running["data"] == json!([]) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it goes on");
}

#[tokio::test]
async fn a_plan_has_the_costs_of_its_nodes() {
    let server = server(&[], 20).await;
    let query = encoded("sum(rate(m[1m])) + count(m @ 100) * 2");
    let target =
        format!("/api/v1/query_range?start=300&end=600&step=10&explain=true&query={query}");
    let answer = server.get(&target).await.json();
    let plan = answer["data"]["explain"].as_array().unwrap();
    let short: Vec<Value> = plan
        .iter()
        .map(|n| {
            json!([
                n["parent"],
                n["kind"],
                n["expr"],
                n["once"],
                n["series"],
                n["samples"]
            ])
        })
        .collect();
    assert_eq!(
        short,
        [
            json!([
                null,
                "+",
                "sum(rate(m[1m])) + count(m @ 100.000) * 2",
                false,
                1,
                31
            ]),
            json!([0, "sum", "sum(rate(m[1m]))", false, 1, 31]),
            json!([1, "rate", "rate(m[1m])", false, 20, 620]),
            json!([0, "*", "count(m @ 100.000) * 2", true, 1, 31]),
            json!([3, "count", "count(m @ 100.000)", false, 1, 1]),
            json!([4, "selector", "m @ 100.000", false, 20, 20]),
            json!([3, "number", "2", false, 1, 1]),
        ]
    );
    let node = |i: usize| &plan[i];
    assert_eq!(node(2)["position"], json!({"start": 4, "end": 15}));
    assert!(node(2)["samplesRead"].as_u64() >= Some(20 * 30));
    assert_eq!(node(1)["samplesRead"], 0);
    assert!(node(2)["peakBytes"].as_u64() > Some(20 * 96));
    let seconds = |i: usize| node(i)["seconds"].as_f64().unwrap();
    assert!(seconds(0) >= seconds(1) && seconds(1) >= seconds(2) && seconds(2) > 0.0);
    // Without being asked there is none, and a range selector has one as well.
    let plain = server.get("/api/v1/query?query=m&time=600").await.json();
    assert!(plain["data"].get("explain").is_none());
    let selector = "/api/v1/query?query=m[1m]&time=600&explain=true";
    let plan = server.get(selector).await.json()["data"]["explain"].clone();
    assert_eq!(plan.as_array().unwrap().len(), 1);
    assert_eq!(
        (&plan[0]["kind"], &plan[0]["samples"]),
        (&json!("range selector"), &json!(120))
    );
}

/// Attacks by size: an answer or an error with its reason, at once.
#[tokio::test]
async fn hostile_queries_end_soon() {
    let server = server(&[], 1_000).await;
    let mut doubling = r#"label_replace(m, "x", "yy", "", "")"#.to_owned();
    for _ in 0..60 {
        doubling = format!(r#"label_replace({doubling}, "x", "$1$1", "x", "(.*)")"#);
    }
    for (query, status) in [
        (doubling, 422),
        ("(".repeat(200_000), 400),
        ("(".repeat(200_000) + "1" + &")".repeat(200_000), 400),
        ("1+".repeat(20_000) + "1", 200),
        ("m{instance=\"host-00001\"}+".repeat(2_000) + "m", 200),
        ("sum(m) by(x)+".repeat(20_000) + "1", 422),
        ("m+".repeat(20_000) + "m", 422),
        ("1+".repeat(200_000) + "1", 400),
        (r#"count_values("v", {__name__=~".+"})"#.to_owned(), 200),
        (
            r#"count_values("v", rate({__name__=~".+"}[10m:1s]))"#.to_owned(),
            200,
        ),
    ] {
        let begun = Instant::now();
        let form = format!("time=600&query={}", encoded(&query));
        let answer = server.form("/api/v1/query", &form).await;
        let start: String = query.chars().take(40).collect();
        assert_eq!(
            answer.status,
            status,
            "{start}: {}",
            String::from_utf8_lossy(&answer.body)
        );
        // A second, when optimised and alone.
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{start}: {:?}",
            begun.elapsed()
        );
    }
    let form = format!("query={}", encoded(&("a+".repeat(20_000) + "a")));
    let formatted = server.form("/api/v1/format_query", &form).await;
    assert_eq!(formatted.status, 422);
    let tree = server.form("/api/v1/parse_query", &form).await;
    assert_eq!(tree.status, 200);
    assert!(tree.text().matches("\"binaryExpr\"").count() == 20_000);
}
