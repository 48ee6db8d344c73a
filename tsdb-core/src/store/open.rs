//! From a directory to a running store.
//!
//! Order: lock → identity → runs (sweeping what a crash left) → metadata, tombstones → log (replayed through [`Generation`]) →
//! threads. Nothing here asks a human: what is damaged is set aside, counted and reported.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};

use parking_lot::Mutex;

use super::clock::ReferenceClock;
use super::delete::deletions_of;
use super::figures::Counters;
use super::identity::{self, StoreFile};
use super::lane::Lane;
use super::lookup::{hash_labels, recall_last};
use super::maintenance::Signal;
use super::metadata::MetadataFile;
use super::tombstones::Tombstones;
use super::{Store, figures};
use crate::codec::StoreIdentity;
use crate::disk::{GroupCache, Partition, Run, catalog};
use crate::error::{Error, Result};
use crate::head::{Generation, SeriesRef};
use crate::index::DeletedSeries;
use crate::io::{Fs, MemFs};
use crate::model::{TimeRange, Tombstone};
use crate::options::Options;
use crate::read::{CurrentView, Deletions, View};
use crate::wal::{self, LogPosition, RecordItem, Wal, read_record};

/// Decompressed groups that are kept, in bytes.
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

        let opened = catalog::open(&*fs, &data_dir, identity)?;
        for (path, damage) in &opened.damaged {
            figures::count(&counters.corruptions, 1);
            tracing::warn!(path = %path.display(), error = %damage, "a damaged run is set aside, the rest is served");
        }
        let (metadata, damage) = MetadataFile::open(&*fs, dir, identity)?;
        if let Some(damage) = damage {
            figures::count(&counters.corruptions, 1);
            tracing::warn!(error = %damage, "the metadata file is damaged: types and help texts come again with the next scrapes");
        }

        let (mut tombstones, damage) = Tombstones::open(&*fs, dir, identity)?;
        if let Some(damage) = damage {
            figures::count(&counters.corruptions, 1);
            tracing::warn!(error = %damage, "the file of tombstones is damaged: samples that were deleted and not yet merged away are there again");
        }
        for run in &opened.runs {
            tombstones.raise_number(run.meta().tombstones);
        }

        let mut replay = Replay {
            hasher: foldhash::fast::RandomState::default(),
            metadata: &metadata,
            tombstones: &mut tombstones,
            deletions: Deletions::default(),
            generations: Vec::new(),
            refs: Vec::new(),
            shifted: false,
            dropped_samples: 0,
        };
        let flushed = opened.flushed_generation;
        let recovered = wal::recover(
            &*fs,
            &wal_dir,
            Some(identity),
            &|generation| flushed.is_some_and(|flushed| generation <= flushed),
            &mut |generation, _, payload| replay.frame(generation, payload),
        )?;
        for damage in &recovered.damages {
            figures::count(&counters.corruptions, 1);
            tracing::warn!(
                ?damage,
                "the write-ahead log is damaged, what follows is kept"
            );
        }
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
        let wal = Wal::start(
            Arc::clone(&fs),
            wal_dir,
            identity,
            position,
            options.wal_segment_bytes,
            options.durability,
        )?;
        let partition_ms = options.max_block_ms;
        let store = Self::assemble(Parts {
            fs,
            wal: Some(wal),
            dir,
            identity,
            options,
            hasher,
            set_aside: opened
                .set_aside
                .into_iter()
                .map(|(start_ms, path)| (Partition::of(start_ms, partition_ms).range(), path))
                .collect(),
            runs: opened.runs,
            next_file_id: opened.next_file_id,
            frozen,
            active,
            deletions,
            metadata,
            tombstones,
            counters,
        });
        *store.lock.lock() = Some(lock);
        recall_last(&store)?;
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
        Ok(Self::assemble(Parts {
            fs: Arc::new(fs),
            wal: None,
            dir,
            identity,
            options,
            hasher: foldhash::fast::RandomState::default(),
            set_aside: [].into(),
            runs: Vec::new(),
            next_file_id: 1,
            frozen: Vec::new(),
            active: Generation::new(1),
            deletions: Deletions::default(),
            metadata,
            tombstones: Tombstones::default(),
            counters: Counters::default(),
        }))
    }

    fn assemble(parts: Parts<'_>) -> Self {
        let mut runs = parts.runs;
        runs.sort_by_key(|run| run.meta().age());
        let view = View {
            epoch: 0,
            set_aside: parts.set_aside,
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
        Self {
            fs: parts.fs,
            wal: parts.wal,
            dir: parts.dir.to_owned(),
            data_dir: parts.dir.join("data"),
            identity: parts.identity,
            clock: ReferenceClock::new(parts.options.clock.clone(), newest_ms, tolerance_ms),
            retention: Mutex::new(Arc::new(parts.options.retention.clone())),
            options: parts.options,
            hasher: parts.hasher,
            form_hashers: std::array::from_fn(|_| foldhash::quality::RandomState::default()),
            batches: Mutex::default(),
            view: Arc::new(CurrentView::new(view)),
            cache: Arc::new(GroupCache::new(CACHE_BYTES)),
            lane: Mutex::new(Lane::default()),
            metadata: parts.metadata,
            tombstones: Mutex::new(parts.tombstones),
            newest_ms: AtomicI64::new(newest_ms),
            next_file_id: AtomicU64::new(parts.next_file_id),
            flushing: Mutex::new(()),
            merging: Mutex::default(),
            signal: Signal::default(),
            counters: parts.counters,
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

struct Parts<'a> {
    fs: Arc<dyn Fs>,
    wal: Option<Arc<Wal>>,
    dir: &'a Path,
    identity: StoreIdentity,
    options: Options,
    hasher: foldhash::fast::RandomState,
    set_aside: Arc<[(TimeRange, PathBuf)]>,
    runs: Vec<Arc<Run>>,
    next_file_id: u64,
    frozen: Vec<Generation>,
    active: Generation,
    deletions: Deletions,
    metadata: MetadataFile,
    tombstones: Tombstones,
    counters: Counters,
}

/// The directory that holds the name of the store's directory.
fn parent_of(dir: &Path) -> &Path {
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

/// The log becomes generations.
struct Replay<'a> {
    hasher: foldhash::fast::RandomState,
    metadata: &'a MetadataFile,
    tombstones: &'a mut Tombstones,
    /// What is deleted of all generations but the last.
    deletions: Deletions,
    generations: Vec<Generation>,
    /// Of the last generation: from the number in the log to the series. They agree unless definitions were lost.
    refs: Vec<Option<SeriesRef>>,
    shifted: bool,
    dropped_samples: u64,
}

impl Replay<'_> {
    fn frame(&mut self, generation: u64, payload: &[u8]) -> Result<()> {
        if self
            .generations
            .last()
            .is_none_or(|last| last.id() != generation)
        {
            self.generations.push(Generation::new(generation));
            self.refs.clear();
            self.shifted = false;
        }
        let Some((generation, older)) = self.generations.split_last() else {
            return Ok(());
        };
        let (tombstones, frozen) = (&mut *self.tombstones, &mut self.deletions.frozen);
        let mut deleted = Ok(());
        let (refs, hasher, shifted) = (&mut self.refs, &self.hasher, &mut self.shifted);
        let dropped = &mut self.dropped_samples;
        let read = read_record(payload, |item| match item {
            RecordItem::Series {
                series, canonical, ..
            } => {
                let at = series as usize;
                if refs.len() <= at {
                    refs.resize(at + 1, None);
                }
                let hash = hash_labels(hasher, canonical);
                let made = generation
                    .find(hash, canonical)
                    .unwrap_or_else(|| generation.create(hash, canonical, None));
                *shifted |= made != series;
                refs[at] = Some(made);
            }
            RecordItem::Sample { series, t_ms, bits } => {
                match refs.get(series as usize).copied().flatten() {
                    Some(series) => generation.append(series, t_ms, bits),
                    None => *dropped += 1,
                }
            }
            RecordItem::Histogram {
                series,
                t_ms,
                histogram,
            } => match refs.get(series as usize).copied().flatten() {
                // What is not storable was never logged.
                Some(series) if histogram.is_storable() => {
                    generation.append(series, t_ms, &histogram);
                }
                _ => *dropped += 1,
            },
            RecordItem::Metadata(metadata) => {
                self.metadata.set(&metadata);
            }
            RecordItem::Tombstone(tombstone) => {
                let done = delete(generation, older, frozen, &tombstone);
                deleted = std::mem::replace(&mut deleted, Ok(())).and(done);
                tombstones.add(tombstone);
            }
        });
        deleted?;
        // The frame's checksum is right, so this is a record that this program does not know.
        read.map_err(|e| Error::corrupt("(write-ahead log)", e.at as u64, e.what))
    }
}

/// Deletes what a tombstone names from the generation whose log has it, and hides it in the older ones.
fn delete(
    generation: &Generation,
    older: &[Generation],
    frozen: &mut HashMap<u64, Arc<DeletedSeries>>,
    tombstone: &Tombstone,
) -> Result<()> {
    generation.delete(tombstone)?;
    for generation in older {
        let known = frozen.get(&generation.id()).map(|deleted| &**deleted);
        let series = generation.newly_deleted(tombstone, known)?;
        if !series.is_empty() {
            let deleted = frozen.entry(generation.id()).or_default();
            Arc::make_mut(deleted).extend(tombstone, &series);
        }
    }
    Ok(())
}
