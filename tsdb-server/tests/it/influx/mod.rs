//! InfluxDB's API as its clients use it.

mod deleting;
mod recorded;
mod verdicts;
mod writing;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::Value;

use crate::support::{Answer, Server};

/// Executes a statement over POST, with epoch in nanoseconds.
async fn query(server: &Server, database: &str, statement: &str) -> Value {
    let form = crate::common::http::encoded(&[("q", statement), ("db", database), ("epoch", "ns")]);
    let answer = server.form("/query", &form).await;
    answer.json()
}

/// Writes lines.
async fn write(server: &Server, target: &str, lines: &str) -> Answer {
    let request = Request::builder().method(Method::POST).uri(target);
    server
        .send(request.body(Body::from(lines.to_owned())).unwrap())
        .await
}

/// A server with a database of that name.
async fn with_database(name: &str, flags: &[&str]) -> Server {
    let server = Server::new(flags);
    let made = query(&server, "", &format!("CREATE DATABASE {name}")).await;
    assert_eq!(made["results"][0].get("error"), None, "{made}");
    server
}

/// The series of the first statement's answer.
fn series(answer: &Value) -> &Value {
    &answer["results"][0]["series"]
}
