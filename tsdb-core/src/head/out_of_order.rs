//! Samples that came behind their series' newest: a log in order of writing, sorted only when it is read.

use std::sync::Arc;

use super::pieces::Pieces;
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::codec::{field, histogram};
use crate::model::{Columns, FieldValue, HistogramSample, Kind, TimeRange};

/// Time in ticks of the series and bits of the value.
type Entry = (i64, u64);

/// A value of another kind than float, encoded: of a histogram that takes a fraction of the memory.
#[derive(Clone, Debug)]
struct EncodedEntry {
    t_ms: i64,
    /// Number of floats in the log before it.
    floats_before: usize,
    kind: Kind,
    bytes: Arc<[u8]>,
}

/// Log of one series. A clone shares the entries and does not see what is pushed later.
#[derive(Clone, Debug)]
pub(crate) struct OutOfOrderLog {
    floats: Pieces<Entry>,
    encoded: Pieces<EncodedEntry>,
    encoded_bytes: usize,
    /// Places in the log, and the start times of the samples there. Only samples that have one.
    starts: Pieces<(usize, i64)>,
    min_ms: i64,
    max_ms: i64,
}

impl Default for OutOfOrderLog {
    fn default() -> Self {
        Self {
            floats: Pieces::default(),
            encoded: Pieces::default(),
            encoded_bytes: 0,
            starts: Pieces::default(),
            min_ms: i64::MAX,
            max_ms: i64::MIN,
        }
    }
}

impl OutOfOrderLog {
    /// The sample that is pushed next has this start time, in milliseconds.
    pub(super) fn push_start_time(&mut self, start_ms: i64) {
        let place = self.floats.len() + self.encoded.len();
        self.starts.push((place, start_ms));
    }

    pub(super) fn push(&mut self, t_ms: i64, bits: u64) {
        self.extend_times(t_ms);
        self.floats.push((t_ms, bits));
    }

    pub(super) fn push_histogram(&mut self, t_ms: i64, value: &HistogramSample) {
        self.push_encoded(t_ms, value.kind(), |out| {
            histogram::push_alone(out, value);
        });
    }

    pub(super) fn push_field(&mut self, t_ms: i64, value: &FieldValue) {
        self.push_encoded(t_ms, value.kind(), |out| field::push_alone(out, value));
    }

    fn push_encoded(&mut self, t_ms: i64, kind: Kind, encode: impl FnOnce(&mut Vec<u8>)) {
        self.extend_times(t_ms);
        let mut bytes = Vec::new();
        encode(&mut bytes);
        self.encoded_bytes += bytes.len() + 2 * size_of::<usize>();
        self.encoded.push(EncodedEntry {
            t_ms,
            floats_before: self.floats.len(),
            kind,
            bytes: bytes.into(),
        });
    }

    fn extend_times(&mut self, t_ms: i64) {
        self.min_ms = self.min_ms.min(t_ms);
        self.max_ms = self.max_ms.max(t_ms);
    }

    /// Times of the first and last sample, in ticks of the series.
    pub(crate) fn time_range(&self) -> TimeRange {
        TimeRange::new(self.min_ms, self.max_ms)
    }

    /// Estimate of the memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.floats.bytes()
            + self.encoded.bytes()
            + self.encoded_bytes
            + self.starts.bytes()
    }

    /// Appends the samples inside `range` in order of time, each time once, with the value written last.
    ///
    /// # Errors
    /// When a value does not decode: never, since this log encoded it.
    pub(crate) fn read(&self, range: TimeRange, out: &mut Columns) -> Result<(), DecodeError> {
        if !range.overlaps(&self.time_range()) {
            return Ok(());
        }
        if !self.encoded.is_empty() || !self.starts.is_empty() {
            return self.read_any(range, out);
        }
        let entries = self.floats.iter().copied();
        for (t_ms, bits) in sorted(entries, range, |entry| entry.0) {
            out.push(t_ms, f64::from_bits(bits));
        }
        Ok(())
    }

    fn read_any(&self, range: TimeRange, out: &mut Columns) -> Result<(), DecodeError> {
        let start = out.len();
        let mut starts = self.starts.iter().peekable();
        let entries = self.in_order_of_writing().enumerate();
        let entries = entries.map(|(place, entry)| {
            let start = starts.next_if(|(of, _)| *of == place);
            (entry, start.map_or(0, |(_, start_ms)| *start_ms))
        });
        for (entry, start_ms) in sorted(entries, range, |(entry, _)| entry.t_ms()) {
            match entry {
                LogEntry::Float((t_ms, bits)) => out.push(t_ms, f64::from_bits(bits)),
                LogEntry::Encoded(entry) => entry.read(out).inspect_err(|_| out.truncate(start))?,
            }
            out.set_start_time(start_ms);
        }
        Ok(())
    }

    fn in_order_of_writing(&self) -> impl Iterator<Item = LogEntry<'_>> {
        let mut encoded = self.encoded.iter().peekable();
        let mut floats = self.floats.iter().copied().enumerate().peekable();
        std::iter::from_fn(move || {
            let next_float = floats.peek().map_or(usize::MAX, |(at, _)| *at);
            match encoded.next_if(|entry| entry.floats_before <= next_float) {
                Some(entry) => Some(LogEntry::Encoded(entry)),
                None => floats.next().map(|(_, entry)| LogEntry::Float(entry)),
            }
        })
    }
}

impl EncodedEntry {
    /// Appends it.
    fn read(&self, out: &mut Columns) -> Result<(), DecodeError> {
        let mut bytes = Cursor::new(&self.bytes);
        match self.kind {
            Kind::Integer | Kind::Boolean | Kind::String => {
                out.push_field(self.t_ms, field::read_alone(self.kind, &mut bytes)?);
            }
            kind => {
                let histogram = histogram::read_alone(kind, &mut bytes)?;
                out.push_histogram(self.t_ms, histogram.detached());
            }
        }
        Ok(())
    }
}

/// An entry of any kind.
enum LogEntry<'a> {
    Float(Entry),
    Encoded(&'a EncodedEntry),
}

impl LogEntry<'_> {
    fn t_ms(&self) -> i64 {
        match self {
            Self::Float((t_ms, _)) => *t_ms,
            Self::Encoded(entry) => entry.t_ms,
        }
    }
}

/// The entries inside `range` in order of time, each time once, with the entry written last.
fn sorted<T>(
    entries: impl Iterator<Item = T>,
    range: TimeRange,
    t_ms: impl Fn(&T) -> i64,
) -> Vec<T> {
    let mut sorted: Vec<T> = entries
        .filter(|entry| range.contains(t_ms(entry)))
        .collect();
    // Newest first, and the sort is stable: of the entries at one time the newest is first, and that one is kept.
    sorted.reverse();
    sorted.sort_by_key(&t_ms);
    sorted.dedup_by_key(|entry| t_ms(entry));
    sorted
}
