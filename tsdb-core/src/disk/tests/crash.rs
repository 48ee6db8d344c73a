//! A crash or a failure at every operation of writing and publishing: all of a set or nothing.

use std::sync::Arc;

use super::support::*;
use crate::disk::{RunSpec, catalog, publish, remove_runs};
use crate::error::Result;
use crate::io::{FaultFs, Fs, OpKind, Unsynced};

const PARTS: u64 = 3;

fn before() -> Contents {
    small(0, 1)
}

fn part(i: u64) -> Contents {
    small(i as i64 * HOUR_MS, i + 5)
}

/// A store with one run.
fn start() -> FaultFs {
    let fs = fault_fs();
    write(&shared(&fs), spec(1, 1, 0), &before()).unwrap();
    fs
}

/// Writes a set of files, as a flush over several partitions does.
fn flush(fs: &FaultFs, first_id: u64, parts: u64) -> Result<()> {
    let fs = shared(fs);
    let finished = (0..parts)
        .map(|i| {
            let spec = RunSpec {
                set_id: first_id,
                part: i as u16 + 1,
                parts: parts as u16,
                ..spec(first_id + i, 2, i as i64 * HOUR_MS)
            };
            finish(&fs, spec, &part(i))
        })
        .collect::<Result<_>>()?;
    let opened = publish(&fs, dir(), finished, &end_memory())?;
    assert_eq!(opened.len() as u64, parts);
    Ok(())
}

/// Opens a store; its runs are those before, with all or none of the parts.
fn check(fs: &FaultFs, parts: u64, context: &str) -> usize {
    let opened = catalog::open(fs, dir(), IDENTITY, &end_memory()).unwrap();
    assert!(opened.damaged.is_empty(), "{context}: {:?}", opened.damaged);
    let read = contents(&opened.runs).unwrap();
    let all: Vec<Contents> = std::iter::once(before())
        .chain((0..parts).map(part))
        .collect();
    let flushed = opened.flushed_generation == Some(2);
    let expected = if flushed { merged(&all) } else { before() };
    assert_eq!(read, expected, "{context}");
    assert!(opened.next_file_id > 1 + if flushed { parts } else { 0 });
    for name in fs.list(dir()).unwrap() {
        assert!(ends(&name, "run"), "{context}: {name:?}");
    }
    let again = catalog::open(fs, dir(), IDENTITY, &end_memory()).unwrap();
    assert_eq!((again.runs.len(), again.swept), (opened.runs.len(), 0));
    opened.runs.len()
}

fn operations(parts: u64) -> u64 {
    let fs = start();
    let before = fs.ops();
    flush(&fs, 2, parts).unwrap();
    fs.ops() - before
}

fn images(fs: &FaultFs) -> Vec<(String, FaultFs)> {
    let crashes = Unsynced::EACH.map(|unsynced| (format!("{unsynced:?}"), fs.crash(unsynced)));
    let mut images = Vec::from(crashes);
    images.push(("killed".to_owned(), fs.kill()));
    images
}

#[test]
fn a_cut_at_every_operation() {
    for parts in [1, PARTS] {
        let mut outcomes = std::collections::BTreeSet::new();
        for n in 1..=operations(parts) + 1 {
            let fs = start();
            fs.cut_at(fs.ops() + n);
            let done = flush(&fs, 2, parts);
            for (name, image) in images(&fs) {
                let context = format!("{parts} parts, operation {n}, {name}");
                let runs = check(&image, parts, &context);
                outcomes.insert(runs);
                if done.is_ok() {
                    assert_eq!(runs as u64, parts + 1, "{context}");
                }
            }
        }
        assert_eq!(outcomes.len(), 2);
    }
}

#[test]
fn a_cut_while_the_next_open_puts_things_in_order() {
    for n in 1..=operations(PARTS) {
        let fs = start();
        fs.cut_at(fs.ops() + n);
        let _ = flush(&fs, 2, PARTS);
        for (name, image) in images(&fs) {
            for m in 1..=4 {
                let image = image.kill();
                image.cut_at(image.ops() + m);
                let _ = catalog::open(&image, dir(), IDENTITY, &end_memory());
                for (second, image) in images(&image) {
                    check(
                        &image,
                        PARTS,
                        &format!("operation {n}, {name}, then {m}, {second}"),
                    );
                }
            }
        }
    }
}

#[test]
fn a_failure_at_every_operation_and_a_second_try() {
    for parts in [1, PARTS] {
        for kind in [OpKind::Mutating, OpKind::Write, OpKind::Sync] {
            for n in 1..=operations(parts) {
                for from_then_on in [false, true] {
                    let errno = if kind == OpKind::Write {
                        FaultFs::ENOSPC
                    } else {
                        FaultFs::EIO
                    };
                    let fs = start();
                    let at = fs.count(kind) + n;
                    if from_then_on {
                        fs.fail_from(kind, at, errno);
                    } else {
                        fs.fail_once(kind, at, errno);
                    }
                    let failed = flush(&fs, 2, parts);
                    fs.heal();
                    let context = format!("{parts} parts, {kind:?} {n}, {from_then_on}");
                    for (name, image) in images(&fs) {
                        check(&image, parts, &format!("{context}, {name}"));
                    }
                    if failed.is_err() {
                        flush(&fs, 10, parts).unwrap();
                        let opened = catalog::open(
                            &fs.crash(Unsynced::Lost),
                            dir(),
                            IDENTITY,
                            &end_memory(),
                        );
                        let opened = opened.unwrap();
                        assert_eq!(opened.flushed_generation, Some(2), "{context}");
                    }
                }
            }
        }
    }
}

fn ends(name: &std::path::Path, suffix: &str) -> bool {
    name.extension().is_some_and(|e| e == suffix)
}

#[test]
fn a_set_that_is_damaged_before_it_is_live_comes_from_the_log_again() {
    let mut seen = 0;
    for n in 1..=operations(PARTS) {
        let fs = start();
        fs.cut_at(fs.ops() + n);
        let _ = flush(&fs, 2, PARTS);
        let names = fs.kill().list(dir()).unwrap();
        let count = |suffix| names.iter().filter(|name| ends(name, suffix)).count();
        if count("tmp") > 0 || count("pending") == 0 {
            continue;
        }
        // The first is the run from before.
        for name in names.iter().skip(1) {
            let fs = fs.kill();
            fs.overwrite(&dir().join(name), b"junk");
            let opened = catalog::open(&fs, dir(), IDENTITY, &end_memory()).unwrap();
            assert_eq!(opened.damaged.len(), 1);
            // The last that is pending is reported only: nothing else says then that its set was not live.
            if count("pending") > 1 || !ends(name, "pending") {
                assert_eq!(contents(&opened.runs).unwrap(), before(), "{n}, {name:?}");
                assert_eq!(opened.flushed_generation, Some(1));
                seen += 1;
            }
        }
    }
    assert!(seen > 0);
}

#[test]
fn members_of_a_set_go_without_the_others() {
    let fs = start();
    flush(&fs, 2, PARTS).unwrap();
    let opened = catalog::open(&fs, dir(), IDENTITY, &end_memory()).unwrap();
    let (gone, left): (Vec<_>, Vec<_>) = opened
        .runs
        .into_iter()
        .partition(|run| run.meta().file_id == 3);
    remove_runs(&fs, dir(), &gone).unwrap();
    let read = contents(&left).unwrap();
    assert!(contents(&gone).is_ok(), "open files are readable");
    let opened = catalog::open(&fs.crash(Unsynced::Lost), dir(), IDENTITY, &end_memory()).unwrap();
    assert_eq!((opened.runs.len(), opened.swept), (3, 0));
    assert_eq!(contents(&opened.runs).unwrap(), read);
}

#[test]
fn unfinished_writing_leaves_nothing() {
    let fs = start();
    let fs: Arc<dyn Fs> = shared(&fs);
    drop(finish(&fs, spec(2, 2, 0), &part(0)).unwrap());
    assert_eq!(fs.list(dir()).unwrap().len(), 1);
}
