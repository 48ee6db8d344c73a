//! From a directory to a running store.
//!
//! Order: lock → identity → runs (sweeping what a crash left) → metadata, tombstones, exemplars → log (replayed through [`Generation`]) →
//! threads. Nothing here asks a human: what is damaged is set aside, counted and reported.

use std::path::Path;
use std::sync::Arc;

use super::delete::deletions_of;
use super::exemplars::Exemplars;
use super::figures::Counters;
use super::identity::{self, StoreFile};
use super::metadata::MetadataFile;
use super::parts::{
    Parts, open_exemplars, open_metadata, open_tombstones, tell_damaged_runs, times_of_log,
};
use super::replay::Replay;
use super::tombstones::Tombstones;
use super::{Store, figures, snapshot};
use crate::codec::StoreIdentity;
use crate::disk::{EndMemory, catalog};
use crate::error::{Error, Result};
use crate::head::Generation;
use crate::io::{Fs, MemFs};
use crate::options::Options;
use crate::read::Deletions;
use crate::wal::{self, LogPosition, Wal};

impl Store {
    /// Opens the store in a directory.
    ///
    /// # Errors
    /// See [`Db::open`](crate::Db::open).
    pub(crate) fn open(fs: Arc<dyn Fs>, dir: &Path, options: Options) -> Result<Self> {
        options.check()?;
        let (wal_dir, data_dir) = (dir.join("wal"), dir.join("data"));
        for dir in [dir, &wal_dir, &data_dir] {
            fs.create_dir_all(dir)
                .map_err(|e| Error::io("create directory", dir, e))?;
        }
        let lock_path = dir.join("lock");
        let lock = fs
            .try_lock(&lock_path)
            .map_err(|e| Error::io("lock", &lock_path, e))?
            .ok_or(Error::Locked { path: lock_path })?;
        for dir in [parent_of(dir), dir] {
            fs.sync_dir(dir).map_err(|e| Error::io("fsync", dir, e))?;
        }
        let counters = Counters::default();
        let identity = find_identity(&*fs, dir, &wal_dir, &data_dir, &counters)?;

        snapshot::sweep(&*fs, dir)?;
        let budget = options.budget.clone().unwrap_or_default();
        let ends = EndMemory::of(&budget);
        let opened = catalog::open(&*fs, &data_dir, identity, &ends)?;
        let set_aside = tell_damaged_runs(&opened, options.max_block_ms, &counters);
        let metadata = open_metadata(&*fs, dir, identity, &options, &budget, &counters)?;
        let exemplars = open_exemplars(&*fs, dir, identity, &options, &budget, &counters)?;
        let mut tombstones = open_tombstones(&*fs, dir, identity, &opened.runs, &counters)?;
        let within = times_of_log(&opened, &options);
        let mut replay = Replay::new(&metadata, &exemplars, &mut tombstones, within);
        let flushed = opened.flushed_generation;
        let recovered = wal::recover(
            &*fs,
            &wal_dir,
            Some(identity),
            &|generation| flushed.is_some_and(|flushed| generation <= flushed),
            &options.progress,
            &mut |generation, frames| replay.frames(generation, frames),
        )?;
        let lost_in_log = replay.tell_lost(&recovered.damages, &counters);
        let mut replayed = replay.finish();
        if replayed.dropped_samples > 0 {
            tracing::warn!(
                samples = replayed.dropped_samples,
                "samples of series whose definitions were lost are dropped"
            );
        }
        figures::count(&counters.replayed_frames, recovered.frames);
        tracing::debug!(
            frames = recovered.frames,
            generations = ?recovered.generations,
            torn = ?recovered.torn,
            "write-ahead log replayed"
        );

        replayed.deletions.runs = deletions_of(&opened.runs, &tombstones)?
            .into_iter()
            .collect();
        let (active, frozen, position) = resume(
            replayed.generations,
            recovered.position,
            flushed,
            !replayed.shifted && recovered.damages.is_empty(),
        );
        exemplars.log_goes_on(&*fs, position.next_seq)?;
        let wal = Wal::start(
            Arc::clone(&fs),
            wal_dir,
            identity,
            position,
            options.wal_segment_bytes,
            options.durability,
        )?;
        let store = Self::assemble(Parts {
            fs,
            wal: Some(wal),
            read_only: false,
            dir,
            identity,
            options,
            hasher: replayed.hasher,
            set_aside,
            lost_in_log,
            runs: opened.runs,
            next_file_id: opened.next_file_id,
            frozen,
            active,
            deletions: replayed.deletions,
            metadata,
            exemplars,
            budget,
            ends,
            tombstones,
            counters,
        });
        *store.lock.lock() = Some(lock);
        if !store.view.get().frozen.is_empty() {
            store.signal.generation_frozen();
        }
        store.signal.runs_changed();
        Ok(store)
    }

    /// A store in memory.
    ///
    /// # Errors
    /// [`Error::InvalidOption`].
    pub(crate) fn in_memory(options: Options) -> Result<Self> {
        options.check()?;
        let fs = MemFs::default();
        let dir = Path::new("/");
        let identity = StoreIdentity::random();
        let budget = options.budget.clone().unwrap_or_default();
        let max = options.max_metadata_families;
        let (metadata, _) = MetadataFile::open(&fs, dir, identity, max, &budget)?;
        let (exemplars, _) = Exemplars::open(&fs, dir, identity, options.max_exemplars, &budget)?;
        Ok(Self::assemble(Parts {
            fs: Arc::new(fs),
            wal: None,
            read_only: false,
            dir,
            identity,
            options,
            hasher: foldhash::fast::RandomState::default(),
            set_aside: [].into(),
            lost_in_log: [].into(),
            runs: Vec::new(),
            next_file_id: 1,
            frozen: Vec::new(),
            active: Generation::new(1),
            deletions: Deletions::default(),
            metadata,
            exemplars,
            ends: EndMemory::of(&budget),
            budget,
            tombstones: Tombstones::default(),
            counters: Counters::default(),
        }))
    }
}

/// Which generation is written to from now on, which are to be flushed, and where the log goes on.
///
/// The last generation of the log goes on, so that a store that is killed again and again does not gather generations;
/// but only if the log is `whole`: the numbers of its series are those in the log only then. Else the next one begins.
fn resume(
    mut replayed: Vec<Generation>,
    position: LogPosition,
    flushed: Option<u64>,
    whole: bool,
) -> (Generation, Vec<Generation>, LogPosition) {
    let newest = replayed.last().map_or(0, Generation::id);
    if whole
        && newest == position.generation
        && let Some(last) = replayed.pop()
    {
        return (last, replayed, position);
    }
    let least = flushed.map_or(1, |flushed| flushed + 1).max(newest + 1);
    let position = if position.generation >= least {
        position // segments without a frame
    } else {
        LogPosition {
            generation: least,
            segment: 0,
            next_seq: position.next_seq,
        }
    };
    (Generation::new(position.generation), replayed, position)
}

/// The directory that holds the name of the store's directory.
pub(super) fn parent_of(dir: &Path) -> &Path {
    match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => dir,
    }
}

/// The identity from the `store` file, or from wherever else it stands; a new one for a new store.
fn find_identity(
    fs: &dyn Fs,
    dir: &Path,
    wal_dir: &Path,
    data_dir: &Path,
    counters: &Counters,
) -> Result<StoreIdentity> {
    let damage = match identity::read(fs, dir)? {
        StoreFile::Identity(identity) => return Ok(identity),
        StoreFile::Missing => None,
        StoreFile::Damaged(damage) => Some(damage),
    };
    let elsewhere = match catalog::identity_in_footers(fs, data_dir)? {
        Some(identity) => Some(identity),
        None => wal::identity_in_headers(fs, wal_dir)?,
    };
    if damage.is_some() || elsewhere.is_some() {
        figures::count(&counters.corruptions, 1);
        tracing::warn!(
            found_elsewhere = elsewhere.is_some(),
            "the store file is missing or damaged and is written anew"
        );
    }
    let identity = elsewhere.unwrap_or_else(StoreIdentity::random);
    identity::write(fs, dir, identity)?;
    Ok(identity)
}
