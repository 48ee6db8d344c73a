//! PromQL over an hour of a thousand series in memory.

use criterion::{Criterion, criterion_group, criterion_main};
use tsdb_benches::{START_MS, STEP_MS, store};
use tsdb_query::{Engine, EngineOptions, QueryOptions};

const SERIES: usize = 1_000;
const SCRAPES: usize = 240;

/// Names and expressions.
const QUERIES: [(&str, &str); 6] = [
    (
        "one_series",
        r#"node_metric_1_total{instance="machine-3.example:9100", cpu="1"}"#,
    ),
    (
        "regex",
        r#"{__name__=~"node_metric_[1-3]_total", instance=~"machine-.*"}"#,
    ),
    ("rate", "rate(node_metric_1_total[5m])"),
    (
        "sum_rate",
        r#"sum by (instance) (rate(node_metric_4_total[5m]))"#,
    ),
    (
        "join",
        "node_metric_1_total / on (instance, cpu) node_metric_2_total",
    ),
    ("over_time", "max_over_time(node_metric_2_total[10m])"),
];

fn query(c: &mut Criterion) {
    let db = store(SERIES, SCRAPES).expect("a store in memory opens");
    let engine = Engine::new(EngineOptions::default());
    let options = QueryOptions::default();
    let end_ms = START_MS + SCRAPES as i64 * STEP_MS;

    let mut group = c.benchmark_group("query_instant");
    for (name, query) in QUERIES {
        group.bench_function(name, |b| {
            b.iter(|| {
                engine
                    .instant(&db, query, end_ms, &options)
                    .expect("a valid query")
            });
        });
    }
    group.finish();

    let mut group = c.benchmark_group("query_range");
    for (name, query) in QUERIES {
        group.bench_function(name, |b| {
            b.iter(|| {
                let result = engine.range(&db, query, START_MS, end_ms, 30_000, &options);
                result.expect("a valid query")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, query);
criterion_main!(benches);
