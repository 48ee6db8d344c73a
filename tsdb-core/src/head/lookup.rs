//! From a label set to its series.

use hashbrown::HashTable;
use parking_lot::{RwLock, RwLockReadGuard};

use super::SeriesRef;
use super::series::Series;
use crate::index::memory::MemoryIndex;
use crate::slab::Slab;

/// Hash table over the series of a slab. Holds the whole hash of each, so that it grows without touching the series
/// and a probe touches one only when all 64 bits agree.
#[derive(Debug, Default)]
pub(crate) struct LookupTable {
    // Shared by requests that look up their series outside the commit lane; exclusive only while the lane adds one.
    table: RwLock<HashTable<Slot>>,
}

/// The hash is kept as two halves: 12 bytes a slot instead of 16.
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: [u32; 2],
    series: SeriesRef,
}

impl Slot {
    fn new(hash: u64, series: SeriesRef) -> Self {
        Self {
            hash: halves(hash),
            series,
        }
    }

    fn hash(&self) -> u64 {
        u64::from(self.hash[0]) | u64::from(self.hash[1]) << 32
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the two halves of the number"
)]
fn halves(hash: u64) -> [u32; 2] {
    [hash as u32, (hash >> 32) as u32]
}

impl LookupTable {
    /// Bytes for each series, at the mean load of a table that doubles.
    pub(crate) const BYTES_PER_SERIES: usize = (size_of::<Slot>() + 1) * 3 / 2;

    /// Holds the table for reading, to look up a whole batch. Making a series waits meanwhile: not to be kept long,
    /// and not while asking for a series to be made.
    pub(crate) fn read<'a>(
        &'a self,
        series: &'a Slab<Series>,
        index: &'a MemoryIndex,
    ) -> Lookup<'a> {
        Lookup {
            table: self.table.read(),
            series,
            index,
        }
    }

    /// The hashes of all series.
    pub(crate) fn hashes(&self) -> HashTable<u64> {
        let table = self.table.read();
        let mut hashes = HashTable::with_capacity(table.len());
        for slot in table.iter() {
            hashes.insert_unique(slot.hash(), slot.hash(), |hash| *hash);
        }
        hashes
    }

    /// Adds a series that is in the slab and not in the table.
    pub(crate) fn insert(&self, hash: u64, series: SeriesRef) {
        let slot = Slot::new(hash, series);
        self.table.write().insert_unique(hash, slot, Slot::hash);
    }
}

/// The table, held for reading.
#[derive(Debug)]
pub(crate) struct Lookup<'a> {
    table: RwLockReadGuard<'a, HashTable<Slot>>,
    series: &'a Slab<Series>,
    index: &'a MemoryIndex,
}

impl Lookup<'_> {
    /// The series with this label set. `hash` must be a function of the canonical bytes, the same at every call.
    #[inline]
    pub(crate) fn find(&self, hash: u64, canonical: &[u8]) -> Option<SeriesRef> {
        let wanted = halves(hash);
        let found = self.table.find(hash, |slot| {
            slot.hash == wanted
                && self
                    .series
                    .get(slot.series)
                    .is_some_and(|series| self.index.are_pairs_of(series.pairs(), canonical))
        });
        found.map(|slot| slot.series)
    }
}
