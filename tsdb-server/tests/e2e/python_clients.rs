//! Client libraries of PyPI: OpenTelemetry's SDK, Datadog's two, InfluxDB's of version 2, StatsD's, and those that ask a Prometheus and
//! Sysdig.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::process::{Process, free_address, until};
use crate::common::wire::{encode, owned};
use crate::common::{compress, http};
use crate::prometheus::ask;

/// Runs a script with the packages of PyPI and these arguments; false where there is no Python that has them.
fn ran(script: &str, arguments: &[&str]) -> bool {
    let Some(python) = std::env::var_os("TSDB_E2E_PYTHON") else {
        println!("skipped: {script}: TSDB_E2E_PYTHON names a Python with PyPI's clients");
        return false;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/e2e")
        .join(script);
    let ended = Command::new(python)
        .arg(script)
        .args(arguments)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    true
}

/// The value of the one series that a query gives.
fn value(address: &str, query: &str) -> Result<String, Value> {
    let data = ask(address, "/api/v1/query", &[("query", query)]).unwrap();
    match data["result"].as_array().map(Vec::as_slice) {
        Some([one]) => Ok(one["value"][1].as_str().unwrap_or("histogram").to_owned()),
        _ => Err(data),
    }
}

/// Asks each query for the one value that it has to give.
pub(crate) fn assert_values(address: &str, asked: &[(impl AsRef<str>, &str)]) {
    for (query, expected) in asked {
        let query = query.as_ref();
        assert_eq!(value(address, query).as_deref(), Ok(*expected), "{query}");
    }
}

/// The same of what is written by and by.
pub(crate) fn values_when_there(address: &str, asked: &[(&str, &str)]) {
    for (query, expected) in asked {
        until(query, || {
            value(address, query).ok().filter(|found| found == expected)
        });
    }
}

#[test]
fn the_python_sdk_exports_metrics_of_every_kind() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path());
    let endpoint = format!("http://{}/api/v1/otlp", server.address);
    if !ran("otlp_client.py", &[&endpoint]) {
        return;
    }
    assert_values(
        &server.address,
        &[
            (
                "http_requests_total{http_method='GET',job='shop',instance='i-1'}",
                "42",
            ),
            ("queue_length", "-3"),
            ("temperature_celsius", "21.5"),
            ("latency_seconds_count", "4"),
            ("latency_seconds_sum", "3034"),
            ("latency_seconds_bucket{le='5'}", "2"),
            ("latency_seconds_bucket{le='+Inf'}", "4"),
            ("histogram_count(payload_size_bytes)", "4"),
            ("histogram_sum(payload_size_bytes)", "3034"),
            (
                "target_info{host_name='h1',telemetry_sdk_language='python'}",
                "1",
            ),
        ],
    );
    let metadata = ask(&server.address, "/api/v1/metadata", &[]).unwrap();
    assert_eq!(metadata["http_requests_total"][0]["help"], "Requests.");
}

#[test]
fn the_python_clients_of_datadog_write() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path());
    let host = format!("http://{}/datadog", server.address);
    for (script, metrics) in [
        (
            "datadog_client.py",
            &["client.plain", "client.deflated"][..],
        ),
        (
            "datadog_api.py",
            &[
                "v1.plain",
                "v1.deflate",
                "v2.plain",
                "v2.deflate",
                "v2.gzip",
                "v2.zstd1",
            ],
        ),
    ] {
        if !ran(script, &[&host]) {
            return;
        }
        for metric in metrics {
            let query = format!("{{'{metric}',env='prod',host='h1'}}");
            assert_values(&server.address, &[(query, "2.5")]);
        }
    }
}

#[test]
fn the_python_client_of_influxdb_2_writes() {
    let dir = tempfile::tempdir().unwrap();
    let flags = [
        "--storage.tsdb.retention.time=0",
        "--influx.create-databases",
    ];
    let server = Process::start_at("127.0.0.1:0", dir.path(), &flags);
    if !ran(
        "influx2_client.py",
        &[&format!("http://{}", server.address), "py"],
    ) {
        return;
    }
    let query = http::encoded(&[
        ("db", "py"),
        ("epoch", "ns"),
        ("q", "SELECT * FROM m; SELECT count(n), sum(n) FROM batch"),
    ]);
    let (status, found) = server.request(&format!("GET /query?{query}"), b"");
    assert_eq!(status, 200, "{found}");
    let found: Value = serde_json::from_str(&found).unwrap();
    let rows = |statement: usize| found["results"][statement]["series"][0]["values"].clone();
    let first = |host: &str| {
        serde_json::json!([
            1_700_000_000_000_000_123_i64,
            true,
            1.5,
            host,
            3,
            "x \"y\" \\"
        ])
    };
    let line = serde_json::json!([1_700_000_000_000_000_000_i64, null, 2, "line", null, null]);
    assert_eq!(
        rows(0),
        serde_json::json!([line, first("a b=False"), first("a b=True")])
    );
    assert_eq!(rows(1), serde_json::json!([[0, 2500, 2500 * 2499 / 2]]));
}

#[test]
fn the_python_clients_of_prometheus_and_sysdig_ask() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--storage.tsdb.retention.time=0"];
    let server = Process::start_at("127.0.0.1:0", dir.path(), &flags);
    let series = [("a", 1.0), ("b", 2.0)].map(|(host, value)| {
        let samples = (0..5).map(|i| (1_699_999_940_000 + i * 15_000, value));
        (
            owned(&[("__name__", "load"), ("host", host)]),
            samples.collect(),
        )
    });
    let body = compress(&encode(&series, &[]));
    let answer = http::request(&server.address, "POST /api/v1/write", &[], &body).unwrap();
    assert_eq!(answer.status, 204, "{}", answer.text());
    let url = format!("http://{}", server.address);
    for script in ["prometheus_client.py", "sysdig_client.py"] {
        ran(script, &[&url]);
    }
}

#[test]
fn the_statsd_clients_of_python_send_every_type() {
    let dir = tempfile::tempdir().unwrap();
    let udp = free_address();
    let flags = [
        "--statsd.flush-interval=1s",
        "--statsd.listen-address",
        &udp,
    ];
    let server = Process::start_at("127.0.0.1:0", dir.path(), &flags);
    let (_, port) = udp.split_once(':').unwrap();
    if !ran("statsd_client.py", &[port]) {
        return;
    }
    values_when_there(
        &server.address,
        &[
            ("{'plain.count'}", "4"),
            ("{'plain.gauge'}", "3"),
            ("{'plain.piped'}", "1"),
            ("histogram_sum({'plain.time'})", "0.32"),
            ("{'dog.count',env='prod',shop='a'}", "1"),
            ("{'dog.gauge',env='prod'}", "3.5"),
            ("{'dog.then',env='prod'}", "4"),
            ("histogram_count({'dog.histogram',env='prod'})", "1"),
            ("histogram_sum({'dog.distribution',env='prod'})", "2"),
            ("histogram_sum({'dog.time',env='prod'})", "0.32"),
        ],
    );
}
