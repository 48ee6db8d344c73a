//! Samples of very many days.

use super::*;
use crate::retention::Retention;
use crate::store::write::RejectReason;

const DAY: i64 = 24 * HOUR;

fn with_at_most(max: usize) -> Options {
    options()
        .max_block_duration(std::time::Duration::from_secs(24 * 3600))
        .max_partitions(max)
}

#[test]
fn samples_of_more_days_than_may_be_are_refused() {
    let fs = FaultFs::new();
    let days = |range: std::ops::Range<i64>| -> Vec<_> {
        range
            .map(|day| ("a", NOW - day * DAY, day as f64))
            .collect()
    };
    let store = open_with(&fs, with_at_most(4)).unwrap();
    let report = write(&store, &days(0..10)).unwrap();
    assert_eq!((report.accepted, report.rejected.total()), (4, 6));
    let first = &report.rejected.first()[0];
    assert_eq!(first.reason, RejectReason::TooManyPartitions);
    let again = |store: &Store, minute: i64| {
        let in_known = [("a", NOW - DAY + minute, 0.5), ("b", NOW - 3 * DAY, 0.5)];
        let report = write(store, &in_known).unwrap();
        assert_eq!((report.accepted, report.rejected.total()), (2, 0));
        let report = write(store, &days(4..6)).unwrap();
        assert_eq!((report.accepted, report.rejected.total()), (0, 2));
    };
    again(&store, 1);
    store.flush_head().unwrap();
    again(&store, 2);
    store.close().unwrap();
    drop(store);
    let store = open_with(&fs, with_at_most(4)).unwrap();
    store.flush_head().unwrap();
    again(&store, 3);
    // What has expired makes room.
    let kept = Retention {
        age: Some(std::time::Duration::from_secs(2 * 86_400)),
        ..Retention::default()
    };
    store.set_retention(kept).unwrap();
    store.expire().unwrap();
    store.flush_head().unwrap();
    let report = write(
        &store,
        &[("a", NOW + 30 * MINUTE, 1.0), ("a", NOW - DAY, 1.0)],
    )
    .unwrap();
    assert_eq!(report.rejected.total(), 0);
}

#[test]
fn a_generation_of_very_many_days_is_flushed() {
    let fs = FaultFs::new();
    let store = open_with(&fs, with_at_most(1_500)).unwrap();
    for day in 0..2_000i64 {
        let report = write(&store, &[("a", NOW - day * DAY, day as f64)]).unwrap();
        assert_eq!(report.accepted, u64::from(day < 1_500), "day {day}");
    }
    assert_eq!(store.view.get().frozen.len(), 1, "a thousand are enough");
    store.flush_head().unwrap();
    assert_eq!(store.view.get().runs.len(), 1_500);
    assert_eq!(contents(&store)["a"].len(), 1_500);
}
