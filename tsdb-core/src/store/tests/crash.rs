//! Every moment at which a machine can stop, and every operation that can fail.

use super::*;
use crate::error::Error;
use crate::io::{OpKind, Unsynced};

/// A workload with everything in it: batches in and out of order over three partitions, rotations, flushes, merges.
/// Calls `wrote` with each batch and what became of it; ends at the first step other than a write that fails.
fn work(store: &Store, mut wrote: impl FnMut(Rows<'static>, Result<WriteReport>)) -> Result<()> {
    for (i, rows) in BATCHES.iter().enumerate() {
        wrote(rows, write(store, rows));
        match i {
            2 => store.lane.lock().rotate(store),
            3 | 5 => store.flush_head()?,
            6 => {
                store.lane.lock().rotate(store);
                store.flush_oldest()?;
                while store.merge_once()? {}
            }
            8 => store.flush()?,
            _ => {}
        }
    }
    Ok(())
}

const BATCHES: &[Rows<'static>] = &[
    &[
        ("a", NOW, 1.0),
        ("b", NOW, 2.0),
        ("i", NOW, hist(70)),
        // An integer of nanoseconds.
        ("ns1", NOW, field(7)),
    ],
    &[
        ("a", NOW + MINUTE, 3.0),
        ("c", NOW - HOUR, 4.0),
        ("i", NOW + MINUTE, hist(72)),
        ("j", NOW + MINUTE, hist(35)),
    ],
    &[
        ("b", NOW + MINUTE, 5.0),
        ("a", NOW - MINUTE, 6.0),
        ("i", NOW - MINUTE, hist(68)),
        // A boolean out of order, a string, another integer.
        ("ns1", NOW - MINUTE, field(1)),
        ("s", NOW, field(8)),
        ("ns1", NOW + MINUTE, field(9)),
    ],
    &[
        ("a", NOW + 2 * MINUTE, 7.0),
        ("b", NOW + 2 * MINUTE, -0.0),
        // Float, histogram, staleness marker of histograms.
        ("i", NOW + 2 * MINUTE, 1.5),
        ("j", NOW + 2 * MINUTE, hist(1)),
    ],
    &[
        ("d", NOW + 31 * MINUTE, 9.0),
        ("a", NOW + 3 * MINUTE, f64::INFINITY),
        ("i", NOW + 3 * MINUTE, hist(58)),
        ("ns1", NOW + 31 * MINUTE, field(11)),
        ("s", NOW + 2 * MINUTE, field(10)),
    ],
    &[("a", NOW - 2 * MINUTE, 10.0), ("e", NOW + 2 * MINUTE, 11.0)],
    &[("a", NOW + 4 * MINUTE, 12.0), ("b", NOW + 3 * MINUTE, 13.0)],
    &[("a", NOW + 5 * MINUTE, 14.0), ("i", NOW - 3 * MINUTE, 2.5)],
    &[("f", NOW + 5 * MINUTE, 15.0), ("a", NOW + 6 * MINUTE, 16.0)],
    &[
        ("a", NOW + 7 * MINUTE, 17.0),
        ("g", NOW + 50 * MINUTE, 18.0),
        ("i", NOW + 4 * MINUTE, hist(59)),
        ("ns1", NOW + 50 * MINUTE, 0.5),
    ],
];

/// What a run of the workload promised.
#[derive(Default)]
struct Promised {
    acknowledged: Vec<(&'static str, i64, f64)>,
    /// Sent and not acknowledged: all of a batch, or nothing.
    in_doubt: Vec<Rows<'static>>,
}

impl Promised {
    fn note(&mut self, rows: Rows<'static>, result: &Result<WriteReport>) {
        match result {
            Ok(report) => {
                assert_eq!(report.accepted, rows.len() as u64);
                self.acknowledged.extend_from_slice(rows);
            }
            Err(_) => self.in_doubt.push(rows),
        }
    }

    /// Checks what a store holds.
    fn check(&self, found: &Contents, when: &str) {
        let mut expected = model_of(&self.acknowledged);
        for rows in &self.in_doubt {
            let there = rows
                .iter()
                .filter(|(series, t_ms, _)| {
                    found.get(*series).is_some_and(|s| s.contains_key(t_ms))
                })
                .count();
            assert!(
                there == 0 || there == rows.len(),
                "{when}: half of {rows:?} in {found:?}"
            );
            if there > 0 {
                for (series, samples) in model_of(rows.iter()) {
                    expected.entry(series).or_default().extend(samples);
                }
            }
        }
        assert_eq!(found, &expected, "{when}");
    }
}

/// Opens, checks, goes on writing, closes, opens again.
fn check_reopened(fs: &FaultFs, promised: &Promised, when: &str) {
    let store = open(fs).unwrap_or_else(|e| panic!("{when}: does not open: {e}"));
    promised.check(&contents(&store), when);
    assert_eq!(store.stats().corruptions, 0, "{when}: a crash is no damage");
    const MORE: Rows<'static> = &[
        ("a", NOW + 9 * MINUTE, 99.0),
        ("z", NOW + 9 * MINUTE, 100.0),
        ("i", NOW + 9 * MINUTE, hist(60)),
        ("ns1", NOW + 9 * MINUTE, field(13)),
    ];
    write(&store, MORE).unwrap_or_else(|e| panic!("{when}: does not write: {e}"));
    let expected = contents(&store);
    let again = open(&fs.crash(Unsynced::Lost)).unwrap();
    assert_eq!(contents(&again), expected, "{when}: and once more");
    assert_eq!(again.stats().corruptions, 0, "{when}: and once more");
    again.flush().unwrap();
    assert_eq!(contents(&again), expected, "{when}: and flushed");
}

#[test]
fn a_crash_at_any_operation_loses_nothing_acknowledged() {
    for n in 1.. {
        let fs = FaultFs::new();
        fs.cut_at(n);
        let mut promised = Promised::default();
        let cut = match open(&fs) {
            Ok(store) => {
                let worked = work(&store, |rows, result| promised.note(rows, &result));
                worked.is_err() || !promised.in_doubt.is_empty()
            }
            Err(_) => true,
        };
        for unsynced in Unsynced::EACH {
            check_reopened(
                &fs.crash(unsynced),
                &promised,
                &format!("cut at {n}, {unsynced:?}"),
            );
        }
        check_reopened(&fs.kill(), &promised, &format!("killed at {n}"));
        if !cut {
            assert!(n > 100, "the workload has many operations");
            return;
        }
    }
}

#[test]
fn a_crash_during_recovery_loses_nothing_either() {
    // A store with everything in it: runs, a frozen generation in the log, an active one.
    let fs = FaultFs::new();
    let mut promised = Promised::default();
    let store = open(&fs).unwrap();
    work(&store, |rows, result| promised.note(rows, &result)).unwrap();
    store.lane.lock().rotate(&store);
    let rows: Rows<'static> = &[("a", NOW + 8 * MINUTE, 20.0), ("h", NOW, 21.0)];
    promised.note(rows, &write(&store, rows));
    let crashed = fs.crash(Unsynced::Torn);
    drop(store);
    for n in 1.. {
        let fs = crashed.crash(Unsynced::Kept);
        fs.cut_at(n);
        let cut = match open(&fs) {
            Ok(store) => store.flush().is_err(),
            Err(_) => true,
        };
        for unsynced in Unsynced::EACH {
            check_reopened(
                &fs.crash(unsynced),
                &promised,
                &format!("cut at {n}, {unsynced:?}"),
            );
        }
        if !cut {
            return;
        }
    }
}

#[test]
fn a_failed_fsync_at_any_time_acknowledges_nothing_falsely() {
    for n in 1.. {
        let fs = FaultFs::new();
        fs.fail_once(OpKind::Sync, n, FaultFs::EIO);
        let mut promised = Promised::default();
        let Ok(store) = open(&fs) else {
            continue;
        };
        let mut retried = Vec::new();
        let worked = work(&store, |rows, result| {
            if result.is_err() {
                // The sender tries again at once, with the same batch.
                retried.push(write(&store, rows).is_ok());
            }
            promised.note(rows, &result);
        });
        if store.stats().writes_stopped {
            assert!(
                retried.iter().all(|ok| !ok),
                "sync {n}: acknowledged after a failed fsync"
            );
            assert!(matches!(
                write(&store, BATCHES[0]),
                Err(Error::WritesStopped)
            ));
        }
        let found = contents(&store);
        assert!(
            promised
                .acknowledged
                .iter()
                .all(|(s, t, _)| found[*s].contains_key(t)),
            "reads go on"
        );
        for unsynced in Unsynced::EACH {
            check_reopened(
                &fs.crash(unsynced),
                &promised,
                &format!("sync {n} failed, {unsynced:?}"),
            );
        }
        if worked.is_ok() && promised.in_doubt.is_empty() && fs.count(OpKind::Sync) < n {
            return;
        }
    }
}

#[test]
fn a_full_disk_at_any_write_loses_nothing_and_is_got_over() {
    for n in 1.. {
        let fs = FaultFs::new();
        fs.fail_from(OpKind::Write, n, FaultFs::ENOSPC);
        let Ok(store) = open(&fs) else {
            fs.heal();
            open(&fs).unwrap();
            continue;
        };
        let mut promised = Promised::default();
        let mut full = false;
        let worked = work(&store, |rows, result| {
            if let Err(e) = &result {
                assert!(e.is_retryable() && e.is_storage_full(), "write {n}: {e}");
                full = true;
            }
            promised.note(rows, &result);
        });
        let found = contents(&store);
        assert!(
            promised
                .acknowledged
                .iter()
                .all(|(s, t, _)| found[*s].contains_key(t)),
            "reads go on"
        );
        for unsynced in [Unsynced::Lost, Unsynced::Torn] {
            let crashed = fs.crash(unsynced);
            check_reopened(
                &crashed,
                &promised,
                &format!("write {n} failed, {unsynced:?}"),
            );
        }
        fs.heal();
        // There is space again: what was refused is accepted now, without an open in between.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        for rows in std::mem::take(&mut promised.in_doubt) {
            let mut result = write(&store, rows);
            while result.is_err() && std::time::Instant::now() < deadline {
                std::thread::sleep(std::time::Duration::from_millis(5));
                result = write(&store, rows);
            }
            result.unwrap_or_else(|e| panic!("write {n}: still refused: {e}"));
            promised.acknowledged.extend_from_slice(rows);
        }
        store.flush().unwrap();
        promised.check(&contents(&store), &format!("write {n} failed, healed"));
        check_reopened(
            &fs.crash(Unsynced::Lost),
            &promised,
            &format!("write {n} failed, healed"),
        );
        if worked.is_ok() && !full {
            return;
        }
    }
}
