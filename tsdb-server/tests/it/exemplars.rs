//! Exemplars: from remote write and OpenTelemetry into the ring, and out of `query_exemplars`.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::common::compress;
use crate::common::http::encoded;
use crate::common::wire::Message;
use crate::support::{Answer, Server};

fn label(name: &str, value: &str) -> Message {
    Message::default()
        .bytes(1, name.as_bytes())
        .bytes(2, value.as_bytes())
}

/// An exemplar of remote write 1.0.
fn exemplar(trace: &str, value: f64, t_ms: u64) -> Message {
    Message::default()
        .bytes(1, &label("trace_id", trace).0)
        .double(2, value)
        .varint(3, t_ms)
}

/// Senders of remote write 1.0 put samples and exemplars into entries of their own.
fn version_1(name: &str, exemplars: &[Message]) -> Vec<u8> {
    let labels = || {
        Message::default()
            .bytes(1, &label("__name__", name).0)
            .bytes(1, &label("job", "shop").0)
    };
    let sample = Message::default().double(1, 1.0).varint(2, 1_000);
    let samples = labels().bytes(2, &sample.0);
    let exemplars = exemplars.iter().fold(labels(), |out, e| out.bytes(3, &e.0));
    let request = Message::default().bytes(1, &samples.0);
    request.bytes(1, &exemplars.0).0
}

async fn write(server: &Server, message: &[u8]) {
    let answer = server.write_raw(compress(message)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
}

async fn ask(server: &Server, parameters: &[(&str, &str)]) -> Answer {
    let query = encoded(parameters);
    let got = server
        .get(&format!("/api/v1/query_exemplars?{query}"))
        .await;
    let posted = server.form("/api/v1/query_exemplars", &query).await;
    assert_eq!((got.status, got.text()), (posted.status, posted.text()));
    got
}

/// Names of the series, and the times of their exemplars in seconds.
async fn times(server: &Server, query: &str) -> Vec<(String, Vec<f64>)> {
    let answer = ask(server, &[("query", query)]).await.json();
    let series = answer["data"].as_array().unwrap().iter();
    let times = |s: &Value| {
        let exemplars = s["exemplars"].as_array().unwrap().iter();
        exemplars
            .map(|e| e["timestamp"].as_f64().unwrap())
            .collect()
    };
    series
        .map(|s| {
            (
                s["seriesLabels"]["__name__"].as_str().unwrap().to_owned(),
                times(s),
            )
        })
        .collect()
}

#[tokio::test]
async fn exemplars_are_grouped_by_series_as_prometheus_does() {
    let server = Server::new(&[]);
    write(&server, &version_1("b", &[exemplar("x", 0.5, 1_500)])).await;
    write(
        &server,
        &version_1(
            "a",
            &[exemplar("y", 1e21, 2_000), exemplar("z", 2.0, 3_000)],
        ),
    )
    .await;
    let answer = ask(
        &server,
        &[("query", "rate(a[5m]) / b"), ("start", "1"), ("end", "2")],
    )
    .await;
    assert_eq!(
        answer.text(),
        concat!(
            r#"{"status":"success","data":["#,
            r#"{"seriesLabels":{"__name__":"a","job":"shop"},"exemplars":[{"labels":{"trace_id":"y"},"value":"1e+21","timestamp":2}]},"#,
            r#"{"seriesLabels":{"__name__":"b","job":"shop"},"exemplars":[{"labels":{"trace_id":"x"},"value":"0.5","timestamp":1.500}]}"#,
            "]}"
        )
    );
    let none = ask(&server, &[("query", "c")]).await;
    assert_eq!(none.text(), r#"{"status":"success","data":[]}"#);
    let no_selector = ask(&server, &[("query", "1 + 1")]).await;
    assert_eq!(no_selector.text(), r#"{"status":"success"}"#);
    for parameters in [
        &[("query", "a"), ("start", "2"), ("end", "1")][..],
        &[("query", "a{")],
        &[("query", "")],
        &[("query", "a"), ("start", "x")],
    ] {
        let answer = ask(&server, parameters).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["errorType"], "bad_data");
    }
}

#[tokio::test]
async fn what_is_older_or_known_or_too_long_is_no_news_and_no_error() {
    let server = Server::new(&[]);
    let long = "x".repeat(200);
    let all = [
        exemplar("x", 1.0, 2_000),
        exemplar("x", 1.0, 2_000),
        exemplar("y", 1.0, 1_000),
        exemplar(&long, 1.0, 3_000),
        exemplar("z", 1.0, 4_000),
    ];
    write(&server, &version_1("a", &all)).await;
    assert_eq!(
        times(&server, "a").await,
        [("a".to_owned(), vec![2.0, 4.0])]
    );
}

#[tokio::test]
async fn version_2_counts_what_is_written() {
    let server = Server::new(&[]);
    let symbols = ["", "__name__", "a", "trace_id", "x"];
    let request = symbols
        .iter()
        .fold(Message::default(), |out, s| out.bytes(4, s.as_bytes()));
    let sample = Message::default().double(1, 1.0).varint(2, 1_000);
    let exemplar = |t_ms| {
        Message::default()
            .bytes(1, &[3, 4])
            .double(2, 0.5)
            .varint(3, t_ms)
    };
    let series = Message::default()
        .bytes(1, &[1, 2])
        .bytes(2, &sample.0)
        .bytes(4, &exemplar(1_000).0)
        .bytes(4, &exemplar(2_000).0)
        .bytes(4, &exemplar(500).0);
    // Prometheus 3 sends an exemplar in an entry of its own.
    let alone = Message::default()
        .bytes(1, &[1, 2])
        .bytes(4, &exemplar(3_000).0);
    let request = Request::post("/api/v1/write")
        .header(
            "content-type",
            "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        )
        .header("content-encoding", "snappy")
        .body(Body::from(compress(
            &request.bytes(5, &series.0).bytes(5, &alone.0).0,
        )));
    let answer = server.send(request.unwrap()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    assert_eq!(
        answer.header("x-prometheus-remote-write-exemplars-written"),
        "3"
    );
    assert_eq!(
        times(&server, "a").await,
        [("a".to_owned(), vec![1.0, 2.0, 3.0])]
    );
}

#[tokio::test]
async fn opentelemetry_has_them_at_their_buckets() {
    let server = Server::new(&[]);
    let exemplar = |value, trace: &str| {
        json!({"timeUnixNano": "1000000000", "asDouble": value, "traceId": trace, "spanId": "00f067aa0ba902b7",
            "filteredAttributes": [{"key": "user", "value": {"stringValue": "u1"}}]})
    };
    let points = json!([{"timeUnixNano": "1000000000", "count": "2", "bucketCounts": ["1", "1"], "explicitBounds": [1],
        "exemplars": [exemplar(0.5, "4BF92F3577B34DA6A3CE929D0E0E4736"), exemplar(7.0, "")]}]);
    let metrics =
        json!([{"name": "h", "histogram": {"aggregationTemporality": 2, "dataPoints": points}}]);
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]});
    let request = Request::post("/v1/metrics")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()));
    assert_eq!(server.send(request.unwrap()).await.text(), "{}");
    let data = &ask(&server, &[("query", "h_bucket")]).await.json()["data"];
    assert_eq!(
        *data,
        json!([
            {"seriesLabels": {"__name__": "h_bucket", "le": "+Inf"}, "exemplars": [
                {"labels": {"span_id": "00f067aa0ba902b7", "user": "u1"}, "value": "7", "timestamp": 1},
            ]},
            {"seriesLabels": {"__name__": "h_bucket", "le": "1"}, "exemplars": [
                {"labels": {"span_id": "00f067aa0ba902b7", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "user": "u1"}, "value": "0.5", "timestamp": 1},
            ]},
        ])
    );
}

#[tokio::test]
async fn they_survive_a_restart_and_a_flush() {
    let dir = tempfile::tempdir().unwrap();
    let expected = [("a".to_owned(), vec![1.0])];
    let server = Server::on(dir.path());
    write(&server, &version_1("a", &[exemplar("x", 1.0, 1_000)])).await;
    drop(server);
    for _ in 0..2 {
        let server = Server::on(dir.path());
        assert_eq!(times(&server, "a").await, expected);
        let flushed = server
            .request(axum::http::Method::POST, "/api/v1/admin/tsdb/flush")
            .await;
        assert!(flushed.status.is_success(), "{flushed:?}");
        assert_eq!(times(&server, "a").await, expected);
    }
}

#[tokio::test]
async fn exemplars_of_imported_text_are_kept() {
    let server = Server::new(&[]);
    let page = "# TYPE a counter\na_total 3 1 # {trace_id=\"x\"} 0.5 0.9\na_total 4 2 # {trace_id=\"y\"} 0.25\n# EOF\n";
    let request = Request::post("/api/v1/import/prometheus")
        .header("content-type", "application/openmetrics-text")
        .body(Body::from(page));
    let answer = server.send(request.unwrap()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    let expected = [("a_total".to_owned(), vec![0.9, 2.0])];
    assert_eq!(times(&server, "a_total").await, expected);
}
