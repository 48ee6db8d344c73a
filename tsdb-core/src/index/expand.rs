//! Label sets from numbers of label pairs, in label order: neighbours have most pairs in common.

use std::ops::Range;

use super::records::Record;
use crate::model::{Labels, push_label};

/// Recent pairs that are kept.
const RECENT: usize = 512;

/// The canonical bytes of a series' labels, pair by pair, and those of the series before. Belongs to one index: numbers
/// of pairs mean something inside one only.
#[derive(Debug, Default)]
pub(crate) struct LabelBuffer {
    /// The pairs of the last series.
    pub(super) record: Record,
    pub(super) canonical: Vec<u8>,
    /// Number of each pair and where its bytes end; numbers rise.
    pairs: Vec<(u32, usize)>,
    last_canonical: Vec<u8>,
    last_pairs: Vec<(u32, usize)>,
    /// Pairs with their bytes, each at the place that its number has among so many: label sets come back to those of few values, but
    /// not at once.
    recent: Vec<(u32, Vec<u8>)>,
    /// How many pairs were neither of the last series nor recent.
    pushed: usize,
    /// First pair of the last series that may still be wanted, and where it begins.
    at: usize,
    at_byte: usize,
    /// The pairs that label sets are made of, rising; `None` for all.
    wanted: Option<Vec<Range<u32>>>,
    /// The last label set that was made, where not all pairs are wanted: the next is often the same.
    last_labels: Option<Labels>,
}

impl LabelBuffer {
    /// For label sets without the pairs outside of these ranges of numbers.
    pub(super) fn of_pairs(wanted: Vec<Range<u32>>) -> Self {
        let wanted = Some(wanted);
        Self {
            wanted,
            ..Self::default()
        }
    }

    /// Whether label sets have the pair.
    pub(super) fn wants(&self, number: u32) -> bool {
        let wanted = self.wanted.as_ref();
        wanted.is_none_or(|wanted| wanted.iter().any(|range| range.contains(&number)))
    }

    /// The label set of the canonical bytes if it is the last one that was made.
    pub(super) fn last_labels(&self) -> Option<Labels> {
        let last = self.last_labels.as_ref();
        let same = last.filter(|last| last.as_bytes() == self.canonical);
        same.cloned()
    }

    /// Keeps the label set that was made.
    pub(super) fn made(&mut self, labels: &Labels) {
        if self.wanted.is_some() {
            self.last_labels = Some(labels.clone());
        }
    }

    /// Starts the next series.
    pub(super) fn start(&mut self) {
        std::mem::swap(&mut self.canonical, &mut self.last_canonical);
        std::mem::swap(&mut self.pairs, &mut self.last_pairs);
        self.canonical.clear();
        self.pairs.clear();
        (self.at, self.at_byte) = (0, 0);
    }

    /// Adds the pair if the last series had it. Pairs come in rising order.
    pub(super) fn reuse(&mut self, number: u32) -> bool {
        while let Some(&(last, end)) = self.last_pairs.get(self.at)
            && last <= number
        {
            let bytes = self.last_canonical.get(self.at_byte..end);
            (self.at, self.at_byte) = (self.at + 1, end);
            if last == number {
                self.canonical.extend_from_slice(bytes.unwrap_or_default());
                self.pairs.push((number, self.canonical.len()));
                return true;
            }
        }
        false
    }

    /// Adds the pair if it is one of those that came lately.
    pub(super) fn recall(&mut self, number: u32) -> bool {
        let Some((of, bytes)) = self.recent.get(number as usize % RECENT) else {
            return false;
        };
        let is_known = *of == number && !bytes.is_empty();
        if is_known {
            self.canonical.extend_from_slice(bytes);
            self.pairs.push((number, self.canonical.len()));
        }
        is_known
    }

    /// Adds a pair.
    pub(super) fn push(&mut self, number: u32, name: &str, value: &str) {
        let start = self.canonical.len();
        push_label(&mut self.canonical, name, value);
        self.pairs.push((number, self.canonical.len()));
        // A few series have no use for it.
        self.pushed += 1;
        if self.pushed > RECENT {
            self.recent.resize_with(RECENT, Default::default);
        }
        if let Some((of, bytes)) = self.recent.get_mut(number as usize % RECENT) {
            *of = number;
            bytes.clear();
            bytes.extend_from_slice(self.canonical.get(start..).unwrap_or_default());
        }
    }
}
