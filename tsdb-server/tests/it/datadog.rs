//! Datadog's agent and clients write under `/datadog`.

use std::io::Write as _;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use crate::common::http::encoded;
use crate::common::wire::Message;
use crate::support::{Answer, Server};

async fn post(server: &Server, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let request = headers.iter().fold(
        Request::post(format!("/datadog{path}")).header("dd-api-key", "any"),
        |request, (name, value)| request.header(*name, *value),
    );
    server.send(request.body(Body::from(body)).unwrap()).await
}

/// The labels and value of the one series that has this name.
async fn found(server: &Server, metric: &str, time: &str) -> serde_json::Value {
    let query = format!("{{\"{metric}\"}}");
    let query = encoded(&[("time", time), ("query", &query)]);
    let answer = server.get(&format!("/api/v1/query?{query}")).await.json();
    let result = answer["data"]["result"].as_array().unwrap();
    assert_eq!(result.len(), 1, "{answer}");
    json!([result[0]["metric"], result[0]["value"][1]])
}

#[tokio::test]
async fn both_versions_in_json_are_stored() {
    let server = Server::new(&[]);
    // The bodies of the recorded exchanges, with more tags.
    let body = json!({"series": [{"metric": "system.load.1", "points": [[1652349005, 1.1], [1652349006.7, 1.2]], "type": "gauge", "host": "h1",
        "tags": ["env:prod", "env:test", "url:http://x:80", "plain"]}]});
    let json = [("content-type", "text/json")];
    let answer = post(
        &server,
        "/api/v1/series?api_key=x",
        &json,
        body.to_string().into(),
    )
    .await;
    assert_eq!(
        (answer.status, answer.text()),
        (StatusCode::ACCEPTED, r#"{"status":"ok"}"#)
    );
    let labels = json!({"__name__": "system.load.1", "host": "h1", "env": "prod;test", "url": "http://x:80", "plain": "no_label_value"});
    assert_eq!(
        found(&server, "system.load.1", "1652349006").await,
        json!([labels, "1.2"])
    );

    let body = json!({"series": [{"metric": "net.rate", "points": [{"timestamp": 1657662336, "value": 0.7}], "type": 2, "unit": "byte",
        "resources": [{"name": "dummyhost", "type": "host"}], "interval": 10}]});
    let answer = post(
        &server,
        "/api/v2/series",
        &[("content-type", "application/json")],
        body.to_string().into(),
    )
    .await;
    assert_eq!(
        (answer.status, answer.text()),
        (StatusCode::ACCEPTED, r#"{"errors":[]}"#)
    );
    let labels = json!({"__name__": "net.rate", "host": "dummyhost"});
    assert_eq!(
        found(&server, "net.rate", "1657662336").await,
        json!([labels, "0.7"])
    );
    let metadata = server.get("/api/v1/metadata?metric=net.rate").await.json();
    assert_eq!(
        metadata["data"]["net.rate"],
        json!([{"type": "gauge", "help": "", "unit": "byte"}])
    );
}

#[tokio::test]
async fn protobuf_is_stored_however_it_is_compressed() {
    for encoding in ["", "deflate", "gzip", "zstd", "zstd1"] {
        let server = Server::new(&[]);
        let resource = Message::default().bytes(1, b"host").bytes(2, b"h1");
        let point = Message::default().double(1, 2.5).varint(2, 1_000);
        let series = Message::default()
            .bytes(1, &resource.0)
            .bytes(2, b"agent.running")
            .bytes(3, b"env:prod")
            .bytes(4, &point.0)
            .varint(5, 3);
        let body = Message::default().bytes(1, &series.0).0;
        let fast = flate2::Compression::fast();
        let body = match encoding {
            "deflate" => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), fast);
                encoder.write_all(&body).unwrap();
                encoder.finish().unwrap()
            }
            "gzip" => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), fast);
                encoder.write_all(&body).unwrap();
                encoder.finish().unwrap()
            }
            "zstd" | "zstd1" => zstd::encode_all(&body[..], 1).unwrap(),
            _ => body,
        };
        let headers = [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", encoding),
        ];
        let answer = post(&server, "/api/v2/series", &headers, body).await;
        assert_eq!(
            answer.status,
            StatusCode::ACCEPTED,
            "{encoding}: {answer:?}"
        );
        let labels = json!({"__name__": "agent.running", "host": "h1", "env": "prod"});
        assert_eq!(
            found(&server, "agent.running", "1000").await,
            json!([labels, "2.5"])
        );
    }
}

#[tokio::test]
async fn what_is_no_metric_is_answered_and_distributions_are_refused() {
    let server = Server::new(&[]);
    let answer = server.get("/datadog/api/v1/validate").await;
    assert_eq!(
        (answer.status, answer.text()),
        (StatusCode::OK, r#"{"valid":true}"#)
    );
    for (path, status, body) in [
        (
            "/api/v1/check_run",
            StatusCode::ACCEPTED,
            r#"{"status":"ok"}"#,
        ),
        ("/intake", StatusCode::OK, "{}"),
        ("/intake/", StatusCode::OK, "{}"),
        ("/api/v1/metadata", StatusCode::OK, "{}"),
    ] {
        let answer = post(&server, path, &[], b"{}".to_vec()).await;
        assert_eq!((answer.status, answer.text()), (status, body), "{path}");
    }
    for path in ["/api/beta/sketches", "/api/v1/distribution_points"] {
        let answer = post(&server, path, &[], Vec::new()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(
            answer.json()["errors"][0]
                .as_str()
                .unwrap()
                .contains("distributions are not supported")
        );
    }
}

#[tokio::test]
async fn faults_are_told_in_datadogs_form_and_the_rest_is_kept() {
    let server = Server::new(&["--web.max-decoded-bytes=2000"]);
    let json = [("content-type", "application/json")];
    for (body, status) in [
        ("", StatusCode::BAD_REQUEST),
        ("{}", StatusCode::BAD_REQUEST),
        (
            r#"{"series":[{"metric":"a","points":[["x"]]}]}"#,
            StatusCode::BAD_REQUEST,
        ),
        (&" ".repeat(2001), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = post(&server, "/api/v1/series", &json, body.into()).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.json()["errors"][0].is_string());
    }
    let body =
        r#"{"series":[{"metric":"","points":[[1000,1]]},{"metric":"kept","points":[[1000,1]]}]}"#;
    let answer = post(&server, "/api/v1/series", &json, body.into()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer.text().contains("there is no metric name"),
        "{answer:?}"
    );
    assert_eq!(found(&server, "kept", "1000").await[1], "1");
    let cut = Message::default().bytes(1, &[0x12, 0x05]).0;
    let protobuf = [("content-type", "application/x-protobuf")];
    let answer = post(&server, "/api/v2/series", &protobuf, cut).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let recovering = Server::without_store();
    let answer = post(&recovering, "/api/v1/series", &json, b"{}".to_vec()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.header("retry-after").is_empty());
}
