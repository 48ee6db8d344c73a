//! Which samples are accepted.

use super::*;
use crate::model::{ConflictPolicy, MetricMetadata, MetricType, STALE_NAN_BITS};
use crate::store::RejectReason;

fn counts(report: &WriteReport) -> Vec<(RejectReason, u64)> {
    report.rejected.counts().collect()
}

#[test]
fn another_value_at_the_last_time_is_refused_wherever_that_sample_is() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let check = |store: &Store| {
        assert!(
            write(store, &[("a", NOW, 1.0)])
                .unwrap()
                .rejected
                .is_empty()
        );
        let report = write(store, &[("a", NOW, 2.0), ("b", NOW, 7.0)]).unwrap();
        assert_eq!(counts(&report), [(RejectReason::DuplicateTimestamp, 1)]);
        assert_eq!(report.accepted, 1);
        assert_eq!(report.rejected.first()[0].labels.get("series"), Some("a"));
        assert_eq!(contents(store)["a"][&NOW], 1f64.to_bits());
    };
    check(&store); // in the active generation
    store.lane.lock().rotate(&store);
    check(&store); // in a frozen one
    store.flush_oldest().unwrap();
    check(&store); // in a run
    store.flush().unwrap();
    drop(store);
    check(&open(&fs).unwrap()); // in a run, after a restart
}

/// The log of a generation does not say what older ones hold: after a restart a late sample was taken for the series'
/// newest, and another value at its time was refused.
#[test]
fn a_restart_remembers_the_newest_samples_of_older_generations() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    write(&store, &[("a", NOW, 1.0)]).unwrap();
    store.flush_head().unwrap();
    write(&store, &[("a", NOW - HOUR, 2.0)]).unwrap();
    let store = open(&fs.kill()).unwrap();
    let report = write(&store, &[("a", NOW - HOUR, 3.0), ("a", NOW, 4.0)]).unwrap();
    assert_eq!((report.accepted, report.rejected.total()), (1, 1));
    let expected = [("a", NOW, 1.0), ("a", NOW - HOUR, 3.0)];
    assert_eq!(contents(&store), model_of(&expected));
}

#[test]
fn equal_samples_are_accepted_and_written_once() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let stale = f64::from_bits(STALE_NAN_BITS);
    for _ in 0..3 {
        let report = write(&store, &[("a", NOW, stale), ("a", NOW, stale)]).unwrap();
        assert_eq!((report.accepted, report.rejected.total()), (2, 0));
    }
    assert_eq!(store.stats().head_samples, 1);
    assert_eq!(contents(&store)["a"][&NOW], STALE_NAN_BITS);
}

#[test]
fn replace_lets_the_later_write_win() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    for value in [1.0, 2.0, 3.0] {
        let mut batch = WriteBatch::with_policy(ConflictPolicy::Replace);
        let labels = [("__name__", "m"), ("series", "a")];
        batch.series(labels).unwrap().sample(NOW, value);
        store.submit(&batch).unwrap().wait().unwrap();
        if value == 2.0 {
            store.flush().unwrap();
        }
    }
    assert_eq!(contents(&store)["a"][&NOW], 3f64.to_bits());
    store.flush().unwrap();
    assert_eq!(contents(&store)["a"][&NOW], 3f64.to_bits());
}

#[test]
fn the_future_is_refused_and_moves_nothing() {
    let fs = FaultFs::new();
    let store = open_with(
        &fs,
        options().retention(Some(std::time::Duration::from_secs(3600))),
    )
    .unwrap();
    write(&store, &[("a", NOW, 1.0)]).unwrap();
    let year = 365 * 24 * HOUR;
    let report = write(
        &store,
        &[
            ("a", NOW + year, 1.0),
            ("new", i64::MAX, 1.0),
            ("a", NOW + HOUR, 2.0),
        ],
    )
    .unwrap();
    assert_eq!(counts(&report), [(RejectReason::TooFarInFuture, 2)]);
    assert_eq!(report.accepted, 1);
    let report = write(
        &store,
        &[("a", NOW - HOUR, 1.0), ("a", NOW - HOUR - 1, 1.0)],
    )
    .unwrap();
    assert_eq!(counts(&report), [(RejectReason::TooOld, 1)]);
    assert_eq!(store.stats().newest_ms, Some(NOW + HOUR));
    assert!(
        !contents(&store).contains_key("new"),
        "a series without a sample is not made"
    );
    assert_eq!(store.stats().head_series, 1);
}

#[test]
fn any_age_is_accepted_and_merged_on_read() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let mut rows = Vec::new();
    for step in [50, 3, 17, 17, 4, 51, 0, 2] {
        rows.push((
            "a",
            NOW - 100 * MINUTE + step * MINUTE,
            f64::from(rows.len() as u32),
        ));
        // At the same time again, but not at the series' last: the later write counts.
        write(&store, &rows[rows.len() - 1..]).unwrap();
        if step == 17 {
            store.flush_head().unwrap();
        }
        assert_eq!(contents(&store), model_of(&rows));
    }
    store.flush().unwrap();
    assert_eq!(contents(&store), model_of(&rows));
    assert_eq!(contents(&open(&fs.kill()).unwrap()), model_of(&rows));
}

#[test]
fn metadata_survives_in_the_log_and_in_its_file() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let told = MetricMetadata {
        metric: "m".into(),
        kind: MetricType::Counter,
        help: "how many".into(),
        unit: "bytes".into(),
    };
    let mut only_metadata = WriteBatch::new();
    only_metadata.metadata(told.clone());
    store.submit(&only_metadata).unwrap().wait().unwrap();
    let after_kill = open(&fs.crash(crate::io::Unsynced::Lost)).unwrap();
    assert_eq!(after_kill.metadata(), std::slice::from_ref(&told));
    store.flush().unwrap();
    assert_eq!(store.stats().wal_bytes, 0);
    let after_flush = open(&fs.crash(crate::io::Unsynced::Lost)).unwrap();
    assert_eq!(after_flush.metadata(), [told]);
}
