//! The index of a head generation: grows with each new series, read at the same time.

use std::collections::BTreeMap;
use std::ops::Bound;

use parking_lot::RwLock;

use super::LabelIndex;
use crate::error::Result;
use crate::model::{LabelIter, METRIC_NAME};
use crate::stats::Cardinality;

/// Bytes of a map entry beside its key's text: key and value in the node, and the node's share of free slots.
const ENTRY_BYTES: usize = 64;

/// Inverted index in memory. Each name and each value of a name is held once, in order, so that a prefix is a range.
#[derive(Debug, Default)]
pub(crate) struct MemoryIndex {
    // Written only when a series is made, which is rare beside reading: readers share.
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    names: BTreeMap<Box<str>, BTreeMap<Box<str>, Postings>>,
    series: u32,
    bytes: usize,
}

/// Most values of labels like `instance` or `le` belong to few series and many to a single one: that one is inline.
#[derive(Debug)]
enum Postings {
    One(u32),
    Many(Vec<u32>),
}

impl Postings {
    fn push(&mut self, id: u32) {
        match self {
            Self::One(first) => *self = Self::Many(vec![*first, id]),
            Self::Many(ids) => ids.push(id),
        }
    }

    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }

    fn to_vec(&self) -> Vec<u32> {
        self.as_slice().to_vec()
    }
}

impl MemoryIndex {
    /// Adds the next series. Ids are given in order, from 0: `id` is the number of series so far.
    pub(crate) fn add(&self, id: u32, canonical: &[u8]) {
        let inner = &mut *self.inner.write();
        debug_assert_eq!(id, inner.series, "ids are dense");
        inner.series = id + 1;
        for (name, value) in LabelIter::over(canonical) {
            inner.add_pair(id, name, value);
        }
    }

    /// Names of labels, in order.
    pub(crate) fn label_names(&self) -> Vec<String> {
        let inner = self.inner.read();
        inner.names.keys().map(|name| name.to_string()).collect()
    }

    /// Values of one label, in order.
    pub(crate) fn label_values(&self, name: &str) -> Vec<String> {
        let inner = self.inner.read();
        let values = inner.names.get(name).into_iter().flat_map(BTreeMap::keys);
        values.map(|value| value.to_string()).collect()
    }

    /// Every series in the order of [`Labels`](crate::model::Labels).
    ///
    /// Label pairs are numbered in order of name and value; a series is then the list of its pairs' numbers, and
    /// such lists are in the order of the label sets. No label is parsed or compared.
    pub(crate) fn in_label_order(&self) -> Vec<u32> {
        let pairs = self.inner.read().pairs_by_series();
        let mut order: Vec<u32> = (0u32..).take(pairs.len()).collect();
        order.sort_unstable_by_key(|&id| pairs.get(id));
        order
    }

    /// The labels that make the most series, at most `limit` of each list.
    pub(crate) fn cardinality(&self, limit: usize) -> Cardinality {
        let inner = self.inner.read();
        let metrics = inner.names.get(METRIC_NAME).into_iter().flatten();
        let pairs = inner.names.iter().flat_map(|(name, values)| {
            values
                .iter()
                .map(move |(value, postings)| ((name, value), postings.len()))
        });
        let bytes_of = |values: &BTreeMap<Box<str>, Postings>| values.keys().map(|v| v.len()).sum();
        Cardinality {
            label_pairs: inner.names.values().map(|values| values.len() as u64).sum(),
            series_by_metric: largest(
                metrics.map(|(metric, postings)| (metric, postings.len())),
                limit,
                |metric| metric.to_string(),
            ),
            values_by_label: largest(
                inner
                    .names
                    .iter()
                    .map(|(name, values)| (name, values.len())),
                limit,
                |name| name.to_string(),
            ),
            bytes_by_label: largest(
                inner
                    .names
                    .iter()
                    .map(|(name, values)| (name, bytes_of(values))),
                limit,
                |name| name.to_string(),
            ),
            series_by_pair: largest(pairs, limit, |(name, value)| format!("{name}={value}")),
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
    fn add_pair(&mut self, id: u32, name: &str, value: &str) {
        // `entry` would build the owned key even for names and values that are there, which nearly all are.
        if !self.names.contains_key(name) {
            self.names.insert(name.into(), BTreeMap::new());
            self.bytes += ENTRY_BYTES + name.len();
        }
        let Some(values) = self.names.get_mut(name) else {
            return;
        };
        match values.get_mut(value) {
            Some(postings) => postings.push(id),
            None => {
                values.insert(value.into(), Postings::One(id));
                self.bytes += ENTRY_BYTES + value.len();
            }
        }
        // The id itself and the free capacity of a list that doubles.
        self.bytes += 6;
    }

    /// Postings of all pairs in order of name and value.
    fn postings_in_order(&self) -> impl Iterator<Item = &[u32]> {
        let values = self.names.values().flat_map(BTreeMap::values);
        values.map(Postings::as_slice)
    }

    fn pairs_by_series(&self) -> PairsBySeries {
        let mut starts = vec![0; self.series as usize + 1];
        for &id in self.postings_in_order().flatten() {
            starts[id as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut pairs = vec![0; starts[starts.len() - 1]];
        for (pair, ids) in (0u32..).zip(self.postings_in_order()) {
            for &id in ids {
                pairs[next[id as usize]] = pair;
                next[id as usize] += 1;
            }
        }
        PairsBySeries { starts, pairs }
    }
}

/// For each series the numbers of its label pairs, rising: one array, and where each series starts in it.
struct PairsBySeries {
    starts: Vec<usize>,
    pairs: Vec<u32>,
}

impl PairsBySeries {
    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn get(&self, id: u32) -> &[u32] {
        let id = id as usize;
        &self.pairs[self.starts[id]..self.starts[id + 1]]
    }
}

impl LabelIndex for MemoryIndex {
    fn all(&self) -> Result<Vec<u32>> {
        Ok((0..self.inner.read().series).collect())
    }

    fn postings(&self, name: &str, value: &str) -> Result<Vec<u32>> {
        let inner = self.inner.read();
        let postings = inner.names.get(name).and_then(|values| values.get(value));
        Ok(postings.map(Postings::to_vec).unwrap_or_default())
    }

    fn postings_where(
        &self,
        name: &str,
        prefix: &str,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Vec<Vec<u32>>> {
        let inner = self.inner.read();
        let Some(values) = inner.names.get(name) else {
            return Ok(Vec::new());
        };
        Ok(values
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(|(value, _)| value.starts_with(prefix))
            .filter(|(value, _)| keep(value))
            .map(|(_, postings)| postings.to_vec())
            .collect())
    }
}
