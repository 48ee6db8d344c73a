//! A Prometheus without samples of its own reads ours, and answers as we do.

use crate::answers::{differences, series};
use crate::asked_for;
use crate::common::process::{Process, free_address};
use crate::common::wire::{Series, encode, owned};
use crate::common::{compress, http};
use crate::prometheus::{Prometheus, ask};

/// The last sample; a day of them is written.
const END_MS: i64 = 1_700_000_000_000;
const STEP_MS: i64 = 15_000;
const SAMPLES: i64 = 86_400_000 / STEP_MS;

/// Evaluated at a time that no sample has: 2.42 closes ranges on the left, 3.x does not.
const QUERIES: &[&str] = &[
    "requests_total",
    r#"requests_total{path=~"/[02468]"}"#,
    r#"requests_total{path!~"/[0-8]"}"#,
    r#"nosuch or requests_total{path=""}"#,
    "rate(requests_total[5m])",
    "sum by (job) (increase(requests_total[1h]))",
    "max_over_time(load[20h])",
    "avg_over_time(load[1h] offset 3h)",
    "sum(load) / count(load)",
    "max_over_time(sum(load)[1h:1m])",
    "count_over_time(load[1d])",
];

fn written() -> Vec<Series> {
    let all = (0..20).map(|i| {
        let path = format!("/{}", i % 10);
        let (name, slope) = match i < 10 {
            true => ("requests_total", 1.5),
            false => ("load", 0.0),
        };
        let labels = [("__name__", name), ("job", "web"), ("path", &path)];
        let samples = (0..SAMPLES).map(|n| {
            let noise = ((n * (i + 7)) % 101) as f64 / 10.0;
            (
                END_MS - (SAMPLES - 1 - n) * STEP_MS,
                1e6 + slope * (15 * n) as f64 + noise,
            )
        });
        (owned(&labels), samples.collect())
    });
    all.collect()
}

#[test]
fn a_prometheus_reads_from_us_and_answers_as_we_do() {
    if !asked_for("a_prometheus_reads_from_us_and_answers_as_we_do") {
        return;
    }
    let (our_dir, their_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // A Prometheus asks for its external labels and takes them out of the answers.
    let file = their_dir.path().join("tsdb.yml");
    std::fs::write(&file, "global: { external_labels: { cluster: eu } }\n").unwrap();
    let flags = [
        "--storage.tsdb.retention.time=0",
        "--web.enable-admin-api",
        "--config.file",
        file.to_str().unwrap(),
    ];
    let ours = Process::start_at("127.0.0.1:0", our_dir.path(), &flags);
    for (i, one) in written().into_iter().enumerate() {
        let body = compress(&encode(&[one], &[]));
        let answer = http::request(&ours.address, "POST /api/v1/write", &[], &body).unwrap();
        assert_eq!(answer.status, 204, "{}", answer.text());
        if i == 12 {
            assert_eq!(ours.request("POST /api/v1/admin/tsdb/flush", &[]).0, 204);
        }
    }
    let config = format!(
        "remote_read: [{{ url: 'http://{}/api/v1/read', read_recent: true }}]\n\
         global: {{ external_labels: {{ cluster: eu }} }}\n",
        ours.address
    );
    let theirs = Prometheus::start(their_dir.path(), &free_address(), &config, &[]);
    let at = format!("{}.007", END_MS / 1000);
    let start = format!("{}.007", END_MS / 1000 - 7_200);
    let mut wrong = Vec::new();
    for query in QUERIES {
        let instant = [("query", *query), ("time", &at)];
        let range = [
            ("query", *query),
            ("start", &start),
            ("end", &at),
            ("step", "600"),
        ];
        compare(
            &ours.address,
            &theirs.address,
            "/api/v1/query",
            &instant,
            &mut wrong,
        );
        compare(
            &ours.address,
            &theirs.address,
            "/api/v1/query_range",
            &range,
            &mut wrong,
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn compare(ours: &str, theirs: &str, path: &str, asked: &[(&str, &str)], wrong: &mut Vec<String>) {
    let [ours, theirs] = [ours, theirs].map(|address| series(&ask(address, path, asked).unwrap()));
    let is_empty = asked[0].1.starts_with("nosuch");
    assert_eq!(is_empty, theirs.is_empty(), "{asked:?}");
    if let Some(first) = differences(&ours, &theirs).first() {
        wrong.push(format!("{path} {asked:?}: {first}"));
    }
}
