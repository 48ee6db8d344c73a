//! What survives, and what fails.

use super::*;
use crate::io::Fs as _;

const DIR: &str = "/d";

fn fs() -> FaultFs {
    let fs = FaultFs::new();
    fs.create_dir_all(Path::new(DIR)).unwrap();
    fs
}

fn path(name: &str) -> PathBuf {
    Path::new(DIR).join(name)
}

#[test]
fn only_what_was_synced_survives_a_power_loss() {
    let fs = fs();
    let mut f = fs.create(&path("a")).unwrap();
    f.write_all(b"one").unwrap();
    f.sync().unwrap();
    assert!(
        fs.crash(Unsynced::Lost).contents(&path("a")).is_err(),
        "no sync_dir yet"
    );
    fs.sync_dir(Path::new(DIR)).unwrap();
    f.write_all(b"four").unwrap();
    let after = |unsynced| fs.crash(unsynced).contents(&path("a")).unwrap();
    assert_eq!(after(Unsynced::Lost), b"one");
    assert_eq!(after(Unsynced::Torn), b"onefo");
    assert_eq!(after(Unsynced::NamesOnly), b"one");
    assert_eq!(after(Unsynced::Kept), b"onefour");
    assert_eq!(fs.kill().contents(&path("a")).unwrap(), b"onefour");
}

#[test]
fn a_rename_is_durable_after_sync_dir_and_a_removed_file_may_return() {
    let fs = fs();
    fs.create(&path("a.tmp")).unwrap();
    fs.sync_dir(Path::new(DIR)).unwrap();
    fs.rename(&path("a.tmp"), &path("a")).unwrap();
    assert_eq!(
        fs.crash(Unsynced::Lost).list(Path::new(DIR)).unwrap(),
        [Path::new("a.tmp")]
    );
    fs.sync_dir(Path::new(DIR)).unwrap();
    assert_eq!(
        fs.crash(Unsynced::Lost).list(Path::new(DIR)).unwrap(),
        [Path::new("a")]
    );
    fs.remove(&path("a")).unwrap();
    assert_eq!(
        fs.crash(Unsynced::Lost).list(Path::new(DIR)).unwrap(),
        [Path::new("a")]
    );
    assert!(fs.kill().list(Path::new(DIR)).unwrap().is_empty());
}

#[test]
fn a_renamed_directory_takes_what_is_durable_in_it_along() {
    let fs = fs();
    let (tmp, dir) = (path("x.tmp"), path("x"));
    fs.create_dir_all(&tmp).unwrap();
    fs.create(&path("a")).unwrap();
    fs.hard_link(&path("a"), &tmp.join("a")).unwrap();
    assert!(fs.hard_link(&path("a"), &tmp.join("a")).is_err());
    fs.sync_dir(&tmp).unwrap();
    fs.rename(&tmp, &dir).unwrap();
    let listed = |fs: &FaultFs| fs.list_dirs(Path::new(DIR)).unwrap();
    assert_eq!(listed(&fs), [Path::new("x")]);
    assert_eq!(listed(&fs.crash(Unsynced::Lost)), [Path::new("x.tmp")]);
    fs.sync_dir(Path::new(DIR)).unwrap();
    let after = fs.crash(Unsynced::Lost);
    assert_eq!(listed(&after), [Path::new("x")]);
    assert_eq!(after.list(&dir).unwrap(), [Path::new("a")]);
    after.remove_dir_all(&dir).unwrap();
    assert!(listed(&after).is_empty());
}

#[test]
fn a_failed_sync_loses_its_bytes_for_good() {
    let fs = fs();
    let mut f = fs.create(&path("a")).unwrap();
    fs.sync_dir(Path::new(DIR)).unwrap();
    f.write_all(b"lost").unwrap();
    fs.fail_once(OpKind::Sync, 2, FaultFs::EIO);
    assert!(f.sync().is_err());
    f.write_all(b"kept").unwrap();
    f.sync().unwrap();
    assert_eq!(
        fs.crash(Unsynced::Lost).contents(&path("a")).unwrap(),
        b"\0\0\0\0kept"
    );
    assert_eq!(fs.contents(&path("a")).unwrap(), b"lostkept");
}

#[test]
fn a_full_disk_takes_half_a_write_until_healed() {
    let fs = fs();
    let mut f = fs.create(&path("a")).unwrap();
    fs.fail_from(OpKind::Write, 1, FaultFs::ENOSPC);
    let error = f.write_all(b"abcd").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    f.truncate(0).unwrap();
    fs.heal();
    f.write_all(b"efgh").unwrap();
    assert_eq!(fs.contents(&path("a")).unwrap(), b"efgh");
}

#[test]
fn after_a_cut_nothing_works_and_the_next_boot_does() {
    let fs = fs();
    let mut f = fs.create(&path("a")).unwrap();
    fs.sync_dir(Path::new(DIR)).unwrap();
    fs.cut_at(fs.ops() + 1);
    assert!(f.write_all(b"abcd").is_err());
    assert!(f.sync().is_err());
    assert!(fs.list(Path::new(DIR)).is_err());
    assert_eq!(fs.kill().contents(&path("a")).unwrap(), b"ab");
    assert_eq!(fs.crash(Unsynced::Torn).contents(&path("a")).unwrap(), b"a");
    assert_eq!(fs.crash(Unsynced::Lost).contents(&path("a")).unwrap(), b"");
}

#[test]
fn locks_end_with_their_guard_or_the_process() {
    let fs = fs();
    let held = fs.try_lock(&path("lock")).unwrap();
    assert!(held.is_some());
    assert!(fs.try_lock(&path("lock")).unwrap().is_none());
    assert!(fs.kill().try_lock(&path("lock")).unwrap().is_some());
    drop(held);
    assert!(fs.try_lock(&path("lock")).unwrap().is_some());
}
