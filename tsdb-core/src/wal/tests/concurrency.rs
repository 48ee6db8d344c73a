//! Many writers: they share fsyncs, and each is told once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::Duration;

use super::super::segment::list;
use super::*;
use crate::error::Error;
use crate::io::{OpKind, OsFs};
use crate::progress::RecoveryProgress;

const WRITERS: usize = 8;
const ROUNDS: usize = 20;

#[test]
fn writers_share_fsyncs() {
    let fs = new_fs();
    let wal = open(&fs, START, 1 << 20, Durability::Always);
    // While a slow callback holds the thread, as a slow fsync does, frames gather.
    let held = Arc::new(Barrier::new(WRITERS + 1));
    let round = Barrier::new(WRITERS + 1);
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    held.wait();
                    let seq = wal.append(b"payload");
                    held.wait();
                    wal.wait(seq).unwrap();
                    round.wait();
                }
            });
        }
        for _ in 0..ROUNDS {
            let held = Arc::clone(&held);
            // Asked for before it is appended, so that the callback runs on the log's thread.
            wal.on_durable(wal.last_seq() + 1, move |result| {
                result.unwrap();
                held.wait();
                held.wait();
            });
            wal.append(b"first");
            round.wait();
        }
    });
    wal.close().unwrap();
    let appends = (WRITERS + 1) * ROUNDS;
    assert_eq!(wal.last_seq(), appends as u64);
    let syncs = fs.count(OpKind::Sync);
    assert!(
        syncs <= appends as u64 / 3,
        "{syncs} syncs for {appends} frames"
    );
    let (frames, recovered) = read(&fs);
    assert_eq!(frames.len(), appends);
    assert_eq!(recovered.damages, []);
}

#[test]
fn callbacks_come_in_order_and_once() {
    let fs = new_fs();
    let wal = open(&fs, START, 500, Durability::Always);
    let (send, told) = mpsc::channel();
    let seqs: Vec<u64> = (0..100).map(|_| wal.append(b"payload")).collect();
    for &seq in &seqs {
        let send = send.clone();
        wal.on_durable(seq, move |result| send.send((seq, result.is_ok())).unwrap());
    }
    wal.sync().unwrap();
    drop(send);
    let told: Vec<_> = told.iter().collect();
    assert_eq!(told.len(), seqs.len());
    assert!(told.iter().all(|(_, ok)| *ok));
}

#[test]
fn a_callback_may_own_the_log_or_panic() {
    let fs = new_fs();
    let wal = open(&fs, START, 500, Durability::Always);
    let seq = wal.append(b"one");
    let owner = Arc::clone(&wal);
    wal.on_durable(seq, move |_| drop(owner));
    let seq = wal.append(b"two");
    // Where the frame is durable already it is called here.
    let panicking = || wal.on_durable(seq, |_| panic!("a callback panics"));
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panicking));
    let seq = wal.append(b"three");
    wal.wait(seq).unwrap();
    drop(wal);

    // The last owner goes on the log's own thread.
    let wal = open(&fs, read(&fs).1.position, 500, Durability::Always);
    let (send, told) = mpsc::channel();
    let seq = wal.append(b"four");
    let owner = Arc::clone(&wal);
    wal.on_durable(seq, move |_| {
        std::thread::sleep(Duration::from_millis(20));
        drop(owner);
        send.send(()).unwrap();
    });
    drop(wal);
    told.recv().unwrap();
}

#[test]
fn close_ends_everything_and_says_the_same_twice() {
    let fs = new_fs();
    let wal = open(&fs, START, 500, Durability::Never);
    let seq = wal.append(b"one");
    wal.close().unwrap();
    wal.close().unwrap();
    wal.wait(seq).unwrap();
    assert!(matches!(wal.check_writable(), Err(Error::Closed)));
    let late = wal.append(b"late");
    assert!(matches!(wal.wait(late), Err(Error::Closed)));
    assert!(matches!(wal.sync(), Err(Error::Closed)));
    let told = Arc::new(AtomicU64::new(0));
    let tell = Arc::clone(&told);
    wal.on_durable(late, move |result| {
        assert!(matches!(result, Err(Error::Closed)));
        tell.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(told.load(Ordering::Relaxed), 1);
    let (frames, _) = read(&fs.crash(crate::io::Unsynced::Lost));
    assert_eq!(frames.len(), 1);
}

#[test]
fn faster_modes_acknowledge_what_is_written_and_sync_later() {
    let fs = new_fs();
    let wal = open(&fs, START, 1 << 20, Durability::Never);
    let seq = wal.append(b"one");
    wal.wait(seq).unwrap();
    assert_eq!(fs.count(OpKind::Sync), 0);
    assert_eq!(read(&fs.kill()).0.len(), 1);
    wal.sync().unwrap();
    assert_eq!(read(&fs.crash(crate::io::Unsynced::Lost)).0.len(), 1);
    drop(wal);

    let fs = new_fs();
    let wal = open(
        &fs,
        START,
        1 << 20,
        Durability::Interval(Duration::from_millis(5)),
    );
    let seq = wal.append(b"one");
    wal.wait(seq).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while read(&fs.crash(crate::io::Unsynced::Lost)).0.is_empty() {
        assert!(std::time::Instant::now() < deadline, "it is never synced");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn sizes_and_removal_follow_the_generations() {
    let fs = new_fs();
    let wal = open(&fs, START, 200, Durability::Always);
    for _ in 0..10 {
        wal.append(&[7; 50]);
    }
    wal.sync().unwrap();
    assert_eq!(wal.generation_bytes(), 10 * (OVERHEAD as u64 + 50));
    assert!(wal.bytes() > wal.generation_bytes());
    wal.rotate(1);
    assert_eq!(wal.generation_bytes(), 0);
    let seq = wal.append(b"next");
    wal.wait(seq).unwrap();
    wal.remove_generation(0).unwrap();
    assert_eq!(list(&fs, dir()).unwrap().len(), 1);
    drop(wal);
    let (frames, recovered) = read(&fs.crash(crate::io::Unsynced::Lost));
    assert_eq!(frames, [(1, 11, b"next".to_vec())]);
    assert_eq!(recovered.damages, []);

    let wal = open(&fs, recovered.position, 200, Durability::Always);
    let segments = list(&fs, dir()).unwrap();
    let len = |id: &SegmentId| fs.contents(&id.path(dir())).unwrap().len();
    let len: usize = segments.iter().map(len).sum();
    assert_eq!(wal.bytes(), len as u64);
    assert_eq!(wal.generation_bytes(), len as u64);
}

#[test]
fn on_the_real_file_system_it_is_the_same() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path();
    let mut position = START;
    for session in 0..3_u64 {
        let fs = Arc::new(OsFs);
        let wal = Wal::start(
            fs,
            dir.to_owned(),
            IDENTITY,
            position,
            500,
            Durability::Always,
        )
        .unwrap();
        for n in 0..20 {
            let seq = wal.append(&[n; 60]);
            wal.wait(seq).unwrap();
        }
        wal.close().unwrap();
        // As a crash in the middle of a write leaves it.
        let last = list(&OsFs, dir).unwrap().pop().unwrap();
        let mut file = OsFs.open_append(&last.path(dir)).unwrap();
        file.write_all(b"half a frame").unwrap();
        let mut seqs = Vec::new();
        let recovered = recover(
            &OsFs,
            dir,
            None,
            &|_| false,
            &RecoveryProgress::default(),
            &mut |_, found| {
                seqs.extend(found.map(|frame| frame.seq));
                Ok(())
            },
        )
        .unwrap();
        assert!(seqs.into_iter().eq(1..=20 * (session + 1)));
        assert_eq!(recovered.damages, []);
        assert_eq!(recovered.torn.unwrap().bytes, 12);
        position = recovered.position;
    }
}
