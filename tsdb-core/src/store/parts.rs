//! What a store is made of: the parts that both ways of opening one need, damage to them told, and how they are put together.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};

use parking_lot::Mutex;

use super::Store;
use super::clock::ReferenceClock;
use super::exemplars::Exemplars;
use super::figures::{self, Counters};
use super::lane::Lane;
use super::maintenance::Signal;
use super::metadata::MetadataFile;
use super::partitions::Partitions;
use super::tombstones::Tombstones;
use crate::budget::MemoryBudget;
use crate::codec::StoreIdentity;
use crate::disk::{EndMemory, GroupCache, LossCause, LostRange, Partition, Run, catalog};
use crate::error::Result;
use crate::head::Generation;
use crate::io::Fs;
use crate::model::TimeRange;
use crate::options::Options;
use crate::read::{CurrentView, Deletions, View};
use crate::wal::Wal;

/// Decompressed groups that are kept when there is memory for them, in bytes.
const CACHE_BYTES: u64 = 64 << 20;

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
    pub(super) ends: EndMemory,
    pub(super) tombstones: Tombstones,
    pub(super) counters: Counters,
}

impl Store {
    /// Puts the parts together.
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
        let deleted_memory = budget.deleted();
        deleted_memory.set(view.deletions.bytes());
        let lane = Lane {
            partitions: Partitions::new(&view, &parts.options),
            ..Lane::default()
        };
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
            ends: parts.ends,
            head_memory,
            deleted_memory,
            lane: Mutex::new(lane),
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
    options: &Options,
    budget: &MemoryBudget,
    counters: &Counters,
) -> Result<MetadataFile> {
    let max = options.max_metadata_families;
    let (metadata, damage) = MetadataFile::open(fs, dir, identity, max, budget)?;
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
