//! Copies of a store: snapshots, and reading beside the process that writes.

use std::time::Duration;

use super::*;
use crate::db::Db;
use crate::error::Error;
use crate::io::Unsynced;
use crate::store::SnapshotHead;

fn target() -> std::path::PathBuf {
    Path::new(DIR).join("snapshots/s1")
}

fn open_copy(fs: &FaultFs) -> Store {
    let fs: Arc<dyn Fs> = Arc::new(fs.clone());
    Store::open(fs, &target(), options()).unwrap()
}

const ROWS: Rows<'static> = &[
    ("a", NOW - HOUR, 1.0),
    ("a", NOW, 2.0),
    ("b", NOW, hist(70)),
];
const MORE: Rows<'static> = &[("a", NOW + MINUTE, 3.0), ("c", NOW, 4.0)];

/// Runs of several partitions, and a head.
fn filled(fs: &FaultFs) -> Store {
    let store = open(fs).unwrap();
    write(&store, ROWS).unwrap();
    store.flush_head().unwrap();
    write(&store, MORE).unwrap();
    store
}

#[test]
fn a_snapshot_is_a_store_of_its_own_whatever_becomes_of_the_original() {
    let fs = FaultFs::new();
    let store = filled(&fs);
    let expected = contents(&store);
    store
        .snapshot_to(&target(), SnapshotHead::Included)
        .unwrap();
    assert!(
        store
            .snapshot_to(&target(), SnapshotHead::Included)
            .is_err(),
        "it is there"
    );
    write(&store, &[("a", NOW + 2 * MINUTE, 9.0)]).unwrap();
    store.flush().unwrap();
    let merged = contents(&store);
    let copy = open_copy(&fs);
    assert_eq!(contents(&copy), expected);
    write(&copy, &[("copy", NOW, 1.0)]).unwrap();
    copy.flush().unwrap();
    assert_eq!(contents(&store), merged);
    copy.close().unwrap();
    store.close().unwrap();
    // All files of the original go.
    for room in ["data", "wal"] {
        fs.remove_dir_all(&Path::new(DIR).join(room)).unwrap();
    }
    let copy = open_copy(&fs);
    assert_eq!(contents(&copy)["a"], expected["a"]);
    assert_eq!(copy.stats().corruptions, 0);
}

#[test]
fn a_snapshot_without_the_head_has_the_runs_alone() {
    let fs = FaultFs::new();
    let store = filled(&fs);
    store.snapshot_to(&target(), SnapshotHead::Skipped).unwrap();
    assert_eq!(store.stats().frozen_generations, 0);
    assert_eq!(contents(&open_copy(&fs)), model_of(ROWS));
    assert_eq!(contents(&store).len(), 3);
    let figures = store.stats();
    assert_eq!((figures.runs, figures.flushes), (2, 1), "it counts nowhere");
}

#[test]
fn what_is_deleted_stays_deleted_in_a_copy() {
    for head in [SnapshotHead::Included, SnapshotHead::Skipped] {
        let fs = FaultFs::new();
        let store = filled(&fs);
        delete(&store, &["a"], TimeRange::ALL).unwrap();
        let later = [("a", NOW + 2 * MINUTE, 7.0)];
        write(&store, &later).unwrap();
        store.snapshot_to(&target(), head).unwrap();
        let copy = open_copy(&fs);
        assert_eq!(copy.stats().tombstones, 1, "not applied yet");
        let mut expected = contents(&store);
        if head == SnapshotHead::Skipped {
            expected = model_of(&ROWS[2..]);
        }
        assert_eq!(contents(&copy), expected);
        copy.clean_tombstones().unwrap();
        assert_eq!(contents(&copy), expected);
        assert_eq!(copy.stats().tombstones, 0);
        // The original has its own.
        assert_eq!(store.stats().tombstones, 1);
        assert_eq!(contents(&store)["a"], model_of(&later)["a"]);
    }
}

#[test]
fn what_is_deleted_is_not_seen_by_who_only_reads() {
    let fs = FaultFs::new();
    let store = filled(&fs);
    delete(&store, &["a"], TimeRange::new(NOW, NOW)).unwrap();
    store.lane.lock().rotate(&store);
    write(&store, &[("d", NOW, 5.0)]).unwrap();
    delete(&store, &["c"], TimeRange::ALL).unwrap();
    let shared: Arc<dyn Fs> = Arc::new(fs.clone());
    let look = || Store::open_read_only(&shared, Path::new(DIR), &options()).unwrap();
    assert_eq!(contents(&look()), contents(&store));
    store.flush_head().unwrap();
    let reader = look();
    assert_eq!(contents(&reader), contents(&store));
    for refused in [
        delete(&reader, &["a"], TimeRange::ALL),
        reader.clean_tombstones(),
    ] {
        assert!(matches!(refused, Err(Error::ReadOnly)));
    }
}

#[test]
fn what_is_set_aside_is_told_by_the_copy_too() {
    let fs = FaultFs::new();
    filled(&fs).close().unwrap();
    let data = Path::new(DIR).join("data");
    let path = data.join(fs.list(&data).unwrap().remove(0));
    let mut bytes = fs.contents(&path).unwrap();
    bytes.truncate(100);
    fs.overwrite(&path, &bytes);
    let store = open(&fs).unwrap();
    store
        .snapshot_to(&target(), SnapshotHead::Included)
        .unwrap();
    assert_eq!(warnings(&store), 1);
    assert_eq!(warnings(&open_copy(&fs)), 1);
    // Somebody takes the damaged file away.
    let files = fs.list(&data).unwrap();
    let damaged = files
        .iter()
        .find(|name| name.to_string_lossy().ends_with(".damaged"));
    fs.remove(&data.join(damaged.unwrap())).unwrap();
    let other = Path::new(DIR).join("snapshots/s2");
    store.snapshot_to(&other, SnapshotHead::Included).unwrap();
}

#[test]
fn a_snapshot_is_there_whole_or_not_at_all() {
    super::faults::at_every_operation(
        filled,
        |store| store.snapshot_to(&target(), SnapshotHead::Included),
        |fs, done, when| {
            let store = open(fs).unwrap_or_else(|e| panic!("{when}: {e}"));
            let expected = contents(&store);
            assert_eq!(expected["a"].len(), 3, "{when}");
            assert_eq!(store.stats().corruptions, 0, "{when}");
            let found = fs.list_dirs(&Path::new(DIR).join("snapshots")).unwrap();
            match &found[..] {
                [] => assert!(!done, "{when}"),
                [only] => {
                    assert_eq!(only, Path::new("s1"), "{when}");
                    assert_eq!(contents(&open_copy(fs)), expected, "{when}");
                }
                more => panic!("{when}: {more:?}"),
            }
        },
    );
}

#[test]
fn reading_needs_no_lock_and_changes_nothing() {
    let fs = FaultFs::new();
    let store = filled(&fs);
    store.lane.lock().rotate(&store);
    write(&store, &[("d", NOW, 5.0)]).unwrap();
    let expected = contents(&store);
    let ops = fs.ops();
    let shared: Arc<dyn Fs> = Arc::new(fs.clone());
    let look = || Store::open_read_only(&shared, Path::new(DIR), &options()).unwrap();
    let reader = look();
    assert_eq!(contents(&reader), expected);
    assert_eq!(fs.ops(), ops);
    for refused in [
        write(&reader, ROWS).map(drop),
        reader.flush(),
        reader.compact(),
        reader.snapshot_to(&target(), SnapshotHead::Included),
    ] {
        assert!(matches!(refused, Err(Error::ReadOnly)), "{refused:?}");
    }
    // It stands at its moment, also when its files are gone.
    write(&store, &[("d", NOW + MINUTE, 6.0)]).unwrap();
    store.flush().unwrap();
    assert_eq!(contents(&reader), expected);
    assert_eq!(contents(&look()), contents(&store));
    reader.close().unwrap();
    store.close().unwrap();
    // Nobody has it open, and a tail is torn.
    let crashed = {
        let store = open(&fs).unwrap();
        write(&store, &[("e", NOW, 7.0)]).unwrap();
        fs.crash(Unsynced::Torn)
    };
    let ops = crashed.ops();
    let shared: Arc<dyn Fs> = Arc::new(crashed.clone());
    let reader = Store::open_read_only(&shared, Path::new(DIR), &options()).unwrap();
    let found = contents(&reader);
    assert_eq!(crashed.ops(), ops);
    assert_eq!(contents(&open(&crashed).unwrap()), found);
}

#[test]
fn there_must_be_a_store_to_read() {
    let dir = tempfile::tempdir().unwrap();
    let error = Db::open_read_only(dir.path(), &options()).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn readers_beside_a_busy_writer_see_everything_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path(), options()).unwrap();
    let written = std::sync::atomic::AtomicI64::new(0);
    let order = std::sync::atomic::Ordering::SeqCst;
    db.write(&batch(&[("a", NOW - HOUR, 0.0)])).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for i in 1..=400 {
                let t_ms = NOW - HOUR + i * 10_000;
                db.write(&batch(&[("a", t_ms, i as f64)])).unwrap();
                written.store(i, order);
                match i % 40 {
                    20 => db.store().flush_head().unwrap(),
                    0 => db.flush().unwrap(),
                    _ => {}
                }
            }
        });
        while !writer.is_finished() {
            let least = written.load(order);
            let reader = Db::open_read_only(dir.path(), &options()).unwrap();
            std::thread::sleep(Duration::from_millis(3));
            let found = contents(reader.store());
            let samples = &found["a"];
            assert!(samples.len() as i64 > least, "{} > {least}", samples.len());
            let last = *samples.keys().last().unwrap();
            assert_eq!(
                (last - NOW + HOUR) / 10_000 + 1,
                samples.len() as i64,
                "no gap"
            );
            assert_eq!(reader.stats().corruptions, 0);
        }
    });
}
