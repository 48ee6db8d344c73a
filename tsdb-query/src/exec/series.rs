//! Label sets of an operator's series, and the keys that bring series together.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use tsdb_core::{Labels, METRIC_NAME};

/// A series of an operator.
#[derive(Clone, Debug)]
pub(crate) struct SeriesMeta {
    /// Its labels.
    pub(crate) labels: Labels,
    /// The name is to be dropped when the query is done: only with delayed name removal.
    pub(crate) drop_name: bool,
}

impl From<Labels> for SeriesMeta {
    fn from(labels: Labels) -> Self {
        Self {
            labels,
            drop_name: false,
        }
    }
}

/// Labels that say what the metric is, and that are no longer true of a computed value.
fn is_metadata(name: &str) -> bool {
    matches!(name, METRIC_NAME | "__type__" | "__unit__")
}

/// The labels without metric name, type and unit.
pub(crate) fn without_metadata(labels: &Labels) -> Labels {
    if labels.iter().any(|(name, _)| is_metadata(name)) {
        labels.filtered(|name| !is_metadata(name))
    } else {
        labels.clone()
    }
}

/// The series of a function that drops the name: now, or with `delayed` when the query is done.
pub(crate) fn drop_names(series: &[SeriesMeta], delayed: bool) -> Vec<SeriesMeta> {
    let drop = |s: &SeriesMeta| {
        if delayed {
            SeriesMeta {
                labels: s.labels.clone(),
                drop_name: true,
            }
        } else {
            without_metadata(&s.labels).into()
        }
    };
    series.iter().map(drop).collect()
}

/// Numbers label sets by some of their labels: those named, or all but those.
#[derive(Debug)]
pub(crate) struct GroupKeys {
    names: Vec<String>,
    /// The named labels count; otherwise all others except the metric name do.
    named: bool,
    numbers: HashMap<Box<[u8]>, u32, RandomState>,
    key: Vec<u8>,
}

impl GroupKeys {
    pub(crate) fn new(names: &[String], named: bool) -> Self {
        let mut names = names.to_vec();
        names.sort_unstable();
        names.dedup();
        Self {
            names,
            named,
            numbers: HashMap::default(),
            key: Vec::new(),
        }
    }

    fn counts(&self, name: &[u8]) -> bool {
        let listed = self.names.binary_search_by(|n| n.as_bytes().cmp(name));
        if self.named {
            listed.is_ok()
        } else {
            listed.is_err() && name != METRIC_NAME.as_bytes()
        }
    }

    /// The labels that were named.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The labels that count.
    pub(crate) fn labels(&self, labels: &Labels) -> Labels {
        labels.filtered(|name| self.counts(name.as_bytes()))
    }

    fn write_key(&mut self, labels: &Labels) {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        let mut labels = labels.iter();
        while let Some((name, value)) = labels.next_bytes() {
            if self.counts(name) {
                key.extend_from_slice(name);
                // Not part of any UTF-8 text, so that no two label sets share a key.
                key.push(0xff);
                key.extend_from_slice(value);
                key.push(0xff);
            }
        }
        self.key = key;
    }

    /// Number of the group; groups are numbered in the order in which they are first seen.
    pub(crate) fn number(&mut self, labels: &Labels) -> u32 {
        self.write_key(labels);
        if let Some(&n) = self.numbers.get(self.key.as_slice()) {
            return n;
        }
        let n = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        self.numbers.insert(self.key.as_slice().into(), n);
        n
    }

    /// How many groups there are.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }
}
