//! What surrounds a query: statistics, limits, the tree.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use crate::common::wire::owned;
use crate::support::Server;

/// 0 s to 600 s of samples each 10 s, of `m` for three instances.
async fn server(flags: &[&str]) -> Server {
    let server = Server::new(flags);
    let series: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|instance| {
            let samples = (0..=60).map(|i| (10_000 * i, i as f64));
            (
                owned(&[("__name__", "m"), ("instance", instance)]),
                samples.collect(),
            )
        })
        .collect();
    assert_eq!(server.write(&series).await.status, 204);
    server
}

async fn samples(server: &Server, target: &str) -> Value {
    let answer = server.get(target).await.json();
    answer["data"]["stats"]["samples"].clone()
}

#[tokio::test]
async fn samples_are_counted_as_prometheus_counts_them() {
    let server = server(&[]).await;
    for (query, queryable, read) in [
        ("m", 3, 3),
        ("m{instance=\"a\"}", 1, 1),
        ("m[60s]", 18, 18),
        ("max_over_time(m[60s])", 18, 18),
        ("max_over_time(m[60s]) + m", 21, 21),
        ("max_over_time(m[60s:5s])", 36, 36),
        ("m[60s:5s]", 36, 36),
        ("max_over_time(m[60s] @ 30)", 12, 12),
        ("1", 0, 0),
    ] {
        let form = format!("query={}&time=201&stats=true", encoded(query));
        let answer = server.form("/api/v1/query", &form).await.json();
        let samples = &answer["data"]["stats"]["samples"];
        assert_eq!(
            (&samples["totalQueryableSamples"], &samples["samplesRead"]),
            (&json!(queryable), &json!(read)),
            "{query}"
        );
        assert!(samples.get("samplesReadPerStep").is_none());
    }
}

#[tokio::test]
async fn steps_of_a_range_query_share_their_windows() {
    let server = server(&[]).await;
    for (query, queryable, read) in [
        ("m", [3, 3, 3, 3], [3, 3, 3, 3]),
        // 201, 206, 211 and 216 s look at what is there at 200 and 210 s.
        ("max_over_time(m[60s])", [18; 4], [18, 0, 3, 0]),
        ("max_over_time(m[60s] @ 30)", [12; 4], [12, 0, 0, 0]),
        ("max_over_time(m[60s:5s])", [36; 4], [36, 3, 3, 3]),
        (
            "max_over_time(m[60s:5s] offset 10s)",
            [36; 4],
            [36, 3, 3, 3],
        ),
    ] {
        let target = format!(
            "/api/v1/query_range?query={}&start=201&end=216&step=5&stats=all",
            encoded(query)
        );
        let samples = samples(&server, &target).await;
        let steps = |counts: [u64; 4]| {
            let at = |(i, n): (usize, &u64)| json!([201 + 5 * i, n]);
            Value::from_iter(counts.iter().enumerate().map(at))
        };
        assert_eq!(
            samples["totalQueryableSamplesPerStep"],
            steps(queryable),
            "{query}"
        );
        assert_eq!(samples["samplesReadPerStep"], steps(read), "{query}");
        let sum = |counts: [u64; 4]| json!(counts.iter().sum::<u64>());
        assert_eq!(samples["totalQueryableSamples"], sum(queryable));
        assert_eq!(samples["samplesRead"], sum(read));
    }
}

#[tokio::test]
async fn statistics_have_the_times_of_the_phases() {
    let server = server(&[]).await;
    let answer = server
        .get("/api/v1/query?query=m&time=10.5&stats=all")
        .await;
    let stats = &answer.json()["data"]["stats"];
    let timings = stats["timings"].as_object().unwrap();
    assert_eq!(timings.len(), 6);
    assert!(timings.values().all(Value::is_number));
    assert!(timings["execTotalTime"].as_f64() > Some(0.0));
    assert_eq!(stats["samples"]["samplesReadPerStep"], json!([[10.5, 3]]));
    let plain = server.get("/api/v1/query?query=m&time=10").await.json();
    assert!(plain["data"].get("stats").is_none());
}

async fn tree(server: &Server, query: &str) -> String {
    let answer = server
        .form("/api/v1/parse_query", &format!("query={}", encoded(query)))
        .await;
    let text = answer.text();
    let data = text.strip_prefix(r#"{"status":"success","data":"#);
    data.and_then(|data| data.strip_suffix('}'))
        .unwrap_or_else(|| panic!("{query}: {text}"))
        .to_owned()
}

#[tokio::test]
async fn trees_are_those_that_prometheus_shows() {
    let server = Server::without_store();
    for (query, expected) in [
        ("-Inf", r#"{"type":"numberLiteral","val":"-Inf"}"#),
        (
            "1e21",
            r#"{"type":"numberLiteral","val":"1000000000000000000000"}"#,
        ),
        (
            r#""<a>""#,
            r#"{"type":"stringLiteral","val":"\u003ca\u003e"}"#,
        ),
        (
            r#"up{job!~"a.*"} @ 1.5 offset -5m"#,
            r#"{"anchored":false,"matchers":[{"name":"job","type":"!~","value":"a.*"},{"name":"__name__","type":"=","value":"up"}],"name":"up","offset":-300000,"smoothed":false,"startOrEnd":null,"timestamp":1500,"type":"vectorSelector"}"#,
        ),
        (
            "-rate(a[5m] anchored @ end())",
            r#"{"expr":{"args":[{"anchored":true,"matchers":[{"name":"__name__","type":"=","value":"a"}],"name":"a","offset":0,"range":300000,"smoothed":false,"startOrEnd":"end","timestamp":null,"type":"matrixSelector"}],"func":{"argTypes":["matrix"],"name":"rate","returnType":"vector","variadic":0},"type":"call"},"op":"-","type":"unaryExpr"}"#,
        ),
        (
            "(vector(1))[1h:5m] offset 1m",
            r#"{"expr":{"expr":{"args":[{"type":"numberLiteral","val":"1"}],"func":{"argTypes":["scalar"],"name":"vector","returnType":"vector","variadic":0},"type":"call"},"type":"parenExpr"},"offset":60000,"range":3600000,"startOrEnd":null,"step":300000,"timestamp":null,"type":"subquery"}"#,
        ),
    ] {
        assert_eq!(tree(&server, query).await, expected, "{query}");
    }
    let binary =
        "a > bool on (c) group_left (d) fill_right (0) sum by (e) (topk without (f) (2, b))";
    let binary: Value = serde_json::from_str(&tree(&server, binary).await).unwrap();
    assert_eq!(
        binary["matching"],
        json!({
            "card": "many-to-one", "labels": ["c"], "on": true, "include": ["d"],
            "fillValues": {"lhs": null, "rhs": 0},
        })
    );
    assert_eq!(
        (&binary["op"], &binary["bool"]),
        (&json!(">"), &json!(true))
    );
    let (outer, inner) = (&binary["rhs"], &binary["rhs"]["expr"]);
    assert_eq!(
        (&outer["grouping"], &outer["param"]),
        (&json!(["e"]), &Value::Null)
    );
    assert_eq!(
        (&inner["op"], &inner["without"]),
        (&json!("topk"), &json!(true))
    );
    assert_eq!(inner["param"], json!({"type": "numberLiteral", "val": "2"}));
    let wrong = server.get("/api/v1/parse_query?query=sum(").await;
    assert_eq!(
        (wrong.status.as_u16(), &wrong.json()["errorType"]),
        (400, &json!("bad_data"))
    );
}

#[tokio::test]
async fn the_deepest_trees_are_written() {
    let server = Server::without_store();
    for (open, inner, close) in [
        ("(", "1", ")"),
        ("abs(", "a", ")"),
        ("sum(", "a", ")"),
        ("1 + ", "1", ""),
    ] {
        let query = open.repeat(500) + inner + &close.repeat(500);
        assert!(tree(&server, &query).await.len() > 500 * 20);
    }
}

#[tokio::test]
async fn every_limit_is_an_error_that_names_it() {
    let range = "/api/v1/query_range?start=0&end=600&step=10&query=";
    for (flag, target, status, kind, text) in [
        (
            "--query.max-samples=10",
            "/api/v1/query?time=60&query=m[60s]".to_owned(),
            422,
            "execution",
            "query processing would load too many samples into memory in query execution",
        ),
        (
            "--query.max-memory-bytes=1000",
            format!("{range}m"),
            422,
            "execution",
            "query processing would take more than the limit of 1000 bytes of memory",
        ),
        (
            "--query.max-points-per-series=59",
            format!("{range}m"),
            400,
            "bad_data",
            "exceeded maximum resolution of 59 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ),
        (
            "--query.max-expression-bytes=5",
            format!("{range}sum(m)"),
            400,
            "bad_data",
            "invalid parameter \"query\": 1:1: parse error: query of 6 bytes is longer than the 5 allowed",
        ),
        (
            "--query.max-expression-depth=2",
            format!("{range}abs(abs(m))"),
            400,
            "bad_data",
            "invalid parameter \"query\": 1:9: parse error: expression is nested more than 2 levels deep",
        ),
        (
            "--query.timeout=1ms",
            format!(
                "{range}{}",
                encoded(
                    "sum(max_over_time(m[600s:1s])) + sum(quantile_over_time(0.5, m[10m:10ms]))"
                )
            ),
            503,
            "timeout",
            "query timed out in expression evaluation",
        ),
    ] {
        let answer = server(&[flag]).await.get(&target).await;
        let body = answer.json();
        assert_eq!(answer.status.as_u16(), status, "{flag}: {body}");
        assert_eq!(body["errorType"], kind, "{flag}");
        assert_eq!(body["error"], text, "{flag}");
    }
}

/// A query that takes long: many samples for each of many steps.
const LONG: &str = "quantile_over_time(0.5, m[10m:1ms])";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_under_way_is_listed_and_can_be_killed() {
    let server = server(&["--web.enable-admin-api", "--query.log-slower-than=1ms"]).await;
    let target = format!(
        "/api/v1/query_range?start=600&end=1200&step=1&query={}",
        encoded(LONG)
    );
    let asking = tokio::spawn({
        let server = server.clone();
        async move { server.get(&target).await }
    });
    let list = async || server.get("/api/v1/status/queries").await.json()["data"].clone();
    let query = loop {
        let queries = list().await;
        if queries[0]["bytes"].as_u64().is_some_and(|bytes| bytes > 0) {
            break queries[0].clone();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(query["query"], LONG);
    assert_eq!(
        (&query["running"], &query["client"]),
        (&json!(true), &Value::Null)
    );
    assert!(query["since"].is_string() && query["samples"].is_u64());
    let id = &query["id"];
    let kill = async |id: &str| {
        let target = format!("/api/v1/admin/queries/{id}/kill");
        server.request(Method::POST, &target).await
    };
    tokio::time::sleep(Duration::from_millis(2)).await; // slow is what takes a millisecond
    assert_eq!(kill(&id.to_string()).await.status, 204);
    let answer = asking.await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["errorType"]),
        (499, &json!("canceled"))
    );
    assert_eq!(list().await, json!([]));
    for id in [id.to_string().as_str(), "x"] {
        let gone = kill(id).await;
        assert_eq!(
            (gone.status.as_u16(), &gone.json()["errorType"]),
            (404, &json!("not_found"))
        );
    }
    let metrics = server.get("/metrics").await;
    for line in [
        "tsdb_queries_total{outcome=\"canceled\"} 1",
        "tsdb_queries_killed_total 1",
        "tsdb_queries_slow_total 1",
        "tsdb_queries_running 0",
        "tsdb_queries_running_max 20",
    ] {
        assert!(metrics.text().contains(&format!("\n{line}\n")), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_ends_when_its_client_goes_away() {
    let server = server(&[]).await;
    let target = format!(
        "/api/v1/query_range?start=600&end=1200&step=1&query={}",
        encoded(LONG)
    );
    let asking = server.get(&target);
    let gone = tokio::time::timeout(std::time::Duration::from_millis(100), asking).await;
    assert!(gone.is_err(), "it takes longer");
    for _ in 0..1000 {
        if server.get("/api/v1/status/queries").await.json()["data"] == json!([]) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it goes on");
}

#[tokio::test]
async fn only_the_admin_api_kills() {
    let answer = Server::new(&[])
        .request(Method::POST, "/api/v1/admin/queries/1/kill")
        .await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["errorType"]),
        (500, &json!("unavailable"))
    );
}

/// Percent-encoded, all of it.
fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}
