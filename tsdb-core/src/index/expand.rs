//! Label sets from numbers of label pairs, in label order: neighbours have most pairs in common.

use super::records::Record;
use crate::model::push_label;

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
