//! The whole server over HTTP, started with a directory of its own: a scrape is written, a range is asked for.

use std::net::TcpListener;
use std::time::Duration;

use clap::Parser;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tsdb_benches::wire::Requests;
use tsdb_benches::{START_MS, STEP_MS};
use tsdb_server::{Config, run};

const SERIES: usize = 2_000;
const SCRAPES: usize = 240;

/// Starts the server; where it listens.
fn start(runtime: &tokio::runtime::Runtime, dir: &std::path::Path) -> String {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = free.local_addr().expect("it is bound").to_string();
    drop(free);
    let dir = dir.display().to_string();
    let flags = ["tsdb-server", "--listen", &address, "--data-dir", &dir];
    let no_retention = "--storage.tsdb.retention.time=0";
    let config = Config::parse_from(flags.into_iter().chain([no_retention]));
    runtime.spawn(run(config));
    let base = format!("http://{address}");
    while ureq::get(format!("{base}/-/ready")).call().is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }
    base
}

fn server(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let dir = tempfile::tempdir().expect("a directory");
    let base = start(&runtime, dir.path());
    let agent = ureq::Agent::new_with_defaults();
    let mut requests = Requests::of(0..SERIES, START_MS);
    let mut write = |i: usize| {
        let body = snap::raw::Encoder::new().compress_vec(requests.scrape(i));
        let request = agent.post(format!("{base}/api/v1/write"));
        let request = request.header("content-encoding", "snappy");
        let request = request.header("content-type", "application/x-protobuf");
        let sent = request.send(&body.expect("snappy takes a few MiB"));
        sent.expect("the server takes a scrape");
    };
    (0..SCRAPES).for_each(&mut write);

    let mut group = c.benchmark_group("server");
    group.throughput(Throughput::Elements(SERIES as u64));
    let mut scrapes = SCRAPES..;
    group.bench_function("write", |b| {
        b.iter(|| write(scrapes.next().unwrap_or(0)));
    });
    let end_s = (START_MS + SCRAPES as i64 * STEP_MS) / 1000;
    let range = format!("start={}&end={end_s}&step=15", end_s - 3600);
    let url = format!("{base}/api/v1/query_range?{range}");
    let query = "sum(rate(node_metric_1_total[5m]))";
    group.throughput(Throughput::Elements((SERIES / 10 * SCRAPES) as u64));
    group.bench_function("query_range", |b| {
        b.iter(|| {
            let request = agent.get(&url).query("query", query);
            let mut answer = request.call().expect("an answer");
            let body = answer.body_mut().read_to_string().expect("text");
            assert!(body.contains("values"), "{body}");
        });
    });
    group.finish();
}

criterion_group!(benches, server);
criterion_main!(benches);
