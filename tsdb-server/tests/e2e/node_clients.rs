//! Client libraries of npm: OpenTelemetry's SDK, InfluxDB's for both versions, and hot-shots for StatsD.

use std::path::Path;
use std::process::Command;

use crate::common::process::{Process, free_address};
use crate::python_clients::{assert_values, values_when_there};

/// Runs a script with the packages of npm and this argument; false where there are none.
fn ran(script: &str, argument: &str) -> bool {
    let Some(modules) = std::env::var_os("TSDB_E2E_NODE_MODULES") else {
        println!(
            "skipped: {script}: TSDB_E2E_NODE_MODULES names a node_modules with npm's clients"
        );
        return false;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/e2e")
        .join(script);
    let mut node = Command::new("node");
    let ended = node
        .env("NODE_PATH", modules)
        .arg(script)
        .arg(argument)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    true
}

#[test]
fn the_sdk_of_npm_exports_json_and_protobuf() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path());
    if !ran(
        "otlp_client.js",
        &format!("http://{}/v1/metrics", server.address),
    ) {
        return;
    }
    for job in ["json", "protobuf"] {
        let asked = [
            ("http_requests_total{http_method='GET',$}", "42"),
            ("queue_length{$}", "-3"),
            ("temperature_celsius{$}", "21.5"),
            ("latency_seconds_bucket{le='5',$}", "2"),
            ("latency_seconds_sum{$}", "3034"),
            ("histogram_count(payload_size_bytes{$})", "4"),
            ("histogram_sum(payload_size_bytes{$})", "3034"),
            ("target_info{host_name='h1',$}", "1"),
        ];
        let asked = asked.map(|(query, value)| {
            let labels = format!("job='{job}',instance='i-1'");
            (query.replace('$', &labels), value)
        });
        assert_values(&server.address, &asked);
    }
}

#[test]
fn the_influxdb_clients_of_npm_write_read_and_manage() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--storage.tsdb.retention.time=0"];
    let server = Process::start_at("127.0.0.1:0", dir.path(), &flags);
    if !ran("influx_client.js", &format!("http://{}", server.address)) {
        return;
    }
    let at = "db='js',env='prod',gzip='0'} @ 1700000001";
    assert_values(
        &server.address,
        &[(format!("m_f{{{at}"), "2.5"), (format!("m_b{{{at}"), "1")],
    );
}

#[test]
fn hot_shots_sends_every_type() {
    let dir = tempfile::tempdir().unwrap();
    let udp = free_address();
    let flags = [
        "--statsd.flush-interval=1s",
        "--statsd.listen-address",
        &udp,
    ];
    let server = Process::start_at("127.0.0.1:0", dir.path(), &flags);
    let (_, port) = udp.split_once(':').unwrap();
    if !ran("hot_shots.js", port) {
        return;
    }
    values_when_there(
        &server.address,
        &[
            ("{'hot.count',env='prod',shop='a'}", "2"),
            ("{'hot.gauge',env='prod'}", "3"),
            ("histogram_sum({'hot.time',env='prod'})", "0.32"),
            ("histogram_count({'hot.histogram',env='prod'})", "1"),
            ("histogram_sum({'hot.distribution',env='prod'})", "2"),
        ],
    );
}
