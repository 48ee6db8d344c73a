//! OpenTelemetry metrics: every request is sent in both encodings, to two servers that have to answer the same.

mod encode;
mod faults;
mod translation;

use std::io::Write as _;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::common::http::encoded;
use crate::support::{Answer, Server};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// A second in nanoseconds, as text.
fn ns(t_s: u64) -> String {
    format!("{t_s}000000000")
}

/// A request with these metrics of one resource.
fn request(resource: Value, metrics: Value) -> Value {
    let scope = json!({"name": "lib", "version": "1.2", "attributes": [attribute("a.b", "c")]});
    json!({"resourceMetrics": [{
        "resource": {"attributes": resource},
        "scopeMetrics": [{"scope": scope, "schemaUrl": "https://s", "metrics": metrics}],
    }]})
}

fn attribute(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

async fn post(server: &Server, target: &str, content_type: &str, body: Vec<u8>) -> Answer {
    let request = Request::post(target)
        .header("content-type", content_type)
        .body(Body::from(body));
    server.send(request.unwrap()).await
}

/// Servers of the same flags, one for each encoding.
struct Both {
    protobuf: Server,
    json: Server,
}

impl Both {
    fn new(flags: &[&str]) -> Self {
        Self {
            protobuf: Server::new(flags),
            json: Server::new(flags),
        }
    }

    /// With this section `otlp` of the configuration.
    async fn configured(section: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tsdb.yml");
        std::fs::write(&file, format!("otlp: {section}\n")).unwrap();
        let both = Self::new(&[
            "--config.file",
            file.to_str().unwrap(),
            "--web.enable-lifecycle",
        ]);
        for server in [&both.protobuf, &both.json] {
            let reloaded = server.request(axum::http::Method::POST, "/-/reload").await;
            assert_eq!(reloaded.status, StatusCode::OK, "{reloaded:?}");
        }
        both
    }

    /// Sends it, and gives the answer in JSON.
    async fn send(&self, request: &Value) -> Answer {
        let target = "/api/v1/otlp/v1/metrics";
        let protobuf = post(&self.protobuf, target, PROTOBUF, encode::request(request)).await;
        let json = post(&self.json, "/v1/metrics", JSON, request.to_string().into()).await;
        assert_eq!(protobuf.status, json.status, "{protobuf:?} {json:?}");
        assert_eq!(protobuf.header("content-type"), PROTOBUF);
        assert_eq!(json.header("content-type"), JSON);
        let message = json.json();
        let message = message["partialSuccess"]["errorMessage"].as_str();
        let message = message.unwrap_or_default();
        let has_it = protobuf
            .body
            .windows(message.len().max(1))
            .any(|w| w == message.as_bytes());
        assert!(message.is_empty() || has_it, "{protobuf:?} {json:?}");
        json
    }

    /// Sends what has to be stored as a whole.
    async fn store(&self, request: &Value) {
        let answer = self.send(request).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.text(), "{}");
    }

    /// The `data` that both answer.
    async fn data(&self, target: &str) -> Value {
        let answer = self.protobuf.get(target).await.json();
        assert_eq!(answer, self.json.get(target).await.json());
        assert_eq!(answer["status"], "success", "{answer}");
        answer["data"].clone()
    }

    /// What an instant query at second 1000 finds: the series, without the name of its metric being left out, and values.
    async fn found(&self, query: &str) -> Vec<(Value, String)> {
        let query = encoded(&[("time", "1000"), ("query", query)]);
        let data = self.data(&format!("/api/v1/query?{query}")).await;
        let series = data["result"].as_array().unwrap().iter();
        series
            .map(|s| {
                (
                    s["metric"].clone(),
                    s["value"][1].as_str().unwrap_or("histogram").to_owned(),
                )
            })
            .collect()
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
