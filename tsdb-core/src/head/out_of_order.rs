//! Samples that came behind their series' newest: a log in order of writing, sorted only when it is read.

use std::sync::Arc;

use crate::model::{Columns, TimeRange};

/// Entries of a piece: the most that is copied when the log grows after it was captured.
const PIECE: usize = 512;

/// Time in milliseconds and bits of the value.
type Entry = (i64, u64);

/// Log of one series. A clone shares the pieces and does not see what is pushed later.
#[derive(Clone, Debug)]
pub(crate) struct OutOfOrderLog {
    pieces: Vec<Arc<Vec<Entry>>>,
    min_ms: i64,
    max_ms: i64,
}

impl OutOfOrderLog {
    /// A log with its first entry.
    pub(crate) fn new(t_ms: i64, bits: u64) -> Self {
        Self {
            pieces: vec![Arc::new(vec![(t_ms, bits)])],
            min_ms: t_ms,
            max_ms: t_ms,
        }
    }

    pub(crate) fn push(&mut self, t_ms: i64, bits: u64) {
        self.min_ms = self.min_ms.min(t_ms);
        self.max_ms = self.max_ms.max(t_ms);
        match self.pieces.last_mut() {
            Some(piece) if piece.len() < PIECE => Arc::make_mut(piece).push((t_ms, bits)),
            _ => self.pieces.push(Arc::new(vec![(t_ms, bits)])),
        }
    }

    /// Times of the first and last sample, in milliseconds.
    pub(crate) fn time_range(&self) -> TimeRange {
        TimeRange::new(self.min_ms, self.max_ms)
    }

    /// Estimate of the memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        // Capacities double, up to a whole piece.
        let last = self.pieces.last().map_or(0, |piece| piece.capacity());
        let full = self.pieces.len().saturating_sub(1) * PIECE;
        size_of::<Self>() + (full + last) * size_of::<Entry>()
    }

    /// Appends the samples inside `range` in order of time, each time once, with the value written last.
    pub(crate) fn read(&self, range: TimeRange, out: &mut Columns) {
        for (t_ms, bits) in self.sorted(range) {
            out.push(t_ms, f64::from_bits(bits));
        }
    }

    /// The samples inside `range` in order of time, each time once, with the value written last.
    fn sorted(&self, range: TimeRange) -> Vec<Entry> {
        if !range.overlaps(&self.time_range()) {
            return Vec::new();
        }
        let entries = self.pieces.iter().flat_map(|piece| piece.iter());
        let mut sorted: Vec<Entry> = entries
            .filter(|entry| range.contains(entry.0))
            .copied()
            .collect();
        // Newest first, and the sort is stable: of the entries at one time the newest is first, and that one is kept.
        sorted.reverse();
        sorted.sort_by_key(|entry| entry.0);
        sorted.dedup_by_key(|entry| entry.0);
        sorted
    }
}
