//! Client libraries of PyPI write to the server: the SDK of OpenTelemetry with its exporter, and Datadog's.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::process::Process;
use crate::prometheus::ask;

/// A Python that has the packages of PyPI, if one is named.
fn python(test: &str, packages: &str) -> Option<Command> {
    let python = std::env::var_os("TSDB_E2E_PYTHON");
    if python.is_none() {
        println!("skipped: {test}: TSDB_E2E_PYTHON names a Python that has {packages}");
    }
    python.map(Command::new)
}

fn values(address: &str, query: &str) -> Vec<(Value, String)> {
    let data = ask(address, "/api/v1/query", &[("query", query)]).unwrap();
    let series = data["result"].as_array().unwrap().iter();
    series
        .map(|s| {
            let value = s["value"][1].as_str().unwrap_or("histogram");
            (s["metric"].clone(), value.to_owned())
        })
        .collect()
}

#[test]
fn the_python_sdk_exports_metrics_of_every_kind() {
    let packages = "opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http";
    let Some(mut python) = python("the Python SDK of OpenTelemetry", packages) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/otlp_client.py");
    let endpoint = format!("http://{}/api/v1/otlp", server.address);
    let sent = python.arg(script).arg(endpoint).output().unwrap();
    assert!(sent.status.success(), "{sent:?}");
    for (query, value) in [
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
    ] {
        let found = values(&server.address, query);
        assert_eq!(found.len(), 1, "{query}: {found:?}");
        assert_eq!(found[0].1, value, "{query}");
    }
    let metadata = ask(&server.address, "/api/v1/metadata", &[]).unwrap();
    assert_eq!(metadata["http_requests_total"][0]["help"], "Requests.");
}

#[test]
fn the_python_client_of_datadog_writes() {
    let Some(mut python) = python("the Python client of Datadog", "datadog") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/datadog_client.py");
    let host = format!("http://{}/datadog", server.address);
    let sent = python.arg(script).arg(host).output().unwrap();
    assert!(sent.status.success(), "{sent:?}");
    for metric in ["client.plain", "client.deflated"] {
        let query = format!("{{'{metric}',env='prod',host='h1'}}");
        let found = values(&server.address, &query);
        assert_eq!(found.len(), 1, "{query}: {found:?}");
        assert_eq!(found[0].1, "2.5", "{query}");
    }
}
