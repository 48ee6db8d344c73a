//! How a sample gets into its series.

use std::sync::Arc;

use super::LastSample;
use super::out_of_order::OutOfOrderLog;
use super::series::{ClosedChunk, OpenState, SeriesState};
use crate::codec::xor::{OpenChunk, XorAppender};

/// Samples at which a chunk is closed: Prometheus's target. Longer chunks compress no better and cost more to enter.
pub(super) const CHUNK_SAMPLES: u16 = 120;

/// Memory of an open chunk beside its samples.
const OPEN_BYTES: usize = size_of::<OpenChunk>() + 2 * size_of::<usize>();

/// Memory of a closed chunk beside its samples.
const CLOSED_BYTES: usize = size_of::<ClosedChunk>() + 2 * size_of::<usize>();

/// What became of a sample that was offered to a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It is appended.
    Taken,
    /// The same bits stand at this time, the series' newest.
    Equal,
    /// Another value stands at this time, the series' newest.
    Conflict,
}

impl SeriesState {
    /// Appends a sample unless it meets the series' newest sample at its time: equal bits change nothing, others are
    /// refused unless `replace`. Returns the growth of memory in bytes as well.
    #[inline]
    pub(super) fn offer(&mut self, t_ms: i64, bits: u64, replace: bool) -> (Offer, isize) {
        match self.last {
            Some(last) if t_ms == last.t_ms && bits == last.bits => (Offer::Equal, 0),
            Some(last) if t_ms == last.t_ms && !replace => (Offer::Conflict, 0),
            _ => (Offer::Taken, self.append(t_ms, bits)),
        }
    }

    /// Appends a sample: behind the newest one into the out-of-order log, else into the open chunk. Returns the growth
    /// of memory in bytes.
    #[inline]
    pub(super) fn append(&mut self, t_ms: i64, bits: u64) -> isize {
        match self.last {
            Some(last) if t_ms <= last.t_ms => self.append_out_of_order(last, t_ms, bits),
            _ => self.append_in_order(t_ms, bits),
        }
    }

    #[inline]
    fn append_in_order(&mut self, t_ms: i64, bits: u64) -> isize {
        self.last = Some(LastSample { t_ms, bits });
        let mut growth = 0;
        let open = self.open.get_or_insert_with(|| {
            growth += signed(OPEN_BYTES);
            OpenState {
                appender: XorAppender::new(),
                min_ms: t_ms,
            }
        });
        let before = open.appender.bytes_len();
        let appended = open.appender.append(t_ms, f64::from_bits(bits));
        debug_assert!(appended.is_ok(), "a chunk is closed before it is full");
        growth += signed(open.appender.bytes_len()) - signed(before);
        if open.appender.samples() >= CHUNK_SAMPLES {
            growth += self.close();
        }
        growth
    }

    /// Turns the open chunk into a closed one of exactly its size.
    #[cold]
    fn close(&mut self) -> isize {
        let Some(OpenState { appender, min_ms }) = self.open.take() else {
            return 0;
        };
        let Some((max_ms, _)) = appender.last() else {
            return 0;
        };
        let chunk = appender.chunk();
        let bytes: Arc<[u8]> = chunk.to_bytes(chunk.published()).into();
        let growth = signed(CLOSED_BYTES + bytes.len()) - signed(OPEN_BYTES + appender.bytes_len());
        Arc::make_mut(self.closed.get_or_insert_default()).push(ClosedChunk {
            bytes,
            min_ms,
            max_ms,
        });
        growth
    }

    #[cold]
    fn append_out_of_order(&mut self, last: LastSample, t_ms: i64, bits: u64) -> isize {
        if t_ms == last.t_ms {
            self.last = Some(LastSample { t_ms, bits });
        }
        let (before, after) = match &mut self.out_of_order {
            Some(log) => {
                let before = log.bytes();
                Arc::make_mut(log).push(t_ms, bits);
                (before, log.bytes())
            }
            none => {
                let log = none.insert(Arc::new(OutOfOrderLog::new(t_ms, bits)));
                (0, log.bytes())
            }
        };
        signed(after) - signed(before)
    }
}

/// Sizes of memory fit: an allocation is at most `isize::MAX` bytes.
fn signed(bytes: usize) -> isize {
    bytes.cast_signed()
}
