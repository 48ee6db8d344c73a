//! Samples in order against the same samples in random order, the whole way: written, flushed, merged, into files.

use std::path::PathBuf;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tsdb_benches::{START_MS, STEP_MS, labels, shape};
use tsdb_core::{Db, Options, WriteBatch};

const SERIES: usize = 500;
/// Three days at one sample in four minutes and a half.
const SCRAPES: usize = 1_000;
const EVERY: i64 = 18;

/// The numbers below `n`, shuffled by a fixed linear congruence.
fn shuffled(n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    let mut state = 7u64;
    for i in (1..n).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        order.swap(i, (state >> 33) as usize % (i + 1));
    }
    order
}

/// One batch a scrape: sample `i` of series `n`.
fn batches(order: impl Iterator<Item = Vec<(usize, usize)>>) -> Vec<WriteBatch> {
    let of = |samples: Vec<(usize, usize)>| {
        let mut batch = WriteBatch::new();
        for (n, i) in samples {
            let t_ms = START_MS + i as i64 * EVERY * STEP_MS;
            let labels = labels(n);
            let pairs = labels.iter().map(|(name, value)| (&**name, &**value));
            let mut series = batch.series(pairs).expect("labels are well-formed");
            series.sample(t_ms, shape(n).value(n, i));
        }
        batch
    };
    order.map(of).collect()
}

fn scrape(i: usize) -> Vec<(usize, usize)> {
    (0..SERIES).map(|n| (n, i)).collect()
}

/// A store in a directory that is not there yet.
fn store(dir: &PathBuf) -> Db {
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => panic!("{e}"),
        _ => {}
    }
    let options = Options::new().retention(None).future_limit(None);
    Db::open(dir, options).expect("a store opens")
}

fn backfill(c: &mut Criterion) {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("backfill");
    let mut group = c.benchmark_group("backfill");
    group.throughput(Throughput::Elements((SERIES * SCRAPES) as u64));
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(20));
    let anything: Vec<(usize, usize)> = shuffled(SERIES * SCRAPES)
        .into_iter()
        .map(|at| (at % SERIES, at / SERIES))
        .collect();
    for (name, batches) in [
        ("in_order", batches((0..SCRAPES).map(scrape))),
        (
            "scrapes_in_random_order",
            batches(shuffled(SCRAPES).into_iter().map(scrape)),
        ),
        (
            "samples_in_random_order",
            batches(anything.chunks(SERIES).map(<[_]>::to_vec)),
        ),
    ] {
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter_batched(
                || store(&dir),
                |db| {
                    for batch in &batches {
                        let report = db.write(batch).expect("writes succeed");
                        assert!(report.rejected.is_empty());
                    }
                    db.flush().expect("the flush succeeds");
                    db.close().expect("the store closes");
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, backfill);
criterion_main!(benches);
