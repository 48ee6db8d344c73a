//! How a sample gets into its series.

use std::sync::Arc;

use super::out_of_order::OutOfOrderLog;
use super::series::{ClosedChunk, Open, OpenFields, OpenFloats, OpenHistograms, SeriesState};
use crate::codec::field::FieldAppender;
use crate::codec::histogram::{ChunkAppender, Unstorable};
use crate::codec::xor::{OpenChunk, XorAppender};
use crate::model::{FieldValue, HistogramSample, Kind, LastSample, StartRuns, StoredValue};

/// Samples at which a chunk is closed: Prometheus's target. Longer chunks compress no better and cost more to enter.
pub(super) const CHUNK_SAMPLES: u16 = 120;

/// Bytes at which a chunk of histograms is closed, if it holds so many: Prometheus's targets.
const HISTOGRAM_CHUNK_BYTES: usize = 1024;
const HISTOGRAM_CHUNK_MIN_SAMPLES: u16 = 10;

/// Bytes at which a chunk of integers, booleans or strings is closed: a capture copies it.
const FIELD_CHUNK_BYTES: usize = 1024;

/// Memory of an open chunk of floats beside its samples.
const OPEN_BYTES: usize = size_of::<OpenChunk>() + 2 * size_of::<usize>();

/// Memory of a closed chunk beside its samples.
const CLOSED_BYTES: usize = size_of::<ClosedChunk>() + 2 * size_of::<usize>();

/// What became of a sample that was offered to a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It is appended.
    Taken,
    /// The same value stands at this time, the series' newest.
    Equal,
    /// Another value stands at this time, the series' newest.
    Conflict,
}

/// A value on its way into a series: the bits of a float, or another value that is storable.
pub(crate) trait NewValue: Copy {
    /// Whether it is this value.
    fn is(self, stored: &StoredValue) -> bool;

    /// Appends it behind all others. Returns the growth of memory in bytes, as the others do.
    fn append(self, state: &mut SeriesState, t_ms: i64) -> isize;

    /// Makes it the series' newest sample.
    fn set_last(self, state: &mut SeriesState, t_ms: i64) -> isize;

    /// Adds it to a log.
    fn log(self, log: &mut OutOfOrderLog, t_ms: i64);

    /// Its start time in milliseconds, 0 for none.
    #[inline]
    fn start_ms(self) -> i64 {
        0
    }
}

/// A value that has counted since a time, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since<V> {
    pub(crate) start_ms: i64,
    pub(crate) value: V,
}

/// The start time is no part of the value: the same value with another start time is a duplicate.
impl<V: NewValue> NewValue for Since<V> {
    fn is(self, stored: &StoredValue) -> bool {
        self.value.is(stored)
    }

    fn append(self, state: &mut SeriesState, t_ms: i64) -> isize {
        self.value.append(state, t_ms)
    }

    fn set_last(self, state: &mut SeriesState, t_ms: i64) -> isize {
        self.value.set_last(state, t_ms)
    }

    fn log(self, log: &mut OutOfOrderLog, t_ms: i64) {
        log.push_start_time(self.start_ms);
        self.value.log(log, t_ms);
    }

    fn start_ms(self) -> i64 {
        self.start_ms
    }
}

impl NewValue for u64 {
    #[inline]
    fn is(self, stored: &StoredValue) -> bool {
        stored.is_float(self)
    }

    #[inline]
    fn append(self, state: &mut SeriesState, t_ms: i64) -> isize {
        let mut growth = 0;
        if !matches!(state.open, Some(Open::Floats(_))) {
            growth += state.open_floats(t_ms);
        }
        if let Some(Open::Floats(open)) = &mut state.open {
            let before = open.appender.bytes_len();
            let appended = open.appender.append(t_ms, f64::from_bits(self));
            debug_assert!(appended.is_ok(), "a chunk is closed before it is full");
            growth += signed(open.appender.bytes_len()) - signed(before);
            if open.appender.samples() >= CHUNK_SAMPLES {
                growth += state.close();
            }
        }
        growth
    }

    #[inline]
    fn set_last(self, state: &mut SeriesState, t_ms: i64) -> isize {
        if let Some(LastSample {
            t_ms: last_ms,
            value: StoredValue::Float(bits),
        }) = &mut state.last
        {
            (*last_ms, *bits) = (t_ms, self);
            return 0;
        }
        state.replace_last(LastSample {
            t_ms,
            value: StoredValue::Float(self),
        })
    }

    fn log(self, log: &mut OutOfOrderLog, t_ms: i64) {
        log.push(t_ms, self);
    }
}

impl NewValue for &HistogramSample {
    fn is(self, stored: &StoredValue) -> bool {
        stored.is_histogram(self)
    }

    fn append(self, state: &mut SeriesState, t_ms: i64) -> isize {
        let appended = state.append_histogram(t_ms, self);
        debug_assert!(appended.is_ok(), "histograms are checked on the way in");
        appended.unwrap_or(0)
    }

    fn set_last(self, state: &mut SeriesState, t_ms: i64) -> isize {
        state.replace_last(LastSample {
            t_ms,
            value: StoredValue::Histogram(self.clone()),
        })
    }

    fn log(self, log: &mut OutOfOrderLog, t_ms: i64) {
        log.push_histogram(t_ms, self);
    }
}

impl NewValue for &FieldValue {
    fn is(self, stored: &StoredValue) -> bool {
        stored.as_field().as_ref() == Some(self)
    }

    fn append(self, state: &mut SeriesState, t_ms: i64) -> isize {
        state.append_field(t_ms, self)
    }

    fn set_last(self, state: &mut SeriesState, t_ms: i64) -> isize {
        state.replace_last(LastSample {
            t_ms,
            value: self.clone().into(),
        })
    }

    fn log(self, log: &mut OutOfOrderLog, t_ms: i64) {
        log.push_field(t_ms, self);
    }
}

impl SeriesState {
    /// Appends a sample unless it meets the series' newest sample at its time: an equal value changes nothing, others are
    /// refused unless `replace`. Returns the growth of memory in bytes as well.
    #[inline]
    pub(super) fn offer(
        &mut self,
        t_ms: i64,
        value: impl NewValue,
        replace: bool,
    ) -> (Offer, isize) {
        match &self.last {
            Some(last) if t_ms == last.t_ms && value.is(&last.value) => (Offer::Equal, 0),
            Some(last) if t_ms == last.t_ms && !replace => (Offer::Conflict, 0),
            _ => (Offer::Taken, self.append(t_ms, value)),
        }
    }

    /// Appends a sample: behind the newest one into the out-of-order log, else into the open chunk. Returns the growth
    /// of memory in bytes.
    #[inline]
    pub(super) fn append(&mut self, t_ms: i64, value: impl NewValue) -> isize {
        match &self.last {
            Some(last) if t_ms <= last.t_ms => {
                let is_newest = t_ms == last.t_ms;
                self.append_out_of_order(t_ms, value, is_newest)
            }
            _ => {
                let start_ms = value.start_ms();
                let mut growth = value.set_last(self, t_ms) + value.append(self, t_ms);
                if start_ms != 0 || self.starts.is_some() {
                    growth += self.append_start_time(t_ms, start_ms);
                }
                growth
            }
        }
    }

    /// Takes in the start time of an in-order sample, 0 for none.
    #[cold]
    fn append_start_time(&mut self, t_ms: i64, start_ms: i64) -> isize {
        let before = self.starts.as_ref().map_or(0, starts_bytes);
        let starts = self.starts.get_or_insert_default();
        Arc::make_mut(starts).push(t_ms, start_ms);
        signed(starts_bytes(starts)) - signed(before)
    }

    /// Closes what is open and opens a chunk of floats.
    #[cold]
    fn open_floats(&mut self, t_ms: i64) -> isize {
        let growth = self.close();
        self.open = Some(Open::Floats(OpenFloats {
            appender: XorAppender::new(),
            min_ms: t_ms,
        }));
        growth + signed(OPEN_BYTES)
    }

    fn append_histogram(
        &mut self,
        t_ms: i64,
        value: &HistogramSample,
    ) -> Result<isize, Unstorable> {
        let next = match &mut self.open {
            Some(Open::Histograms(open)) if !open.is_full() => {
                let before = open.memory_bytes();
                let next = open.appender.append(t_ms, value)?;
                if next.is_none() {
                    open.max_ms = t_ms;
                    return Ok(signed(open.memory_bytes()) - signed(before));
                }
                next
            }
            Some(Open::Histograms(full)) => {
                Some(ChunkAppender::begin(Some(&full.appender), t_ms, value)?)
            }
            _ => None,
        };
        let appender = match next {
            Some(appender) => appender,
            None => ChunkAppender::begin(None, t_ms, value)?,
        };
        let open = OpenHistograms {
            appender,
            min_ms: t_ms,
            max_ms: t_ms,
        };
        let growth = self.close() + signed(open.memory_bytes());
        self.open = Some(Open::Histograms(Box::new(open)));
        Ok(growth)
    }

    fn append_field(&mut self, t_ms: i64, value: &FieldValue) -> isize {
        let mut growth = 0;
        let goes_on = matches!(&self.open, Some(Open::Fields(open)) if open.takes(value.kind()));
        if !goes_on {
            let open = OpenFields {
                appender: FieldAppender::new(value.kind()),
                min_ms: t_ms,
                max_ms: t_ms,
            };
            growth += self.close() + signed(open.memory_bytes());
            self.open = Some(Open::Fields(Box::new(open)));
        }
        if let Some(Open::Fields(open)) = &mut self.open {
            let before = open.memory_bytes();
            open.appender.append(t_ms, value);
            open.max_ms = t_ms;
            growth += signed(open.memory_bytes()) - signed(before);
        }
        growth
    }

    /// Turns the open chunk into a closed one of exactly its size.
    #[cold]
    fn close(&mut self) -> isize {
        let (held, closed) = match self.open.take() {
            Some(Open::Floats(OpenFloats { appender, min_ms })) => {
                let Some((max_ms, _)) = appender.last() else {
                    return 0;
                };
                let bytes = appender.chunk().to_bytes(appender.prefix());
                let closed = ClosedChunk {
                    kind: Kind::Float,
                    bytes: bytes.into(),
                    min_ms,
                    max_ms,
                };
                (OPEN_BYTES + appender.bytes_len(), closed)
            }
            Some(Open::Histograms(open)) => (open.memory_bytes(), open.to_closed()),
            Some(Open::Fields(open)) => (open.memory_bytes(), open.to_closed()),
            None => return 0,
        };
        let growth = signed(CLOSED_BYTES + closed.bytes.len()) - signed(held);
        Arc::make_mut(self.closed.get_or_insert_default()).push(closed);
        growth
    }

    #[cold]
    fn append_out_of_order(&mut self, t_ms: i64, value: impl NewValue, is_newest: bool) -> isize {
        let mut growth = 0;
        if is_newest {
            growth += value.set_last(self, t_ms);
        }
        let (before, log) = match &mut self.out_of_order {
            Some(log) => (log.bytes(), log),
            none => (0, none.insert(Arc::default())),
        };
        value.log(Arc::make_mut(log), t_ms);
        growth + signed(log.bytes()) - signed(before)
    }

    /// Memory of what the series holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let open = match &self.open {
            Some(Open::Floats(open)) => OPEN_BYTES + open.appender.bytes_len(),
            Some(Open::Histograms(open)) => open.memory_bytes(),
            Some(Open::Fields(open)) => open.memory_bytes(),
            None => 0,
        };
        let closed = self.closed.iter().flat_map(|chunks| chunks.iter());
        let closed: usize = closed.map(|chunk| CLOSED_BYTES + chunk.bytes.len()).sum();
        let starts = self.starts.as_ref().map_or(0, starts_bytes);
        let log = self.out_of_order.as_ref().map_or(0, |log| log.bytes());
        let last = self.last.as_ref().map_or(0, LastSample::extra_bytes);
        open + closed + starts + log + last
    }

    /// Makes a sample the newest where it or the one before is no float: its memory may count.
    #[cold]
    pub(super) fn replace_last(&mut self, last: LastSample) -> isize {
        let growth = signed(last.extra_bytes());
        let before = self.last.replace(last);
        growth - before.map_or(0, |before| signed(before.extra_bytes()))
    }
}

impl OpenHistograms {
    /// Whether the chunk takes no more, by Prometheus's rules: about 1 KiB, if that is at least ten samples.
    fn is_full(&self) -> bool {
        let samples = self.appender.samples();
        samples >= CHUNK_SAMPLES
            || (samples >= HISTOGRAM_CHUNK_MIN_SAMPLES
                && self.appender.bytes_len() >= HISTOGRAM_CHUNK_BYTES)
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.appender.memory_bytes()
    }
}

impl OpenFields {
    /// Whether a value of this kind is appended to the chunk.
    fn takes(&self, kind: Kind) -> bool {
        self.appender.kind() == kind
            && self.appender.samples() < CHUNK_SAMPLES
            && self.appender.bytes().len() < FIELD_CHUNK_BYTES
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.appender.memory_bytes()
    }
}

fn starts_bytes(starts: &Arc<StartRuns>) -> usize {
    size_of::<StartRuns>() + starts.bytes()
}

/// Sizes of memory fit: an allocation is at most `isize::MAX` bytes.
fn signed(bytes: usize) -> isize {
    bytes.cast_signed()
}
