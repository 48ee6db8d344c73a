//! Label sets from numbers of label pairs, in label order: neighbours have most pairs in common.

use super::records::Record;
use crate::model::push_label;

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
    /// First pair of the last series that may still be wanted, and where it begins.
    at: usize,
    at_byte: usize,
}

impl LabelBuffer {
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

    /// Adds a pair.
    pub(super) fn push(&mut self, number: u32, name: &str, value: &str) {
        push_label(&mut self.canonical, name, value);
        self.pairs.push((number, self.canonical.len()));
    }
}
