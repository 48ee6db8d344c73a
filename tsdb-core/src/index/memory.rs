//! The index of a head generation: grows with each new series, read at the same time.
//!
//! A label pair is held once, as its part of the canonical bytes of a label set, and has a number; a series is the list of
//! the numbers of its pairs, in the order of their names.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher as _;
use std::ops::Bound;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parking_lot::{RwLock, RwLockReadGuard};

use super::growing::GrowingPostings;
use super::{LabelIndex, PairSet};
use crate::error::Result;
use crate::model::{LabelIter, METRIC_NAME};
use crate::slab::Slab;
use crate::stats::Cardinality;

/// Bytes of a label pair beside its text: its slot in the slab and the counts before the text, its entry in the map with its
/// share of free slots, its slot in the table, its list of series.
const PAIR_BYTES: usize = 24 + 16 + 40 + 8 + size_of::<GrowingPostings>();

/// Values that a pattern is tried on before writers get their turn.
const VALUES_AT_ONCE: usize = 1_024;

/// Number of a label pair in one index.
pub(crate) type PairRef = u32;

/// Inverted index in memory. Each name and each value of a name is held once, in order, so that a prefix is a range.
#[derive(Debug, Default)]
pub(crate) struct MemoryIndex {
    // Who has the number of a pair reads it without a lock.
    pairs: Slab<Arc<[u8]>>,
    // Written only when a series is made, which is rare beside reading: readers share.
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    hasher: RandomState,
    numbers: HashTable<PairRef>,
    names: BTreeMap<Box<[u8]>, BTreeMap<Value, PairRef>>,
    /// By number of the pair.
    postings: Vec<GrowingPostings>,
    /// Pairs of the label set that was interned last: most of a label set's pairs are those of its neighbour.
    last: Vec<PairRef>,
    series: u32,
    bytes: usize,
}

/// A pair among those of its name: it is its value.
#[derive(Clone, Debug)]
struct Value(Arc<[u8]>);

impl Value {
    fn bytes(&self) -> &[u8] {
        split(&self.0).1
    }
}

impl Borrow<[u8]> for Value {
    fn borrow(&self) -> &[u8] {
        self.bytes()
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Value {}

/// Name and value of a pair.
fn split(pair: &[u8]) -> (&[u8], &[u8]) {
    LabelIter::over(pair).next_bytes().unwrap_or_default()
}

/// Label sets are checked on the way in: their bytes are text.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

impl MemoryIndex {
    /// The numbers of the pairs of a label set, in the order of their names. For one writer.
    pub(crate) fn intern(&self, canonical: &[u8]) -> Box<[PairRef]> {
        let inner = &mut *self.inner.write();
        let last = std::mem::take(&mut inner.last);
        let mut near = last.iter().copied().peekable();
        let mut labels = LabelIter::over(canonical);
        let mut pairs = Vec::with_capacity(last.len());
        while let Some(pair) = labels.next_pair() {
            let name = split(pair).0;
            let is_before =
                |near: PairRef| self.pair(near) != pair && split(self.pair(near)).0 < name;
            while near.next_if(|&near| is_before(near)).is_some() {}
            let known = near.next_if(|&near| self.pair(near) == pair);
            pairs.push(known.unwrap_or_else(|| inner.number(&self.pairs, pair)));
        }
        inner.last = last;
        inner.last.clone_from(&pairs);
        pairs.into()
    }

    /// The number of a label pair, which is given as [`LabelIter::next_pair`] does. For one writer.
    pub(crate) fn number(&self, pair: &[u8]) -> PairRef {
        self.inner.write().number(&self.pairs, pair)
    }

    /// Adds the next series. Ids are given in order, from 0: `id` is the number of series so far.
    pub(crate) fn add(&self, id: u32, pairs: &[PairRef]) {
        let inner = &mut *self.inner.write();
        debug_assert_eq!(id, inner.series, "ids are dense");
        inner.series = id + 1;
        for &pair in pairs {
            inner.bytes += inner.postings[pair as usize].push(id);
        }
    }

    /// A pair of this index, as its part of the canonical bytes of a label set.
    #[inline]
    pub(crate) fn pair(&self, pair: PairRef) -> &[u8] {
        self.pairs.get(pair).map_or(&[], |bytes| bytes)
    }

    /// Whether these are the pairs of a label set.
    #[inline]
    pub(crate) fn are_pairs_of(&self, pairs: &[PairRef], canonical: &[u8]) -> bool {
        let mut rest = Some(canonical);
        for &pair in pairs {
            rest = rest.and_then(|rest| rest.strip_prefix(self.pair(pair)));
        }
        rest.is_some_and(<[u8]>::is_empty)
    }

    /// Names of labels, in order.
    pub(crate) fn label_names(&self) -> Vec<String> {
        let inner = self.inner.read();
        inner
            .names
            .keys()
            .map(|name| text(name).to_owned())
            .collect()
    }

    /// Values of one label, in order.
    pub(crate) fn label_values(&self, name: &str) -> Vec<String> {
        let inner = self.inner.read();
        let values = inner.names.get(name.as_bytes());
        let values = values.into_iter().flat_map(BTreeMap::keys);
        values.map(|value| text(value.bytes()).to_owned()).collect()
    }

    /// Names of the labels of these pairs, in order.
    pub(crate) fn names_in(&self, pairs: &PairSet) -> Vec<String> {
        let names: BTreeSet<&[u8]> = pairs.iter().map(|pair| split(self.pair(pair)).0).collect();
        names
            .into_iter()
            .map(|name| text(name).to_owned())
            .collect()
    }

    /// Values of one label that are in these pairs, in order.
    pub(crate) fn values_in(&self, name: &str, pairs: &PairSet) -> Vec<String> {
        let inner = self.inner.read();
        let values = inner.names.get(name.as_bytes()).into_iter().flatten();
        let found = values.filter(|&(_, &pair)| pairs.contains(pair));
        found
            .map(|(value, _)| text(value.bytes()).to_owned())
            .collect()
    }

    /// The place of each pair, by its number, in the order of name and value. Lists of places are in the order of the label
    /// sets that they stand for.
    pub(crate) fn ranks(&self) -> Vec<u32> {
        let inner = self.inner.read();
        let mut ranks = vec![0; inner.postings.len()];
        let in_order = inner.names.values().flat_map(BTreeMap::values);
        for (rank, &pair) in (0u32..).zip(in_order) {
            ranks[pair as usize] = rank;
        }
        ranks
    }

    /// The labels that make the most series, at most `limit` of each list.
    pub(crate) fn cardinality(&self, limit: usize) -> Cardinality {
        let inner = &*self.inner.read();
        let series_of = |pair: PairRef| inner.postings[pair as usize].len();
        let names = || {
            let names = inner.names.iter();
            names.map(|(name, values)| (text(name), values))
        };
        let metrics = inner.names.get(METRIC_NAME.as_bytes());
        let metrics = metrics.into_iter().flatten();
        let pairs = names().flat_map(|(name, values)| {
            let pairs = values.iter();
            pairs.map(move |(value, &pair)| ((name, value), series_of(pair)))
        });
        let bytes_of = |values: &BTreeMap<Value, _>| values.keys().map(|v| v.bytes().len()).sum();
        Cardinality {
            label_pairs: inner.postings.len() as u64,
            series_by_metric: largest(
                metrics.map(|(metric, &pair)| (text(metric.bytes()), series_of(pair))),
                limit,
                str::to_owned,
            ),
            values_by_label: largest(
                names().map(|(name, values)| (name, values.len())),
                limit,
                str::to_owned,
            ),
            bytes_by_label: largest(
                names().map(|(name, values)| (name, bytes_of(values))),
                limit,
                str::to_owned,
            ),
            series_by_pair: largest(pairs, limit, |(name, value)| {
                format!("{name}={}", text(value.bytes()))
            }),
        }
    }

    /// Estimate of the memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.inner.read().bytes
    }
}

/// The `limit` entries with the largest figures, largest first, at equal figures in the order in which they came.
fn largest<K>(
    figures: impl Iterator<Item = (K, usize)>,
    limit: usize,
    text: impl Fn(K) -> String,
) -> Vec<(String, u64)> {
    let mut figures: Vec<(K, usize)> = figures.collect();
    figures.sort_by_key(|(_, figure)| std::cmp::Reverse(*figure));
    figures.truncate(limit);
    let named = figures
        .into_iter()
        .map(|(key, figure)| (text(key), figure as u64));
    named.collect()
}

impl Inner {
    fn number(&mut self, pairs: &Slab<Arc<[u8]>>, pair: &[u8]) -> PairRef {
        let bytes_of = |number: PairRef| pairs.get(number).map_or(&[][..], |bytes| bytes);
        let hash = self.hasher.hash_one(pair);
        if let Some(&number) = self.numbers.find(hash, |&number| bytes_of(number) == pair) {
            return number;
        }
        let bytes: Arc<[u8]> = pair.into();
        let number = pairs.push(Arc::clone(&bytes));
        let hasher = &self.hasher;
        self.numbers
            .insert_unique(hash, number, |&number| hasher.hash_one(bytes_of(number)));
        self.postings.push(GrowingPostings::default());
        let name = split(pair).0;
        // `entry` would build the owned key even for names that are there, which nearly all are.
        match self.names.get_mut(name) {
            Some(values) => _ = values.insert(Value(bytes), number),
            None => {
                let values = BTreeMap::from([(Value(bytes), number)]);
                self.names.insert(name.into(), values);
                self.bytes += PAIR_BYTES + name.len();
            }
        }
        self.bytes += PAIR_BYTES + pair.len();
        number
    }
}

impl LabelIndex for MemoryIndex {
    fn all(&self) -> Result<Vec<u32>> {
        Ok((0..self.inner.read().series).collect())
    }

    fn postings(&self, name: &str, value: &str) -> Result<Vec<u32>> {
        let inner = self.inner.read();
        let values = inner.names.get(name.as_bytes());
        let pair = values.and_then(|values| values.get(value.as_bytes()));
        let postings = pair.map(|&pair| inner.postings[pair as usize].to_vec());
        Ok(postings.unwrap_or_default())
    }

    fn postings_where(
        &self,
        name: &str,
        prefix: &str,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Vec<Vec<u32>>> {
        let prefix = prefix.as_bytes();
        let mut found = Vec::new();
        let mut after: Option<Value> = None;
        let mut inner = self.inner.read();
        loop {
            let from = match &after {
                Some(last) => Bound::Excluded(last.bytes()),
                None => Bound::Included(prefix),
            };
            let Some(values) = inner.names.get(name.as_bytes()) else {
                return Ok(found);
            };
            let values = values.range::<[u8], _>((from, Bound::Unbounded));
            let mut last = None;
            let mut looked_at = 0;
            for (value, &pair) in values.take(VALUES_AT_ONCE) {
                if !value.bytes().starts_with(prefix) {
                    return Ok(found);
                }
                if keep(text(value.bytes())) {
                    found.push(inner.postings[pair as usize].to_vec());
                }
                last = Some(value);
                looked_at += 1;
            }
            if looked_at < VALUES_AT_ONCE {
                return Ok(found);
            }
            after = last.cloned();
            // A pattern may be slow, and values are many: who makes a new series does not wait for all of them.
            RwLockReadGuard::bump(&mut inner);
        }
    }
}
