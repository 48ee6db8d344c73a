//! What was decompressed, shared by everyone who reads, bounded in bytes.

use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use quick_cache::sync::{Cache, DefaultLifecycle};

use super::float_group::FloatGroup;
use super::group::{Group, Unpacker};
use super::loader::Loader;
use super::run::Run;
use super::times::TimesTable;
use crate::budget::{Gauge, MemoryBudget};
use crate::codec::DecodeError;
use crate::codec::column::{Followed, TimesRef};
use crate::error::{Error, Result};

/// File id, and what of the file. Ids are never used twice, so that an entry can be stale but never wrong.
type Key = (u64, Part);

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    Group(u32),
    Table(u32),
    /// A column of a table.
    Times(u32, TimesRef),
}

/// A part of a file in memory.
#[derive(Clone, Debug)]
enum Held {
    Group(Arc<Group>),
    Table(Arc<TimesTable>),
    Times(Arc<[i64]>),
}

/// Decompressed groups, tables and columns of timestamps.
#[derive(Debug)]
pub(crate) struct GroupCache {
    parts: Cache<Key, Held, Weighter, RandomState>,
    /// The most it holds when there is memory for it.
    most_bytes: u64,
    budget: MemoryBudget,
    charged: Gauge,
    unpackers: UnpackerPool,
    // Held for a push or a pop.
    followed: Mutex<Vec<FollowedIn>>,
}

#[derive(Clone, Copy, Debug)]
struct Weighter;

/// What an entry takes beside what it holds.
const ENTRY_BYTES: usize = 64;

impl quick_cache::Weighter<Key, Held> for Weighter {
    fn weight(&self, _: &Key, held: &Held) -> u64 {
        let bytes = match held {
            Held::Group(group) => group.bytes(),
            Held::Table(table) => table.bytes(),
            Held::Times(times_ms) => size_of_val(&**times_ms),
        };
        (bytes + ENTRY_BYTES) as u64
    }
}

/// The part of the budget that the cache has whatever others need.
const LEAST_SHARE: u64 = 64;

/// What a part takes about, with its entry: only to size the table.
const PART_BYTES: u64 = 20 << 10;

impl GroupCache {
    /// A cache that holds about `bytes`, whatever else there is.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn new(bytes: u64) -> Self {
        Self::with(bytes, MemoryBudget::new(u64::MAX))
    }

    /// A cache that holds about `bytes`, and less when others need the memory.
    pub(crate) fn in_budget(bytes: u64, budget: &MemoryBudget) -> Arc<Self> {
        let cache = Arc::new(Self::with(bytes, budget.clone()));
        let weak = Arc::downgrade(&cache);
        budget.on_pressure(move |left| {
            let cache = weak.upgrade();
            if let Some(cache) = &cache {
                cache.limit(left);
            }
            cache.is_some()
        });
        cache
    }

    /// Gives memory back until `left` is enough, but for a little: without any, each series of a group would unpack all of it.
    fn limit(&self, left: u64) {
        let least = self.budget.limit() / LEAST_SHARE;
        self.parts
            .set_capacity(left.max(least).min(self.most_bytes));
        self.charged.set(self.bytes());
    }

    /// Takes the memory again that others have given back.
    pub(crate) fn adjust(&self) {
        self.limit(self.budget.left_for_cache());
    }

    fn with(bytes: u64, budget: MemoryBudget) -> Self {
        let items = usize::try_from(bytes / PART_BYTES).unwrap_or(usize::MAX);
        let (hasher, lifecycle) = (RandomState::default(), DefaultLifecycle::default());
        Self {
            parts: Cache::with(items.max(16), bytes, Weighter, hasher, lifecycle),
            most_bytes: bytes,
            charged: budget.cache(),
            budget,
            unpackers: UnpackerPool::default(),
            followed: Mutex::default(),
        }
    }

    /// Lets go of what is held of runs that are gone, and takes nothing of them any more.
    pub(crate) fn forget(&self, gone: &[Arc<Run>]) {
        for run in gone {
            run.retire();
        }
        let is_gone = |id| gone.iter().any(|run| run.meta().file_id == id);
        self.parts.retain(|(file_id, _), _| !is_gone(*file_id));
        self.charged.set(self.bytes());
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        self.parts.weight()
    }

    /// A part of a run. Of several threads that miss the same part one reads it, the others wait.
    fn part(&self, run: &Run, part: Part, load: impl FnOnce() -> Result<Held>) -> Result<Held> {
        let mut is_new = false;
        let load = || {
            is_new = true;
            load()
        };
        let key = (run.meta().file_id, part);
        let held = self.parts.get_or_insert_with(&key, load)?;
        if is_new {
            // Who has an old view reads on; nobody else will.
            if run.is_retired() {
                self.parts.remove(&key);
            }
            self.charged.set(self.bytes());
        }
        Ok(held)
    }

    fn table(&self, run: &Run, table: u32) -> Result<Arc<TimesTable>> {
        let load = || self.unpackers.table(run, table).map(Arc::new);
        match self.part(run, Part::Table(table), || load().map(Held::Table))? {
            Held::Table(table) => Ok(table),
            Held::Group(_) | Held::Times(_) => load(),
        }
    }
}

impl Loader for &GroupCache {
    fn group(&mut self, run: &Run, group: u32) -> Result<Arc<Group>> {
        let load = || self.unpackers.group(run, group).map(Arc::new);
        match self.part(run, Part::Group(group), || load().map(Held::Group))? {
            Held::Group(group) => Ok(group),
            Held::Table(_) | Held::Times(_) => load(),
        }
    }

    fn times(&mut self, run: &Run, table: u32, column: TimesRef) -> Result<Arc<[i64]>> {
        let load = || run.times_of(&*self.table(run, table)?, table, column);
        match self.part(run, Part::Times(table, column), || load().map(Held::Times))? {
            Held::Times(times_ms) => Ok(times_ms),
            Held::Group(_) | Held::Table(_) => load(),
        }
    }

    fn values(
        &mut self,
        (run, group): (&Run, u32),
        columns: &FloatGroup,
        index: u32,
        out: &mut Vec<f64>,
    ) -> std::result::Result<(), DecodeError> {
        // Who reads neighbours one after the other gets back what was pushed last.
        let mut followed = self.followed.lock().pop().unwrap_or_default();
        let decoded = followed.decode((run, group), columns, index, out);
        let mut idle = self.followed.lock();
        if idle.len() < MAX_IDLE {
            idle.push(followed);
        }
        decoded
    }
}

/// What is remembered between columns of a group.
#[derive(Debug, Default)]
pub(super) struct FollowedIn {
    /// File id and number of the group.
    group: (u64, u32),
    followed: Followed,
}

impl FollowedIn {
    /// Appends the values of a column of a group.
    pub(super) fn decode(
        &mut self,
        (run, group): (&Run, u32),
        columns: &FloatGroup,
        index: u32,
        out: &mut Vec<f64>,
    ) -> std::result::Result<(), DecodeError> {
        let group = (run.meta().file_id, group);
        if self.group != group {
            self.followed.clear();
            self.group = group;
        }
        columns.decode(index, &mut self.followed, out)
    }
}

/// Decompressors with their buffers that nobody uses at the moment.
#[derive(Debug, Default)]
pub(super) struct UnpackerPool {
    // Held for a push or a pop.
    idle: Mutex<Vec<Unpacker>>,
}

/// Decompressors kept; each takes some 300 KiB.
const MAX_IDLE: usize = 32;

impl UnpackerPool {
    /// Reads and verifies a group.
    pub(super) fn group(&self, run: &Run, group: u32) -> Result<Group> {
        self.with(run, |unpacker| run.load_group(group, unpacker))
    }

    /// Reads and verifies a table of timestamps.
    pub(super) fn table(&self, run: &Run, table: u32) -> Result<TimesTable> {
        self.with(run, |unpacker| run.load_table(table, unpacker))
    }

    fn with<T>(&self, run: &Run, load: impl FnOnce(&mut Unpacker) -> Result<T>) -> Result<T> {
        let idle = self.idle.lock().pop();
        let mut unpacker = match idle {
            Some(unpacker) => unpacker,
            None => Unpacker::new().map_err(|e| Error::io("decompress", run.path(), e))?,
        };
        let loaded = load(&mut unpacker);
        let mut idle = self.idle.lock();
        if idle.len() < MAX_IDLE {
            idle.push(unpacker);
        }
        loaded
    }
}
