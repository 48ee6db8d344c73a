//! A query sees all of a batch or nothing, and after a write has returned, all.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::*;
use crate::db::Db;

/// Series of each batch; every one gets a sample at the same time.
const SERIES: usize = 20;

fn rows_at(t_ms: i64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for i in 0..SERIES {
        let name = format!("s{i}");
        let labels = [("__name__", "m"), ("series", &*name)];
        batch.series(labels).unwrap().sample(t_ms, i as f64);
    }
    batch
}

#[test]
fn batches_are_seen_whole_also_while_flushing_and_merging() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path(), options()).unwrap();
    let acknowledged = AtomicI64::new(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for step in 1..=400 {
                db.write(&rows_at(NOW - HOUR + step * 1_000)).unwrap();
                acknowledged.store(step, Ordering::SeqCst);
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                db.flush().unwrap();
            }
        });
        scope.spawn(|| {
            let selectors = ["s0", "s7", "s19"].map(|name| [Matcher::equal("series", name)]);
            let selectors = selectors.each_ref().map(|matchers| &matchers[..]);
            while !done.load(Ordering::SeqCst) {
                let snapshot = db.snapshot(&selectors).unwrap();
                let counts = selectors.map(|matchers| {
                    let series = snapshot.select(matchers, TimeRange::ALL).unwrap();
                    series
                        .iter()
                        .map(|s| s.samples().unwrap().len())
                        .sum::<usize>()
                });
                assert!(counts.iter().all(|&n| n == counts[0]), "{counts:?}");
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    let before = acknowledged.load(Ordering::SeqCst);
                    let series = db
                        .querier(TimeRange::ALL)
                        .unwrap()
                        .select(&[Matcher::equal("__name__", "m")])
                        .unwrap();
                    if before == 0 && series.is_empty() {
                        continue;
                    }
                    assert_eq!(series.len(), SERIES);
                    let counts: Vec<usize> =
                        series.iter().map(|s| s.samples().unwrap().len()).collect();
                    assert!(counts.iter().all(|&n| n == counts[0]), "{counts:?}");
                    assert!(counts[0] as i64 >= before, "a write that returned is seen");
                }
            });
        }
    });
    assert!(db.stats().flushes > 2 && db.stats().merges > 0);
    db.close().unwrap();
    let db = Db::open(dir.path(), options()).unwrap();
    let series = db.querier(TimeRange::ALL).unwrap().select(&[]).unwrap();
    assert!(series.iter().all(|s| s.samples().unwrap().len() == 400));
}

#[test]
fn many_writers_share_the_lane() {
    let db = Db::in_memory(options()).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let db = &db;
            scope.spawn(move || {
                for step in 0..200 {
                    let name = format!("w{writer}-{}", step % 7);
                    write(db.store(), &[(&name, NOW - HOUR + step * 1_000, 1.0)]).unwrap();
                }
            });
        }
    });
    let found = contents(db.store());
    assert_eq!(found.len(), 28);
    assert_eq!(found.values().map(BTreeMap::len).sum::<usize>(), 800);
}

#[test]
fn many_series_are_selected_by_several_threads() {
    const SERIES: i64 = 13_000;
    let db = Db::in_memory(options()).unwrap();
    let names: Vec<String> = (0..SERIES).map(|i| format!("s{i}")).collect();
    let rows = |skip, t_ms| -> Vec<(&str, i64, f64)> {
        let names = names.iter().skip(skip).step_by(2);
        names.map(|name| (&**name, t_ms, 1.0)).collect()
    };
    // A run of all series, and half of them in the head as well.
    write(db.store(), &rows(1, NOW - HOUR)).unwrap();
    write(db.store(), &rows(0, NOW - HOUR)).unwrap();
    db.flush().unwrap();
    write(db.store(), &rows(1, NOW - 1_000)).unwrap();
    let matchers = [Matcher::equal("__name__", "m")];
    let snapshot = db.snapshot(&[&matchers]).unwrap();
    for range in [TimeRange::ALL, TimeRange::new(NOW - 2_000, NOW)] {
        let select = |threads| {
            let series = snapshot.select_with(&matchers, range, threads).unwrap();
            let read = |s: &crate::Series| (s.labels().clone(), s.samples().unwrap().len());
            series.iter().map(read).collect::<Vec<_>>()
        };
        let alone = select(1);
        assert!(alone.is_sorted_by(|a, b| a.0 < b.0));
        let samples: usize = alone.iter().map(|(_, samples)| samples).sum();
        match range {
            TimeRange::ALL => assert_eq!((alone.len(), samples), (13_000, 19_500)),
            _ => assert_eq!((alone.len(), samples), (6_500, 6_500)),
        }
        assert_eq!(select(3), alone);
    }
}

#[test]
fn a_run_that_is_gone_is_not_cached_for_who_reads_it_still() {
    // Without threads that merge by themselves.
    let store = open(&FaultFs::new()).unwrap();
    for step in 0..3 {
        write(&store, &[("a", NOW - HOUR + step, 1.0)]).unwrap();
        store.flush_head().unwrap();
    }
    let matchers = [Matcher::equal("__name__", "m")];
    let before = store.snapshot(&[&matchers]).unwrap();
    store.merge_all().unwrap();
    let samples = |snapshot: &crate::Snapshot| {
        let series = snapshot.select(&matchers, TimeRange::ALL).unwrap();
        series[0].samples().unwrap().len()
    };
    assert_eq!((samples(&before), store.cache.bytes()), (3, 0));
    let now = store.snapshot(&[&matchers]).unwrap();
    assert_eq!(samples(&now), 3);
    assert!(store.cache.bytes() > 0);
}
