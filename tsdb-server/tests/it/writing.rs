//! Remote write through the router.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use crate::common::compress;
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

#[tokio::test]
async fn histograms_are_refused_and_never_dropped_in_silence() {
    let server = Server::new(&[]);
    let label = Message::default().bytes(1, b"__name__").bytes(2, b"h");
    let series = Message::default().bytes(1, &label.0).bytes(4, b"");
    let answer = server
        .write_raw(compress(&Message::default().bytes(1, &series.0).0))
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer
            .text()
            .contains("native histograms are not supported")
    );
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
    let v2 = send(
        "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        Vec::new(),
    )
    .await;
    assert_eq!(v2.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
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
