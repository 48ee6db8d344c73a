//! Retention by age, by class and by size.

use std::time::Duration;

use super::*;
use crate::retention::{Retention, RetentionClass};
use crate::store::RejectReason;

fn hours(n: u64) -> Option<Duration> {
    Some(Duration::from_secs(n * 3600))
}

fn class(series: &str, age: Option<Duration>) -> RetentionClass {
    RetentionClass {
        matchers: vec![Matcher::equal("series", series)],
        age,
    }
}

fn with(fs: &FaultFs, retention: Retention) -> Store {
    let store = open(fs).unwrap();
    store.set_retention(retention).unwrap();
    store
}

#[test]
fn every_class_has_an_age_of_its_own() {
    let fs = FaultFs::new();
    let retention = Retention {
        age: hours(10),
        classes: vec![class("short", hours(2)), class("long", None)],
        ..Retention::default()
    };
    let store = with(&fs, retention.clone());
    write(&store, &[("a", NOW, 1.0)]).unwrap();
    let rows: Vec<_> = ["a", "short", "long"]
        .into_iter()
        .flat_map(|series| [1, 5, 12].map(|ago| (series, NOW - ago * HOUR, 2.0)))
        .collect();
    let report = write(&store, &rows).unwrap();
    let refused: Vec<_> = report.rejected.counts().collect();
    assert_eq!(
        refused,
        [(RejectReason::TooOld, 3)],
        "older than the class keeps"
    );
    let mut expected = model_of(&rows);
    expected.get_mut("a").unwrap().insert(NOW, 1f64.to_bits());
    expected.get_mut("a").unwrap().remove(&(NOW - 12 * HOUR));
    expected.insert("short".into(), [(NOW - HOUR, 2f64.to_bits())].into());
    assert_eq!(contents(&store), expected);
    store.flush().unwrap();
    let view = store.view.get();
    for run in &view.runs {
        assert_eq!(run.meta().series, 1, "a run is of one class");
    }
    drop(view);
    assert_eq!(contents(&store), expected);

    // The classes are kept by files across a restart; an age that changes counts at once.
    drop(store);
    let mut shorter = retention.clone();
    shorter.classes[0].age = hours(1);
    shorter.classes[1].age = hours(6);
    let store = with(&fs.kill(), shorter);
    write(&store, &[("a", NOW + 40 * MINUTE, 3.0)]).unwrap();
    store.flush().unwrap();
    expected
        .get_mut("a")
        .unwrap()
        .insert(NOW + 40 * MINUTE, 3f64.to_bits());
    expected.remove("short");
    expected.get_mut("long").unwrap().remove(&(NOW - 12 * HOUR));
    // Measured by the clock, which stands behind the newest sample.
    expected.insert("short".into(), [(NOW - HOUR, 2f64.to_bits())].into());
    assert_eq!(contents(&store), expected);
    assert_eq!(store.stats().time_retentions, 1);
}

#[test]
fn series_of_nanoseconds_may_be_kept_for_ever() {
    let fs = FaultFs::new();
    let retention = |keep_nanoseconds| Retention {
        age: hours(10),
        classes: vec![class("ns_short", hours(1))],
        keep_nanoseconds,
        ..Retention::default()
    };
    let store = with(&fs, retention(true));
    let newest = ("a", NOW, 1.0);
    write(&store, &[newest]).unwrap();
    let rows = [
        ("a", NOW - 12 * HOUR, 2.0),
        ("ns", NOW - 300 * HOUR, 3.0),
        ("ns_short", NOW - 12 * HOUR, 4.0),
    ];
    let report = write(&store, &rows).unwrap();
    let refused: Vec<_> = report.rejected.counts().collect();
    assert_eq!(refused, [(RejectReason::TooOld, 2)]);
    let kept = [newest, rows[1]];
    store.flush().unwrap();
    assert_eq!(contents(&store), model_of(&kept));
    store.set_retention(retention(false)).unwrap();
    store.flush().unwrap();
    assert_eq!(contents(&store), model_of(&kept[..1]), "the age holds now");
}

#[test]
fn what_was_written_under_other_matchers_is_kept_the_longest() {
    let fs = FaultFs::new();
    let retention = |series| Retention {
        age: hours(10),
        classes: vec![class(series, hours(1))],
        ..Retention::default()
    };
    let store = with(&fs, retention("a"));
    let rows = [("a", NOW - 30 * MINUTE, 1.0), ("b", NOW - 30 * MINUTE, 2.0)];
    write(&store, &rows).unwrap();
    store.flush_head().unwrap();
    store.set_retention(retention("b")).unwrap();
    let later = [("a", NOW - 30 * MINUTE, 3.0), ("b", NOW - 30 * MINUTE, 4.0)];
    let rejected = write(&store, &later).unwrap().rejected.total();
    assert_eq!(rejected, 2, "the last samples are known wherever they are");
    let later = [("a", NOW - 31 * MINUTE, 3.0), ("b", NOW - 31 * MINUTE, 4.0)];
    write(&store, &later).unwrap();
    store.flush().unwrap();
    assert_eq!(
        store.view.get().runs.len(),
        4,
        "classes and matchers are not mixed"
    );
    let expected = model_of(rows.iter().chain(&later));
    assert_eq!(contents(&store), expected);
}

#[test]
fn beyond_the_size_the_oldest_goes_and_the_log_counts() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    for ago in [9, 6, 3, 0] {
        let names: Vec<String> = (0..50).map(|i| format!("s{i}")).collect();
        let rows: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), NOW - ago * HOUR, f64::from(ago as i32)))
            .collect();
        write(&store, &rows).unwrap();
        store.flush_head().unwrap();
    }
    let stats = store.stats();
    assert_eq!((stats.runs, stats.wal_bytes), (4, 0));
    let limit = |bytes| Retention {
        size_bytes: Some(bytes),
        ..Retention::default()
    };
    store.set_retention(limit(stats.run_bytes)).unwrap();
    store.expire().unwrap();
    assert_eq!(store.stats().runs, 4, "as much as is allowed");
    write(&store, &[("a", NOW, 1.0)]).unwrap();
    store.expire().unwrap();
    let stats = store.stats();
    assert_eq!(
        (stats.runs, stats.size_retentions),
        (3, 1),
        "the log counts"
    );
    assert_eq!(stats.oldest_ms, Some(NOW - 6 * HOUR));
    store
        .set_retention(limit(stats.run_bytes / 2 + stats.wal_bytes))
        .unwrap();
    store.expire().unwrap();
    assert_eq!(store.stats().oldest_ms, Some(NOW));
    assert_eq!(contents(&store).len(), 51);
    let contents_before = contents(&store);
    assert_eq!(contents(&open(&fs.kill()).unwrap()), contents_before);
}

#[test]
fn a_sample_far_ahead_makes_no_other_expire() {
    let fs = FaultFs::new();
    let store = open_with(&fs, options().future_limit(None)).unwrap();
    store
        .set_retention(Retention {
            age: hours(10),
            ..Retention::default()
        })
        .unwrap();
    let rows = [("a", NOW, 1.0), ("b", NOW + 1_000_000 * HOUR, 2.0)];
    write(&store, &rows).unwrap();
    store.flush().unwrap();
    assert_eq!(contents(&store), model_of(&rows));
    assert_eq!(
        write(&store, &[("a", NOW - 9 * HOUR, 3.0)])
            .unwrap()
            .accepted,
        1
    );
}
