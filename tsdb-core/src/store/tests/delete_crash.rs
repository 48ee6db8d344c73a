//! Deletes, cleaning and retention when a machine stops at any moment, and when any operation fails.

use super::*;
use crate::error::Error;
use crate::io::{OpKind, Unsynced};

/// What changes the contents.
#[derive(Clone, Copy, Debug)]
enum Change {
    Write(Rows<'static>),
    /// Names, and minutes before and after the clock.
    Delete(&'static [&'static str], i64, i64),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Change(Change),
    Rotate,
    FlushOldest,
    FlushHead,
    Merge,
    Clean,
    FlushAll,
}

use Change::{Delete, Write};

const STEPS: &[Step] = &[
    Step::Change(Write(&[
        ("a", NOW, 1.0),
        ("b", NOW - HOUR, 2.0),
        ("i", NOW, hist(70)),
    ])),
    Step::Change(Write(&[
        ("a", NOW - 20 * MINUTE, 3.0),
        ("i", NOW + MINUTE, hist(72)),
    ])),
    Step::FlushHead,
    Step::Change(Write(&[("a", NOW + MINUTE, 4.0), ("c", NOW, 5.0)])),
    Step::Rotate,
    Step::Change(Write(&[("a", NOW + 2 * MINUTE, 6.0), ("b", NOW, 7.0)])),
    Step::Change(Delete(&["a", "b", "i"], -30, 1)),
    Step::Change(Write(&[
        ("a", NOW, 8.0),
        ("b", NOW, 9.0),
        ("i", NOW, hist(60)),
    ])),
    Step::FlushOldest,
    Step::Change(Delete(&["c"], -1_000, 1_000)),
    Step::FlushHead,
    Step::Merge,
    Step::Change(Delete(&["a"], 2, 2)),
    Step::Change(Write(&[("a", NOW + 2 * MINUTE, 10.0), ("c", NOW, 11.0)])),
    Step::Clean,
    Step::Change(Delete(&["a", "b", "c", "i"], -1_000, 1_000)),
    Step::FlushAll,
    Step::Clean,
    Step::Change(Write(&[("z", NOW, 12.0)])),
];

impl Change {
    fn apply(self, store: &Store) -> Result<()> {
        match self {
            Write(rows) => write(store, rows).map(drop),
            Delete(names, from, to) => delete(store, names, minutes(from, to)),
        }
    }

    fn apply_to_model(self, model: &mut Contents) {
        match self {
            Write(rows) => {
                for (series, samples) in model_of(rows) {
                    model.entry(series).or_default().extend(samples);
                }
            }
            Delete(names, from, to) => delete_from_model(model, names, minutes(from, to)),
        }
    }
}

fn minutes(from: i64, to: i64) -> TimeRange {
    TimeRange::new(NOW + from * MINUTE, NOW + to * MINUTE)
}

fn step(store: &Store, step: Step) -> Result<()> {
    match step {
        Step::Change(change) => change.apply(store),
        Step::Rotate => {
            store.lane.lock().rotate(store);
            Ok(())
        }
        Step::FlushOldest => store.flush_oldest().map(drop),
        Step::FlushHead => store.flush_head(),
        Step::Merge => {
            while store.merge_once()? {}
            Ok(())
        }
        Step::Clean => store.clean_tombstones(),
        Step::FlushAll => store.flush(),
    }
}

/// The changes that were made, and whether each was acknowledged. What was not is done whole or not at all.
#[derive(Default)]
struct Promised(Vec<(Change, bool)>);

impl Promised {
    /// Does all steps up to the first maintenance that fails; says whether nothing failed.
    fn work(&mut self, store: &Store) -> bool {
        for &next in STEPS {
            let done = step(store, next);
            match next {
                Step::Change(change) => self.0.push((change, done.is_ok())),
                _ if done.is_err() => return false,
                _ => {}
            }
        }
        self.0.iter().all(|(_, acknowledged)| *acknowledged)
    }

    fn check(&self, found: &Contents, when: &str) {
        let doubtful = self
            .0
            .iter()
            .filter(|(_, acknowledged)| !acknowledged)
            .count();
        let allowed = (0..1u32 << doubtful).any(|done| {
            let mut model = Contents::new();
            let mut at = 0;
            for (change, acknowledged) in &self.0 {
                if *acknowledged || done >> at & 1 == 1 {
                    change.apply_to_model(&mut model);
                }
                at += u32::from(!acknowledged);
            }
            model == *found
        });
        assert!(allowed, "{when}: {found:?} after {:?}", self.0);
    }

    /// Opens, checks, goes on, and looks again after another crash.
    fn check_reopened(&self, fs: &FaultFs, when: &str) {
        let store = open(fs).unwrap_or_else(|e| panic!("{when}: does not open: {e}"));
        let found = contents(&store);
        self.check(&found, when);
        assert_eq!(store.stats().corruptions, 0, "{when}: a crash is no damage");
        let mut model = found;
        let more = [
            Write(&[("a", NOW + MINUTE, 50.0)]),
            Delete(&["a"], 1, 1),
            Write(&[("a", NOW, 51.0)]),
        ];
        for change in more {
            change
                .apply(&store)
                .unwrap_or_else(|e| panic!("{when}: does not go on: {e}"));
            change.apply_to_model(&mut model);
        }
        // A sample at the series' last time is refused if it is another one.
        let found = contents(&store);
        if found != model {
            model.get_mut("a").unwrap().insert(NOW, found["a"][&NOW]);
        }
        assert_eq!(found, model, "{when}: and more");
        let again = open(&fs.crash(Unsynced::Lost)).unwrap();
        assert_eq!(contents(&again), model, "{when}: and once more");
        again.clean_tombstones().unwrap();
        again.flush().unwrap();
        again.clean_tombstones().unwrap();
        assert_eq!(contents(&again), model, "{when}: and clean");
        let stats = again.stats();
        let samples: usize = model.values().map(BTreeMap::len).sum();
        assert_eq!(
            (stats.tombstones, stats.run_samples),
            (0, samples as u64),
            "{when}"
        );
    }
}

#[test]
fn a_crash_at_any_operation_neither_loses_a_delete_nor_does_half_of_one() {
    for n in 1.. {
        let fs = FaultFs::new();
        fs.cut_at(n);
        let mut promised = Promised::default();
        let done = open(&fs).is_ok_and(|store| promised.work(&store));
        for unsynced in Unsynced::EACH {
            let when = format!("cut at {n}, {unsynced:?}");
            promised.check_reopened(&fs.crash(unsynced), &when);
        }
        promised.check_reopened(&fs.kill(), &format!("killed at {n}"));
        if done {
            assert!(n > 100, "the workload has many operations");
            return;
        }
    }
}

#[test]
fn a_failed_fsync_or_a_full_disk_neither_loses_a_delete_nor_does_half_of_one() {
    for (kind, errno) in [
        (OpKind::Sync, FaultFs::EIO),
        (OpKind::Write, FaultFs::ENOSPC),
        (OpKind::Mutating, FaultFs::EIO),
    ] {
        for n in 1.. {
            let fs = FaultFs::new();
            fs.fail_once(kind, n, errno);
            let mut promised = Promised::default();
            let Ok(store) = open(&fs) else {
                continue;
            };
            let done = promised.work(&store);
            for unsynced in Unsynced::EACH {
                let when = format!("{kind:?} {n} failed, {unsynced:?}");
                promised.check_reopened(&fs.crash(unsynced), &when);
            }
            if done && fs.count(kind) < n {
                break;
            }
        }
    }
}

#[test]
fn a_delete_on_a_full_disk_is_refused_and_succeeds_when_there_is_space() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    write(&store, &[("a", NOW, 1.0), ("b", NOW, 2.0)]).unwrap();
    fs.fail_from(OpKind::Write, fs.count(OpKind::Write) + 1, FaultFs::ENOSPC);
    let range = TimeRange::ALL;
    let refused = delete(&store, &["a"], range).unwrap_err();
    assert!(refused.is_retryable(), "{refused}");
    fs.heal();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while let Err(e) = delete(&store, &["a"], range) {
        assert!(matches!(e, Error::StorageFull), "{e}");
        assert!(std::time::Instant::now() < deadline, "still refused");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let left = model_of(&[("b", NOW, 2.0)]);
    assert_eq!(contents(&store), left);
    assert_eq!(contents(&open(&fs.crash(Unsynced::Lost)).unwrap()), left);
}

#[test]
fn a_crash_or_failure_at_any_operation_of_retention_keeps_what_is_young() {
    let young = [("a", NOW, 1.0), ("k", NOW, 2.0)];
    // Runs that expire by age, one that its class keeps, and one that only the size takes.
    let old = [("a", NOW - 9 * HOUR, 3.0), ("k", NOW - 9 * HOUR, 4.0)];
    let options = || {
        let keep = vec![Matcher::equal("series", "k")];
        options().retention_class(keep, None)
    };
    for n in 1.. {
        let mut ended = true;
        for cut in [true, false] {
            let fs = FaultFs::new();
            let store = open_with(&fs, options()).unwrap();
            write(&store, &old).unwrap();
            store.flush_head().unwrap();
            write(&store, &young).unwrap();
            store.flush_head().unwrap();
            match cut {
                true => fs.cut_at(fs.ops() + n),
                false => fs.fail_once(
                    OpKind::Mutating,
                    fs.count(OpKind::Mutating) + n,
                    FaultFs::EIO,
                ),
            }
            let mut retention = (*store.retention()).clone();
            retention.age = Some(std::time::Duration::from_secs(3 * 3600));
            store.set_retention(retention).unwrap();
            let done = store.expire().is_ok();
            ended &= done;
            let expected = model_of(&[young[0], young[1], old[1]]);
            if !cut {
                assert_eq!(contents(&store), expected, "at once");
            }
            for unsynced in Unsynced::EACH {
                let store = open_with(&fs.crash(unsynced), options()).unwrap();
                let mut found = contents(&store);
                if let Some(samples) = found.get_mut("a") {
                    samples.remove(&old[0].1);
                }
                assert_eq!(found, expected, "{n} {unsynced:?}");
                assert_eq!(store.stats().corruptions, 0);
            }
            if !cut {
                fs.heal();
                store.expire().unwrap();
                assert_eq!(contents(&store), expected);
            }
        }
        if ended {
            assert!(n > 1);
            return;
        }
    }
}
