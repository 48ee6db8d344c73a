//! Label sets of an operator's series, and the keys that bring series together.

use std::cmp::Ordering;
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
fn is_metadata(name: &[u8]) -> bool {
    name.starts_with(b"__")
        && (name == METRIC_NAME.as_bytes() || name == b"__type__" || name == b"__unit__")
}

/// The labels without metric name, type and unit.
pub(crate) fn without_metadata(labels: &Labels) -> Labels {
    without(labels, is_metadata)
}

/// The labels but for those of which `leaves` is true. They are shared where that is all of them.
pub(super) fn without(labels: &Labels, leaves: impl Fn(&[u8]) -> bool) -> Labels {
    let mut rest = labels.iter();
    while let Some((name, _)) = rest.next_bytes() {
        if leaves(name) {
            return labels.filtered(|name| !leaves(name));
        }
    }
    labels.clone()
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

/// Some of the labels of a series: those named, or all but those.
#[derive(Clone, Debug)]
pub(crate) struct MatchLabels {
    names: Vec<String>,
    /// The named labels count; otherwise all others except the metric name do.
    named: bool,
}

impl MatchLabels {
    pub(crate) fn new(names: &[String], named: bool) -> Self {
        let mut names = names.to_vec();
        names.sort_unstable();
        names.dedup();
        Self { names, named }
    }

    pub(super) fn is_listed(&self, name: &[u8]) -> bool {
        let listed = self.names.binary_search_by(|n| n.as_bytes().cmp(name));
        listed.is_ok()
    }

    fn counts(&self, name: &[u8]) -> bool {
        if self.named {
            self.is_listed(name)
        } else {
            name != METRIC_NAME.as_bytes() && !self.is_listed(name)
        }
    }

    /// The labels that count.
    pub(crate) fn of(&self, labels: &Labels) -> Labels {
        without(labels, |name| !self.counts(name))
    }

    /// The order of two label sets by the labels that count.
    pub(super) fn compare(&self, a: &Labels, b: &Labels) -> Ordering {
        let (mut a, mut b) = (a.iter(), b.iter());
        let mut next_a = || std::iter::from_fn(|| a.next_bytes()).find(|(n, _)| self.counts(n));
        let mut next_b = || std::iter::from_fn(|| b.next_bytes()).find(|(n, _)| self.counts(n));
        std::iter::from_fn(&mut next_a).cmp(std::iter::from_fn(&mut next_b))
    }
}

/// Numbers label sets by the labels that count.
#[derive(Debug)]
pub(crate) struct GroupKeys {
    by: MatchLabels,
    numbers: HashMap<Box<[u8]>, u32, RandomState>,
    key: Vec<u8>,
}

impl GroupKeys {
    pub(crate) fn new(by: MatchLabels) -> Self {
        Self {
            by,
            numbers: HashMap::default(),
            key: Vec::new(),
        }
    }

    /// The labels that count.
    pub(crate) fn labels(&self, labels: &Labels) -> Labels {
        self.by.of(labels)
    }

    fn write_key(&mut self, labels: &Labels) {
        self.key.clear();
        let mut labels = labels.iter();
        while let Some((name, value)) = labels.next_bytes() {
            if self.by.counts(name) {
                self.key.extend_from_slice(name);
                // Not part of any UTF-8 text, so that no two label sets share a key.
                self.key.push(0xff);
                self.key.extend_from_slice(value);
                self.key.push(0xff);
            }
        }
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
