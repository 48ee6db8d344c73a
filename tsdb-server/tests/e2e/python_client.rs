//! PyPI's `prometheus-api-client` asks us.

use std::process::Command;

use crate::asked_for;
use crate::common::process::Process;
use crate::common::wire::{encode, owned};
use crate::common::{compress, http};

/// Asks in each way that the client has, and compares.
const PROGRAM: &str = r#"
import sys
from datetime import datetime, timezone
from prometheus_api_client import MetricRangeDataFrame, MetricSnapshotDataFrame, PrometheusConnect

p = PrometheusConnect(url=sys.argv[1])
assert p.check_prometheus_connection()
assert "load" in p.all_metrics(), p.all_metrics()
assert p.get_label_names() == ["__name__", "host"], p.get_label_names()
assert p.get_label_values("host") == ["a", "b"], p.get_label_values("host")
at = {"time": "1700000000"}
value = p.custom_query("sum(load)", params=at)
assert value == [{"metric": {}, "value": [1700000000, "3"]}], value
now = MetricSnapshotDataFrame(p.custom_query("load", params=at))
assert sorted(now["host"]) == ["a", "b"], now
time = lambda s: datetime.fromtimestamp(s, timezone.utc)
query = {"query": "load", "start_time": time(1699999940), "end_time": time(1700000000), "step": "15"}
rows = MetricRangeDataFrame(p.custom_query_range(**query))
assert len(rows) == 10, rows
window = {"start_time": time(1699999930), "end_time": time(1700000000)}
raw = p.get_metric_range_data("load", label_config={"host": "a"}, **window)
assert [float(v) for _, v in raw[0]["values"]] == [1.0] * 5, raw
"#;

#[test]
fn the_client_of_python_gets_what_it_asks_for() {
    if !asked_for("the_client_of_python_gets_what_it_asks_for") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--storage.tsdb.retention.time=0"];
    let ours = Process::start_at("127.0.0.1:0", dir.path(), &flags);
    let series = [("a", 1.0), ("b", 2.0)].map(|(host, value)| {
        let samples = (0..5).map(|i| (1_699_999_940_000 + i * 15_000, value));
        (
            owned(&[("__name__", "load"), ("host", host)]),
            samples.collect(),
        )
    });
    let body = compress(&encode(&series, &[]));
    let answer = http::request(&ours.address, "POST /api/v1/write", &[], &body).unwrap();
    assert_eq!(answer.status, 204, "{}", answer.text());

    let venv = dir.path().join("venv");
    let run = |program: &std::path::Path, args: &[&str]| {
        let output = Command::new(program).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
    };
    run("python3".as_ref(), &["-m", "venv", venv.to_str().unwrap()]);
    let python = venv.join("bin/python");
    run(
        &python,
        &[
            "-m",
            "pip",
            "install",
            "--quiet",
            "prometheus-api-client==0.7.2",
        ],
    );
    run(
        &python,
        &["-c", PROGRAM, &format!("http://{}", ours.address)],
    );
}
