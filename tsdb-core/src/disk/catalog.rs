//! What stands in the directory of a store: told from the files alone, swept, and opened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::footer::{Footer, RunMeta};
use super::name::{RunName, State};
use super::run::Run;
use crate::codec::StoreIdentity;
use crate::error::{Error, Result};
use crate::io::Fs;

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
    /// Start of the partition, in milliseconds, and path of every file that is or was set aside.
    pub(crate) set_aside: Vec<(i64, PathBuf)>,
    /// Number of files removed: unfinished, of an incomplete set, or replaced.
    pub(crate) swept: usize,
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
/// * a damaged file is renamed to `.damaged`, which keeps it and its id, and the rest is served;
/// * files that a live run replaces are removed, damaged or not. What a damaged run would replace stays live.
///
/// # Errors
/// Those of the file system, and [`Error::UnsupportedFormat`] before anything is changed.
pub(crate) fn open(fs: &dyn Fs, dir: &Path, identity: StoreIdentity) -> Result<Opened> {
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
        match Run::open(fs, &dir.join(name.file_name(state)), identity) {
            Ok(run) => found.push(Found { name, state, run }),
            Err(error) if error.is_corruption() => damaged.push((name, state, error)),
            Err(error) => return Err(error),
        }
    }

    let mut sweep = Sweep {
        fs,
        dir,
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
                opened.set_aside.push((name.partition_start_ms, path));
            }
            State::Live | State::Pending => {}
        }
    }
    let found = settle_sets(&mut sweep, identity, found)?;
    sweep.sync()?;
    let replaced: BTreeSet<u64> = found
        .iter()
        .flat_map(|found| found.run.meta().replaces.iter().copied())
        .collect();
    for (name, state, error) in damaged {
        if replaced.contains(&name.file_id) {
            sweep.remove_unused(name, state);
        } else {
            tracing::error!(%error, "a file is damaged and set aside");
            sweep.rename(name, state, State::Damaged)?;
            let path = dir.join(name.file_name(state));
            let aside = dir.join(name.file_name(State::Damaged));
            opened.set_aside.push((name.partition_start_ms, aside));
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
            let map = fs.map(&path).map_err(|e| Error::io("map", &path, e))?;
            if let Ok(footer) = Footer::decode(&map, name.file_id) {
                return Ok(Some(footer.identity));
            }
        }
    }
    Ok(None)
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
    identity: StoreIdentity,
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
            found.run = Run::open(sweep.fs, &path, identity)?;
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

/// Changes to the directory.
struct Sweep<'a> {
    fs: &'a dyn Fs,
    dir: &'a Path,
    /// Whether something is not synced.
    changed: bool,
    removed: usize,
}

impl Sweep<'_> {
    /// Removes a file.
    fn remove(&mut self, name: RunName, state: State) -> Result<()> {
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

    fn rename(&mut self, name: RunName, from: State, to: State) -> Result<PathBuf> {
        let from = self.dir.join(name.file_name(from));
        let to = self.dir.join(name.file_name(to));
        self.changed = true;
        self.fs
            .rename(&from, &to)
            .map_err(|e| Error::io("rename", &from, e))?;
        Ok(to)
    }

    fn sync(&mut self) -> Result<()> {
        if self.changed {
            let synced = self.fs.sync_dir(self.dir);
            synced.map_err(|e| Error::io("fsync", self.dir, e))?;
            self.changed = false;
        }
        Ok(())
    }
}
