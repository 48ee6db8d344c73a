//! Series known by the numbers of symbols in which a sender encodes their labels, as long as its table of symbols is the same.
//!
//! A sender that repeats itself sends the same table, and the same series in the same order. A table is known by a keyed 128-bit hash,
//! as the forms of [`Recognition`](super::recognition::Recognition) are; what encodes labels by it is compared byte for byte. The first
//! request with a table leaves nothing but its hash, so that tables which never come again take no memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use super::recognition::Known;
use crate::model::FormKey;

/// Hashes of tables that are kept for the second request: shards of senders take turns.
const SIGHTED: usize = 1024;

/// Memory of the sequence of a request is no more than this, in bytes of encoded labels.
const MAX_SEQUENCE_BYTES: usize = 1 << 20;

/// The encoded labels of the series of a request, in its order.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where its bytes end, which begin where those before end.
    end: u32,
    known: Known,
}

impl Sequence {
    /// Number of series.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Memory of it, in bytes.
    fn bytes(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }

    /// Adds a series at the end, if there is room. Without bytes it would be taken for any.
    pub(crate) fn push(&mut self, encoded: &[u8], known: Known) {
        let end = self.bytes.len() + encoded.len();
        if let Ok(end32) = u32::try_from(end)
            && end <= MAX_SEQUENCE_BYTES
            && !encoded.is_empty()
        {
            self.bytes.extend_from_slice(encoded);
            self.entries.push(Entry { end: end32, known });
        }
    }

    /// The series at a place, if the bytes begin with its encoded labels; and how many of them these are.
    #[inline]
    pub(crate) fn at(&self, place: usize, bytes: &[u8]) -> Option<(Known, usize)> {
        let entry = self.entries.get(place)?;
        let before = place.checked_sub(1).and_then(|at| self.entries.get(at));
        let start = before.map_or(0, |before| before.end);
        let encoded = self.bytes.get(start as usize..entry.end as usize)?;
        bytes
            .starts_with(encoded)
            .then_some((entry.known, encoded.len()))
    }
}

/// The tables of symbols of a generation.
#[derive(Debug)]
pub(crate) struct SymbolTables {
    /// Halves of the hashes of the tables that came last, each in the place that it names.
    sighted: Box<[AtomicU64]>,
    // Read once a request; written for tables that come the second time.
    learned: RwLock<Learned>,
}

#[derive(Debug, Default)]
struct Learned {
    tables: HashMap<FormKey, Arc<Sequence>>,
    /// Memory of all of them.
    bytes: usize,
}

impl SymbolTables {
    pub(crate) fn new() -> Self {
        Self {
            sighted: (0..SIGHTED).map(|_| AtomicU64::new(0)).collect(),
            learned: RwLock::default(),
        }
    }

    /// What an earlier request with this table learned.
    pub(crate) fn get(&self, table: FormKey) -> Option<Arc<Sequence>> {
        self.learned.read().tables.get(&table).cloned()
    }

    /// Whether this is not the first request with a table, as far as is remembered; it is from now on.
    pub(crate) fn is_sighted(&self, [place, half]: FormKey) -> bool {
        let place = place as usize % self.sighted.len();
        let sighted = self.sighted.get(place);
        // Relaxed: whoever misses a table learns it a request later.
        sighted.is_some_and(|sighted| sighted.swap(half, Ordering::Relaxed) == half)
    }

    /// Remembers the series of a request. `series_len` bounds the memory, to two tables with a dozen labels for each series: where that
    /// is used up, all tables are forgotten, and those that come again are learned again.
    pub(crate) fn learn(&self, table: FormKey, mut sequence: Sequence, series_len: u32) {
        let most = (series_len as usize * 128).saturating_add(64 << 10);
        let bytes = sequence.bytes();
        if bytes > most {
            return;
        }
        sequence.bytes.shrink_to_fit();
        sequence.entries.shrink_to_fit();
        let mut learned = self.learned.write();
        if learned.bytes + bytes > most {
            *learned = Learned::default();
        }
        learned.bytes += bytes;
        let before = learned.tables.insert(table, Arc::new(sequence));
        learned.bytes -= before.map_or(0, |before| before.bytes());
    }

    /// Forgets what was learned of a table.
    pub(crate) fn forget(&self, table: FormKey) {
        let mut learned = self.learned.write();
        let before = learned.tables.remove(&table);
        learned.bytes -= before.map_or(0, |before| before.bytes());
    }

    /// Memory of what was learned, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.learned.read().bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(series: std::ops::Range<u32>) -> Sequence {
        let mut sequence = Sequence::default();
        for series in series {
            let known = Known {
                form: series,
                series,
            };
            sequence.push(&series.to_le_bytes(), known);
        }
        sequence
    }

    #[test]
    fn a_series_is_expected_where_it_was() {
        let sequence = sequence(0..3);
        let series = |place, bytes: &[u8]| Some(sequence.at(place, bytes)?.0.series);
        assert_eq!(series(0, &[0, 0, 0, 0]), Some(0));
        assert_eq!(series(2, &[2, 0, 0, 0, 9]), Some(2));
        assert_eq!(series(1, &[2, 0, 0, 0]), None);
        assert_eq!(series(1, &[1, 0, 0]), None);
        assert_eq!(series(3, &[3, 0, 0, 0]), None);
    }

    #[test]
    fn without_bytes_nothing_is_expected() {
        let (form, series) = (0, 0);
        let mut sequence = Sequence::default();
        sequence.push(&[], Known { form, series });
        assert_eq!((sequence.len(), sequence.at(0, &[1])), (0, None));
    }

    #[test]
    fn tables_with_half_a_hash_in_common_are_kept_apart() {
        let tables = SymbolTables::new();
        let all = [[1, 2], [1, 3], [4, 2]];
        for table in all {
            assert!(!tables.is_sighted(table));
            assert!(tables.is_sighted(table));
        }
        for (table, series) in all.into_iter().zip(0..) {
            tables.learn(table, sequence(series..series + 1), 10);
        }
        for (table, series) in all.into_iter().zip(0u32..) {
            let learned = tables
                .get(table)
                .and_then(|sequence| sequence.at(0, &series.to_le_bytes()));
            assert_eq!(learned.map(|(known, _)| known.series), Some(series));
        }
        tables.forget([1, 2]);
        assert!(tables.get([1, 2]).is_none() && tables.get([1, 3]).is_some());
    }

    #[test]
    fn memory_is_bounded_by_the_number_of_series() {
        let tables = SymbolTables::new();
        let most = (64 << 10) + 128 * 100;
        for n in 0..2000 {
            tables.learn([n, n], sequence(0..50), 100);
            tables.learn([n, n], sequence(0..51), 100);
            assert!(tables.bytes() <= most && tables.get([n, n]).is_some());
        }
        tables.learn([0, 0], sequence(0..10_000), 100);
        assert!(tables.bytes() <= most && tables.get([0, 0]).is_none());
        for n in 0..2000 {
            tables.forget([n, n]);
        }
        assert_eq!(tables.bytes(), 0);
    }
}
