//! The test double whose crash is the test: it knows what is durable, and fails or cuts at the n-th operation.
//!
//! Every file has a live image (what a reader sees) and a durable image (what the last sync saved); every directory
//! has live and durable names. [`FaultFs::crash`] is the file system after a power loss, [`FaultFs::kill`] after
//! SIGKILL. Directories themselves are durable as soon as they are made.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::fs::{Fs, LockGuard, Mapped, ReadFile, WriteFile};
use super::memory::{dirs_in, move_names, overwrite, read_exact_at};

/// Which operations a fault counts and hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpKind {
    /// Whatever changes a file, a name, or what is durable of them.
    Mutating,
    /// [`WriteFile::write_all`] only.
    Write,
    /// [`WriteFile::sync`] and [`Fs::sync_dir`] only.
    Sync,
}

/// What a power loss does to bytes and names that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsynced {
    /// They are gone.
    Lost,
    /// Half of each file's unsynced tail reached the disk, no name did.
    Torn,
    /// Names reached the disk, contents did not: a rename without a sync before it shows an empty file.
    NamesOnly,
    /// All reached the disk by luck.
    Kept,
}

impl Unsynced {
    pub(crate) const EACH: [Self; 4] = [Self::Lost, Self::Torn, Self::NamesOnly, Self::Kept];
}

/// A file system in memory with faults. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultFs {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<u64, File>,
    next_file: u64,
    names: BTreeMap<PathBuf, u64>,
    /// Directories that were renamed, until the directory of the new name is synced.
    renamed_dirs: Vec<(PathBuf, PathBuf)>,
    durable_names: BTreeMap<PathBuf, u64>,
    dirs: BTreeSet<PathBuf>,
    locks: BTreeSet<PathBuf>,
    counts: Counts,
    fault: Option<Fault>,
    cut: bool,
}

#[derive(Clone, Debug, Default)]
struct File {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Everything before this offset is as durable as it will ever be: synced, or lost by a failed sync.
    dirty_from: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    mutating: u64,
    writes: u64,
    syncs: u64,
}

#[derive(Clone, Copy, Debug)]
struct Fault {
    kind: OpKind,
    /// The operation it hits, counted from 1 over the operations of `kind` since the file system was made.
    at: u64,
    effect: Effect,
}

#[derive(Clone, Copy, Debug)]
enum Effect {
    Once(i32),
    FromThenOn(i32),
    Cut,
}

/// `errno` of an I/O error.
const EIO: i32 = 5;

impl FaultFs {
    /// No space left on the device.
    pub(crate) const ENOSPC: i32 = 28;
    /// I/O error.
    pub(crate) const EIO: i32 = EIO;

    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Operations of a kind so far, failed ones included.
    pub(crate) fn count(&self, kind: OpKind) -> u64 {
        self.state.lock().counts.of(kind)
    }

    /// Mutating operations so far.
    pub(crate) fn ops(&self) -> u64 {
        self.count(OpKind::Mutating)
    }

    /// The `at`-th operation of `kind` (the first is 1) fails with this `errno`, those after it succeed.
    pub(crate) fn fail_once(&self, kind: OpKind, at: u64, errno: i32) {
        self.set(kind, at, Effect::Once(errno));
    }

    /// Every operation of `kind` fails with this `errno` from the `at`-th on, until [`Self::heal`].
    pub(crate) fn fail_from(&self, kind: OpKind, at: u64, errno: i32) {
        self.set(kind, at, Effect::FromThenOn(errno));
    }

    /// From the `at`-th mutating operation on everything fails, reads too: the machine is gone. Follow with
    /// [`Self::crash`] or [`Self::kill`].
    pub(crate) fn cut_at(&self, at: u64) {
        self.set(OpKind::Mutating, at, Effect::Cut);
    }

    /// Takes the fault away: there is space again.
    pub(crate) fn heal(&self) {
        let mut state = self.state.lock();
        state.fault = None;
        state.cut = false;
    }

    fn set(&self, kind: OpKind, at: u64, effect: Effect) {
        self.state.lock().fault = Some(Fault { kind, at, effect });
    }

    /// The file system that the next boot finds after a power loss now.
    pub(crate) fn crash(&self, unsynced: Unsynced) -> Self {
        let state = self.state.lock();
        let names = match unsynced {
            Unsynced::Lost | Unsynced::Torn => &state.durable_names,
            Unsynced::NamesOnly | Unsynced::Kept => &state.names,
        };
        state.reborn(names, |file| match unsynced {
            Unsynced::Lost | Unsynced::NamesOnly => file.durable.clone(),
            Unsynced::Torn => file.torn(),
            Unsynced::Kept => file.live.clone(),
        })
    }

    /// The file system that the next process finds after SIGKILL now.
    pub(crate) fn kill(&self) -> Self {
        let state = self.state.lock();
        state.reborn(&state.names, |file| file.live.clone())
    }

    /// Replaces the contents of a file, live and durable, as a bad disk does.
    pub(crate) fn overwrite(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state.lock();
        if let Some(file) = state
            .names
            .get(path)
            .copied()
            .and_then(|id| state.files.get_mut(&id))
        {
            file.live = bytes.to_vec();
            file.durable = bytes.to_vec();
            file.dirty_from = bytes.len();
        }
    }

    /// The live contents of a file.
    pub(crate) fn contents(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.state.lock();
        Ok(state.file(path)?.1.live.clone())
    }
}

impl Counts {
    fn of(&self, kind: OpKind) -> u64 {
        match kind {
            OpKind::Mutating => self.mutating,
            OpKind::Write => self.writes,
            OpKind::Sync => self.syncs,
        }
    }
}

impl File {
    /// The durable image with half of the unsynced tail.
    fn torn(&self) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        bytes.resize(self.dirty_from, 0);
        let tail = &self.live[self.dirty_from..];
        bytes.extend_from_slice(&tail[..tail.len() / 2]);
        bytes
    }

    fn sync(&mut self) {
        // Bytes between the durable image and `dirty_from` were lost by a failed sync: they read as a hole.
        self.durable.resize(self.dirty_from, 0);
        self.durable
            .extend_from_slice(&self.live[self.dirty_from..]);
        self.dirty_from = self.live.len();
    }

    /// As Linux: the pages are marked clean although they never reached the disk, so that a later sync that succeeds
    /// does not save them.
    fn fail_sync(&mut self) {
        self.dirty_from = self.live.len();
    }
}

impl State {
    fn reborn(&self, names: &BTreeMap<PathBuf, u64>, image: impl Fn(&File) -> Vec<u8>) -> FaultFs {
        let mut state = Self {
            next_file: self.next_file,
            names: names.clone(),
            durable_names: names.clone(),
            dirs: self.dirs.clone(),
            ..Self::default()
        };
        // A directory whose new name was lost is there under its old one.
        for path in names.keys() {
            state
                .dirs
                .extend(path.ancestors().skip(1).map(Path::to_owned));
        }
        for id in names.values() {
            if let Some(file) = self.files.get(id) {
                let live = image(file);
                let file = File {
                    durable: live.clone(),
                    dirty_from: live.len(),
                    live,
                };
                state.files.insert(*id, file);
            }
        }
        FaultFs {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Counts a mutating operation and says whether it fails.
    fn count(&mut self, kind: OpKind) -> io::Result<()> {
        self.counts.mutating += 1;
        match kind {
            OpKind::Mutating => {}
            OpKind::Write => self.counts.writes += 1,
            OpKind::Sync => self.counts.syncs += 1,
        }
        self.alive()?;
        let Some(fault) = self.fault else {
            return Ok(());
        };
        if fault.kind != OpKind::Mutating && fault.kind != kind {
            return Ok(());
        }
        let n = self.counts.of(fault.kind);
        let errno = match fault.effect {
            Effect::Once(errno) if n == fault.at => errno,
            Effect::FromThenOn(errno) if n >= fault.at => errno,
            Effect::Cut if n >= fault.at => {
                self.cut = true;
                EIO
            }
            _ => return Ok(()),
        };
        Err(io::Error::from_raw_os_error(errno))
    }

    fn alive(&self) -> io::Result<()> {
        if self.cut {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        Ok(())
    }

    fn file(&self, path: &Path) -> io::Result<(u64, &File)> {
        let id = *self.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok((id, self.files.get(&id).ok_or(io::ErrorKind::NotFound)?))
    }

    fn file_mut(&mut self, id: u64) -> io::Result<&mut File> {
        Ok(self.files.get_mut(&id).ok_or(io::ErrorKind::NotFound)?)
    }
}

impl Fs for FaultFs {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let mut state = self.state.lock();
        state.count(OpKind::Mutating)?;
        if !path.parent().is_some_and(|dir| state.dirs.contains(dir)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = state.next_file;
        state.next_file += 1;
        state.files.insert(id, File::default());
        state.names.insert(path.to_owned(), id);
        Ok(Box::new(FaultFile {
            fs: self.clone(),
            id,
        }))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let state = self.state.lock();
        state.alive()?;
        let (id, _) = state.file(path)?;
        Ok(Box::new(FaultFile {
            fs: self.clone(),
            id,
        }))
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        let state = self.state.lock();
        state.alive()?;
        let (id, _) = state.file(path)?;
        Ok(Arc::new(FaultFile {
            fs: self.clone(),
            id,
        }))
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        let state = self.state.lock();
        state.alive()?;
        let (_, file) = state.file(path)?;
        Ok(Mapped::Heap(Arc::from(file.live.as_slice())))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.state.lock();
        state.alive()?;
        if !state.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let paths = state.names.keys().filter(|p| p.parent() == Some(dir));
        Ok(paths
            .filter_map(|p| p.file_name().map(PathBuf::from))
            .collect())
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.count(OpKind::Mutating)?;
        state.dirs.extend(dir.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn list_dirs(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.state.lock();
        state.alive()?;
        Ok(dirs_in(dir, state.names.keys().map(PathBuf::as_path)))
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.count(OpKind::Mutating)?;
        state.names.retain(|path, _| !path.starts_with(dir));
        state.dirs.retain(|path| !path.starts_with(dir));
        Ok(())
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.count(OpKind::Mutating)?;
        if state.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), id);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.count(OpKind::Mutating)?;
        let is_dir = state.dirs.contains(from);
        if is_dir {
            let mut dirs: BTreeMap<PathBuf, ()> = std::mem::take(&mut state.dirs)
                .into_iter()
                .map(|dir| (dir, ()))
                .collect();
            move_names(&mut dirs, from, to);
            state.dirs = dirs.into_keys().collect();
            state.renamed_dirs.push((from.to_owned(), to.to_owned()));
        }
        if !move_names(&mut state.names, from, to) && !is_dir {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.count(OpKind::Mutating)?;
        // The contents stay: open handles and durable names may still mean them.
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.count(OpKind::Sync)?;
        let State {
            names,
            durable_names,
            renamed_dirs,
            dirs,
            ..
        } = &mut *state;
        renamed_dirs.retain(|(from, to)| {
            let durable = to.parent() == Some(dir);
            if durable {
                move_names(durable_names, from, to);
            }
            !durable
        });
        durable_names.retain(|path, _| {
            // A directory in it that is gone takes along what was in it.
            let below = path.ancestors().find(|at| at.parent() == Some(dir));
            below.is_none_or(|below| below != path && dirs.contains(below))
        });
        let now = names.iter().filter(|(path, _)| path.parent() == Some(dir));
        durable_names.extend(now.map(|(path, id)| (path.clone(), *id)));
        Ok(())
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn LockGuard>>> {
        let mut state = self.state.lock();
        state.alive()?;
        if !state.locks.insert(path.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(FaultLock {
            fs: self.clone(),
            path: path.to_owned(),
        })))
    }
}

/// Written at its end or over its start, so the position is the length.
#[derive(Debug)]
struct FaultFile {
    fs: FaultFs,
    id: u64,
}

impl WriteFile for FaultFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.fs.state.lock();
        let was_cut = state.cut;
        let outcome = state.count(OpKind::Write);
        let file = state.file_mut(self.id)?;
        match outcome {
            Ok(()) => file.live.extend_from_slice(bytes),
            Err(_) if was_cut => {}
            // A write that fails may have written a part.
            Err(_) => file.live.extend_from_slice(&bytes[..bytes.len() / 2]),
        }
        outcome
    }

    fn overwrite(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.fs.state.lock();
        state.count(OpKind::Write)?;
        let file = state.file_mut(self.id)?;
        overwrite(&mut file.live, bytes);
        file.dirty_from = 0;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.fs.state.lock();
        let was_cut = state.cut;
        let outcome = state.count(OpKind::Sync);
        let cut = state.cut;
        let file = state.file_mut(self.id)?;
        match outcome {
            Ok(()) => file.sync(),
            Err(_) if was_cut || cut => {}
            Err(_) => file.fail_sync(),
        }
        outcome
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut state = self.fs.state.lock();
        state.count(OpKind::Mutating)?;
        let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        let file = state.file_mut(self.id)?;
        file.live.resize(len, 0);
        file.dirty_from = file.dirty_from.min(len);
        Ok(())
    }
}

impl ReadFile for FaultFile {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.fs.state.lock();
        state.alive()?;
        Ok(state.file_mut(self.id)?.live.len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.fs.state.lock();
        state.alive()?;
        read_exact_at(&state.file_mut(self.id)?.live, buf, offset)
    }
}

#[derive(Debug)]
struct FaultLock {
    fs: FaultFs,
    path: PathBuf,
}

impl LockGuard for FaultLock {}

impl Drop for FaultLock {
    fn drop(&mut self) {
        self.fs.state.lock().locks.remove(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
