//! How writes keep their pace while runs are merged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::*;
use crate::io::OsFs;

const SERIES: usize = 10_000;
const SERIES_OF_BATCH: usize = 2_000;
const RUNS: i64 = 64;
const SAMPLES_OF_RUN: i64 = 50;
/// Between two batches.
const PAUSE: Duration = Duration::from_millis(15);
const BATCHES: usize = 500;

fn rows_of(part: usize, times: std::ops::Range<i64>) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for i in part * SERIES_OF_BATCH..(part + 1) * SERIES_OF_BATCH {
        let (instance, path) = (
            format!("10.0.{}.{}:9100", i % 7, i % 250),
            format!("/path/{i}"),
        );
        let labels = [
            ("__name__", "requests_total"),
            ("instance", &*instance),
            ("job", "a"),
            ("path", &*path),
        ];
        let mut series = batch.series(labels).unwrap();
        for step in times.clone() {
            series.sample(
                NOW - 12 * HOUR + step * 1_000,
                (step * (i as i64 % 13)) as f64,
            );
        }
    }
    batch
}

/// A store with runs that are to be merged.
fn filled(dir: &Path) -> Store {
    let options = Options::new()
        .clock(Clock::Manual(ManualClock::new(NOW)))
        .retention(None);
    let store = Store::open(Arc::new(OsFs), dir, options).unwrap();
    for run in 0..RUNS {
        for part in 0..SERIES / SERIES_OF_BATCH {
            let times = run * SAMPLES_OF_RUN..(run + 1) * SAMPLES_OF_RUN;
            store.submit(&rows_of(part, times)).unwrap().wait().unwrap();
        }
        store.flush_head().unwrap();
    }
    // The series are known again.
    for part in 0..SERIES / SERIES_OF_BATCH {
        let at = RUNS * SAMPLES_OF_RUN;
        store
            .submit(&rows_of(part, at..at + 1))
            .unwrap()
            .wait()
            .unwrap();
    }
    store
}

/// Milliseconds of each write, rising, and the merges meanwhile.
fn write_paced(merging: bool) -> (Vec<f64>, u64) {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let done = AtomicBool::new(false);
    let mut took = Vec::new();
    std::thread::scope(|scope| {
        if merging {
            scope.spawn(|| {
                let goes_on = || !done.load(Ordering::Relaxed) && store.merge_once().unwrap();
                std::iter::from_fn(|| goes_on().then_some(())).count()
            });
        }
        let begun = Instant::now();
        for n in 0..BATCHES {
            let parts = SERIES / SERIES_OF_BATCH;
            let step = RUNS * SAMPLES_OF_RUN + 1 + (n / parts) as i64;
            let batch = rows_of(n % parts, step..step + 1);
            std::thread::sleep((PAUSE * n as u32).saturating_sub(begun.elapsed()));
            let sent = Instant::now();
            store.submit(&batch).unwrap().wait().unwrap();
            took.push(sent.elapsed().as_secs_f64() * 1e3);
        }
        done.store(true, Ordering::Relaxed);
    });
    took.sort_by(f64::total_cmp);
    (took, store.stats().merges)
}

/// `cargo test --release -p tsdb-core --lib -- --ignored --nocapture writes_beside_merges`
#[test]
#[ignore = "a measurement, of use in release builds only"]
fn writes_beside_merges_are_measured() {
    for _ in 0..3 {
        for merging in [false, true] {
            let (took, merges) = write_paced(merging);
            let at = |part: f64| took[(took.len() as f64 * part) as usize];
            println!(
                "merges {merges}: a write takes {:.1} ms in the median, {:.1} ms (p90), {:.1} ms (p99)",
                at(0.5),
                at(0.9),
                at(0.99)
            );
        }
    }
}
