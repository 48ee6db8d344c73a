//! A Prometheus 3 writes to us in both versions of the protocol while we are killed and started again, and another reads from us:
//! floats, native histograms, exemplars and metadata.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::asked_for;
use crate::common::http;
use crate::common::process::{Process, free_address, until};
use crate::pages::{self, Page};
use crate::prometheus::{Prometheus, ask, node_exporter, two_addresses};
use crate::same_answers::{Both, DISORDER_MS, newest_ms, same_metadata, same_series};

/// Pages that the exporters of a cluster gave, below `../shared/expositions`.
const RECORDED: &[&str] = &[
    "kube-state-metrics/store-tests-merged.prom.txt",
    "node-problem-detector/sample_metrics.prom.txt",
    "cadvisor/prometheus_metrics.prom.txt",
    "metrics-server/kubelet_metrics_resource.prom.txt",
];

/// What is asked of native histograms.
const HISTOGRAMS: &[&str] = &[
    "prometheus_http_request_duration_seconds",
    "histogram_quantile(0.9, sum(rate(prometheus_http_request_duration_seconds[15s])))",
    "sum by (handler) (increase(prometheus_http_request_duration_seconds[20s]))",
    "histogram_count(sum(prometheus_http_request_duration_seconds))",
    "histogram_avg(prometheus_http_request_duration_seconds)",
    "histogram_fraction(0, 0.01, prometheus_http_request_duration_seconds)",
    "histogram_stddev(sum(prometheus_http_request_duration_seconds))",
];

/// The program, if one is named.
fn program(test: &str) -> Option<OsString> {
    let program = std::env::var_os("TSDB_E2E_PROMETHEUS3");
    if program.is_none() {
        println!("skipped: {test}: TSDB_E2E_PROMETHEUS3 names a Prometheus 3");
    }
    program
}

fn scraped() -> Vec<Page> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap().as_millis() as f64 / 1000.0;
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/expositions");
    let recorded = RECORDED.iter().filter_map(|file| {
        let text = std::fs::read(shared.join(file));
        if text.is_err() {
            println!("skipped: {file} is not there");
        }
        Some(Page {
            path: format!("/{file}"),
            content_type: "text/plain; version=0.0.4",
            text: text.ok()?,
        })
    });
    let exemplars = format!(
        "# TYPE jobs counter\n\
         jobs_total{{queue=\"a\"}} 17 # {{trace_id=\"t1\"}} 1.5 {now}\n\
         # TYPE wait histogram\n\
         wait_bucket{{le=\"1\"}} 1 # {{trace_id=\"t2\",span_id=\"s\"}} 0.25 {now}\n\
         wait_bucket{{le=\"+Inf\"}} 2\n\
         wait_count 2\n\
         wait_sum 7.5\n\
         # EOF\n"
    );
    let exemplars = Page {
        path: "/exemplars".to_owned(),
        content_type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
        text: exemplars.into_bytes(),
    };
    recorded.chain([exemplars]).collect()
}

fn config(node: &str, prometheus: &str, [first, second]: [&str; 2], pages: &[Page]) -> String {
    let address = pages::serve(pages.to_vec());
    let jobs = pages.iter().fold(String::new(), |mut jobs, page| {
        let path = &page.path;
        // Without their own times, which are of the day that they were recorded.
        let _ = write!(
            jobs,
            "
  - job_name: '{path}'
    metrics_path: '{path}'
    honor_timestamps: false
    static_configs: [{{ targets: ['{address}'], labels: {{ instance: '{path}' }} }}]"
        );
        jobs
    });
    let queue = "queue_config: { max_shards: 1, batch_send_deadline: 1s, max_backoff: 1s }";
    format!(
        "
global: {{ scrape_interval: 1s, scrape_timeout: 1s }}
scrape_configs:
  - job_name: node
    static_configs: [{{ targets: ['{node}'] }}]
  - job_name: prometheus
    scrape_protocols: [PrometheusProto]
    always_scrape_classic_histograms: true
    static_configs: [{{ targets: ['{prometheus}'] }}]{jobs}
remote_write:
  - url: http://{first}/api/v1/write
    send_native_histograms: true
    send_exemplars: true
    metadata_config: {{ send_interval: 1s }}
    {queue}
  - url: http://{second}/api/v1/write
    protobuf_message: io.prometheus.write.v2.Request
    send_native_histograms: true
    send_exemplars: true
    {queue}
storage: {{ exemplars: {{ max_exemplars: 1000 }} }}
"
    )
}

#[test]
fn a_prometheus_3_writes_and_reads_in_every_form() {
    let test = "a_prometheus_3_writes_and_reads_in_every_form";
    if !asked_for(test) {
        return;
    }
    let Some(program) = program(test) else {
        return;
    };
    let (dirs, their_dir) = (
        [(); 2].map(|()| tempfile::tempdir().unwrap()),
        tempfile::tempdir().unwrap(),
    );
    let start =
        |address: &str, dir: &Path| Process::start_at(address, dir, &["--web.enable-admin-api"]);
    let ours = dirs.each_ref().map(|dir| start("127.0.0.1:0", dir.path()));
    let addresses = ours.each_ref().map(|ours| ours.address.clone());
    let restart = |ours: [Process; 2]| {
        drop(ours); // SIGKILL
        sleep(Duration::from_secs(2));
        [0, 1].map(|i| start(&addresses[i], dirs[i].path()))
    };
    let (node_address, their_address) = two_addresses();
    let _node = node_exporter(&node_address);
    let pages = scraped();
    let both = [addresses[0].as_str(), addresses[1].as_str()];
    let config = config(&node_address, &their_address, both, &pages);
    let features = "--enable-feature=native-histograms,exemplar-storage,metadata-wal-records";
    let theirs = Prometheus::start_program(
        &program,
        their_dir.path(),
        &their_address,
        &config,
        &[features],
    );
    let targets = (2 + pages.len()).to_string();
    until("all targets are scraped", || {
        (number(&theirs, "count(up == 1)")? == targets).then_some(())
    });

    sleep(Duration::from_secs(8));
    for ours in &ours {
        assert_eq!(ours.request("POST /api/v1/admin/tsdb/flush", &[]).0, 204);
    }
    sleep(Duration::from_secs(3));
    let ours = restart(ours);
    sleep(Duration::from_secs(4));
    let ours = restart(ours);
    sleep(Duration::from_secs(6));

    let all = &[("match[]", r#"{__name__=~".+"}"#)];
    let their_series = ask(&theirs.address, "/api/v1/series", all).unwrap();
    let their_metadata = ask(&theirs.address, "/api/v1/metadata", &[]).unwrap();
    let known_ms = newest_ms(&theirs);
    let caught_up = (known_ms + DISORDER_MS) as f64 / 1000.0;
    until("remote write has caught up", || {
        let sent = "min(prometheus_remote_storage_queue_highest_sent_timestamp_seconds)";
        let sent: f64 = number(&theirs, sent)?.parse().ok()?;
        (sent >= caught_up).then_some(())
    });
    for kind in ["samples", "histograms", "exemplars", "metadata"] {
        let failed = format!("prometheus_remote_storage_{kind}_failed_total");
        assert_eq!(theirs.metric(&failed), 0.0, "{failed}");
    }

    let [first, second] = &ours;
    let metadata = |ours: &Process| ask(&ours.address, "/api/v1/metadata", &[]).unwrap();
    same_metadata(&metadata(first), &their_metadata);
    // With 2.0 they come with series, of which a family may have none.
    let entry = "node_cpu_seconds_total";
    assert_eq!(metadata(second)[entry][0], their_metadata[entry][0]);
    let their_exemplars = exemplars(&theirs.address);
    assert_eq!(their_exemplars.len(), 2, "{their_exemplars:?}");
    let mut times = BTreeSet::new();
    for ours in &ours {
        same_series(
            &ask(&ours.address, "/api/v1/series", all).unwrap(),
            &their_series,
        );
        assert_eq!(exemplars(&ours.address), their_exemplars);
        let both = Both {
            ours: &ours.address,
            theirs: &theirs.address,
        };
        times = both.samples(known_ms);
        both.answers(known_ms, &times, HISTOGRAMS);
    }

    let reader_dir = tempfile::tempdir().unwrap();
    let reader = reader(&program, reader_dir.path(), &second.address);
    let both = Both {
        ours: &reader.address,
        theirs: &theirs.address,
    };
    both.samples(known_ms);
    both.answers(known_ms, &times, HISTOGRAMS);
    let page = http::request(&reader.address, "GET /metrics", &[], &[]).unwrap();
    let mut lines = page.text().lines();
    let chunked = r#"code="200",remote_name="ours",response_type="chunked""#;
    assert!(
        lines.any(
            |line| line.starts_with("prometheus_remote_read_client_queries_total")
                && line.contains(chunked)
        ),
        "streamed chunks are what it read"
    );
}

/// A Prometheus without samples of its own that reads from us.
fn reader(program: &OsStr, dir: &Path, ours: &str) -> Prometheus {
    let config = format!(
        "remote_read: [{{ name: ours, url: 'http://{ours}/api/v1/read', read_recent: true }}]\n"
    );
    let flags = ["--enable-feature=native-histograms"];
    Prometheus::start_program(program, dir, &free_address(), &config, &flags)
}

/// The one value of an answer.
fn number(theirs: &Prometheus, query: &str) -> Option<String> {
    let data = ask(&theirs.address, "/api/v1/query", &[("query", query)]).ok()?;
    Some(data["result"][0]["value"][1].as_str()?.to_owned())
}

/// All exemplars, a text for each series.
fn exemplars(address: &str) -> BTreeSet<String> {
    let all = [
        ("query", r#"{__name__=~".+"}"#),
        ("start", "0"),
        ("end", "4000000000"),
    ];
    let data = ask(address, "/api/v1/query_exemplars", &all).unwrap();
    let series = data.as_array().unwrap().iter();
    series.map(Value::to_string).collect()
}
