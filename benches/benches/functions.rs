//! Each function of range vectors and each aggregation, over an hour of a hundred series of a thousand in memory; and the answer as JSON.

use axum::body::{Body, to_bytes};
use axum::http::Request;
use clap::Parser;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tower::ServiceExt;
use tsdb_benches::{START_MS, STEP_MS, store};
use tsdb_query::{Engine, EngineOptions, QueryOptions};
use tsdb_server::{AppState, Config, app};

const SERIES: usize = 1_000;
const SCRAPES: usize = 240;

const WINDOW_FUNCTIONS: [&str; 26] = [
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "changes",
    "resets",
    "deriv",
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "first_over_time",
    "present_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "mad_over_time",
    "ts_of_min_over_time",
    "ts_of_max_over_time",
    "ts_of_last_over_time",
    "absent_over_time",
    "quantile_over_time(0.9,",
    "predict_linear(",
    "double_exponential_smoothing(",
];

const AGGREGATIONS: [&str; 12] = [
    "sum(",
    "avg(",
    "min(",
    "max(",
    "count(",
    "group(",
    "stddev(",
    "stdvar(",
    "topk(3, ",
    "bottomk(3, ",
    "quantile(0.9, ",
    "count_values(\"v\", ",
];

fn window(function: &str) -> String {
    let selector = "node_metric_1_total[5m]";
    match function {
        "predict_linear(" => format!("{function}{selector}, 60)"),
        "double_exponential_smoothing(" => format!("{function}{selector}, 0.5, 0.5)"),
        _ if function.ends_with(',') => format!("{function} {selector})"),
        _ => format!("{function}({selector})"),
    }
}

fn evaluate(c: &mut Criterion) {
    let db = store(SERIES, SCRAPES).expect("a store in memory opens");
    let engine = Engine::new(EngineOptions::default());
    let options = QueryOptions::default();
    let end_ms = START_MS + SCRAPES as i64 * STEP_MS;
    let mut bench = |group: &str, name: &str, query: &str| {
        let mut group = c.benchmark_group(group);
        group.throughput(Throughput::Elements((SERIES / 10 * SCRAPES) as u64));
        group.bench_function(name.trim_end_matches(['(', ',', ' ']), |b| {
            b.iter(|| {
                let result = engine.range(&db, query, START_MS, end_ms, STEP_MS, &options);
                result.expect("a valid query")
            });
        });
        group.finish();
    };
    for function in WINDOW_FUNCTIONS {
        bench("window", function, &window(function));
    }
    for aggregation in AGGREGATIONS {
        let query = format!("{aggregation}node_metric_2_total)");
        bench("aggregation", aggregation, &query);
    }
}

fn json(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let db = store(SERIES, SCRAPES).expect("a store in memory opens");
    let app = app(AppState::with_store(
        Config::parse_from(["tsdb-server"]),
        db,
    ));
    let (start, end) = (START_MS / 1000, START_MS / 1000 + 3600);
    let url =
        format!("/api/v1/query_range?query=node_metric_2_total&start={start}&end={end}&step=15");
    let ask = async || {
        let request = Request::get(&url)
            .body(Body::empty())
            .expect("a valid request");
        let Ok(answer) = app.clone().oneshot(request).await;
        to_bytes(answer.into_body(), 1 << 28)
            .await
            .expect("an answer")
    };
    let mut group = c.benchmark_group("json");
    group.throughput(Throughput::Bytes(runtime.block_on(ask()).len() as u64));
    group.bench_function("matrix", |b| b.iter(|| runtime.block_on(ask())));
    group.finish();
}

criterion_group!(benches, evaluate, json);
criterion_main!(benches);
