//! A fault or a crash at every operation: what was acknowledged is there, once and in order, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::*;
use crate::error::Error;
use crate::io::{OpKind, Unsynced};

const SEGMENT_BYTES: u64 = 300;

/// A log, and what it must remember.
struct Writer {
    fs: FaultFs,
    wal: Arc<Wal>,
    /// Generation and payload of every frame that was appended.
    appended: BTreeMap<u64, (u64, Vec<u8>)>,
    acknowledged: BTreeSet<u64>,
    generation: u64,
}

impl Writer {
    fn new(fs: &FaultFs, durability: Durability) -> Self {
        Self {
            fs: fs.clone(),
            wal: open(fs, START, SEGMENT_BYTES, durability),
            appended: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            generation: 0,
        }
    }

    fn append(&mut self, tag: &str) -> u64 {
        let n = self.appended.len();
        let payload = format!("{tag} {n} {}", "x".repeat(n * 37 % 150)).into_bytes();
        let seq = self.wal.append(&payload);
        self.appended.insert(seq, (self.generation, payload));
        seq
    }

    fn wait(&mut self, seq: u64) -> Result<()> {
        self.wal.wait(seq)?;
        self.acknowledged.extend(1..=seq);
        Ok(())
    }

    /// Groups of one to three frames, with rotations, until something fails.
    fn work(&mut self, groups: usize) -> Result<()> {
        for group in 0..groups {
            self.wal.check_writable()?;
            if group % 4 == 3 {
                self.generation += 1;
                self.wal.rotate(self.generation);
            }
            let mut seq = 0;
            for _ in 0..=group % 3 {
                seq = self.append("work");
            }
            self.wait(seq)?;
        }
        Ok(())
    }

    fn check(&self, image: &FaultFs) {
        check(image, &self.appended, &self.acknowledged);
    }

    /// On every file system that the next start may find.
    fn check_all(&self) {
        for unsynced in Unsynced::EACH {
            self.check(&self.fs.crash(unsynced));
        }
        // The mark may have got to the disk when nothing else did.
        let image = self.fs.crash(Unsynced::Lost);
        let mark = dir().join("mark");
        if let Ok(bytes) = self.fs.contents(&mark) {
            drop(image.create(&mark));
            image.overwrite(&mark, &bytes);
        }
        self.check(&image);
        self.check(&self.fs.kill());
    }
}

fn check(image: &FaultFs, appended: &BTreeMap<u64, (u64, Vec<u8>)>, acknowledged: &BTreeSet<u64>) {
    let (frames, recovered) = read(image);
    assert_eq!(recovered.damages, []);
    for (n, (generation, seq, payload)) in frames.iter().enumerate() {
        assert_eq!(*seq, n as u64 + 1);
        let (wanted_generation, wanted) = &appended[seq];
        assert_eq!((generation, payload), (wanted_generation, wanted));
    }
    let last = acknowledged.last().copied().unwrap_or(0);
    assert!(
        frames.len() as u64 >= last,
        "{last} frames were acknowledged, {} are there",
        frames.len()
    );
    assert_eq!(recovered.position.next_seq, frames.len() as u64 + 1);

    let (again, second) = read(image);
    assert_eq!(again, frames);
    assert_eq!(second.torn, None);
    assert_eq!(second.position.next_seq, recovered.position.next_seq);

    // It goes on from there, and the next start finds all of it.
    let wal = open(image, second.position, SEGMENT_BYTES, Durability::Always);
    let seq = wal.append(b"after");
    wal.wait(seq).unwrap();
    drop(wal);
    let (mut later, third) = read(&image.crash(Unsynced::Lost));
    assert_eq!(third.damages, []);
    assert_eq!(
        later.pop().map(|(_, seq, payload)| (seq, payload)),
        Some((seq, b"after".to_vec()))
    );
    assert_eq!(later, frames);
}

/// Operations of a kind in a run without faults, and some more: threads do not interleave the same way twice.
fn count(kind: OpKind, durability: Durability) -> u64 {
    let fs = new_fs();
    let mut writer = Writer::new(&fs, durability);
    writer.work(12).unwrap();
    writer.wal.close().unwrap();
    writer.check_all();
    fs.count(kind) + 5
}

#[test]
fn a_crash_at_every_operation_loses_nothing_acknowledged() {
    for at in 2..count(OpKind::Mutating, Durability::Always) {
        let fs = new_fs();
        fs.cut_at(at);
        let mut writer = Writer::new(&fs, Durability::Always);
        let _ = writer.work(12);
        drop(writer.wal.close());
        writer.check_all();
    }
}

#[test]
fn a_kill_at_every_operation_loses_nothing_that_was_written() {
    for durability in [
        Durability::Never,
        Durability::Interval(Duration::from_millis(1)),
    ] {
        for at in 2..count(OpKind::Mutating, durability) {
            let fs = new_fs();
            fs.cut_at(at);
            let mut writer = Writer::new(&fs, durability);
            let _ = writer.work(12);
            drop(writer.wal.close());
            writer.check(&fs.kill());
            // A power loss costs the end of the log, not its sense.
            writer.acknowledged.clear();
            writer.check_all();
        }
    }
}

#[test]
fn a_crash_before_the_log_is_closed_loses_nothing_acknowledged() {
    for groups in 0..12 {
        let mut writer = Writer::new(&new_fs(), Durability::Always);
        writer.work(groups).unwrap();
        writer.append("not waited for");
        writer.check_all();
    }
}

fn until_writable(wal: &Wal) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while wal.check_writable().is_err() {
        assert!(Instant::now() < deadline, "writes do not come back");
        wal.retry_now();
        std::thread::yield_now();
    }
}

#[test]
fn a_full_disk_at_every_write_is_told_and_heals() {
    for at in 1..count(OpKind::Write, Durability::Always) {
        for once in [false, true] {
            let fs = new_fs();
            if once {
                fs.fail_once(OpKind::Write, at, FaultFs::ENOSPC);
            } else {
                fs.fail_from(OpKind::Write, at, FaultFs::ENOSPC);
            }
            let mut writer = Writer::new(&fs, Durability::Always);
            if let Err(error) = writer.work(12) {
                assert!(matches!(error, Error::StorageFull), "{error}");
                // Someone was past the check already.
                let seq = writer.append("late");
                writer.check_all();
                fs.heal();
                until_writable(&writer.wal);
                writer.wait(seq).unwrap();
            }
            fs.heal();
            writer.check_all();
            // Only the mark may have failed: nobody needs to know.
            writer.work(5).unwrap();
            writer.check_all();
            writer.wal.close().unwrap();
            writer.check_all();
        }
    }
}

/// As on a disk without space for anything: names cannot be made and files not be cut back either.
#[test]
fn a_disk_that_refuses_everything_for_a_while_is_told() {
    for at in 2..count(OpKind::Mutating, Durability::Always) {
        let fs = new_fs();
        fs.fail_from(OpKind::Mutating, at, FaultFs::ENOSPC);
        let mut writer = Writer::new(&fs, Durability::Always);
        let outcome = writer.work(12);
        let seq = writer.append("late");
        if outcome.is_err() {
            assert!(writer.wait(seq).is_err());
        }
        writer.check_all();
        fs.heal();
        if outcome.is_err() && !writer.wal.writes_stopped() {
            until_writable(&writer.wal);
            writer.wait(seq).unwrap();
            writer.work(5).unwrap();
        }
        writer.check_all();
    }
}

#[test]
fn errors_that_are_not_a_full_disk_keep_their_name() {
    let fs = new_fs();
    let mut writer = Writer::new(&fs, Durability::Always);
    let before = writer.append("before");
    writer.wait(before).unwrap();
    fs.fail_from(OpKind::Write, 1, FaultFs::EIO);
    let seq = writer.append("fails");
    let error = writer.wal.wait(seq).unwrap_err();
    assert!(matches!(error, Error::Io { op: "write", .. }), "{error}");
    assert!(writer.wal.wait(before).is_ok());
    let (send, told) = std::sync::mpsc::channel();
    writer
        .wal
        .on_durable(seq, move |result| send.send(result.is_err()).unwrap());
    assert!(told.recv().unwrap());
    assert!(writer.wal.close().is_err());
    writer.check_all();
}

#[test]
fn a_failed_fsync_at_every_place_stops_acknowledging_for_good() {
    for durability in [
        Durability::Always,
        Durability::Interval(Duration::ZERO),
        Durability::Never,
    ] {
        for at in 1..count(OpKind::Sync, durability) {
            let fs = new_fs();
            fs.fail_once(OpKind::Sync, at, FaultFs::EIO);
            let mut writer = Writer::new(&fs, durability);
            let outcome = writer.work(12).and_then(|()| writer.wal.sync());
            if outcome.is_ok() {
                continue;
            }
            assert!(writer.wal.writes_stopped());
            assert!(matches!(outcome, Err(Error::WritesStopped)));
            fs.heal();
            let late = writer.append("late");
            assert!(matches!(writer.wal.wait(late), Err(Error::WritesStopped)));
            assert!(matches!(writer.wal.sync(), Err(Error::WritesStopped)));
            assert!(matches!(
                writer.wal.check_writable(),
                Err(Error::WritesStopped)
            ));
            if let Some(&last) = writer.acknowledged.last() {
                writer.wal.wait(last).unwrap();
            }
            assert!(matches!(writer.wal.close(), Err(Error::WritesStopped)));
            writer.check(&fs.kill());
            if durability != Durability::Always {
                writer.acknowledged.clear();
            }
            writer.check_all();
        }
    }
}

#[test]
fn a_failed_fsync_of_the_directory_after_a_removal_stops_too() {
    let fs = new_fs();
    let mut writer = Writer::new(&fs, Durability::Always);
    writer.work(4).unwrap();
    fs.fail_once(OpKind::Sync, fs.count(OpKind::Sync) + 1, FaultFs::EIO);
    assert!(matches!(
        writer.wal.remove_generation(0),
        Err(Error::WritesStopped)
    ));
    let late = writer.append("late");
    assert!(matches!(writer.wal.wait(late), Err(Error::WritesStopped)));
}

#[test]
fn segments_that_could_not_be_unlinked_go_with_the_next_generation() {
    let fs = new_fs();
    let mut writer = Writer::new(&fs, Durability::Always);
    for generation in 1..3 {
        let seq = writer.append("frame");
        writer.wal.wait(seq).unwrap();
        writer.wal.rotate(generation);
    }
    let segments = || fs.list(dir()).unwrap().len();
    let before = segments();
    // The mark goes first.
    fs.fail_once(OpKind::Mutating, fs.ops() + 1, FaultFs::EIO);
    assert!(writer.wal.remove_generation(0).is_err());
    assert_eq!(segments(), before);
    writer.wal.remove_generation(1).unwrap();
    assert_eq!(segments(), 0, "{:?}", fs.list(dir()));
}

#[test]
fn a_generation_that_is_removed_while_its_frames_wait_leaves_no_segment() {
    let fs = new_fs();
    let mut writer = Writer::new(&fs, Durability::Always);
    writer.work(1).unwrap();
    fs.fail_from(OpKind::Write, 1, FaultFs::ENOSPC);
    let seq = writer.append("waits");
    assert!(writer.wal.wait(seq).is_err());
    writer.wal.rotate(1);
    writer.wal.remove_generation(0).unwrap();
    fs.heal();
    until_writable(&writer.wal);
    writer.wal.wait(seq).unwrap();
    let seq = writer.wal.append(b"next");
    writer.wal.wait(seq).unwrap();
    writer.wal.close().unwrap();
    let (frames, recovered) = read(&fs);
    assert_eq!(frames, [(1, seq, b"next".to_vec())]);
    assert_eq!(recovered.damages, []);
}
