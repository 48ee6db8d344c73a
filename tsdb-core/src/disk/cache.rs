//! Decompressed groups, shared by everyone who reads, bounded in bytes.

use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use quick_cache::sync::{Cache, DefaultLifecycle};

use super::group::{Group, Unpacker};
use super::run::Run;
use crate::error::{Error, Result};

/// File id and number of a group. Ids are never used twice, so that an entry can be stale but never wrong.
type Key = (u64, u32);

/// Decompressed groups. Groups of files that are gone fall out as others come in.
#[derive(Debug)]
pub(crate) struct GroupCache {
    groups: Cache<Key, Arc<Group>, Weighter, RandomState>,
    unpackers: UnpackerPool,
}

#[derive(Clone, Copy, Debug)]
struct Weighter;

impl quick_cache::Weighter<Key, Arc<Group>> for Weighter {
    fn weight(&self, _: &Key, group: &Arc<Group>) -> u64 {
        group.bytes() as u64
    }
}

/// What a group takes about, with its entry: only to size the table.
const GROUP_BYTES: u64 = 20 << 10;

impl GroupCache {
    /// A cache that holds about `bytes`.
    pub(crate) fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / GROUP_BYTES).unwrap_or(usize::MAX);
        let (hasher, lifecycle) = (RandomState::default(), DefaultLifecycle::default());
        Self {
            groups: Cache::with(items.max(16), bytes, Weighter, hasher, lifecycle),
            unpackers: UnpackerPool::default(),
        }
    }

    /// The group of a run. Of several threads that miss the same group one reads it, the others wait.
    pub(super) fn group(&self, run: &Run, group: u32) -> Result<Arc<Group>> {
        let key = (run.meta().file_id, group);
        self.groups
            .get_or_insert_with(&key, || self.unpackers.load(run, group).map(Arc::new))
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        self.groups.weight()
    }
}

/// Decompressors with their buffers that nobody uses at the moment.
#[derive(Debug, Default)]
pub(super) struct UnpackerPool {
    // Held for a push or a pop.
    idle: Mutex<Vec<Unpacker>>,
}

/// Decompressors kept; each takes some 200 KiB.
const MAX_IDLE: usize = 32;

impl UnpackerPool {
    /// Reads and verifies a group.
    pub(super) fn load(&self, run: &Run, group: u32) -> Result<Group> {
        let idle = self.idle.lock().pop();
        let mut unpacker = match idle {
            Some(unpacker) => unpacker,
            None => Unpacker::new().map_err(|e| Error::io("decompress", run.path(), e))?,
        };
        let loaded = run.load_group(group, &mut unpacker);
        let mut idle = self.idle.lock();
        if idle.len() < MAX_IDLE {
            idle.push(unpacker);
        }
        loaded
    }
}
