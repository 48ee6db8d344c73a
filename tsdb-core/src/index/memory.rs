//! The index of a head generation: grows with each new series, read at the same time.

use std::collections::BTreeMap;
use std::ops::Bound;

use parking_lot::RwLock;

use super::LabelIndex;
use crate::error::Result;
use crate::model::LabelIter;

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

    fn to_vec(&self) -> Vec<u32> {
        match self {
            Self::One(id) => vec![*id],
            Self::Many(ids) => ids.clone(),
        }
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

    /// Estimate of the memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.inner.read().bytes
    }
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
