//! Makes an index from series that come in label order.
//!
//! Memory is held for each distinct string and label pair, and 4 bytes for each label of each series.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::format::Counts;
use super::{postings_codec, records, symbols};
use crate::error::{Error, Result};
use crate::model::{LabelIter, TimeUnit};

/// Collects series and writes them as one index.
#[derive(Debug, Default)]
pub(crate) struct IndexWriter {
    symbols: Interner,
    pairs: Pairs,
    /// Pairs of all series, one series after the other, and where each series ends.
    series_pairs: Vec<u32>,
    series_ends: Vec<usize>,
    /// Unit of the times of each series.
    units: Vec<TimeUnit>,
    /// Labels of the last series: most of a series' pairs are those of its neighbour.
    last_canonical: Vec<u8>,
}

impl IndexWriter {
    /// Adds the next series in label order and gives its number.
    ///
    /// # Errors
    /// When there are more series or strings than an index can number.
    pub(crate) fn push(&mut self, canonical: &[u8], unit: TimeUnit) -> Result<u32> {
        let mut last = LabelIter::over(&self.last_canonical);
        let mut last_pair = last.next_bytes();
        // Where the number of `last_pair` stands; what is pushed comes behind the last series.
        let ends = &self.series_ends;
        let mut at = ends.len().checked_sub(2).map_or(0, |before| ends[before]);
        let mut labels = LabelIter::over(canonical);
        while let Some((name, value)) = labels.next_bytes() {
            while last_pair.is_some_and(|(last_name, _)| last_name < name) {
                last_pair = last.next_bytes();
                at += 1;
            }
            let pair = match last_pair {
                Some(pair) if pair == (name, value) => self.series_pairs[at],
                _ => self.pairs.number(&mut self.symbols, name, value)?,
            };
            self.series_pairs.push(pair);
        }
        self.last_canonical.clear();
        self.last_canonical.extend_from_slice(canonical);
        self.end_series(unit)
    }

    /// Makes room for so many more series with so many labels in all: lists that double are copied, and are held twice
    /// meanwhile.
    pub(crate) fn reserve(&mut self, series: usize, labels: usize) {
        self.series_pairs.reserve_exact(labels);
        self.series_ends.reserve_exact(series);
        self.units.reserve_exact(series);
    }

    /// The number of a label pair, given as its part of the canonical bytes, for [`push_pairs`](Self::push_pairs).
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    pub(crate) fn number(&mut self, pair: &[u8]) -> Result<u32> {
        let (name, value) = LabelIter::over(pair).next_bytes().unwrap_or_default();
        self.pairs.number(&mut self.symbols, name, value)
    }

    /// As [`push`](Self::push), with the numbers of the label pairs in the order of their names. An index gets all its series in
    /// one of both ways.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    pub(crate) fn push_pairs(&mut self, pairs: &[u32], unit: TimeUnit) -> Result<u32> {
        self.series_pairs.extend_from_slice(pairs);
        self.end_series(unit)
    }

    fn end_series(&mut self, unit: TimeUnit) -> Result<u32> {
        let id = number(self.series_ends.len())?;
        self.series_ends.push(self.series_pairs.len());
        self.units.push(unit);
        Ok(id)
    }

    /// Number of series so far.
    pub(crate) fn series_len(&self) -> usize {
        self.series_ends.len()
    }

    /// Appends the index to `out`.
    ///
    /// # Errors
    /// When a part is larger than 4 GiB, or series came out of order.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        let series = number(self.series_ends.len())?;
        let (sorted_symbols, symbol_ranks) = ranks(self.symbols.len(), |id| self.symbols.get(id));
        let pairs = self.pairs.ranked(&symbol_ranks);
        let (sorted_pairs, pair_ranks) = ranks(pairs.len(), |id| pairs[id as usize]);
        for pair in &mut self.series_pairs {
            *pair = pair_ranks[*pair as usize];
        }
        if !self.series_pairs().is_sorted_by(|a, b| a < b) {
            return Err(Error::InvalidOption {
                name: "index",
                reason: "series are not in label order".to_owned(),
            });
        }

        let (record_offsets, records) =
            records::encode(self.series_pairs().zip(self.units.iter().copied()));
        let (block_offsets, blocks) =
            symbols::encode(sorted_symbols.iter().map(|&id| self.symbols.get(id)));
        let (counts, postings_offsets, postings) = self.postings(sorted_pairs.len(), series);

        Counts {
            series,
            symbols: number(sorted_symbols.len())?,
            pairs: number(sorted_pairs.len())?,
            symbols_bytes: number(blocks.len())?,
            records_bytes: number(records.len())?,
            postings_bytes: number(postings.len())?,
        }
        .push(out);
        push_offsets(out, &record_offsets)?;
        for ((&id, &count), &offset) in sorted_pairs.iter().zip(&counts).zip(&postings_offsets) {
            let (name, value) = pairs[id as usize];
            for field in [name, value, number(offset)?, count] {
                out.extend(field.to_le_bytes());
            }
        }
        push_offsets(out, &block_offsets)?;
        out.extend_from_slice(&blocks);
        out.extend_from_slice(&records);
        out.extend_from_slice(&postings);
        Ok(())
    }

    fn series_pairs(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.series_ends.iter().copied());
        let ranges = starts.zip(&self.series_ends);
        ranges.map(|(start, &end)| &self.series_pairs[start..end])
    }

    /// For each pair the number of its series and where their list begins, and the lists.
    fn postings(&self, pairs: usize, series: u32) -> (Vec<u32>, Vec<usize>, Vec<u8>) {
        let mut counts = vec![0u32; pairs];
        for &pair in &self.series_pairs {
            counts[pair as usize] += 1;
        }
        let mut next: Vec<usize> = counts
            .iter()
            .scan(0, |end, &count| {
                let start = *end;
                *end += count as usize;
                Some(start)
            })
            .collect();
        let mut ids = vec![0u32; self.series_pairs.len()];
        for (id, pairs) in (0u32..).zip(self.series_pairs()) {
            for &pair in pairs {
                ids[next[pair as usize]] = id;
                next[pair as usize] += 1;
            }
        }
        let mut offsets = Vec::with_capacity(pairs);
        let mut lists = Vec::new();
        for (&end, &count) in next.iter().zip(&counts) {
            offsets.push(lists.len());
            postings_codec::encode(&ids[end - count as usize..end], series, &mut lists);
        }
        (counts, offsets, lists)
    }
}

/// What the format counts in four bytes.
fn number(n: usize) -> Result<u32> {
    u32::try_from(n).map_err(|_| Error::LimitExceeded {
        limit: "size of a part of an index",
        max: u32::MAX.into(),
    })
}

fn push_offsets(out: &mut Vec<u8>, offsets: &[usize]) -> Result<()> {
    for &offset in offsets {
        out.extend(number(offset)?.to_le_bytes());
    }
    Ok(())
}

/// The ids `0..len` in the order of their keys, and the place of each id in that order.
fn ranks<K: Ord>(len: usize, key: impl Fn(u32) -> K) -> (Vec<u32>, Vec<u32>) {
    let mut sorted: Vec<u32> = (0u32..).take(len).collect();
    sorted.sort_unstable_by_key(|&id| key(id));
    let mut ranks = vec![0; len];
    for (rank, &id) in (0u32..).zip(&sorted) {
        ranks[id as usize] = rank;
    }
    (sorted, ranks)
}

/// Strings, each held once, numbered as they come.
#[derive(Debug, Default)]
struct Interner {
    hasher: RandomState,
    numbers: HashTable<u32>,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Interner {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, id: u32) -> &[u8] {
        text_of(&self.text, &self.ends, id)
    }

    fn number(&mut self, text: &[u8]) -> Result<u32> {
        let hash = self.hasher.hash_one(text);
        let (arena, ends) = (&self.text, &self.ends);
        if let Some(&id) = self
            .numbers
            .find(hash, |&id| text_of(arena, ends, id) == text)
        {
            return Ok(id);
        }
        let id = number(self.ends.len())?;
        self.text.extend_from_slice(text);
        self.ends.push(self.text.len());
        let (arena, ends, hasher) = (&self.text, &self.ends, &self.hasher);
        self.numbers
            .insert_unique(hash, id, |&id| hasher.hash_one(text_of(arena, ends, id)));
        Ok(id)
    }
}

fn text_of<'a>(arena: &'a [u8], ends: &[usize], id: u32) -> &'a [u8] {
    let id = id as usize;
    let start = id.checked_sub(1).map_or(0, |before| ends[before]);
    &arena[start..ends[id]]
}

/// Label pairs, each held once, numbered as they come. Found by their text, so that a known pair costs one lookup.
#[derive(Debug, Default)]
struct Pairs {
    hasher: RandomState,
    numbers: HashTable<u32>,
    /// Symbols of name and value.
    pairs: Vec<(u32, u32)>,
}

impl Pairs {
    fn number(&mut self, symbols: &mut Interner, name: &[u8], value: &[u8]) -> Result<u32> {
        let hash = self.hasher.hash_one((name, value));
        let pairs = &self.pairs;
        let found = self.numbers.find(hash, |&id| {
            let (n, v) = pairs[id as usize];
            symbols.get(v) == value && symbols.get(n) == name
        });
        if let Some(&id) = found {
            return Ok(id);
        }
        let id = number(self.pairs.len())?;
        self.pairs
            .push((symbols.number(name)?, symbols.number(value)?));
        let (pairs, hasher) = (&self.pairs, &self.hasher);
        self.numbers.insert_unique(hash, id, |&id| {
            let (n, v) = pairs[id as usize];
            hasher.hash_one((symbols.get(n), symbols.get(v)))
        });
        Ok(id)
    }

    /// The pairs with the ranks of their symbols for their numbers.
    fn ranked(&self, symbol_ranks: &[u32]) -> Vec<(u32, u32)> {
        let rank = |id: u32| symbol_ranks[id as usize];
        self.pairs
            .iter()
            .map(|&(n, v)| (rank(n), rank(v)))
            .collect()
    }
}
