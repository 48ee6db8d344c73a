//! The records of an index: the label pairs of each series. Neighbours in label order have most pairs in common, so that
//! a record says what it has of the one before it, and what not. Every sixteenth is whole.
//!
//! ```text
//! record │ dropped <uvarint> │ 2 · added + (1 if a unit follows) <uvarint> │ unit u8 │ added 0 │ added 1 │ …
//! ```
//!
//! Drawn in `docs/format/index.md`.

use super::format::{SERIES_PER_BLOCK, item};
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::codec::varint::{push_ivarint, push_uvarint};
use crate::model::TimeUnit;

/// Pairs that can be dropped by their bit. A record after a longer one drops all of it.
const MAX_KEPT: usize = 63;

/// Encodes the pairs of all series, each list rising, and the units of their times: the table of the blocks' offsets, and the blocks.
pub(super) fn encode<'a>(
    series: impl Iterator<Item = (&'a [u32], TimeUnit)>,
) -> (Vec<usize>, Vec<u8>) {
    let mut offsets = Vec::new();
    let mut blocks = Vec::new();
    let (mut before, mut dropped, mut added): (&[u32], Vec<u32>, Vec<u32>) = Default::default();
    let mut unit_before = None;
    for (id, (pairs, unit)) in (0u32..).zip(series) {
        let first = id % SERIES_PER_BLOCK == 0;
        if first {
            offsets.push(blocks.len());
        }
        if first || before.len() > MAX_KEPT {
            before = &[];
        }
        dropped.clear();
        added.clear();
        let mut mask = 0u64;
        let mut own = pairs.iter().copied().peekable();
        for (i, &pair) in before.iter().enumerate() {
            while let Some(new) = own.next_if(|&own| own < pair) {
                added.push(new);
            }
            if own.next_if_eq(&pair).is_none() {
                mask |= 1 << i;
                dropped.push(pair);
            }
        }
        added.extend(own);
        push_uvarint(&mut blocks, mask);
        let with_unit = first || unit_before != Some(unit);
        push_uvarint(&mut blocks, added.len() as u64 * 2 + u64::from(with_unit));
        if with_unit {
            blocks.push(unit as u8);
        }
        unit_before = Some(unit);
        let mut least = 0;
        let mut dropped = dropped.iter();
        for &pair in &added {
            match dropped.next() {
                Some(&old) => push_ivarint(&mut blocks, i64::from(pair) - i64::from(old)),
                None => push_uvarint(&mut blocks, u64::from(pair) - least),
            }
            least = u64::from(pair) + 1;
        }
        before = pairs;
    }
    (offsets, blocks)
}

/// The records of an index.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordTable<'a> {
    offsets: &'a [u8],
    blocks: &'a [u8],
    series: u32,
}

/// The last record read, from which the next is cheap to read. Belongs to one index.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pairs: Vec<u32>,
    unit: u8,
    /// Number of the series after that of the record; 0 when there is none.
    next: u32,
    /// Where the next record begins in its block.
    at: usize,
    dropped: Vec<u32>,
    kept: Vec<u32>,
    added: Vec<u32>,
}

impl Record {
    /// The label pairs, strictly rising.
    pub(super) fn pairs(&self) -> &[u32] {
        &self.pairs
    }

    /// Unit of the timestamps.
    pub(super) fn unit(&self) -> Option<TimeUnit> {
        TimeUnit::from_u8(self.unit)
    }
}

impl<'a> RecordTable<'a> {
    /// `offsets` has an entry for each block of the records of `series`.
    pub(super) fn new(offsets: &'a [u8], blocks: &'a [u8], series: u32) -> Self {
        Self {
            offsets,
            blocks,
            series,
        }
    }

    /// Reads the record of a series. Cheapest where `record` has that of the series before.
    pub(super) fn read(self, id: u32, record: &mut Record) -> Result<(), DecodeError> {
        let damage = |what| DecodeError { what, at: 0 };
        if id >= self.series {
            return Err(damage("series does not exist"));
        }
        if record.next == id + 1 {
            return Ok(());
        }
        let start = id - id % SERIES_PER_BLOCK;
        let mut next = record.next;
        if next <= start || next > id {
            (next, record.at) = (start, 0);
        }
        record.next = 0;
        let block = item(self.offsets, self.blocks, start / SERIES_PER_BLOCK)
            .ok_or(damage("record lies outside of the records"))?;
        while next <= id {
            let rest = block.get(record.at..).unwrap_or_default();
            let mut cursor = Cursor::new(rest);
            step(&mut cursor, next == start, record)?;
            record.at += cursor.at();
            next += 1;
        }
        record.next = next;
        Ok(())
    }
}

/// Turns a record into the next, which stands at the cursor.
fn step(cursor: &mut Cursor<'_>, first: bool, record: &mut Record) -> Result<(), DecodeError> {
    if first {
        record.unit = 0;
    }
    if first || record.pairs.len() > MAX_KEPT {
        record.pairs.clear();
    }
    let (mask, head) = (cursor.uvarint()?, cursor.uvarint()?);
    if head & 1 == 1 {
        record.unit = cursor.u8()?;
    }
    record.dropped.clear();
    record.kept.clear();
    for (i, &pair) in record.pairs.iter().enumerate() {
        let list = match mask >> i & 1 {
            0 => &mut record.kept,
            _ => &mut record.dropped,
        };
        list.push(pair);
    }
    let count = usize::try_from(head / 2).unwrap_or(usize::MAX);
    // Each takes a byte at least.
    if count > cursor.remaining() {
        return Err(cursor.error("series has more labels than bytes"));
    }
    record.added.clear();
    let mut least = 0u64;
    for i in 0..count {
        let pair = match record.dropped.get(i) {
            Some(&old) => cursor.ivarint()?.checked_add(i64::from(old)),
            None => i64::try_from(cursor.uvarint()?.saturating_add(least)).ok(),
        };
        let pair = pair
            .and_then(|pair| u32::try_from(pair).ok())
            .filter(|&pair| u64::from(pair) >= least)
            .ok_or_else(|| cursor.error("series has an unknown label"))?;
        least = u64::from(pair) + 1;
        record.added.push(pair);
    }
    record.pairs.clear();
    let mut added = record.added.iter().copied().peekable();
    for &kept in &record.kept {
        while let Some(new) = added.next_if(|&new| new < kept) {
            record.pairs.push(new);
        }
        record.pairs.push(kept);
    }
    record.pairs.extend(added);
    if record.pairs.is_sorted_by(|a, b| a < b) {
        Ok(())
    } else {
        Err(cursor.error("series has a label twice"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(offsets: &[usize]) -> Vec<u8> {
        let offsets = offsets.iter().map(|&offset| offset as u32);
        offsets.flat_map(u32::to_le_bytes).collect()
    }

    fn lists() -> impl Strategy<Value = Vec<Vec<u32>>> {
        let list = prop_oneof![
            8 => prop::collection::btree_set(0u32..40, 0..8),
            1 => prop::collection::btree_set(any::<u32>(), 0..90),
            1 => prop::collection::btree_set(0u32..800, 60..70),
        ];
        prop::collection::vec(list.prop_map(|set| set.into_iter().collect()), 0..60)
    }

    proptest! {
        #[test]
        fn records_come_back_in_any_order(
            lists in lists(),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        ) {
            let unit_of = |pairs: &[u32]| match pairs.len() % 3 {
                0 => TimeUnit::Nanoseconds,
                _ => TimeUnit::Milliseconds,
            };
            let (offsets, blocks) = encode(lists.iter().map(|list| (&**list, unit_of(list))));
            let offsets = table(&offsets);
            let records = RecordTable::new(&offsets, &blocks, lists.len() as u32);
            let mut record = Record::default();
            for (id, pairs) in (0..).zip(&lists) {
                records.read(id, &mut record).unwrap();
                prop_assert_eq!(record.pairs(), pairs);
                prop_assert_eq!(record.unit(), Some(unit_of(pairs)));
            }
            for index in order {
                if !lists.is_empty() {
                    let id = index.index(lists.len());
                    records.read(id as u32, &mut record).unwrap();
                    prop_assert_eq!(record.pairs(), &lists[id]);
                    prop_assert_eq!(record.unit(), Some(unit_of(&lists[id])));
                }
            }
            prop_assert!(records.read(lists.len() as u32, &mut record).is_err());
        }

        #[test]
        fn damaged_bytes_never_panic(
            blocks in prop::collection::vec(prop_oneof![any::<u8>(), 0..4u8], 0..60),
            offsets in prop::collection::vec(0usize..80, 3),
        ) {
            let offsets = table(&offsets);
            let records = RecordTable::new(&offsets, &blocks, 40);
            let mut record = Record::default();
            for id in 0..40 {
                if records.read(id, &mut record).is_ok() {
                    prop_assert!(record.pairs().is_sorted_by(|a, b| a < b));
                }
            }
        }
    }

    #[test]
    fn known_bytes() {
        let lists: [&[u32]; 3] = [&[0, 5, 300], &[0, 6, 300], &[0, 6]];
        let series = lists.into_iter().map(|list| (list, TimeUnit::Milliseconds));
        let (offsets, blocks) = encode(series);
        assert_eq!(offsets, [0]);
        let whole = [0, 7, 1, 0, 4, 0xa6, 0x02];
        let rest = [0b010, 2, 2, 0b100, 0];
        assert_eq!(blocks, [&whole[..], &rest].concat());
    }
}
