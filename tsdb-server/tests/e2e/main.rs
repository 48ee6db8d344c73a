//! The server beside a real Prometheus 2.42 and, where there is one, 3.5, a real node_exporter, a real VictoriaMetrics 1.79 and a real
//! InfluxDB 1.6.7, as Debian packages them, and client libraries of PyPI and npm.
//!
//! Takes two minutes and needs these programs, so it runs when asked: `TSDB_E2E=1 cargo test -p tsdb-server --test e2e`.
//! The libraries and the newer Prometheus are named by `TSDB_E2E_PYTHON`, `TSDB_E2E_NODE_MODULES` and `TSDB_E2E_PROMETHEUS3`; their tests
//! say that they are skipped without.
#![expect(clippy::unwrap_used, reason = "test code")]

mod answers;
mod chunks;
mod collectd;
#[path = "../common/mod.rs"]
mod common;
mod golden;
mod ha;
mod influx;
mod node_clients;
mod pages;
mod prometheus;
mod prometheus3;
mod python_clients;
mod queries;
mod remote_read;
mod same_answers;
mod secured;
mod transfer;

/// Whether these tests are asked for; a program that is missing is a failure then.
fn asked_for(test: &str) -> bool {
    let asked = std::env::var_os("TSDB_E2E").is_some_and(|value| value == "1");
    if !asked {
        println!(
            "skipped: {test}: TSDB_E2E=1 runs it, and needs prometheus, prometheus-node-exporter, victoria-metrics, influxdb and influxdb-client"
        );
    }
    asked
}
