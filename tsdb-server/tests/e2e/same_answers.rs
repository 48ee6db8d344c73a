//! Prometheus scrapes and writes to us while we are killed and started again; afterwards both know the same.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::answers::{differences, series};
use crate::asked_for;
use crate::common::process::{Process, until};
use crate::prometheus::{Prometheus, ask, node_exporter, two_addresses};
use crate::queries::{INSTANT, RANGE};

/// Longer than the test takes, so that such a window holds all samples.
const ALL: &str = "10m";

/// Samples of a scrape are logged after it ended, so two targets may be out of order by as much as a scrape may take.
pub(crate) const DISORDER_MS: i64 = 2_000;

fn config(node: &str, prometheus: &str, ours: &str) -> String {
    // One shard sends samples in the order of Prometheus's log, so that the newest one sent tells how far it is.
    format!(
        "
global: {{ scrape_interval: 1s, scrape_timeout: 1s }}
scrape_configs:
  - job_name: node
    static_configs: [{{ targets: ['{node}'] }}]
  - job_name: prometheus
    static_configs: [{{ targets: ['{prometheus}'] }}]
remote_write:
  - url: http://{ours}/api/v1/write
    queue_config: {{ max_shards: 1, batch_send_deadline: 1s, max_backoff: 1s }}
    metadata_config: {{ send_interval: 1s }}
"
    )
}

fn start(address: &str, dir: &Path) -> Process {
    Process::start_at(address, dir, &["--web.enable-admin-api"])
}

fn seconds(n: u64) {
    sleep(Duration::from_secs(n));
}

#[test]
fn a_prometheus_and_this_server_give_the_same_answers() {
    if !asked_for("a_prometheus_and_this_server_give_the_same_answers") {
        return;
    }
    let (our_dir, their_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ours = start("127.0.0.1:0", our_dir.path());
    let address = ours.address.clone();
    let (node_address, their_address) = two_addresses();
    let node = node_exporter(&node_address);
    let config = config(&node_address, &their_address, &address);
    let theirs = Prometheus::start(their_dir.path(), &their_address, &config, &[]);
    // No counter may begin near zero in a window that is asked for (see `queries`): those reach back 41 s from the end,
    // so the time counts from when both targets are known, however long the start took.
    until("both targets are scraped", || {
        let query = [("query", "count(up == 1)")];
        let up = ask(&theirs.address, "/api/v1/query", &query).ok()?;
        (up["result"][0]["value"][1] == "2").then_some(())
    });
    let begun = Instant::now();

    seconds(16);
    let flushed = ours.request("POST /api/v1/admin/tsdb/flush", &[]);
    assert_eq!(flushed.0, 204, "{flushed:?}");
    seconds(5);
    drop(ours); // SIGKILL
    seconds(3);
    let ours = start(&address, our_dir.path());
    seconds(5);
    drop(node); // its series get staleness markers
    seconds(4);
    let _node = node_exporter(&node_address);
    seconds(4);
    drop(ours); // SIGKILL
    let ours = start(&address, our_dir.path());
    seconds(12);

    // Its series first: those that begin later are not asked for.
    let all = &[("match[]", r#"{__name__=~".+"}"#)];
    let their_series = ask(&theirs.address, "/api/v1/series", all).unwrap();
    let their_metadata = ask(&theirs.address, "/api/v1/metadata", &[]).unwrap();
    let known_ms = newest_ms(&theirs);
    until("remote write has caught up", || {
        let sent = theirs.metric("prometheus_remote_storage_queue_highest_sent_timestamp_seconds");
        ((sent * 1000.0) as i64 >= known_ms + DISORDER_MS).then_some(())
    });
    for refused in [
        "samples_failed_total",
        "samples_dropped_total",
        "metadata_failed_total",
    ] {
        assert_eq!(
            theirs.metric(&format!("prometheus_remote_storage_{refused}")),
            0.0,
            "{refused}"
        );
    }
    println!("{} s of samples are written", begun.elapsed().as_secs());

    same_series(
        &ask(&ours.address, "/api/v1/series", all).unwrap(),
        &their_series,
    );
    same_metadata(
        &ask(&ours.address, "/api/v1/metadata", &[]).unwrap(),
        &their_metadata,
    );
    let both = Both {
        ours: &ours.address,
        theirs: &theirs.address,
    };
    let times = both.samples(known_ms);
    both.answers(known_ms, &times, &[]);
}

/// Time of the newest sample of a scrape.
pub(crate) fn newest_ms(theirs: &Prometheus) -> i64 {
    let data = ask(
        &theirs.address,
        "/api/v1/query",
        &[("query", "max(timestamp(up)) * 1000")],
    )
    .unwrap();
    let value = data["result"][0]["value"][1].as_str().unwrap();
    value.parse::<f64>().unwrap() as i64
}

pub(crate) fn same_series(ours: &Value, theirs: &Value) {
    let set = |v: &Value| -> BTreeSet<String> {
        v.as_array().unwrap().iter().map(Value::to_string).collect()
    };
    let (ours, theirs) = (set(ours), set(theirs));
    println!("{} series in Prometheus", theirs.len());
    assert!(theirs.len() > 500, "{} series", theirs.len());
    let missing: Vec<&String> = theirs.difference(&ours).collect();
    assert!(missing.is_empty(), "series that are missing: {missing:#?}");
}

/// What we keep of a metric is one of what its targets said of it.
pub(crate) fn same_metadata(ours: &Value, theirs: &Value) {
    let theirs = theirs.as_object().unwrap();
    assert!(theirs.len() > 200, "{} metrics", theirs.len());
    for (metric, entries) in theirs {
        let kept = &ours[metric][0];
        assert!(
            entries.as_array().unwrap().contains(kept),
            "{metric}: {kept} of {entries}"
        );
    }
}

/// Addresses of the two servers.
#[derive(Clone, Copy)]
pub(crate) struct Both<'a> {
    pub(crate) ours: &'a str,
    pub(crate) theirs: &'a str,
}

impl Both<'_> {
    /// Compares all samples up to a time; their times.
    pub(crate) fn samples(self, t_ms: i64) -> BTreeSet<i64> {
        let query = format!(r#"{{__name__=~".+"}}[{ALL}]"#);
        let time = decimal_seconds(t_ms);
        let parameters = [("query", query.as_str()), ("time", &time)];
        let [ours, theirs] = [self.ours, self.theirs]
            .map(|address| series(&ask(address, "/api/v1/query", &parameters).unwrap()));
        let samples: usize = theirs.values().map(Vec::len).sum();
        println!("{samples} samples in {} series", theirs.len());
        let differences = differences(&ours, &theirs);
        assert!(differences.is_empty(), "{differences:#?}");
        let points = theirs.values().flatten();
        points
            .map(|(t, _)| (t.parse::<f64>().unwrap() * 1000.0).round() as i64)
            .collect()
    }

    /// Puts every query to both, and more for one time; `times` are those of the samples.
    pub(crate) fn answers(self, t_ms: i64, times: &BTreeSet<i64>, more: &[&str]) {
        let phases: BTreeSet<i64> = times.iter().map(|t| t.rem_euclid(1000)).collect();
        // Boundaries stand at the phase of the evaluation time, in subqueries at that of the offset before a second.
        let phase = (1..1000).find(|p| !phases.contains(p)).unwrap();
        let offset = (1..1000).find(|q| !phases.contains(&(1000 - q))).unwrap();
        let t_ms = t_ms - t_ms.rem_euclid(1000) - 1000 + phase;
        let at = decimal_seconds(t_ms);
        let fill = |query: &str| {
            query
                .replace("{t}", &at)
                .replace("{q}", &offset.to_string())
        };

        let mut wrong = Vec::new();
        for query in INSTANT.iter().chain(more) {
            let query = fill(query);
            self.put(
                "/api/v1/query",
                &[("query", &query), ("time", &at)],
                &mut wrong,
            );
        }
        let start = decimal_seconds(t_ms - 25_000);
        for (query, step) in RANGE {
            let (query, step) = (fill(query), step.to_string());
            let range = [
                ("query", query.as_str()),
                ("start", &start),
                ("end", &at),
                ("step", &step),
            ];
            self.put("/api/v1/query_range", &range, &mut wrong);
        }
        let asked = INSTANT.len() + more.len() + RANGE.len();
        println!("{asked} queries, {} with another answer", wrong.len());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn put(self, path: &str, parameters: &[(&str, &str)], wrong: &mut Vec<String>) {
        let [ours, theirs] = [self.ours, self.theirs].map(|address| ask(address, path, parameters));
        let theirs = series(&theirs.unwrap_or_else(|e| panic!("Prometheus: {parameters:?}: {e}")));
        assert!(!theirs.is_empty(), "{parameters:?} shows nothing");
        let differences = match ours {
            Ok(ours) => differences(&series(&ours), &theirs),
            Err(e) => vec![e],
        };
        if let Some(first) = differences.first() {
            wrong.push(format!(
                "{parameters:?}: {} differences, first {first}",
                differences.len()
            ));
        }
    }
}

fn decimal_seconds(t_ms: i64) -> String {
    format!("{}.{:03}", t_ms.div_euclid(1000), t_ms.rem_euclid(1000))
}
