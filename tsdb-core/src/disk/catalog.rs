//! What stands in the directory of a store: told from the files alone, swept, and opened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::end_memory::EndMemory;
use super::footer::Footer;
use super::lost::{LossCause, LostRange};
use super::meta::RunMeta;
use super::name::{RunName, State};
use super::run::{Run, read_footer};
use crate::codec::StoreIdentity;
use crate::error::{Error, Result};
use crate::io::Fs;
use crate::model::TimeRange;

/// The files of a store as they were found.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The live runs, at equal times the later one wins.
    pub(crate) runs: Vec<Arc<Run>>,
    /// An id that no file has or had.
    pub(crate) next_file_id: u64,
    /// The last generation of the head that a live run holds.
    pub(crate) flushed_generation: Option<u64>,
    /// Files that were set aside, under the name they had, and why.
    pub(crate) damaged: Vec<(PathBuf, Error)>,
    /// Every file that is or was set aside.
    pub(crate) set_aside: Vec<SetAside>,
    /// Number of files removed: unfinished, of an incomplete set, or replaced.
    pub(crate) swept: usize,
}

/// A file that is damaged as a whole.
#[derive(Debug)]
pub(crate) struct SetAside {
    pub(crate) path: PathBuf,
    /// Start of its partition, in milliseconds.
    pub(crate) partition_start_ms: i64,
    /// What it held, if its footer tells.
    pub(crate) held: Option<LostRange>,
}

/// A file that was opened.
struct Found {
    name: RunName,
    state: State,
    run: Arc<Run>,
}

/// Opens the live runs in `dir` and puts the directory in order:
/// * files that were being written are removed;
/// * a set that was not made live to the end is completed when it is whole, and else removed: what it held is still
///   where it came from, the log or the runs it would have replaced;
/// * a file that is damaged, or of which the disk gives too little, is renamed to `.damaged`, which keeps it and its id, and the rest
///   is served;
/// * files that a live run replaces are removed, damaged or not. What a damaged run would replace stays live.
///
/// # Errors
/// Those of the file system, and [`Error::UnsupportedFormat`] before anything is changed.
pub(crate) fn open(
    fs: &dyn Fs,
    dir: &Path,
    identity: StoreIdentity,
    memory: &EndMemory,
) -> Result<Opened> {
    settle((fs, dir, Access::Own), identity, memory)
}

/// As [`open`], beside a process that has the store open, or for who is not to change anything: nothing is renamed or
/// removed, and what would be is taken as if it were.
///
/// # Errors
/// Those of the file system, [`std::io::ErrorKind::NotFound`] for a file that was removed meanwhile among them, and
/// [`Error::UnsupportedFormat`].
pub(crate) fn read(
    fs: &dyn Fs,
    dir: &Path,
    identity: StoreIdentity,
    memory: &EndMemory,
) -> Result<Opened> {
    settle((fs, dir, Access::Look), identity, memory)
}

/// A file that stands for a run.
#[derive(Clone, Debug)]
pub(crate) struct RunFile {
    pub(crate) path: PathBuf,
    /// Set aside as damaged, earlier.
    pub(crate) set_aside: bool,
}

/// The files in a directory that hold samples, or did.
///
/// # Errors
/// Those of the file system.
pub(crate) fn files(fs: &dyn Fs, dir: &Path) -> Result<Vec<RunFile>> {
    let listed = list(fs, dir)?.into_iter();
    let kept = listed.filter(|(_, state)| *state != State::Tmp);
    Ok(kept
        .map(|(name, state)| RunFile {
            path: dir.join(name.file_name(state)),
            set_aside: state == State::Damaged,
        })
        .collect())
}

/// Paths of the files in a directory, to be compared with those at another time.
///
/// # Errors
/// Those of the file system.
pub(crate) fn names(fs: &dyn Fs, dir: &Path) -> Result<Vec<PathBuf>> {
    Ok(files(fs, dir)?.into_iter().map(|file| file.path).collect())
}

fn settle(
    (fs, dir, access): (&dyn Fs, &Path, Access),
    identity: StoreIdentity,
    memory: &EndMemory,
) -> Result<Opened> {
    let listed = list(fs, dir)?;
    let mut opened = Opened {
        runs: Vec::new(),
        next_file_id: next_id(&listed),
        flushed_generation: None,
        damaged: Vec::new(),
        set_aside: Vec::new(),
        swept: 0,
    };
    let mut found = Vec::new();
    let mut damaged = Vec::new();
    for &(name, state) in &listed {
        if !matches!(state, State::Live | State::Pending) {
            continue;
        }
        let path = dir.join(name.file_name(state));
        match Run::open(fs, &path, identity, memory) {
            Ok(run) => found.push(Found { name, state, run }),
            Err(error) if error.is_damage() => damaged.push((name, state, error)),
            Err(error) => return Err(error),
        }
    }

    let mut sweep = Sweep {
        fs,
        dir,
        access,
        // A process that was killed between a rename and its sync leaves a name that is seen but would not outlive a
        // power loss. What such a file stands for is given up once it is seen, so that it must be durable first.
        changed: !listed.is_empty(),
        removed: 0,
    };
    sweep.sync()?;
    for &(name, state) in &listed {
        match state {
            State::Tmp => sweep.remove_unused(name, state),
            State::Damaged => {
                let path = dir.join(name.file_name(state));
                opened.set_aside.push(set_aside(fs, path, name));
            }
            State::Live | State::Pending => {}
        }
    }
    let found = settle_sets(&mut sweep, (identity, memory), found)?;
    sweep.sync()?;
    let replaced: BTreeSet<u64> = found
        .iter()
        .flat_map(|found| found.run.meta().replaces.iter().copied())
        .collect();
    for (name, state, error) in damaged {
        if replaced.contains(&name.file_id) {
            sweep.remove_unused(name, state);
        } else {
            let aside = sweep.rename(name, state, State::Damaged)?;
            let path = dir.join(name.file_name(state));
            opened.set_aside.push(set_aside(fs, aside, name));
            opened.damaged.push((path, error));
        }
    }
    for found in found {
        if replaced.contains(&found.name.file_id) {
            sweep.remove_unused(found.name, found.state);
        } else {
            opened.runs.push(found.run);
        }
    }
    sweep.sync()?;
    opened.swept = sweep.removed;
    opened.runs.sort_by_key(|run| run.meta().age());
    opened.flushed_generation = opened
        .runs
        .iter()
        .map(|run| *run.meta().generations.end())
        .max();
    Ok(opened)
}

/// The identity that the footer of any intact run states, for a store whose own file is lost.
///
/// # Errors
/// Those of the file system.
pub(crate) fn identity_in_footers(fs: &dyn Fs, dir: &Path) -> Result<Option<StoreIdentity>> {
    for (name, state) in list(fs, dir)? {
        if matches!(state, State::Live | State::Pending) {
            let path = dir.join(name.file_name(state));
            if let Some(footer) = footer_of(fs, &path, name) {
                return Ok(Some(footer.identity));
            }
        }
    }
    Ok(None)
}

fn set_aside(fs: &dyn Fs, path: PathBuf, name: RunName) -> SetAside {
    SetAside {
        held: held_by(fs, &path),
        partition_start_ms: name.partition_start_ms,
        path,
    }
}

/// The footer of a file, if it is intact.
fn footer_of(fs: &dyn Fs, path: &Path, name: RunName) -> Option<Footer> {
    let file = fs.open_read(path).ok()?;
    read_footer(&*file, file.len().ok()?, path, name.file_id).ok()
}

/// What a damaged file held, if its footer is intact.
pub(crate) fn held_by(fs: &dyn Fs, path: &Path) -> Option<LostRange> {
    let (name, _) = RunName::parse(path)?;
    let meta = footer_of(fs, path, name)?.meta;
    Some(LostRange {
        range: TimeRange::new(meta.min_ms, meta.max_ms),
        series: Some(meta.series),
        samples: Some(meta.samples),
        cause: LossCause::DamagedRun,
    })
}

fn list(fs: &dyn Fs, dir: &Path) -> Result<Vec<(RunName, State)>> {
    let names = fs.list(dir).map_err(|e| Error::io("list", dir, e))?;
    Ok(names
        .iter()
        .filter_map(|name| RunName::parse(name))
        .collect())
}

/// Ids are given in rising order and a run replaces older ones only, so that an id above all is in no `replaces`.
fn next_id(listed: &[(RunName, State)]) -> u64 {
    let last = listed.iter().map(|(name, _)| name.file_id).max();
    last.map_or(1, |last| last.saturating_add(1))
}

/// Completes or removes the sets of which a file is pending, and gives what is live then. A file of another set, whose
/// other files may have been removed long since, is left as it is.
fn settle_sets(
    sweep: &mut Sweep<'_>,
    (identity, memory): (StoreIdentity, &EndMemory),
    found: Vec<Found>,
) -> Result<Vec<Found>> {
    let pending: BTreeSet<u64> = found
        .iter()
        .filter(|found| found.state == State::Pending)
        .map(|found| found.run.meta().set_id)
        .collect();
    let mut parts: BTreeMap<u64, BTreeSet<u16>> = BTreeMap::new();
    for found in &found {
        let meta = found.run.meta();
        parts.entry(meta.set_id).or_default().insert(meta.part);
    }
    let is_whole = |meta: &RunMeta| {
        !pending.contains(&meta.set_id)
            || parts
                .get(&meta.set_id)
                .is_some_and(|parts| parts.len() == usize::from(meta.parts))
    };
    let (mut whole, mut partial): (Vec<Found>, Vec<Found>) = found
        .into_iter()
        .partition(|found| is_whole(found.run.meta()));
    for found in &mut whole {
        if found.state == State::Pending {
            let path = sweep.rename(found.name, State::Pending, State::Live)?;
            found.state = State::Live;
            found.run = Run::open(sweep.fs, &path, identity, memory)?;
        }
    }
    // While a pending file is there the set is known not to be whole: it goes last.
    partial.sort_by_key(|found| found.state == State::Pending);
    let mut last = State::Live;
    for found in &partial {
        if found.state != last {
            sweep.sync()?;
            last = found.state;
        }
        sweep.remove(found.name, found.state)?;
    }
    Ok(whole)
}

/// Whether the directory is put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// It is.
    Own,
    /// It is another's.
    Look,
}

/// Changes to the directory.
struct Sweep<'a> {
    fs: &'a dyn Fs,
    dir: &'a Path,
    access: Access,
    /// Whether something is not synced.
    changed: bool,
    removed: usize,
}

impl Sweep<'_> {
    /// Removes a file.
    fn remove(&mut self, name: RunName, state: State) -> Result<()> {
        if self.access == Access::Look {
            return Ok(());
        }
        let path = self.dir.join(name.file_name(state));
        self.changed = true;
        self.fs
            .remove(&path)
            .map_err(|e| Error::io("unlink", &path, e))?;
        self.removed += 1;
        Ok(())
    }

    /// Removes a file that is not served either way: where that fails, it waits for the next open.
    fn remove_unused(&mut self, name: RunName, state: State) {
        if let Err(error) = self.remove(name, state) {
            tracing::warn!(%error, "a file that is not used stays");
        }
    }

    /// Renames a file; gives the path that it has then.
    fn rename(&mut self, name: RunName, from: State, to: State) -> Result<PathBuf> {
        let from = self.dir.join(name.file_name(from));
        if self.access == Access::Look {
            return Ok(from);
        }
        let to = self.dir.join(name.file_name(to));
        self.changed = true;
        self.fs
            .rename(&from, &to)
            .map_err(|e| Error::io("rename", &from, e))?;
        Ok(to)
    }

    fn sync(&mut self) -> Result<()> {
        if self.changed && self.access == Access::Own {
            let synced = self.fs.sync_dir(self.dir);
            synced.map_err(|e| Error::io("fsync", self.dir, e))?;
            self.changed = false;
        }
        Ok(())
    }
}
