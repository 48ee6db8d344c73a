//! From a sender's labels to the series: new ones, known ones, some of both, and new ones that a file knows. Samples go the whole
//! way into a store in memory, in batches of two thousand, as a decoder of remote write makes them.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tsdb_benches::{START_MS, STEP_MS, pod_labels};
use tsdb_core::{Db, Labels, Options};

const SERIES: usize = 20_000;
const BATCH: usize = 2_000;
/// Of so many series one is another in each scrape.
const CHURN: usize = 10;

fn open() -> Db {
    Db::in_memory(Options::new().retention(None).future_limit(None))
        .expect("a store in memory opens")
}

fn label_sets(from: usize) -> Vec<Labels> {
    let labels = (from..from + SERIES).map(|n| Labels::from_pairs(pod_labels(n)));
    labels.map(|labels| labels.expect("names differ")).collect()
}

/// The second scrape of the series, some of which are others.
fn churned(first: &[Labels]) -> Vec<Labels> {
    let mut series = first.to_vec();
    let others = label_sets(SERIES);
    for (place, other) in series.iter_mut().zip(others).step_by(CHURN) {
        *place = other;
    }
    series
}

/// One sample of each series. Canonical bytes stand for the encoding of a sender.
fn scrape(db: &Db, series: &[Labels], i: usize) {
    let t_ms = START_MS + i as i64 * STEP_MS;
    for batch in series.chunks(BATCH) {
        let mut writer = db.writer();
        for labels in batch {
            let bytes = labels.as_bytes();
            let series = match writer.recognize(bytes) {
                Ok(known) => writer.known_series(known),
                Err(encoding) => writer.series(Some(encoding), bytes),
            };
            series.expect("a batch takes it").sample(t_ms, i as f64);
        }
        let commit = writer.submit().expect("a store in memory takes it");
        commit.wait().expect("nothing in memory is to be synced");
    }
}

fn series(c: &mut Criterion) {
    let mut group = c.benchmark_group("series");
    group
        .throughput(Throughput::Elements(SERIES as u64))
        .sample_size(20);
    let first = label_sets(0);
    let mixed = churned(&first);
    let scraped = || {
        let db = open();
        scrape(&db, &first, 1);
        db
    };
    // The store is dropped outside of what is measured.
    let mut measure = |name: &str, store: &dyn Fn() -> Db, series: &[Labels], i: usize| {
        let run = |db: Db| {
            scrape(&db, series, i);
            db
        };
        group.bench_function(name, |b| {
            b.iter_batched(store, run, BatchSize::PerIteration)
        });
    };
    measure("new", &open, &first, 1);
    measure("known", &scraped, &first, 2);
    measure("churn", &scraped, &mixed, 2);
    // At the time of their newest sample there, so that it is looked for.
    let flushed = || {
        let db = scraped();
        db.flush().expect("memory has room");
        db
    };
    measure("new_but_in_a_file", &flushed, &first, 1);
    measure("new_beside_a_file", &flushed, &label_sets(SERIES), 1);
    group.finish();
}

criterion_group!(benches, series);
criterion_main!(benches);
