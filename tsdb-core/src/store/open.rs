//! From a directory to a running store.
//!
//! Order: lock → identity → runs (sweeping what a crash left) → metadata, tombstones, exemplars → log (replayed through [`Generation`]) →
//! threads. Nothing here asks a human: what is damaged is set aside, counted and reported.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};

use parking_lot::Mutex;

use super::clock::ReferenceClock;
use super::delete::deletions_of;
use super::exemplars::Exemplars;
use super::figures::Counters;
use super::identity::{self, StoreFile};
use super::lane::Lane;
use super::maintenance::Signal;
use super::metadata::MetadataFile;
use super::replay::Replay;
use super::tombstones::Tombstones;
use super::{Store, figures, snapshot};
use crate::budget::MemoryBudget;
use crate::codec::StoreIdentity;
use crate::disk::{GroupCache, LossCause, LostRange, Partition, Run, catalog};
use crate::error::{Error, Result};
use crate::head::Generation;
use crate::io::{Fs, MemFs};
use crate::model::TimeRange;
use crate::options::Options;
use crate::read::{CurrentView, Deletions, View};
use crate::wal::{self, LogPosition, Wal};

/// Decompressed groups that are kept when there is memory for them, in bytes.
const CACHE_BYTES: u64 = 64 << 20;

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
        let opened = catalog::open(&*fs, &data_dir, identity)?;
        let set_aside = tell_damaged_runs(&opened, options.max_block_ms, &counters);
        let metadata = open_metadata(&*fs, dir, identity, &counters)?;

        let budget = options.budget.clone().unwrap_or_default();
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
            &mut |generation, seq, payload| replay.frame(generation, seq, payload),
        )?;
        let lost_in_log = replay.tell_lost(&recovered.damages, &counters);
        if replay.dropped_samples > 0 {
            tracing::warn!(
                samples = replay.dropped_samples,
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

        let Replay {
            hasher,
            generations,
            shifted,
            mut deletions,
            ..
        } = replay;
        deletions.runs = deletions_of(&opened.runs, &tombstones)?
            .into_iter()
            .collect();
        let (active, frozen, position) = resume(
            generations,
            recovered.position,
            flushed,
            !shifted && recovered.damages.is_empty(),
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
            hasher,
            set_aside,
            lost_in_log,
            runs: opened.runs,
            next_file_id: opened.next_file_id,
            frozen,
            active,
            deletions,
            metadata,
            exemplars,
            budget,
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
        let (metadata, _) = MetadataFile::open(&fs, dir, identity)?;
        let budget = options.budget.clone().unwrap_or_default();
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
            budget,
            tombstones: Tombstones::default(),
            counters: Counters::default(),
        }))
    }

    pub(super) fn assemble(parts: Parts<'_>) -> Self {
        let mut runs = parts.runs;
        runs.sort_by_key(|run| run.meta().age());
        let view = View {
            epoch: 0,
            set_aside: parts.set_aside,
            lost_in_log: parts.lost_in_log,
            runs,
            frozen: parts.frozen.into_iter().map(Arc::new).collect(),
            active: Arc::new(parts.active),
            deletions: parts.deletions,
        };
        let in_head = view
            .generations()
            .filter_map(|generation| generation.time_range());
        let newest_ms = in_head
            .map(|(_, max_ms)| max_ms)
            .chain([view.runs_max_ms()])
            .max()
            .unwrap_or(i64::MIN);
        let tolerance_ms = parts.options.future_limit_ms.unwrap_or(i64::MAX);
        let budget = parts.budget;
        let head_memory = budget.head();
        head_memory.set(view.head_bytes());
        Self {
            fs: parts.fs,
            wal: parts.wal,
            dir: parts.dir.to_owned(),
            read_only: parts.read_only,
            data_dir: parts.dir.join("data"),
            identity: parts.identity,
            clock: ReferenceClock::new(parts.options.clock.clone(), newest_ms, tolerance_ms),
            retention: Mutex::new(Arc::new(parts.options.retention.clone())),
            options: parts.options,
            hasher: parts.hasher,
            form_hashers: std::array::from_fn(|_| foldhash::quality::RandomState::default()),
            batches: Mutex::default(),
            view: Arc::new(CurrentView::new(view)),
            cache: GroupCache::in_budget(CACHE_BYTES, &budget),
            budget,
            head_memory,
            lane: Mutex::new(Lane::default()),
            metadata: parts.metadata,
            exemplars: parts.exemplars,
            tombstones: Mutex::new(parts.tombstones),
            newest_ms: AtomicI64::new(newest_ms),
            next_file_id: AtomicU64::new(parts.next_file_id),
            flushing: Mutex::new(()),
            merging: Mutex::default(),
            signal: Signal::default(),
            counters: parts.counters,
            asks_runs: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            lock: Mutex::new(None),
        }
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

/// Files that are damaged as a whole, with what they held.
type SetAsideFiles = Arc<[(LostRange, PathBuf)]>;
/// What is lost of generations in the log.
type LostInLog = Arc<[(u64, LostRange)]>;

/// What a store is made of.
pub(super) struct Parts<'a> {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) wal: Option<Arc<Wal>>,
    pub(super) read_only: bool,
    pub(super) dir: &'a Path,
    pub(super) identity: StoreIdentity,
    pub(super) options: Options,
    pub(super) hasher: foldhash::fast::RandomState,
    pub(super) set_aside: SetAsideFiles,
    pub(super) lost_in_log: LostInLog,
    pub(super) runs: Vec<Arc<Run>>,
    pub(super) next_file_id: u64,
    pub(super) frozen: Vec<Generation>,
    pub(super) active: Generation,
    pub(super) deletions: Deletions,
    pub(super) metadata: MetadataFile,
    pub(super) exemplars: Exemplars,
    pub(super) budget: MemoryBudget,
    pub(super) tombstones: Tombstones,
    pub(super) counters: Counters,
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

/// Tells of the runs that are damaged as a whole, and of those that were found to be so earlier.
pub(super) fn tell_damaged_runs(
    opened: &catalog::Opened,
    partition_ms: i64,
    counters: &Counters,
) -> SetAsideFiles {
    let range_of = |set_aside: &catalog::SetAside| {
        set_aside.held.unwrap_or(LostRange {
            range: Partition::of(set_aside.partition_start_ms, partition_ms).range(),
            series: None,
            samples: None,
            cause: LossCause::DamagedRun,
        })
    };
    for (path, damage) in &opened.damaged {
        figures::count(&counters.corruptions, 1);
        tracing::warn!(path = %path.display(), error = %damage, "a damaged run is set aside, the rest is served");
    }
    for (damage, _) in opened.runs.iter().flat_map(|run| run.mended()) {
        figures::count(&counters.corruptions, 1);
        tracing::warn!(error = %damage, "a part of a run is damaged, nothing is lost: the file says it twice");
    }
    for set_aside in &opened.set_aside {
        let lost = range_of(set_aside);
        tracing::warn!(
            path = %set_aside.path.display(),
            lost_from_ms = lost.range.start_ms,
            lost_to_ms = lost.range.end_ms,
            lost_samples = lost.samples,
            "what this file held is missing"
        );
    }
    let files = opened.set_aside.iter();
    files
        .map(|aside| (range_of(aside), aside.path.clone()))
        .collect()
}

/// When samples of the log can have been taken.
pub(super) fn times_of_log(opened: &catalog::Opened, options: &Options) -> TimeRange {
    let newest_ms = opened.runs.iter().map(|run| run.meta().max_ms).max();
    let latest_ms = options
        .future_limit_ms
        .map(|limit_ms| options.clock.now_ms().saturating_add(limit_ms));
    TimeRange::new(newest_ms.unwrap_or(i64::MIN), latest_ms.unwrap_or(i64::MAX))
}

/// Opens the metadata file, and tells of damage.
pub(super) fn open_metadata(
    fs: &dyn Fs,
    dir: &Path,
    identity: StoreIdentity,
    counters: &Counters,
) -> Result<MetadataFile> {
    let (metadata, damage) = MetadataFile::open(fs, dir, identity)?;
    if let Some(damage) = damage {
        figures::count(&counters.corruptions, 1);
        tracing::warn!(error = %damage, "the metadata file is damaged: types and help texts come again with the next scrapes");
    }
    Ok(metadata)
}

/// Opens the file of exemplars, and tells of damage.
pub(super) fn open_exemplars(
    fs: &dyn Fs,
    dir: &Path,
    identity: StoreIdentity,
    options: &Options,
    budget: &MemoryBudget,
    counters: &Counters,
) -> Result<Exemplars> {
    let (exemplars, damage) = Exemplars::open(fs, dir, identity, options.max_exemplars, budget)?;
    if let Some(damage) = damage {
        figures::count(&counters.corruptions, 1);
        tracing::warn!(error = %damage, "the file of exemplars is damaged: those of the log are kept");
    }
    Ok(exemplars)
}

/// Opens the file of tombstones, and tells of damage. None is given a number that is applied to a run.
pub(super) fn open_tombstones(
    fs: &dyn Fs,
    dir: &Path,
    identity: StoreIdentity,
    runs: &[Arc<Run>],
    counters: &Counters,
) -> Result<Tombstones> {
    let (mut tombstones, damage) = Tombstones::open(fs, dir, identity)?;
    if let Some(damage) = damage {
        figures::count(&counters.corruptions, 1);
        tracing::warn!(error = %damage, "the file of tombstones is damaged: samples that were deleted and not yet merged away are there again");
    }
    for run in runs {
        tombstones.raise_number(run.meta().tombstones);
    }
    Ok(tombstones)
}
