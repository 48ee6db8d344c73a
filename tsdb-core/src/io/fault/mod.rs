//! The test double whose crash is the test: it knows what is durable, and fails or cuts at the n-th operation.
//!
//! Every file has a live image (what a reader sees) and a durable image (what the last sync saved); every directory
//! has live and durable names. [`FaultFs::crash`] is the file system after a power loss, [`FaultFs::kill`] after
//! SIGKILL. Directories themselves are durable as soon as they are made.

mod files;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

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
    /// Bytes that the disk does not give.
    bad: std::ops::Range<u64>,
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

    /// The disk does not give this range of a file any more.
    pub(crate) fn go_bad(&self, path: &Path, bytes: std::ops::Range<u64>) {
        let mut state = self.state.lock();
        let id = state.names.get(path).copied();
        if let Some(file) = id.and_then(|id| state.files.get_mut(&id)) {
            file.bad = bytes;
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
                    bad: file.bad.clone(),
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
