//! Two Prometheus that scrape the same target and write here; one of them is killed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::asked_for;
use crate::common::process::{Process, until};
use crate::prometheus::{Prometheus, ask, two_addresses};

/// Times of the samples, in seconds.
fn times(address: &str) -> Vec<f64> {
    let data = ask(address, "/api/v1/query", &[("query", "up[10m]")]).unwrap();
    let result = data["result"].as_array().unwrap();
    assert!(result.len() <= 1, "not one series: {data}");
    let Some(series) = result.first() else {
        return Vec::new();
    };
    let expected = json!({"__name__": "up", "cluster": "eu", "instance": address, "job": "tsdb"});
    assert_eq!(series["metric"], expected);
    let values = series["values"].as_array().unwrap().iter();
    values
        .map(|value: &Value| value[0].as_f64().unwrap())
        .collect()
}

#[test]
fn when_one_of_two_prometheus_is_killed_the_other_takes_over() {
    if !asked_for("when_one_of_two_prometheus_is_killed_the_other_takes_over") {
        return;
    }
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let flags = ["--ha.replica-label=__replica__", "--ha.failover-timeout=4s"];
    let ours = Process::start_at("127.0.0.1:0", dirs[0].path(), &flags);
    let (first, second) = two_addresses();
    let start = |replica: &str, address: &str, dir: &tempfile::TempDir| {
        let config = format!(
            "
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  external_labels: {{ cluster: eu, __replica__: {replica} }}
scrape_configs: [{{ job_name: tsdb, static_configs: [{{ targets: ['{ours}'] }}] }}]
remote_write:
  - url: http://{ours}/api/v1/write
    queue_config: {{ batch_send_deadline: 1s }}
",
            ours = ours.address
        );
        Prometheus::start(dir.path(), address, &config, &[])
    };
    let a = start("a", &first, &dirs[1]);
    until("a writes", || {
        (!times(&ours.address).is_empty()).then_some(())
    });
    let _b = start("b", &second, &dirs[2]);
    let several = |times: &[f64]| times.len() >= 8;
    until("both write", || {
        several(&times(&ours.address)).then_some(())
    });

    drop(a); // SIGKILL
    std::thread::sleep(Duration::from_secs(1));
    let killed = times(&ours.address).last().copied().unwrap();
    until("b takes over", || {
        let times = times(&ours.address);
        let after = times.iter().filter(|t| **t > killed);
        (after.count() >= 3).then_some(())
    });
    let times = times(&ours.address);
    let gaps = || times.windows(2).map(|pair| pair[1] - pair[0]);
    // Samples of both would be less than a second apart.
    assert!(gaps().all(|gap| gap > 0.9), "{times:?}");
    let gap = gaps().fold(0.0, f64::max);
    assert!((3.0..15.0).contains(&gap), "{times:?}");
}
