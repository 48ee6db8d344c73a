//! The limits of series and of memory.

use std::time::Duration;

use super::*;
use crate::budget::MemoryBudget;
use crate::error::Error;
use crate::store::{RejectReason, SeriesLimits};

fn limits(active: Option<u64>, new: Option<u64>) -> SeriesLimits {
    SeriesLimits {
        active,
        new,
        interval: Duration::from_secs(3600),
        ..SeriesLimits::default()
    }
}

/// Writes one sample of each of these series; says which were refused.
fn refused(store: &Store, names: &[&str], t_ms: i64) -> Vec<(RejectReason, u64)> {
    let rows: Vec<_> = names.iter().map(|name| (*name, t_ms, 1.0)).collect();
    let report = write(store, &rows).unwrap();
    report.rejected.counts().collect()
}

#[test]
fn known_series_go_on_while_new_ones_are_refused() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    store.set_series_limits(limits(Some(2), None));
    assert_eq!(refused(&store, &["a", "b"], NOW), []);
    let limit = RejectReason::ActiveSeriesLimit;
    assert_eq!(refused(&store, &["a", "c", "b"], NOW + 1), [(limit, 1)]);
    // In the next generation, and in the one after: who stays is known, who stopped makes room.
    store.flush_head().unwrap();
    assert_eq!(refused(&store, &["c", "b"], NOW + 2), [(limit, 1)]);
    store.flush_head().unwrap();
    assert_eq!(refused(&store, &["c", "b"], NOW + 3), []);
    assert_eq!(refused(&store, &["a"], NOW + 4), [(limit, 1)]);
    store.set_series_limits(SeriesLimits::default());
    assert_eq!(refused(&store, &["d", "e", "f"], NOW + 5), []);
}

#[test]
fn after_a_restart_known_series_are_known() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    assert_eq!(refused(&store, &["a", "b", "c"], NOW), []);
    store.close().unwrap();
    let store = open(&fs).unwrap();
    store.set_series_limits(limits(Some(2), None));
    assert_eq!(refused(&store, &["x", "y"], NOW + 1), []);
    let found = refused(&store, &["a", "b", "c", "z"], NOW + 2);
    assert_eq!(found, [(RejectReason::ActiveSeriesLimit, 1)]);
}

#[test]
fn who_makes_the_series_is_named() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    store.set_series_limits(limits(None, Some(100)));
    let mut batch = crate::model::WriteBatch::new();
    for n in 0..200 {
        let path = n.to_string();
        let labels = [("__name__", "http"), ("job", "web"), ("path", &path)];
        batch.series(labels).unwrap().sample(NOW, 1.0);
        if n < 2 {
            let up = [("__name__", "up"), ("job", &path)];
            batch.series(up).unwrap().sample(NOW, 1.0);
        }
    }
    let report = store.submit(&batch).unwrap().wait().unwrap();
    assert_eq!(report.accepted, 100);
    let counts: Vec<_> = report.rejected.counts().collect();
    assert_eq!(counts, [(RejectReason::NewSeriesLimit, 102)]);
    let makers = report.rejected.series_makers();
    assert_eq!(makers, store.series_makers(3));
    assert_eq!(
        (makers[0].metric.as_str(), makers[1].metric.as_str()),
        ("http", "up")
    );
    assert_eq!((makers[0].new, makers[0].refused), (98, 102));
    assert_eq!(makers[0].labels, ["path"]);
    assert!(report.rejected.retry_after() > Duration::from_secs(3500));
}

#[test]
fn a_head_that_is_full_is_flushed_and_then_refuses() {
    let fs = FaultFs::new();
    let budget = MemoryBudget::new(64 << 20);
    let store = open_with(&fs, options().memory_budget(budget.clone())).unwrap();
    let (mut refusal, mut n) = (None, 0);
    while refusal.is_none() && n < 200 {
        let mut batch = crate::model::WriteBatch::new();
        for i in 0..2_000 {
            let name = format!("{n}_{i}_{}", "x".repeat(300));
            batch
                .series([("__name__", &*name)])
                .unwrap()
                .sample(NOW, 1.0);
        }
        refusal = store.submit(&batch).err();
        n += 1;
    }
    // Nobody flushes here, so that two generations are frozen and the rest of the head's share is filled.
    assert!(matches!(
        refusal,
        Some(Error::LimitExceeded {
            limit: "memory",
            ..
        })
    ));
    assert_eq!(store.stats().frozen_generations, 2);
    let usage = budget.usage();
    assert!(
        usage.head > usage.limit / 2 && usage.head < usage.limit,
        "{usage:?}"
    );
    store.flush_head().unwrap();
    assert!(write(&store, &[("a", NOW, 1.0)]).is_ok());
}
