//! What is refused, and how it is told.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{Both, JSON, PROTOBUF, encode, gzip, ns, post, request};
use crate::common::wire::Message;
use crate::support::Server;

fn gauge(name: &str, points: Value) -> Value {
    json!({"name": name, "gauge": {"dataPoints": points}})
}

fn point(value: i64) -> Value {
    json!({"timeUnixNano": ns(1000), "asInt": value})
}

#[tokio::test]
async fn what_cannot_be_stored_is_counted_and_named_and_the_rest_is_kept() {
    let both = Both::new(&[]);
    let delta = json!({"name": "d", "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [point(1), point(2)]}});
    let scale = json!({"name": "e", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [
        {"timeUnixNano": ns(1000), "scale": -9, "count": "1", "positive": {"bucketCounts": ["1"]}},
    ]}});
    let bounds = json!({"name": "h", "histogram": {"aggregationTemporality": 2, "dataPoints": [
        {"timeUnixNano": ns(1000), "count": "1", "bucketCounts": ["1"], "explicitBounds": [1.5]},
    ]}});
    let no_value = gauge("n", json!([{"timeUnixNano": ns(1000)}, {"asInt": 1}]));
    for (metric, rejected, says) in [
        (
            delta,
            "2",
            "metric \"d\": delta temporality is not supported",
        ),
        (scale, "1", "metric \"e\": scale -9"),
        (
            bounds,
            "1",
            "metric \"h\": the histogram has 1 buckets and 1 bounds",
        ),
        (no_value, "2", "metric \"n\": the data point has no value"),
        (
            gauge("日本", json!([point(1)])),
            "1",
            "nothing is left of the metric name",
        ),
    ] {
        let metrics = json!([metric, gauge("kept", json!([point(7)]))]);
        let answer = both.send(&request(json!([]), metrics)).await;
        assert_eq!(answer.status, StatusCode::OK);
        let partial = &answer.json()["partialSuccess"];
        assert_eq!(partial["rejectedDataPoints"], rejected, "{answer:?}");
        let message = partial["errorMessage"].as_str().unwrap();
        assert!(message.starts_with(says), "{message}");
    }
    assert_eq!(both.found("kept").await[0].1, "7");
    // The same time again, with another value.
    let answer = both
        .send(&request(
            json!([]),
            json!([gauge("kept", json!([point(8)]))]),
        ))
        .await;
    let partial = &answer.json()["partialSuccess"];
    assert_eq!(partial["rejectedDataPoints"], "1");
    let message = partial["errorMessage"].as_str().unwrap();
    assert!(
        message.contains("duplicate sample for timestamp"),
        "{message}"
    );
}

#[tokio::test]
async fn a_body_that_is_no_request_is_a_status_of_its_encoding() {
    let server = Server::new(&[]);
    let answer = post(
        &server,
        "/v1/metrics",
        JSON,
        b"{\"resourceMetrics\": 5}".to_vec(),
    )
    .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["code"], 3);
    assert!(
        answer.json()["message"]
            .as_str()
            .unwrap()
            .starts_with("JSON: ")
    );

    let cut = Message::default().bytes(1, &[0x0a, 0x05]).0;
    let answer = post(&server, "/v1/metrics", PROTOBUF, cut).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let expected = Message::default()
        .varint(1, 3)
        .bytes(2, b"protobuf: a field is cut short");
    assert_eq!(answer.body, expected.0);

    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let answer = post(&server, "/v1/metrics", content_type, Vec::new()).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let empty = post(&server, "/v1/metrics", PROTOBUF, Vec::new()).await;
    assert_eq!((empty.status, empty.body.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn compressed_bodies_are_bounded() {
    let server = Server::new(&["--web.max-decoded-bytes=10000"]);
    let send = async |encoding: &str, body: Vec<u8>| {
        let request = Request::post("/v1/metrics")
            .header("content-type", PROTOBUF)
            .header("content-encoding", encoding)
            .body(Body::from(body));
        server.send(request.unwrap()).await.status
    };
    let body = encode::request(&request(json!([]), json!([gauge("g", json!([point(1)]))])));
    assert_eq!(send("gzip", gzip(&body)).await, StatusCode::OK);
    assert_eq!(
        send("zstd", zstd::encode_all(&body[..], 1).unwrap()).await,
        StatusCode::OK
    );
    assert_eq!(
        send("br", body.clone()).await,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(send("gzip", body).await, StatusCode::BAD_REQUEST);
    let bomb = gzip(&vec![0; 10 << 20]);
    assert_eq!(send("gzip", bomb).await, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn lists_are_bounded() {
    let both = Both::new(&[]);
    let attributes: Vec<Value> = (0..1025)
        .map(|n| super::attribute(&n.to_string(), "x"))
        .collect();
    let many = json!([{"timeUnixNano": ns(1000), "asInt": 1, "attributes": attributes}]);
    let answer = both
        .send(&request(json!([]), json!([gauge("g", many)])))
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let buckets = json!({"name": "h", "histogram": {"aggregationTemporality": 2, "dataPoints": [
        {"timeUnixNano": ns(1000), "bucketCounts": vec!["1"; 16385]},
    ]}});
    let answer = both.send(&request(json!([]), json!([buckets]))).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let open = r#"{"arrayValue":{"values":["#.repeat(2000);
    let close = "]}}".repeat(2000);
    let deep = json!([{"timeUnixNano": ns(1000), "asInt": 1, "attributes": [{"key": "k", "value": "DEEP"}]}]);
    let text = request(json!([]), json!([gauge("g", deep)])).to_string();
    let text = text.replace("\"DEEP\"", &format!("{open}{close}"));
    let answer = post(&both.json, "/v1/metrics", JSON, text.into()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_is_accepted_later_may_come_again() {
    let body = encode::request(&request(json!([]), json!([gauge("g", json!([point(1)]))])));
    let recovering = Server::without_store();
    let answer = post(&recovering, "/v1/metrics", PROTOBUF, body.clone()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(answer.body[..2], [8, 14]);

    let both = Both::configured("{}\nlimits: {new_series: 0}").await;
    let answer = both
        .send(&request(json!([]), json!([gauge("g", json!([point(1)]))])))
        .await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(answer.json()["code"], 8);
}
