//! The query API on a store in which there is what InfluxDB's protocols write: integers, booleans, strings, nanoseconds.

use axum::http::StatusCode;
use serde_json::json;
use tsdb_core::{Db, Options, TimeUnit, Value, WriteBatch};

use crate::common::wire::owned;
use crate::support::Server;

const MS: i64 = 1_000_000;
const T_MS: i64 = 1_700_000_000_000;

/// Writes a minute of each kind, and flushes half of it.
fn fill(dir: &std::path::Path) {
    let options = Options::new().retention(None).future_limit(None);
    let db = Db::open(dir, options).unwrap();
    for (half, seconds) in [(0, 0..30), (1, 30..60)] {
        let mut batch = WriteBatch::new();
        for field in ["count", "up", "state", "load"] {
            let name = format!("host_{field}");
            let mut series = batch.series([("__name__", &*name), ("host", "a")]).unwrap();
            series.unit(TimeUnit::Nanoseconds);
            for second in seconds.clone() {
                // Twice a millisecond: the later one is shown.
                for (n, tick) in [(0, 0), (1, MS - 1)] {
                    let tick = (T_MS + second * 1_000) * MS + tick;
                    series.value(
                        tick,
                        match field {
                            "count" => Value::Integer(2 * second + n),
                            "up" => Value::Boolean(n == 1 && second < 30),
                            "state" => Value::String("running"),
                            _ => Value::Float(0.5 + n as f64),
                        },
                    );
                }
            }
        }
        assert!(db.write(&batch).unwrap().rejected.is_empty());
        if half == 0 {
            db.flush().unwrap();
        }
    }
    db.close().unwrap();
}

async fn values(server: &Server, query: &str) -> serde_json::Value {
    let target = format!("/api/v1/query?time=1700000059.5&query={query}");
    let answer = server.get(&target).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let result = answer.json()["data"]["result"].clone();
    let values = result.as_array().unwrap().iter();
    values.map(|sample| sample["value"][1].clone()).collect()
}

#[tokio::test]
async fn promql_shows_integers_and_booleans_and_leaves_strings_out() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let server = Server::on(dir.path());
    for (query, expected) in [
        ("host_count", json!(["119"])),
        ("host_count%20offset%2040s", json!(["39"])),
        ("host_up", json!(["0"])),
        ("host_up%20offset%2040s", json!(["1"])),
        ("host_load", json!(["1.5"])),
        ("host_state", json!([])),
        ("count_over_time(host_state[5m])", json!([])),
        ("count_over_time(host_count[5m])", json!(["60"])),
        ("sum_over_time(host_up[5m])", json!(["30"])),
        ("rate(host_count[50s])", json!(["2"])),
        ("count({host=\"a\"})", json!(["3"])),
        ("host_count-on(host)host_load", json!(["117.5"])),
    ] {
        let query = query
            .replace('{', "%7B")
            .replace('}', "%7D")
            .replace('"', "%22");
        let query = query.replace('[', "%5B").replace(']', "%5D");
        assert_eq!(values(&server, &query).await, expected, "{query}");
    }
    let answer = server
        .get("/api/v1/query_range?start=1700000028&end=1700000031&step=1&query=host_up")
        .await;
    assert_eq!(
        answer.json()["data"]["result"][0]["values"],
        json!([
            [1_700_000_028, "1"],
            [1_700_000_029, "1"],
            [1_700_000_030, "0"],
            [1_700_000_031, "0"]
        ])
    );
}

#[tokio::test]
async fn labels_of_all_kinds_are_found_and_the_status_knows_them() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let server = Server::on(dir.path());
    let names = server.get("/api/v1/label/__name__/values").await;
    let all = json!(["host_count", "host_load", "host_state", "host_up"]);
    assert_eq!(names.json()["data"], all);
    let target = "/api/v1/series?match%5B%5D=host_state&start=1700000000&end=1700000060";
    let series = server.get(target).await;
    assert_eq!(
        series.json()["data"],
        json!([{"__name__": "host_state", "host": "a"}])
    );
    // None of a time in which it has no sample.
    let target = "/api/v1/series?match%5B%5D=host_state&start=1700000060&end=1700000070";
    assert_eq!(server.get(target).await.json()["data"], json!([]));
    assert_eq!(
        server.get("/api/v1/status/tsdb").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn remote_write_goes_on_in_a_series_of_nanoseconds() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let server = Server::on(dir.path());
    let labels = owned(&[("__name__", "host_load"), ("host", "a")]);
    let answer = server.write(&[(labels, vec![(T_MS + 59_500, 7.5)])]).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    assert_eq!(values(&server, "host_load").await, json!(["7.5"]));
    let counted = values(&server, "count_over_time(host_load%5B5m%5D)").await;
    assert_eq!(counted, json!(["61"]));
}
