//! StatsD by UDP.

use std::net::UdpSocket;

use serde_json::json;

use crate::common::http::encoded;
use crate::common::process::{Process, free_address, until};

#[test]
fn every_type_is_stored_with_its_tags() {
    let dir = tempfile::tempdir().unwrap();
    let address = free_address();
    let flags = [
        "--statsd.listen-address",
        &address,
        "--statsd.flush-interval=100ms",
    ];
    let process = Process::start_at("127.0.0.1:0", dir.path(), &flags);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let send = |text: &str| socket.send_to(text.as_bytes(), &address).unwrap();
    send("api.requests:2|c|@0.5|#env:prod,fast\nbad line\nusers:a|s\nusers:b:a|s\n");
    send("cadvisor.web.memory_usage:1234|g");
    send("cadvisor.web.memory_usage:-34|g");
    send("api.time:250:500|ms");
    let value = |query: &str| {
        let target = format!("GET /api/v1/query?{}", encoded(&[("query", query)]));
        let (_, body) = process.request(&target, &[]);
        let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
        let found = answer["data"]["result"][0]["value"][1].as_str();
        found.map(str::to_owned)
    };
    for (query, expected) in [
        ("{\"api.requests\",env=\"prod\",fast=\"true\"}", "4"),
        ("{\"cadvisor.web.memory_usage\"}", "1200"),
        ("histogram_count({\"api.time\"})", "2"),
        ("histogram_sum({\"api.time\"})", "0.75"),
        ("max_over_time({\"users\"}[1m])", "2"),
    ] {
        until(query, || {
            (value(query).as_deref() == Some(expected)).then_some(())
        });
    }
    let (_, page) = process.request("GET /metrics", &[]);
    for (outcome, n) in [("accepted", 6), ("refused", 1)] {
        let line =
            format!("tsdb_udp_lines_total{{protocol=\"statsd\",outcome=\"{outcome}\"}} {n}\n");
        assert!(page.contains(&line), "{line}{page}");
    }
    let (_, body) = process.request("GET /api/v1/metadata?metric=api.requests", &[]);
    let metadata: serde_json::Value = serde_json::from_str(&body).unwrap();
    let expected = json!({"api.requests": [{"type": "counter", "help": "", "unit": ""}]});
    assert_eq!(metadata["data"], expected);
}
