//! Samples into chunks and columns and out of them: one series, written to and read from a store in memory.

use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use tsdb_benches::{START_MS, STEP_MS, Shape, store};
use tsdb_core::{Columns, Db, Matcher, TimeRange, WriteBatch};

const SAMPLES: usize = 5_000;

fn batch(shape: Shape) -> WriteBatch {
    let mut batch = WriteBatch::new();
    let mut series = batch.series([("__name__", "a")]).expect("valid labels");
    for i in 0..SAMPLES {
        series.sample(START_MS + i as i64 * STEP_MS, shape.value(0, i));
    }
    batch
}

fn empty() -> Db {
    store(0, 0).expect("a store in memory opens")
}

fn codec(c: &mut Criterion) {
    let mut group = c.benchmark_group("codec");
    group.throughput(Throughput::Elements(SAMPLES as u64));
    for shape in Shape::ALL {
        let batch = batch(shape);
        group.bench_function(BenchmarkId::new("append", format!("{shape:?}")), |b| {
            let write = |db: Db| {
                db.write(&batch).expect("a store in memory takes a batch");
                db // dropped outside of the measurement
            };
            b.iter_batched(empty, write, BatchSize::SmallInput);
        });

        // Into columns of a file, with all that such a file has.
        let written = || {
            let db = empty();
            db.write(&batch).expect("a store in memory takes a batch");
            db
        };
        group.bench_function(BenchmarkId::new("flush", format!("{shape:?}")), |b| {
            let flush = |db: Db| {
                db.flush().expect("a store in memory takes a file");
                db
            };
            b.iter_batched(written, flush, BatchSize::SmallInput);
        });

        let head = written();
        read(&mut group, "read", shape, &head);
        let file = written();
        file.flush().expect("a store in memory takes a file");
        read(&mut group, "read_column", shape, &file);
    }
    group.finish();
}

/// Reads all samples of a store.
fn read(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, shape: Shape, db: &Db) {
    let querier = db.querier(TimeRange::ALL).expect("an open store");
    let found = querier.select(&[Matcher::equal("__name__", "a")]);
    let series = found.expect("a store in memory reads").remove(0);
    let mut columns = Columns::default();
    group.bench_function(BenchmarkId::new(name, format!("{shape:?}")), |b| {
        b.iter(|| {
            columns.clear();
            let read = series.read_into(TimeRange::ALL, &mut columns);
            read.expect("a store in memory reads");
            assert_eq!(columns.len(), SAMPLES);
        });
    });
}

criterion_group!(benches, codec);
criterion_main!(benches);
