//! PyPI's `prometheus-api-client` asks us.

use std::path::Path;
use std::process::Command;

use crate::asked_for;
use crate::common::process::Process;
use crate::common::wire::{encode, owned};
use crate::common::{compress, http};

#[test]
fn the_client_of_python_gets_what_it_asks_for() {
    if !asked_for("the_client_of_python_gets_what_it_asks_for") {
        return;
    }
    let Some(python) = std::env::var_os("TSDB_E2E_PYTHON") else {
        println!("skipped: TSDB_E2E_PYTHON names a Python with prometheus-api-client");
        return;
    };
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

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/prometheus_client.py");
    let url = format!("http://{}", ours.address);
    let client = Command::new(python).arg(script).arg(url).output().unwrap();
    let said = String::from_utf8_lossy(&client.stderr);
    assert!(client.status.success(), "{said}");
}
