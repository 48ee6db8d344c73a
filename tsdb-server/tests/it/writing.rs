//! Remote write through the router.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use crate::common::compress;
use crate::common::http;
use crate::common::process::Process;
use crate::common::wire::{Message, encode, owned};
use crate::support::Server;

const T: i64 = 1_700_000_000_000;

#[tokio::test]
async fn what_is_acknowledged_is_seen_by_the_next_query() {
    let server = Server::new(&[]);
    let series = (owned(&[("job", "a"), ("__name__", "up")]), vec![(T, 1.5)]); // labels not sorted
    for path in [
        "/api/v1/write",
        "/api/v1/prom/write",
        "/prometheus/remote/write",
        "/api/v1/push",
    ] {
        let request = Request::post(path).body(Body::from(compress(&encode(
            std::slice::from_ref(&series),
            &[],
        ))));
        let answer = server.send(request.unwrap()).await; // neither type nor encoding named
        assert_eq!(
            (answer.status, answer.body.len()),
            (StatusCode::NO_CONTENT, 0),
            "{path}"
        );
    }
    let answer = server.get("/api/v1/query?query=up&time=1700000000").await;
    assert_eq!(
        answer.text(),
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},"value":[1700000000,"1.5"]}]}}"#
    );
}

#[tokio::test]
async fn refused_samples_are_told_and_the_others_kept() {
    let server = Server::new(&[]);
    let up = |v| (owned(&[("__name__", "up")]), vec![(T, v)]);
    let down = (owned(&[("__name__", "down")]), vec![(T, 3.0)]);
    let nameless = (owned(&[("job", "x")]), vec![(T, 3.0)]);
    assert_eq!(
        server.write(&[up(1.0)]).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        server.write(&[up(1.0)]).await.status,
        StatusCode::NO_CONTENT,
        "equal: accepted again"
    );
    let answer = server.write(&[up(2.0), nameless, down]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let text = answer.text();
    assert!(text.starts_with("duplicate sample for timestamp"), "{text}");
    assert!(
        text.contains("1 samples (duplicate") && text.contains("1 series with invalid labels"),
        "{text}"
    );
    let found = server
        .get("/api/v1/query?query=%7B__name__%3D~%22up%7Cdown%22%7D&time=1700000000")
        .await
        .json();
    assert_eq!(found["data"]["result"][0]["value"][1], "3");
    assert_eq!(found["data"]["result"][1]["value"][1], "1");
}

fn histogram(count: u64) -> Vec<u8> {
    // One observation in the zero bucket.
    let message = Message::default().varint(1, count).double(3, 0.5);
    message.varint(6, 1).varint(15, T.cast_unsigned()).0
}

#[tokio::test]
async fn histograms_are_stored_and_those_that_are_not_valid_told() {
    let server = Server::new(&["--web.enable-admin-api"]);
    let series = |name: &[u8], count| {
        let label = Message::default().bytes(1, b"__name__").bytes(2, name);
        let series = Message::default().bytes(1, &label.0);
        series.bytes(4, &histogram(count)).0
    };
    let good = Message::default().bytes(1, &series(b"h", 1)).0;
    for _ in 0..2 {
        let answer = server.write_raw(compress(&good)).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
    }
    let mixed = Message::default()
        .bytes(1, &series(b"g", 2))
        .bytes(1, &series(b"i", 1));
    let answer = server.write_raw(compress(&mixed.0)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.text().trim_end(),
        "1 observations found in buckets, but the Count field is 2: histogram's observation count should equal the \
         number of observations found in the buckets (in absence of NaN): series {__name__=\"g\"}; \
         refused: 1 native histograms; accepted: 1 samples"
    );
    let found = server.get("/api/v1/label/__name__/values").await.json();
    assert_eq!(found["data"], json!(["h", "i"]));
    for flushed in [false, true] {
        let found = server.get("/api/v1/query?query=h&time=1700000000").await;
        assert_eq!(
            found.text(),
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"h"},"histogram":[1700000000,{"count":"1","sum":"0.5","buckets":[[3,"-0","0","1"]]}]}]}}"#,
            "flushed: {flushed}"
        );
        let flush = "/api/v1/admin/tsdb/flush";
        server.request(axum::http::Method::POST, flush).await;
    }
}

const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

#[tokio::test]
async fn version_2_tells_what_it_wrote() {
    let server = Server::new(&[]);
    let sample = Message::default()
        .double(1, 1.5)
        .varint(2, T.cast_unsigned());
    let request = |count| {
        let series = |labels: &[u8]| Message::default().bytes(1, labels);
        let mut request = Message::default();
        for symbol in ["", "__name__", "up", "h"] {
            request = request.bytes(4, symbol.as_bytes());
        }
        let histogram = series(&[1, 3]).bytes(3, &histogram(count));
        request
            .bytes(5, &series(&[1, 2]).bytes(2, &sample.0).0)
            .bytes(5, &histogram.0)
            .0
    };
    let send = |body: Vec<u8>| {
        let request = Request::post("/api/v1/write")
            .header("content-type", V2)
            .header("content-encoding", "snappy");
        server.send(request.body(Body::from(body)).unwrap())
    };
    for (body, status, written) in [
        (
            compress(&request(1)),
            StatusCode::NO_CONTENT,
            ["1", "1", "0"],
        ),
        (
            compress(&request(2)),
            StatusCode::BAD_REQUEST,
            ["1", "0", "0"],
        ),
        (
            b"not snappy".to_vec(),
            StatusCode::BAD_REQUEST,
            ["0", "0", "0"],
        ),
    ] {
        let answer = send(body).await;
        assert_eq!(answer.status, status);
        let told = ["samples", "histograms", "exemplars"]
            .map(|kind| answer.header(&format!("x-prometheus-remote-write-{kind}-written")));
        assert_eq!(told, written);
    }
    let found = server.get("/api/v1/query?query=up&time=1700000000").await;
    assert_eq!(found.json()["data"]["result"][0]["value"][1], "1.5");
}

/// A counter of seconds and a histogram that began anew 20 s before the second sample, and one of unknown age.
fn started() -> Vec<u8> {
    let sample = |value: f64, t_ms: i64, start_ms: i64| {
        let message = Message::default().double(1, value);
        let message = message.varint(2, t_ms.cast_unsigned());
        message.varint(3, start_ms.cast_unsigned()).0
    };
    let histogram = |t_ms: i64, start_ms: i64| {
        let message = Message::default().varint(1, 1).double(3, 0.5).varint(6, 1);
        let message = message.varint(15, t_ms.cast_unsigned());
        message.varint(17, start_ms.cast_unsigned()).0
    };
    let (began, again) = (T - 3_600_000, T + 40_000);
    let mut request = Message::default();
    for symbol in ["", "__name__", "c", "h", "old"] {
        request = request.bytes(4, symbol.as_bytes());
    }
    let counter = Message::default()
        .bytes(1, &[1, 2])
        .bytes(2, &sample(10.0, T, began))
        .bytes(2, &sample(20.0, T + 60_000, again));
    let histograms = Message::default()
        .bytes(1, &[1, 3])
        .bytes(3, &histogram(T, began))
        .bytes(3, &histogram(T + 60_000, again));
    let old = Message::default()
        .bytes(1, &[1, 4])
        .bytes(2, &sample(10.0, T, 0))
        .bytes(2, &sample(20.0, T + 60_000, 0));
    [counter, histograms, old]
        .iter()
        .fold(request, |request, series| request.bytes(5, &series.0))
        .0
}

#[test]
fn start_times_outlive_a_kill_and_a_flush() {
    let dir = tempfile::tempdir().unwrap();
    let flags = [
        "--enable-feature=use-start-timestamps",
        "--web.enable-admin-api",
        "--storage.tsdb.retention.time=0",
    ];
    let start = |flags: &[&str]| Process::start_at("127.0.0.1:0", dir.path(), flags);
    let value = |process: &Process, query: &str| {
        let line = format!("GET /api/v1/query?query={query}&time=1700000060");
        let (status, body) = process.request(&line, &[]);
        assert_eq!(status, 200, "{body}");
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        let result = &json["data"]["result"][0];
        result["value"][1].as_str().unwrap_or("none").to_owned()
    };
    let check = |process: &Process| {
        assert_eq!(value(process, "start_timestamp(c)"), "1700000040");
        assert_eq!(
            value(process, "start_timestamp(c%20offset%201m)"),
            "1699996400"
        );
        assert_eq!(value(process, "start_timestamp(h)"), "1700000040");
        assert_eq!(value(process, "start_timestamp(old)"), "0");
        // 20 more since it began anew, which the values do not show.
        assert_eq!(value(process, "resets(c%5B2m%5D)"), "1");
        assert_eq!(value(process, "resets(h%5B2m%5D)"), "1");
        assert_eq!(value(process, "resets(old%5B2m%5D)"), "0");
    };

    let process = start(&flags);
    let write = "POST /api/v1/write";
    let written = http::request(
        &process.address,
        write,
        &[("content-type", V2)],
        &compress(&started()),
    );
    assert_eq!(written.unwrap().status, 204);
    check(&process);
    let rates = ["c", "old"].map(|name| value(&process, &format!("rate({name}%5B2m%5D)")));
    assert_ne!(rates[0], rates[1]);
    drop(process); // SIGKILL

    let process = start(&flags);
    check(&process);
    for later in [1, 2] {
        // Flushed, then merged with what came later.
        assert_eq!(process.request("POST /api/v1/admin/tsdb/flush", &[]).0, 204);
        check(&process);
        let series = (owned(&[("__name__", "other")]), vec![(T + later, 1.0)]);
        let body = compress(&encode(&[series], &[]));
        assert_eq!(process.request(write, &body).0, 204);
    }
    drop(process);

    let process = start(&flags[1..]);
    assert_eq!(value(&process, "start_timestamp(c)"), "none");
    assert_eq!(value(&process, "resets(c%5B2m%5D)"), "0");
    assert_eq!(value(&process, "rate(c%5B2m%5D)"), rates[1]);
}

#[tokio::test]
async fn metadata_that_is_too_long_is_left_out_and_its_samples_are_not() {
    let server = Server::new(&[]);
    let write = async |metric: &str, help: &str| {
        let series = (owned(&[("__name__", metric)]), vec![(T, 1.0)]);
        let meta = (1, metric.to_owned(), help.to_owned());
        let body = compress(&encode(&[series], &[meta]));
        let answer = server.write_raw(body).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
    };
    write("a", "help").await;
    write("b", &"x".repeat(20_000)).await;
    let kept = server.get("/api/v1/metadata").await.json();
    let kept: Vec<&String> = kept["data"].as_object().unwrap().keys().collect();
    assert_eq!(kept, ["a"]);
    let names = server.get("/api/v1/label/__name__/values").await.json();
    assert_eq!(names["data"], json!(["a", "b"]));
}

#[tokio::test]
async fn requests_with_metadata_only_are_stored_and_empty_ones_accepted() {
    let server = Server::new(&[]);
    assert_eq!(
        server.write_raw(Vec::new()).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        server.write_raw(compress(&[])).await.status,
        StatusCode::NO_CONTENT
    );
    let meta = [
        (2, "b".to_owned(), "x & y".to_owned()),
        (7, "a".to_owned(), String::new()),
    ];
    assert_eq!(
        server.write_raw(compress(&encode(&[], &meta))).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        server.get("/api/v1/metadata").await.text(),
        r#"{"status":"success","data":{"a":[{"type":"stateset","help":"","unit":""}],"b":[{"type":"gauge","help":"x \u0026 y","unit":""}]}}"#
    );
    assert_eq!(
        server.get("/api/v1/metadata?metric=b").await.json()["data"]
            .as_object()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        server.get("/api/v1/metadata?limit=1").await.json()["data"]
            .as_object()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        server.get("/api/v1/metadata?limit=x").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn other_protocols_and_sizes_are_refused_by_status() {
    let server = Server::new(&["--web.max-body-bytes=1000", "--web.max-decoded-bytes=2000"]);
    let send = |content_type: &'static str, body: Vec<u8>| {
        let request = Request::post("/api/v1/write").header("content-type", content_type);
        server.send(request.body(Body::from(body)).unwrap())
    };
    let v3 = send(
        "application/x-protobuf;proto=io.prometheus.write.v3.Request",
        Vec::new(),
    )
    .await;
    assert_eq!(v3.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(
        send("", vec![0; 1001]).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(
        send("", compress(&[0; 2001])).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(
        send("", b"not snappy".to_vec()).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        send("", compress(b"\xff")).await.status,
        StatusCode::BAD_REQUEST
    );
    // The requests above name no length and are limited while they are collected; one that does is refused at once.
    let request = Request::post("/api/v1/write").header("content-length", "1001");
    let announced = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(announced.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_flush_changes_no_answer() {
    let server = Server::new(&["--web.enable-admin-api"]);
    let series = (
        owned(&[("__name__", "up")]),
        vec![(T, 1.0), (T + 15_000, 2.0)],
    );
    server.write(&[series]).await;
    let ask = || server.get("/api/v1/query?query=up%5B1m%5D&time=1700000015");
    let before = ask().await;
    assert_eq!(
        before.json()["data"]["result"][0]["values"],
        json!([[1_700_000_000, "1"], [1_700_000_015, "2"]])
    );
    let flush = server
        .request(axum::http::Method::POST, "/api/v1/admin/tsdb/flush")
        .await;
    assert_eq!(
        (flush.status, flush.body.len()),
        (StatusCode::NO_CONTENT, 0)
    );
    assert_eq!(ask().await.body, before.body);
}
