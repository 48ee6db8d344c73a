//! A real collectd, as Debian packages it, writes line protocol by UDP.

use std::process::Command;

use serde_json::Value;

use crate::common::http::{self, encoded};
use crate::common::process::{Process, Program, free_address, until};

/// In the directories of Debian's package.
const PROGRAM: &str = "/usr/sbin/collectd";
const TYPES: &str = "/usr/share/collectd/types.db";

#[test]
fn collectd_writes_what_it_measures() {
    let test = "collectd_writes_what_it_measures";
    if !crate::asked_for(test) {
        return;
    }
    if !std::path::Path::new(PROGRAM).exists() {
        println!("skipped: {test}: needs Debian's collectd-core");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let udp = free_address();
    let (host, port) = udp.split_once(':').unwrap();
    let flags = [
        "--influx.udp-listen-address",
        &udp,
        "--influx.udp-database=collectd",
        "--influx.udp-precision=ms",
    ];
    let server = Process::start_at(&free_address(), &dir.path().join("data"), &flags);
    let file = dir.path().join("collectd.conf");
    let base = dir.path().display();
    let config = format!(
        "Hostname \"box\"\nInterval 1\nBaseDir {base:?}\nPIDFile \"{base}/pid\"\nTypesDB {TYPES:?}\n\
         LoadPlugin cpu\nLoadPlugin load\nLoadPlugin memory\nLoadPlugin write_influxdb_udp\n\
         <Plugin write_influxdb_udp>\n  Server {host:?} {port:?}\n</Plugin>\n",
    );
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(PROGRAM);
    command.arg("-f").arg("-C").arg(&file);
    let _collectd = Program::start(command);

    let values = |statement: &str| -> Option<Value> {
        let parameters = [("db", "collectd"), ("epoch", "ns"), ("q", statement)];
        let line = format!("GET /query?{}", encoded(&parameters));
        let answer = http::request(&server.address, &line, &[], &[]).ok()?;
        let answer: Value = serde_json::from_slice(&answer.body).ok()?;
        Some(answer.pointer("/results/0/series/0/values")?.clone())
    };
    // A rate needs two rounds of collectd.
    let rows = |statement| {
        until(statement, || {
            values(statement).filter(|rows| rows.as_array().is_some_and(|rows| rows.len() >= 2))
        })
    };
    rows("SELECT value FROM cpu WHERE host = 'box' AND type_instance = 'idle'");
    rows("SELECT value FROM memory WHERE host = 'box' AND type_instance = 'free'");
    let load = rows("SELECT shortterm, longterm FROM load WHERE host = 'box'");
    assert!(load[0][1].is_number() && load[0][2].is_number(), "{load}");
    // The same for PromQL.
    let query = encoded(&[("query", "load_shortterm{db=\"collectd\",host=\"box\"}")]);
    let line = format!("GET /api/v1/query?{query}");
    let answer = http::request(&server.address, &line, &[], &[]).unwrap();
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        answer["data"]["result"].as_array().map(Vec::len),
        Some(1),
        "{answer}"
    );
    let page = http::request(&server.address, "GET /metrics", &[], &[]).unwrap();
    let refused = "tsdb_udp_lines_total{protocol=\"influx\",outcome=\"refused\"} 0\n";
    assert!(page.text().contains(refused), "{}", page.text());
}
