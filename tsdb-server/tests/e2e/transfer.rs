//! Data from one store into the other: blocks and federation of Prometheus, export and import of VictoriaMetrics.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::asked_for;
use crate::common::compress;
use crate::common::http;
use crate::common::process::{Process, Program, free_address, until};
use crate::common::wire::{encode, owned};
use crate::prometheus::{Prometheus, ask};

const BASE_S: i64 = 1_700_000_000;

/// Keeps samples of any time, as do the others here.
fn start(dir: &Path) -> Process {
    Process::start_at("127.0.0.1:0", dir, &["--storage.tsdb.retention.time=0"])
}

/// OpenMetrics text with counters, gauges and values of every kind, of some hours.
fn open_metrics() -> String {
    let mut text = String::from("# TYPE requests counter\n# TYPE load gauge\n");
    let mut line = |name: &str, labels: &str, value: f64, t_ms: i64| {
        let (s, ms) = (t_ms / 1000, t_ms % 1000);
        let value = match value {
            v if v.is_infinite() => "+Inf".to_owned(),
            v => v.to_string(),
        };
        let _ = writeln!(text, "{name}{{{labels}}} {value} {s}.{ms:03}"); // a string takes everything
    };
    for series in 0..40i64 {
        for i in 0..1_500 {
            let t_ms = BASE_S * 1000 + i * 15_000 + series * 7 + i % 3;
            let count = (i * series * 3) as f64;
            line(
                "requests_total",
                &format!("path=\"/{series}\""),
                count,
                t_ms,
            );
            let load = match i % 97 {
                11 => f64::NAN,
                12 => f64::INFINITY,
                13 => -0.0,
                _ => (i as f64 / 10.0).sin() / (series + 1) as f64,
            };
            line("load", &format!("cpu=\"{series}\",mode=\"ü\""), load, t_ms);
        }
    }
    text.push_str("# EOF\n");
    text
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
}

/// All samples of six hours, by labels.
fn all_samples(address: &str) -> BTreeMap<String, Value> {
    let end = (BASE_S + 23_000).to_string();
    let query = [
        ("query", "{__name__=~\"requests_total|load\"}[7h]"),
        ("time", &end),
    ];
    let mut data = ask(address, "/api/v1/query", &query).unwrap();
    let series = data["result"].as_array_mut().unwrap().iter_mut();
    series
        .map(|series| (series["metric"].to_string(), series["values"].take()))
        .collect()
}

#[test]
fn blocks_of_promtool_hold_here_what_they_hold_in_a_prometheus() {
    if !asked_for("blocks_of_promtool_hold_here_what_they_hold_in_a_prometheus") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (source, blocks) = (dir.path().join("data.om"), dir.path().join("store"));
    std::fs::write(&source, open_metrics()).unwrap();
    let mut promtool = Command::new("promtool");
    promtool.args(["tsdb", "create-blocks-from", "openmetrics"]);
    run(promtool.arg(&source).arg(&blocks));
    assert!(
        std::fs::read_dir(&blocks).unwrap().count() > 2,
        "several blocks"
    );

    let (from_blocks, from_text) = (dir.path().join("a"), dir.path().join("b"));
    for (data, kind, from) in [
        (&from_blocks, "prometheus-blocks", &blocks),
        (&from_text, "openmetrics", &source),
    ] {
        let mut import = Command::new(Process::path());
        run(import
            .args(["import", kind])
            .arg(from)
            .arg("--data-dir")
            .arg(data));
    }
    let theirs = Prometheus::start(
        dir.path(),
        &free_address(),
        "",
        &["--storage.tsdb.retention.time=100y"],
    );
    let theirs = all_samples(&theirs.address);
    assert_eq!(theirs.len(), 80);
    for data in [&from_blocks, &from_text] {
        let ours = all_samples(&start(data).address);
        assert!(ours == theirs, "the samples of {} differ", data.display());
    }
}

#[test]
fn federation_is_that_of_a_prometheus() {
    if !asked_for("federation_is_that_of_a_prometheus") {
        return;
    }
    let (our_dir, their_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ours = start(our_dir.path());
    let flags = ["--web.enable-remote-write-receiver"];
    let theirs = Prometheus::start(their_dir.path(), &free_address(), "", &flags);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(since.as_millis()).unwrap();
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let values = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.1,
        123_456.0,
        1e6,
        1_234_567.0,
        1e21,
        1e-4,
        0.000_012_3,
        5e-324,
        f64::MAX,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        stale,
    ];
    let mut series = Vec::new();
    for (i, value) in values.into_iter().enumerate() {
        let n = i.to_string();
        let labels = [
            ("__name__", "value"),
            ("job", "j"),
            ("n", &n),
            ("text", "a\"b\\c\nd é"),
        ];
        series.push((
            owned(&labels),
            vec![(now - 30_000, 7.0), (now - 20_000 + i as i64, value)],
        ));
    }
    for (name, job, instance) in [("b", "j", "x:1"), ("a:b", "k", "x:2"), ("Z", "j", "")] {
        let mut labels = vec![("__name__", name), ("job", job)];
        if !instance.is_empty() {
            labels.push(("instance", instance));
        }
        series.push((owned(&labels), vec![(now - 40_000, 1.5)]));
    }
    series.push((
        owned(&[("__name__", "old"), ("job", "j")]),
        vec![(now - 310_000, 1.0)],
    ));
    let body = compress(&encode(&series, &[]));
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", "snappy"),
        ("x-prometheus-remote-write-version", "0.1.0"),
    ];
    for address in [&ours.address, &theirs.address] {
        let written = http::request(address, "POST /api/v1/write", &headers, &body).unwrap();
        assert_eq!(written.status, 204, "{}", written.text());
    }
    for query in [
        "match[]=%7Bjob=%22j%22%7D",
        "match[]=%7Bjob=%22j%22%7D&match[]=value&match[]=%7B__name__=~%22.*b%22%7D",
        "match[]=nothing",
        "",
    ] {
        let page = |address: &str| {
            let line = format!("GET /federate?{query}");
            let page = http::request(address, &line, &[], &[]).unwrap();
            assert_eq!(page.status, 200);
            page.text().to_owned()
        };
        assert_eq!(page(&ours.address), page(&theirs.address), "{query}");
    }
    let wrong = "GET /federate?match[]=%7B";
    let status = |address: &str| http::request(address, wrong, &[], &[]).unwrap().status;
    assert_eq!(status(&ours.address), status(&theirs.address));
}

/// A running VictoriaMetrics.
struct VictoriaMetrics {
    _program: Program,
    address: String,
}

impl VictoriaMetrics {
    fn start(dir: &Path) -> Self {
        let address = free_address();
        let mut command = Command::new("victoria-metrics");
        command
            .arg(format!("-storageDataPath={}", dir.display()))
            .arg(format!("-httpListenAddr={address}"))
            .args(["-retentionPeriod=100y", "-loggerLevel=WARN"]);
        let program = Program::start(command);
        until("VictoriaMetrics answers", || {
            let answer = http::request(&address, "GET /health", &[], &[]);
            answer.is_ok_and(|a| a.status == 200).then_some(())
        });
        Self {
            _program: program,
            address,
        }
    }
}

/// Everything, a series a line; lines in the order of their text.
fn export(address: &str) -> Vec<String> {
    // VictoriaMetrics shows what was written once it is flushed.
    let _ = http::request(address, "GET /internal/force_flush", &[], &[]);
    let target = "GET /api/v1/export?match[]=%7B__name__!=%22%22%7D";
    let answer = http::request(address, target, &[], &[]).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut lines: Vec<_> = answer.text().lines().map(normal).collect();
    lines.sort_unstable();
    lines
}

/// The same numbers in the same words, labels sorted.
fn normal(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap();
    line.to_string()
}

/// Fails with the first line that differs, from where it does.
fn assert_same(lines: &[String], expected: &[String]) {
    assert_eq!(lines.len(), expected.len());
    for (line, expected) in lines.iter().zip(expected) {
        let pairs = line.bytes().zip(expected.bytes());
        if let Some(at) = pairs.clone().position(|(a, b)| a != b) {
            let from = at.saturating_sub(60);
            panic!(
                "{:?}\n{:?}",
                line.get(from..at + 60),
                expected.get(from..at + 60)
            );
        }
        assert_eq!(line.len(), expected.len());
    }
}

fn import(address: &str, lines: &[String]) {
    let body = lines.join("\n");
    let answer = http::request(address, "POST /api/v1/import", &[], body.as_bytes()).unwrap();
    assert_eq!(answer.status, 204, "{}", answer.text());
}

#[test]
fn what_victoria_metrics_exports_goes_through_here_and_back_unchanged() {
    if !asked_for("what_victoria_metrics_exports_goes_through_here_and_back_unchanged") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let first = VictoriaMetrics::start(&dir.path().join("first"));
    let mut lines = Vec::new();
    for series in 0..30 {
        let mut values = String::new();
        let mut times = String::new();
        for i in 0..1_000i64 {
            let comma = if i == 0 { "" } else { "," };
            // What it keeps as it is: it rounds longer decimals, anew each time, and writes infinities that it does not read.
            let value = match series % 3 {
                0 => (i * series).to_string(),
                1 => (i as f64 / 8.0).to_string(),
                _ => format!("{}e-9", i - 500),
            };
            let t_ms = BASE_S * 1000 + i * 10_000 + series;
            let _ = write!(values, "{comma}{value}"); // a string takes everything
            let _ = write!(times, "{comma}{t_ms}");
        }
        lines.push(format!(
            "{{\"metric\":{{\"__name__\":\"m{series}\",\"a\":\"\\\"é\\\\<\\n\"}},\"values\":[{values}],\"timestamps\":[{times}]}}"
        ));
    }
    import(&first.address, &lines);
    let exported = until("the samples are exported", || {
        Some(export(&first.address)).filter(|lines| lines.len() == 30)
    });

    let ours = start(&dir.path().join("ours"));
    import(&ours.address, &exported);
    assert_same(&export(&ours.address), &exported);

    let second = VictoriaMetrics::start(&dir.path().join("second"));
    import(&second.address, &export(&ours.address));
    let back = until("the samples are back", || {
        Some(export(&second.address)).filter(|lines| lines.len() == 30)
    });
    assert_same(&back, &exported);
}
