//! The store through its public interface: the log and its replay, postings, selecting series, reading labels.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tsdb_benches::{START_MS, STEP_MS, labels, scrape, shape, store};
use tsdb_core::{
    Columns, Db, Durability, Labels, MatchOp, Matcher, Options, TimeRange, WriteBatch,
};

const SERIES: usize = 10_000;
const SCRAPES: usize = 20;

/// A directory with a log of all scrapes, none of them flushed: a store that is closed flushes them, so that it stays open.
fn logged(scrapes: usize) -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().expect("a directory");
    let db = Db::open(dir.path(), options()).expect("a store opens");
    for i in 0..scrapes {
        db.write(&scrape(SERIES, i).expect("valid labels"))
            .expect("the store takes it");
    }
    (dir, db)
}

fn options() -> Options {
    // What fdatasync takes is a matter of the disk.
    let options = Options::new().retention(None).future_limit(None);
    options.durability(Durability::Never)
}

fn log(c: &mut Criterion) {
    let mut group = c.benchmark_group("log");
    group.sample_size(10);
    group.throughput(Throughput::Elements(SERIES as u64));
    let (_dir, db) = logged(1);
    let mut scrapes = 1..;
    group.bench_function("append", |b| {
        let batch = || scrape(SERIES, scrapes.next().unwrap_or(0)).expect("valid labels");
        b.iter_batched(
            batch,
            |batch| db.write(&batch).expect("the store takes it"),
            BatchSize::LargeInput,
        );
    });
    drop(db);
    let (dir, writer) = logged(SCRAPES);
    group.throughput(Throughput::Elements((SERIES * SCRAPES) as u64));
    group.bench_function("replay", |b| {
        b.iter_with_large_drop(|| {
            // Read only, beside who writes: the next one finds the same.
            let db = Db::open_read_only(dir.path(), &options()).expect("a store opens");
            assert_eq!(db.stats().head_samples, (SERIES * SCRAPES) as u64);
            db
        });
    });
    drop(writer);
    group.finish();
}

/// What a program pays that writes one sample of each of its series a call: the batch is filled and applied, nobody waits for
/// the log.
fn submit(c: &mut Criterion) {
    let mut group = c.benchmark_group("submit");
    for series in [10, SERIES] {
        let label_sets: Vec<Labels> = (0..series)
            .map(|n| Labels::from_pairs(labels(n)).expect("valid labels"))
            .collect();
        let dir = tempfile::tempdir().expect("a directory");
        let db = Db::open(dir.path(), options()).expect("a store opens");
        let mut batch = WriteBatch::new();
        let mut t_ms = START_MS;
        group.throughput(Throughput::Elements(series as u64));
        group.bench_function(BenchmarkId::new("series", series), |b| {
            b.iter(|| {
                t_ms += 1;
                batch.clear();
                for (n, labels) in label_sets.iter().enumerate() {
                    let value = shape(n).value(n, (t_ms % 1_000) as usize);
                    let series = batch.series_labels(labels);
                    series.expect("a batch takes it").sample(t_ms, value);
                }
                db.submit(&batch).expect("the store takes it")
            });
        });
    }
    group.finish();
}

fn select(c: &mut Criterion) {
    let db = store(SERIES, SCRAPES).expect("a store in memory opens");
    let range = TimeRange::new(START_MS, START_MS + SCRAPES as i64 * STEP_MS);
    let querier = || db.querier(range).expect("the store answers");
    let matcher = |name, op, value| Matcher::new(op, name, value).expect("a valid matcher");
    let name = || matcher("__name__", MatchOp::Equal, "node_metric_1_total");
    let mut group = c.benchmark_group("select");
    for (what, matchers) in [
        ("equal", vec![name()]),
        (
            "two_equal",
            vec![name(), matcher("cpu", MatchOp::Equal, "3")],
        ),
        (
            "regex",
            vec![
                name(),
                matcher("instance", MatchOp::Regex, "machine-[1-4].*"),
            ],
        ),
        (
            "not_regex",
            vec![
                name(),
                matcher("instance", MatchOp::NotRegex, "machine-1.*"),
            ],
        ),
        ("all", vec![matcher("__name__", MatchOp::NotEqual, "")]),
    ] {
        group.bench_function(what, |b| {
            b.iter(|| querier().select(&matchers).expect("the store answers"));
        });
    }
    group.bench_function("label_values", |b| {
        b.iter(|| {
            querier()
                .label_values("instance", &[])
                .expect("the store answers")
        });
    });
    let series = querier().select(&[name()]).expect("the store answers");
    let mut columns = Columns::default();
    group.throughput(Throughput::Elements((series.len() * SCRAPES) as u64));
    group.bench_function("read", |b| {
        b.iter(|| {
            for series in &series {
                columns.clear();
                series
                    .read_into(range, &mut columns)
                    .expect("the store answers");
            }
        });
    });
    group.finish();
}

/// Postings alone: what is found is taken away again, so that no labels are made.
fn postings(c: &mut Criterion) {
    let mut group = c.benchmark_group("postings");
    for place in ["head", "file"] {
        let db = store(SERIES, 1).expect("a store in memory opens");
        if place == "file" {
            db.flush().expect("a store in memory takes a file");
        }
        let querier = db.querier(TimeRange::ALL).expect("the store answers");
        for (what, name, value) in [
            ("a_value", "cpu", "3"),
            ("some_values", "instance", "machine-[1-4].*"),
            ("all_values", "instance", "machine-.*"),
        ] {
            let matchers = [MatchOp::Regex, MatchOp::NotRegex]
                .map(|op| Matcher::new(op, name, value).expect("a valid matcher"));
            group.bench_function(BenchmarkId::new(place, what), |b| {
                b.iter(|| {
                    let found = querier.select(&matchers).expect("the store answers");
                    assert!(found.is_empty());
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, log, submit, select, postings);
criterion_main!(benches);
