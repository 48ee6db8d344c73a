//! One step of a store with every fault at every operation of it.

use std::time::{Duration, Instant};

use super::*;
use crate::io::{OpKind, Unsynced};

/// Runs `step` on a store that `prepare` makes, with a fault at the n-th operation of the step, for every n and every kind of
/// fault: the machine stops; an operation, a write or an fsync fails once; the disk is full from then on. Calls `check` with
/// what the next start finds, and whether the step said that it was done.
pub(super) fn at_every_operation(
    prepare: impl Fn(&FaultFs) -> Store,
    step: impl Fn(&Store) -> Result<()>,
    check: impl Fn(&FaultFs, bool, &str),
) {
    let prepare = || {
        let fs = FaultFs::new();
        (fs.clone(), prepare(&fs))
    };
    with_every_fault(prepare, |_, store| step(store), check);
}

/// As [`at_every_operation`], with whatever the step needs beside the file system.
fn with_every_fault<T>(
    prepare: impl Fn() -> (FaultFs, T),
    step: impl Fn(&FaultFs, &T) -> Result<()>,
    check: impl Fn(&FaultFs, bool, &str),
) {
    let mut most = 0;
    for fault in ["cut", "error", "write", "fsync", "full"] {
        for n in 1.. {
            let (fs, needed) = prepare();
            let at = |kind| fs.count(kind) + n;
            match fault {
                "cut" => fs.cut_at(at(OpKind::Mutating)),
                "error" => fs.fail_once(OpKind::Mutating, at(OpKind::Mutating), FaultFs::EIO),
                "write" => fs.fail_once(OpKind::Write, at(OpKind::Write), FaultFs::EIO),
                "fsync" => fs.fail_once(OpKind::Sync, at(OpKind::Sync), FaultFs::EIO),
                _ => fs.fail_from(OpKind::Write, at(OpKind::Write), FaultFs::ENOSPC),
            }
            let done = step(&fs, &needed).is_ok();
            let when = |image| format!("{fault} at {n}, {image}");
            for unsynced in Unsynced::EACH {
                check(&fs.crash(unsynced), done, &when(format!("{unsynced:?}")));
            }
            check(&fs.kill(), done, &when("killed".into()));
            if fault == "full" && !done {
                fs.heal();
                // The log tries again by itself, a little later.
                let deadline = Instant::now() + Duration::from_secs(10);
                while let Err(e) = step(&fs, &needed) {
                    assert!(Instant::now() < deadline, "{}: {e}", when("healed".into()));
                    std::thread::sleep(Duration::from_millis(5));
                }
                check(&fs.crash(Unsynced::Lost), true, &when("healed".into()));
            }
            if done {
                most = most.max(n);
                break;
            }
        }
    }
    assert!(most > 1, "the step has operations");
}

#[test]
fn sealing_loses_nothing() {
    const ROWS: Rows<'static> = &[("a", NOW, 1.0), ("b", NOW + MINUTE, hist(70))];
    at_every_operation(
        |fs| {
            let store = open(fs).unwrap();
            for rows in [
                ROWS,
                &[("a", NOW + 2 * MINUTE, 2.0)],
                &[("a", NOW + HOUR, 3.0)],
            ] {
                write(&store, rows).unwrap();
                store.flush_head().unwrap();
            }
            store
        },
        |store| {
            while store.merge_once()? {}
            assert!(store.view.get().runs.iter().any(|run| run.meta().sealed));
            Ok(())
        },
        |fs, _, when| {
            let store = open(fs).unwrap_or_else(|e| panic!("{when}: {e}"));
            let found = contents(&store);
            assert_eq!((found["a"].len(), found["b"].len()), (3, 1), "{when}");
            assert_eq!(store.stats().corruptions, 0, "{when}");
        },
    );
}

#[test]
fn expiry_takes_what_is_too_old_and_nothing_else() {
    let hour = Some(Duration::from_secs(3600));
    at_every_operation(
        |fs| {
            let store = open_with(fs, options().retention(hour)).unwrap();
            write(
                &store,
                &[("old", NOW - 50 * MINUTE, 1.0), ("new", NOW, 2.0)],
            )
            .unwrap();
            store.flush_head().unwrap();
            let Clock::Manual(clock) = &store.options.clock else {
                panic!("the tests have a manual clock");
            };
            clock.set(NOW + 30 * MINUTE);
            write(&store, &[("new", NOW + 30 * MINUTE, 3.0)]).unwrap();
            store
        },
        |store| {
            store.expire()?;
            assert!(!contents(store).contains_key("old"));
            Ok(())
        },
        |fs, _, when| {
            let store = open_with(fs, options().retention(hour));
            let store = store.unwrap_or_else(|e| panic!("{when}: {e}"));
            assert_eq!(contents(&store)["new"].len(), 2, "{when}");
            assert_eq!(store.stats().corruptions, 0, "{when}");
        },
    );
}

const HISTOGRAMS_TOO: Rows<'static> = &[
    ("a", NOW, 1.0),
    ("b", NOW - HOUR, 2.0),
    ("i", NOW, hist(70)),
    ("ns1", NOW, field(7)),
];
const LATER: Rows<'static> = &[("a", NOW + MINUTE, 3.0), ("c", NOW, 4.0)];

/// Two runs of a partition, one of another, and a generation that is not flushed.
fn runs_and_a_head(fs: &FaultFs) -> Store {
    let store = open(fs).unwrap();
    write(&store, HISTOGRAMS_TOO).unwrap();
    store.flush_head().unwrap();
    write(&store, LATER).unwrap();
    store.flush_head().unwrap();
    write(&store, HEAD).unwrap();
    store
}

const HEAD: Rows<'static> = &[("a", NOW + 2 * MINUTE, 5.0), ("s", NOW, field(8))];

/// What is found is all that was written, and no damage.
fn check_whole(fs: &FaultFs, _: bool, when: &str) {
    let store = open(fs).unwrap_or_else(|e| panic!("{when}: {e}"));
    let rows = HISTOGRAMS_TOO.iter().chain(LATER).chain(HEAD);
    assert_eq!(contents(&store), model_of(rows), "{when}");
    assert_eq!(store.stats().corruptions, 0, "{when}");
}

#[test]
fn flushing_loses_nothing() {
    at_every_operation(runs_and_a_head, Store::flush_head, check_whole);
}

#[test]
fn merging_loses_nothing() {
    at_every_operation(runs_and_a_head, Store::merge_all, check_whole);
}

#[test]
fn recovery_loses_nothing() {
    let prepare = || {
        let fs = FaultFs::new();
        let store = runs_and_a_head(&fs);
        // A frozen generation, a torn tail, and what an unfinished merge leaves.
        store.lane.lock().rotate(&store);
        let crashed = fs.crash(Unsynced::Torn);
        let data = Path::new(DIR).join("data");
        let run = crashed.list(&data).unwrap().remove(0);
        let tmp = data.join(run.with_extension("run.tmp"));
        drop(crashed.create(&tmp).unwrap());
        (crashed, ())
    };
    with_every_fault(prepare, |fs, ()| open(fs).map(drop), check_whole);
}

#[test]
fn a_delete_is_done_or_not() {
    let range = TimeRange::new(NOW, NOW + MINUTE);
    let done = |store: &Store| -> Result<()> {
        delete(store, &["a", "i"], range)?;
        store.clean_tombstones()
    };
    at_every_operation(runs_and_a_head, done, |fs, done, when| {
        let store = open(fs).unwrap_or_else(|e| panic!("{when}: {e}"));
        let before = model_of(HISTOGRAMS_TOO.iter().chain(LATER).chain(HEAD));
        let mut after = before.clone();
        delete_from_model(&mut after, &["a", "i"], range);
        let found = contents(&store);
        assert!(
            found == after || (!done && found == before),
            "{when}: {found:?}"
        );
        assert_eq!(store.stats().corruptions, 0, "{when}");
    });
}

/// Expiry by the age of a class, and by size.
#[test]
fn expiry_by_class_and_by_size_takes_the_oldest_and_nothing_else() {
    use crate::retention::{Retention, RetentionClass};
    let classes = Retention {
        classes: vec![RetentionClass {
            matchers: vec![Matcher::equal("series", "b")],
            age: Some(Duration::from_secs(600)),
        }],
        ..Retention::default()
    };
    let bytes_of_newest = {
        let store = runs_and_a_head(&FaultFs::new());
        store.flush_head().unwrap();
        let view = store.view.get();
        let newer = view.runs.iter().filter(|run| run.meta().min_ms >= NOW);
        newer.map(|run| run.meta().bytes).sum::<u64>()
    };
    let size = Retention {
        size_bytes: Some(bytes_of_newest + 200),
        ..Retention::default()
    };
    for retention in [classes, size] {
        at_every_operation(
            |fs| {
                let store = open(fs).unwrap();
                // The classes are those under which a run is written.
                let kept = Retention {
                    size_bytes: None,
                    classes: retention
                        .classes
                        .iter()
                        .map(|class| RetentionClass {
                            age: None,
                            ..class.clone()
                        })
                        .collect(),
                    ..retention.clone()
                };
                store.set_retention(kept).unwrap();
                for rows in [HISTOGRAMS_TOO, LATER, HEAD] {
                    write(&store, rows).unwrap();
                    store.flush_head().unwrap();
                }
                store.set_retention(retention.clone()).unwrap();
                store
            },
            |store| {
                store.expire()?;
                assert!(!contents(store).contains_key("b"));
                Ok(())
            },
            |fs, _, when| {
                let store = open(fs).unwrap_or_else(|e| panic!("{when}: {e}"));
                let mut found = contents(&store);
                let mut expected = model_of(HISTOGRAMS_TOO.iter().chain(LATER).chain(HEAD));
                assert_eq!(store.stats().corruptions, 0, "{when}");
                found.remove("b");
                expected.remove("b");
                assert_eq!(found, expected, "{when}");
            },
        );
    }
}
