//! What a reader captures of a series, and how it becomes columns.

use std::sync::Arc;

use super::out_of_order::OutOfOrderLog;
use super::series::ClosedChunk;
use crate::codec::DecodeError;
use crate::codec::xor::{self, OpenChunk, Published, XorIter};
use crate::model::{Columns, TimeRange};

/// The samples of one series at one moment. Shares the memory of the generation, and keeps it when that is dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeriesSnapshot {
    pub(super) closed: Option<Arc<Vec<ClosedChunk>>>,
    pub(super) open: Option<OpenSnapshot>,
    pub(super) out_of_order: Option<Arc<OutOfOrderLog>>,
}

/// The open chunk up to what was published.
#[derive(Clone, Debug)]
pub(super) struct OpenSnapshot {
    pub(super) chunk: Arc<OpenChunk>,
    pub(super) published: Published,
    pub(super) min_ms: i64,
    pub(super) max_ms: i64,
}

impl SeriesSnapshot {
    /// Times of the first and last sample in milliseconds; `None` without samples.
    pub(crate) fn time_range(&self) -> Option<(i64, i64)> {
        let chunks = self.closed_chunks();
        let first = chunks.first().map(|chunk| (chunk.min_ms, chunk.max_ms));
        let last = chunks.last().map(|chunk| (chunk.min_ms, chunk.max_ms));
        let open = self.open.as_ref().map(|open| (open.min_ms, open.max_ms));
        let late = self.out_of_order.as_ref().map(|log| {
            let range = log.time_range();
            (range.start_ms, range.end_ms)
        });
        [first, last, open, late]
            .into_iter()
            .flatten()
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Appends the samples inside `range` to `out`: times strictly rising, at each time the value written last.
    /// Decodes no chunk outside the range.
    ///
    /// # Errors
    /// When a chunk does not decode; `out` is then as it was.
    pub(crate) fn read(&self, range: TimeRange, out: &mut Columns) -> Result<(), DecodeError> {
        let start = out.len();
        let decoded = self.read_in_order(range, out);
        if decoded.is_err() {
            out.times_ms.truncate(start);
            out.values.truncate(start);
        } else if let Some(log) = &self.out_of_order {
            let late = out.len();
            log.read(range, out);
            out.merge_tail(start, late);
        }
        decoded
    }

    fn read_in_order(&self, range: TimeRange, out: &mut Columns) -> Result<(), DecodeError> {
        let chunks = self.closed_chunks();
        let from = chunks.partition_point(|chunk| chunk.max_ms < range.start_ms);
        let overlapping = chunks
            .iter()
            .skip(from)
            .take_while(|chunk| chunk.min_ms <= range.end_ms);
        for chunk in overlapping {
            if range.contains(chunk.min_ms) && range.contains(chunk.max_ms) {
                xor::decode_into(&chunk.bytes, out)?;
            } else {
                xor::take_range(XorIter::new(&chunk.bytes)?, range, out)?;
            }
        }
        match &self.open {
            Some(open) if range.overlaps(&TimeRange::new(open.min_ms, open.max_ms)) => {
                xor::take_range(open.chunk.iter(open.published), range, out)
            }
            _ => Ok(()),
        }
    }

    fn closed_chunks(&self) -> &[ClosedChunk] {
        self.closed.as_deref().map_or(&[], Vec::as_slice)
    }
}
