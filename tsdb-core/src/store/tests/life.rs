//! The life of the data: flushed in time, merged, sealed, expired; one process at a time.

use std::time::Duration;

use super::*;
use crate::db::Db;
use crate::error::Error;
use crate::model::{MetricMetadata, MetricType};

#[test]
fn flushes_at_least_once_per_min_block_duration_of_data_time() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    for minute in 0..21 {
        write(&store, &[("a", NOW - HOUR + minute * MINUTE, 1.0)]).unwrap();
        while store.flush_oldest().unwrap() {}
    }
    assert_eq!(store.stats().flushes, 2);
    // Old data makes no progress, so that a backfill does not end in a file per batch.
    for minute in 0..50 {
        write(
            &store,
            &[("b", NOW - 1_000 * MINUTE + minute * 10 * MINUTE, 1.0)],
        )
        .unwrap();
        while store.flush_oldest().unwrap() {}
    }
    assert_eq!(store.stats().flushes, 2);
}

#[test]
fn merging_ends_with_one_run_for_each_partition() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let mut rows = Vec::new();
    for minute in 0..100 {
        rows.push(("a", NOW - 100 * MINUTE + minute * MINUTE, minute as f64));
        write(&store, &rows[rows.len() - 1..]).unwrap();
        if minute % 5 == 4 {
            store.flush_head().unwrap();
        }
    }
    let before = store.stats().runs;
    while store.merge_once().unwrap() {}
    let after = store.stats().runs;
    assert!(after < before, "{before} → {after}");
    assert_eq!(contents(&store), model_of(&rows));
    store.flush().unwrap();
    // 100 minutes touch 4 or 5 partitions of 30.
    assert!(
        (4..=5).contains(&store.stats().runs),
        "{}",
        store.stats().runs
    );
    assert_eq!(contents(&store), model_of(&rows));
    assert_eq!(store.stats().wal_bytes, 0);
}

#[test]
fn retention_counts_from_the_newest_sample() {
    let fs = FaultFs::new();
    let clock = ManualClock::new(NOW);
    let with_retention = || {
        options()
            .retention(Some(Duration::from_secs(3600)))
            .clock(Clock::Manual(clock.clone()))
    };
    let store = open_with(&fs, with_retention()).unwrap();
    write(
        &store,
        &[("old", NOW - 59 * MINUTE, 1.0), ("new", NOW, 2.0)],
    )
    .unwrap();
    store.flush().unwrap();
    clock.set(NOW + 100 * HOUR);
    store.expire().unwrap();
    assert_eq!(contents(&store).len(), 2, "an idle store keeps its data");
    write(&store, &[("new", NOW + 50 * MINUTE, 3.0)]).unwrap();
    store.flush().unwrap();
    let found = contents(&store);
    assert!(!found.contains_key("old"), "{found:?}");
    assert_eq!(found["new"].len(), 2);
    drop(store);
    assert_eq!(contents(&open_with(&fs, with_retention()).unwrap()), found);
}

#[test]
fn metadata_goes_when_its_series_are_gone() {
    let fs = FaultFs::new();
    let clock = ManualClock::new(NOW + 100 * HOUR);
    let options = options()
        .retention(Some(Duration::from_secs(3600)))
        .clock(Clock::Manual(clock.clone()));
    let store = open_with(&fs, options).unwrap();
    let mut told = WriteBatch::new();
    for metric in ["gone", "m"] {
        told.metadata(MetricMetadata {
            metric: metric.into(),
            kind: MetricType::Gauge,
            help: String::new(),
            unit: String::new(),
        });
    }
    store.submit(&told).unwrap().wait().unwrap();
    let mut left = Vec::new();
    for hours in [0, 10, 20, 30] {
        write(&store, &[("a", NOW + hours * HOUR, 2.0)]).unwrap();
        store.flush().unwrap();
        store.expire().unwrap();
        left.push(store.metadata().len());
    }
    assert_eq!(contents(&store).len(), 1);
    // At the first chance they count as told a moment ago.
    assert_eq!(
        (left.first(), left.last()),
        (Some(&2), Some(&1)),
        "{left:?}"
    );
    assert_eq!(store.metadata()[0].metric, "m");
}

#[test]
fn one_process_at_a_time() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    assert!(matches!(open(&fs), Err(Error::Locked { .. })));
    store.close().unwrap();
    assert!(matches!(store.submit(&batch(&[])), Err(Error::Closed)));
    open(&fs).unwrap();
    // The lock of a killed process is gone with it.
    let _killed = open(&fs)
        .map(|store| (open(&fs.kill()).unwrap(), store))
        .unwrap();
}

#[test]
fn dropping_the_handle_closes_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path(), options()).unwrap();
    db.write(&batch(&[("a", NOW, 1.0)])).unwrap();
    let other = db.clone();
    drop(db);
    assert!(matches!(
        Db::open(dir.path(), options()),
        Err(Error::Locked { .. })
    ));
    drop(other);
    let db = Db::open(dir.path(), options()).unwrap();
    assert_eq!(db.stats().replayed_frames, 0, "it was flushed");
    assert_eq!(contents(db.store()).len(), 1);
}

#[test]
fn a_small_log_stays_small() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    for step in 0..2_000 {
        write(&store, &[("a", NOW - HOUR + step, 1.0)]).unwrap();
    }
    let bytes = store.stats().wal_bytes;
    assert!(bytes > 64 << 10, "more than one segment");
    store.flush().unwrap();
    assert_eq!(store.stats().wal_bytes, 0);
    write(&store, &[("a", NOW, 1.0)]).unwrap();
    assert!(store.stats().wal_bytes < 1_000);
    let after = open(&fs.crash(crate::io::Unsynced::Lost)).unwrap();
    assert_eq!(contents(&after)["a"].len(), 2_001);
    assert_eq!(after.stats().replayed_frames, 1);
}
