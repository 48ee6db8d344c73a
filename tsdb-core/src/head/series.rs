//! What a series holds.

use std::hint::black_box;
use std::sync::Arc;

use parking_lot::Mutex;

use super::append::{NewValue, Offer};
use super::out_of_order::OutOfOrderLog;
use super::reader::{OpenSnapshot, SeriesSnapshot};
use crate::codec::field::FieldAppender;
use crate::codec::histogram::ChunkAppender;
use crate::codec::xor::XorAppender;
use crate::index::memory::PairRef;
use crate::model::{Kind, LastSample, StartRuns, TimeRange, TimeUnit};

/// One series of a generation.
///
/// Its labels are numbers of label pairs, which the label index holds for all series; that and the lookup table hold the series'
/// number only. For 12 labels there are about 185 bytes here, 65 for the numbers of the pairs, 95 for the open chunk with its
/// first words, 25 in the lookup table, 50 for the sender's form of the labels, and 20 in the postings.
#[derive(Debug)]
pub(crate) struct Series {
    /// Label pairs, in the order of their names.
    pairs: Box<[PairRef]>,
    /// Of the times of its samples; codecs and chunks do not know it.
    unit: TimeUnit,
    // Held for one append by the writer, or one capture (a few reference counts, of an open chunk of histograms a copy of
    // a kilobyte) by a reader; while decoding only by a delete.
    pub(super) state: Mutex<SeriesState>,
}

impl Series {
    pub(crate) fn new(pairs: Box<[PairRef]>, unit: TimeUnit, last: Option<LastSample>) -> Self {
        Self {
            pairs,
            unit,
            state: Mutex::new(SeriesState {
                last,
                ..SeriesState::default()
            }),
        }
    }

    /// A series from the log, which does not say what older files hold of it.
    pub(crate) fn replayed(pairs: Box<[PairRef]>, unit: TimeUnit) -> Self {
        let mut series = Self::new(pairs, unit, None);
        series.state.get_mut().recall_due = true;
        series
    }

    pub(crate) fn pairs(&self) -> &[PairRef] {
        &self.pairs
    }

    #[inline]
    pub(crate) fn unit(&self) -> TimeUnit {
        self.unit
    }

    pub(crate) fn last(&self) -> Option<LastSample> {
        self.state.lock().last.clone()
    }

    /// Loads both ends of it, without its lock: who takes one series after the other waits less for each, if several are
    /// loaded before.
    #[inline]
    pub(crate) fn prefetch(&self) {
        black_box((self.unit, self.state.is_locked()));
    }

    /// Whether older files may hold a newer sample than [`last`](Self::last).
    pub(crate) fn recall_due(&self) -> bool {
        self.state.lock().recall_due
    }

    /// Tells of the newest sample in what is older, if there is one, and takes it if it is newer than what is here.
    /// Returns the growth of memory in bytes.
    pub(crate) fn recall_last(&self, last: Option<LastSample>) -> isize {
        self.state.lock().recall_last(last)
    }

    /// Appends a sample; returns by how many bytes the memory of the series grew (a chunk that is closed shrinks).
    #[inline]
    pub(crate) fn append(&self, t_ms: i64, value: impl NewValue) -> isize {
        self.state.lock().append(t_ms, value)
    }

    /// See [`SeriesState::offer`].
    #[inline]
    pub(crate) fn offer(&self, t_ms: i64, value: impl NewValue, replace: bool) -> (Offer, isize) {
        self.state.lock().offer(t_ms, value, replace)
    }

    /// What is there now; later samples do not show in it.
    pub(crate) fn capture(&self) -> SeriesSnapshot {
        self.state.lock().capture(self.unit)
    }
}

/// The part of a series that changes. Closed chunks, start times and the out-of-order log are shared with snapshots and
/// copied on the next write after a capture: a list of references, the changes of start time, and at most one piece of the log.
#[derive(Debug, Default)]
pub(crate) struct SeriesState {
    /// The newest sample by time, also when an earlier generation holds it.
    pub(super) last: Option<LastSample>,
    pub(super) open: Option<Open>,
    pub(super) closed: Option<Arc<Vec<ClosedChunk>>>,
    /// Start times of the samples in chunks; not there until the first sample that has one.
    pub(super) starts: Option<Arc<StartRuns>>,
    pub(super) out_of_order: Option<Arc<OutOfOrderLog>>,
    /// Whether what is older is still to be asked for `last`.
    pub(super) recall_due: bool,
}

impl SeriesState {
    pub(super) fn capture(&self, unit: TimeUnit) -> SeriesSnapshot {
        SeriesSnapshot {
            unit,
            closed: self.closed.clone(),
            open: self.open.as_ref().and_then(Open::capture),
            starts: self.starts.clone(),
            out_of_order: self.out_of_order.clone(),
        }
    }

    /// See [`Series::recall_last`].
    pub(super) fn recall_last(&mut self, last: Option<LastSample>) -> isize {
        self.recall_due = false;
        match (last, &self.last) {
            (None, _) => 0,
            (Some(last), Some(here)) if here.t_ms >= last.t_ms => 0,
            (Some(last), _) => self.replace_last(last),
        }
    }
}

/// The chunk that is appended to. A sample of another kind closes it.
#[derive(Debug)]
pub(crate) enum Open {
    /// It holds floats.
    Floats(OpenFloats),
    /// It holds native histograms of one kind.
    Histograms(Box<OpenHistograms>),
    /// It holds integers, booleans or strings.
    Fields(Box<OpenFields>),
}

/// An open chunk of floats, which readers read while it is appended to.
#[derive(Debug)]
pub(crate) struct OpenFloats {
    pub(super) appender: XorAppender,
    pub(super) min_ms: i64,
}

/// An open chunk of native histograms, of which readers get a copy: it may be written anew with every sample.
#[derive(Debug)]
pub(crate) struct OpenHistograms {
    pub(super) appender: ChunkAppender,
    pub(super) min_ms: i64,
    pub(super) max_ms: i64,
}

/// An open chunk of integers, booleans or strings, of which readers get a copy: its bytes move as they grow.
#[derive(Debug)]
pub(crate) struct OpenFields {
    pub(super) appender: FieldAppender,
    pub(super) min_ms: i64,
    pub(super) max_ms: i64,
}

impl Open {
    fn capture(&self) -> Option<OpenSnapshot> {
        match self {
            Self::Floats(open) => {
                let (max_ms, _) = open.appender.last()?;
                Some(OpenSnapshot::Floats {
                    chunk: Arc::clone(open.appender.chunk()),
                    prefix: open.appender.prefix(),
                    min_ms: open.min_ms,
                    max_ms,
                })
            }
            Self::Histograms(open) => Some(OpenSnapshot::Copy(open.to_closed())),
            Self::Fields(open) => Some(OpenSnapshot::Copy(open.to_closed())),
        }
    }
}

impl OpenHistograms {
    /// The chunk as it is now.
    pub(super) fn to_closed(&self) -> ClosedChunk {
        ClosedChunk {
            kind: self.appender.kind(),
            bytes: self.appender.to_bytes().into(),
            min_ms: self.min_ms,
            max_ms: self.max_ms,
        }
    }
}

impl OpenFields {
    /// The chunk as it is now.
    pub(super) fn to_closed(&self) -> ClosedChunk {
        ClosedChunk {
            kind: self.appender.kind(),
            bytes: self.appender.bytes().into(),
            min_ms: self.min_ms,
            max_ms: self.max_ms,
        }
    }
}

/// A complete chunk, of what Prometheus has as it encodes it.
#[derive(Clone, Debug)]
pub(crate) struct ClosedChunk {
    pub(super) bytes: Arc<[u8]>,
    pub(super) min_ms: i64,
    pub(super) max_ms: i64,
    pub(super) kind: Kind,
}

impl ClosedChunk {
    /// Times of its first and last sample.
    pub(super) fn time_range(&self) -> TimeRange {
        TimeRange::new(self.min_ms, self.max_ms)
    }
}
