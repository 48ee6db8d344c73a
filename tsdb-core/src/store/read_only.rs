//! A store as it is at one moment: without the lock, and without a change to any file.
//!
//! A process that has the store open may flush and merge meanwhile, so that files come and go. The names of the runs are
//! read before and after everything else: where they are the same, nothing was flushed or merged in between, and runs and
//! log fit together. A file that was opened stays readable when its name is gone.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Store;
use super::delete::deletions_of;
use super::figures::Counters;
use super::identity::{self, StoreFile};
use super::parts::{
    Parts, open_exemplars, open_metadata, open_tombstones, tell_damaged_runs, times_of_log,
};
use super::replay::Replay;
use crate::codec::StoreIdentity;
use crate::disk::{EndMemory, catalog};
use crate::error::{Error, Result};
use crate::head::Generation;
use crate::io::Fs;
use crate::options::Options;
use crate::wal;

/// How often it is tried. A flush takes a second or so, and the next is minutes away.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

impl Store {
    /// See [`Db::open_read_only`](crate::Db::open_read_only).
    ///
    /// # Errors
    /// When there is no store, or it cannot be read.
    pub(crate) fn open_read_only(fs: &Arc<dyn Fs>, dir: &Path, options: &Options) -> Result<Self> {
        options.check()?;
        let identity = find_identity(&**fs, dir)?;
        for _ in 0..ATTEMPTS {
            match look(fs, dir, identity, options) {
                Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Ok(None) => {}
                Ok(Some(store)) => return Ok(store),
                Err(e) => return Err(e),
            }
            std::thread::sleep(PAUSE);
        }
        let changing = io::Error::other("its files change faster than they can be read");
        Err(Error::io("read", dir, changing))
    }
}

/// The identity of a store, from wherever it stands.
///
/// # Errors
/// When it stands nowhere: there is no store.
fn find_identity(fs: &dyn Fs, dir: &Path) -> Result<StoreIdentity> {
    if let StoreFile::Identity(identity) = identity::read(fs, dir)? {
        return Ok(identity);
    }
    let in_footers = catalog::identity_in_footers(fs, &dir.join("data"))?;
    match in_footers {
        Some(identity) => Ok(identity),
        None => wal::identity_in_headers(fs, &dir.join("wal"))?
            .ok_or_else(|| Error::io("open", dir.join("store"), io::ErrorKind::NotFound.into())),
    }
}

/// Reads everything once; `None` when files changed meanwhile.
fn look(
    fs: &Arc<dyn Fs>,
    dir: &Path,
    identity: StoreIdentity,
    options: &Options,
) -> Result<Option<Store>> {
    let data_dir = dir.join("data");
    let names = catalog::names(&**fs, &data_dir)?;
    let budget = options.budget.clone().unwrap_or_default();
    let ends = EndMemory::of(&budget);
    let opened = catalog::read(&**fs, &data_dir, identity, &ends)?;
    let counters = Counters::default();
    let metadata = open_metadata(&**fs, dir, identity, options, &budget, &counters)?;
    let flushed = opened.flushed_generation;
    let exemplars = open_exemplars(&**fs, dir, identity, options, &budget, &counters)?;
    let mut tombstones = open_tombstones(&**fs, dir, identity, &opened.runs, &counters)?;
    let within = times_of_log(&opened, options);
    let mut replay = Replay::new(&metadata, &exemplars, &mut tombstones, within);
    let damages = wal::read(
        &**fs,
        &dir.join("wal"),
        Some(identity),
        &|generation| flushed.is_some_and(|flushed| generation <= flushed),
        &mut |generation, frames| replay.frames(generation, frames),
    )?;
    if catalog::names(&**fs, &data_dir)? != names {
        return Ok(None);
    }
    let set_aside = tell_damaged_runs(&opened, options.max_block_ms, &counters);
    let lost_in_log = replay.tell_lost(&damages, &counters);
    let mut replayed = replay.finish();
    replayed.deletions.runs = deletions_of(&opened.runs, &tombstones)?
        .into_iter()
        .collect();
    let next = replayed
        .generations
        .last()
        .map_or(0, Generation::id)
        .max(flushed.unwrap_or(0))
        + 1;
    Ok(Some(Store::assemble(Parts {
        fs: Arc::clone(fs),
        wal: None,
        read_only: true,
        dir,
        identity,
        options: options.clone(),
        hasher: replayed.hasher,
        set_aside,
        lost_in_log,
        runs: opened.runs,
        next_file_id: opened.next_file_id,
        frozen: replayed.generations,
        active: Generation::new(next),
        deletions: replayed.deletions,
        metadata,
        exemplars,
        budget,
        ends,
        tombstones,
        counters,
    })))
}
