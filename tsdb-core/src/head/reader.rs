//! What a reader captures of a series, and how it becomes columns.

use std::sync::Arc;

use super::out_of_order::OutOfOrderLog;
use super::series::ClosedChunk;
use crate::codec::DecodeError;
use crate::codec::chunk;
use crate::codec::xor::{self, OpenChunk, Prefix};
use crate::model::{Columns, StartRuns, TimeRange, TimeUnit};

/// The samples of one series at one moment. Shares the memory of the generation, and keeps it when that is dropped.
#[derive(Clone, Debug)]
pub(crate) struct SeriesSnapshot {
    pub(super) unit: TimeUnit,
    pub(super) closed: Option<Arc<Vec<ClosedChunk>>>,
    pub(super) open: Option<OpenSnapshot>,
    /// Of the samples in chunks.
    pub(super) starts: Option<Arc<StartRuns>>,
    pub(super) out_of_order: Option<Arc<OutOfOrderLog>>,
}

/// The open chunk.
#[derive(Clone, Debug)]
pub(super) enum OpenSnapshot {
    /// What it held.
    Floats {
        chunk: Arc<OpenChunk>,
        prefix: Prefix,
        min_ms: i64,
        max_ms: i64,
    },
    /// A copy of one of another kind.
    Copy(ClosedChunk),
}

impl OpenSnapshot {
    fn time_range(&self) -> TimeRange {
        match self {
            Self::Floats { min_ms, max_ms, .. } => TimeRange::new(*min_ms, *max_ms),
            Self::Copy(chunk) => chunk.time_range(),
        }
    }
}

impl SeriesSnapshot {
    /// Unit of its times.
    pub(crate) fn unit(&self) -> TimeUnit {
        self.unit
    }

    /// Times of the first and last sample in its unit; `None` without samples.
    pub(crate) fn time_range(&self) -> Option<(i64, i64)> {
        let chunks = self.closed_chunks();
        let first = chunks.first().map(|chunk| (chunk.min_ms, chunk.max_ms));
        let last = chunks.last().map(|chunk| (chunk.min_ms, chunk.max_ms));
        let ends = |range: TimeRange| (range.start_ms, range.end_ms);
        let open = self.open.as_ref().map(|open| ends(open.time_range()));
        let late = self.out_of_order.as_ref().map(|log| ends(log.time_range()));
        [first, last, open, late]
            .into_iter()
            .flatten()
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The milliseconds of the first and last sample; `None` without samples.
    pub(crate) fn range_in_ms(&self) -> Option<TimeRange> {
        let (min, max) = self.time_range()?;
        Some(self.unit.range_to_ms(TimeRange::new(min, max)))
    }

    /// Appends the samples inside `range` to `out`: times strictly rising, at each time the value written last.
    /// Decodes no chunk outside the range.
    ///
    /// # Errors
    /// When a chunk does not decode; `out` is then as it was.
    pub(crate) fn read(&self, range: TimeRange, out: &mut Columns) -> Result<(), DecodeError> {
        let start = out.len();
        let mut read = || {
            self.read_in_order(range, out)?;
            if let Some(starts) = &self.starts {
                out.set_start_times(start, starts.as_slice());
            }
            if let Some(log) = &self.out_of_order {
                let late = out.len();
                log.read(range, out)?;
                out.merge_tail(start, late);
            }
            Ok(())
        };
        read().inspect_err(|_| out.truncate(start))
    }

    fn read_in_order(&self, range: TimeRange, out: &mut Columns) -> Result<(), DecodeError> {
        let chunks = self.closed_chunks();
        let from = chunks.partition_point(|chunk| chunk.max_ms < range.start_ms);
        let overlapping = chunks
            .iter()
            .skip(from)
            .take_while(|chunk| chunk.min_ms <= range.end_ms);
        for chunk in overlapping {
            read_chunk(chunk, range, out)?;
        }
        match &self.open {
            Some(open) if !range.overlaps(&open.time_range()) => Ok(()),
            Some(OpenSnapshot::Floats { chunk, prefix, .. }) => {
                xor::take_range(chunk.iter(*prefix), range, out)
            }
            Some(OpenSnapshot::Copy(chunk)) => read_chunk(chunk, range, out),
            None => Ok(()),
        }
    }

    fn closed_chunks(&self) -> &[ClosedChunk] {
        self.closed.as_deref().map_or(&[], Vec::as_slice)
    }
}

fn read_chunk(chunk: &ClosedChunk, range: TimeRange, out: &mut Columns) -> Result<(), DecodeError> {
    chunk::read(chunk.kind, &chunk.bytes, chunk.time_range(), range, out)
}
