//! A scrape by remote write: from the body of the request to the answer, into a store in memory.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use clap::Parser;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tower::ServiceExt;
use tsdb_benches::{START_MS, STEP_MS, labels, shape, store};
use tsdb_server::{AppState, Config, app};

#[path = "../../tsdb-server/tests/common/wire.rs"]
#[allow(dead_code, reason = "shared with tests")]
mod wire;

fn body(series: usize, i: usize) -> Vec<u8> {
    let t_ms = START_MS + i as i64 * STEP_MS;
    let series: Vec<wire::Series> = (0..series)
        .map(|n| (labels(n), vec![(t_ms, shape(n).value(n, i))]))
        .collect();
    let message = wire::encode(&series, &[]);
    let compressed = snap::raw::Encoder::new().compress_vec(&message);
    compressed.expect("snappy takes a few MiB")
}

fn remote_write(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let mut group = c.benchmark_group("remote_write");
    for series in [100, 2_000] {
        group.throughput(Throughput::Elements(series as u64));
        let db = store(series, 1).expect("a store in memory opens");
        let app = app(AppState::with_store(
            Config::parse_from(["tsdb-server"]),
            db,
        ));
        let mut scrapes = 1..;
        group.bench_function(BenchmarkId::new("known_series", series), |b| {
            let request = || {
                let body = Body::from(body(series, scrapes.next().unwrap_or(0)));
                Request::post("/api/v1/write")
                    .body(body)
                    .expect("a valid request")
            };
            let send = |request: Request<Body>| {
                let answer = runtime.block_on(app.clone().oneshot(request));
                let status = answer.map(|answer| answer.status());
                assert_eq!(status, Ok(StatusCode::NO_CONTENT));
            };
            b.iter_batched(request, send, BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, remote_write);
criterion_main!(benches);
