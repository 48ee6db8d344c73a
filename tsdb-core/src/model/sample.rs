//! Samples and columns of samples.

use std::sync::Arc;

use super::field::FieldValue;
use super::histogram::{FloatHistogram, Histogram};

/// Bits of the NaN that marks a series as stale (Prometheus `model/value/value.go`, `StaleNaN`).
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Whether `value` is the staleness marker. Compares bits: an ordinary NaN is not stale.
#[must_use]
#[inline]
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// What a chunk, a column or a WAL frame holds. The numbers are part of the on-disk formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum Kind {
    /// IEEE 754 double, every bit kept.
    Float = 1,
    /// Native histogram of integer counts.
    Histogram = 2,
    /// Native histogram of float counts.
    FloatHistogram = 3,
    /// InfluxDB's integer of 64 bits.
    Integer = 4,
    /// InfluxDB's boolean.
    Boolean = 5,
    /// InfluxDB's string.
    String = 6,
}

impl Kind {
    /// The kind with this number in the on-disk formats, if this version knows it.
    #[must_use]
    pub const fn from_u8(n: u8) -> Option<Self> {
        match n {
            1 => Some(Self::Float),
            2 => Some(Self::Histogram),
            3 => Some(Self::FloatHistogram),
            4 => Some(Self::Integer),
            5 => Some(Self::Boolean),
            6 => Some(Self::String),
            _ => None,
        }
    }
}

/// The value of a sample. Borrows, so that kinds larger than a word need no copy on the way in.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A float, kept bit for bit.
    Float(f64),
    /// A native histogram of integer counts.
    Histogram(&'a Histogram),
    /// A native histogram of float counts.
    FloatHistogram(&'a FloatHistogram),
    /// An integer, as InfluxDB has it.
    Integer(i64),
    /// A boolean, as InfluxDB has it.
    Boolean(bool),
    /// A string, as InfluxDB has it: at most [`MAX_STRING_BYTES`](super::MAX_STRING_BYTES).
    String(&'a str),
}

/// A time and a value.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Milliseconds since the Unix epoch, rounded down.
    pub t_ms: i64,
    /// The time as it was written, in the [unit](super::TimeUnit) of the series.
    pub tick: i64,
    /// The value.
    pub value: Value<'a>,
    /// Since when it counts, in milliseconds since the Unix epoch, if the sender said so.
    pub start_ms: Option<i64>,
}

/// Samples of one series as columns: `times_ms[i]` belongs to `values[i]`, times strictly rising.
///
/// What [`Series::read_into`](crate::Series::read_into) gives is what PromQL can show. Inside the store the times are ticks
/// of the series, and there are values of InfluxDB among them.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// Milliseconds since the Unix epoch, strictly rising.
    pub times_ms: Vec<i64>,
    /// The values; the staleness marker is kept as it was written.
    pub values: Vec<f64>,
    /// The native histograms among the samples, with their index in the other columns, rising. `values` has a NaN there
    /// that means nothing.
    pub histograms: Vec<(usize, HistogramSample)>,
    /// The values of InfluxDB among the samples, as the histograms; none in what is shown to PromQL.
    pub(crate) fields: Vec<(usize, FieldValue)>,
    /// Start times of the samples, 0 for none, up to the last sample that has one; not there if nobody asks for them.
    pub(super) starts_ms: Option<Vec<i64>>,
}

/// A native histogram as it was written. Equality is that of [`Histogram`] and [`FloatHistogram`].
#[derive(Clone, Debug, PartialEq)]
pub enum HistogramSample {
    /// With integer buckets.
    Integer(Arc<Histogram>),
    /// With float buckets.
    Float(Arc<FloatHistogram>),
}

impl From<Histogram> for HistogramSample {
    fn from(histogram: Histogram) -> Self {
        Self::Integer(Arc::new(histogram))
    }
}

impl From<FloatHistogram> for HistogramSample {
    fn from(histogram: FloatHistogram) -> Self {
        Self::Float(Arc::new(histogram))
    }
}

impl Columns {
    /// Empties the columns and keeps their memory.
    pub fn clear(&mut self) {
        self.times_ms.clear();
        self.values.clear();
        self.histograms.clear();
        self.fields.clear();
        self.starts_ms.iter_mut().for_each(Vec::clear);
    }

    /// Appends a value of InfluxDB; the caller keeps the times rising.
    pub(crate) fn push_field(&mut self, t_ms: i64, value: FieldValue) {
        self.fields.push((self.times_ms.len(), value));
        self.push(t_ms, f64::NAN);
    }

    /// Appends a native histogram; the caller keeps the times rising.
    pub fn push_histogram(&mut self, t_ms: i64, histogram: HistogramSample) {
        self.histograms.push((self.times_ms.len(), histogram));
        self.push(t_ms, f64::NAN);
    }

    /// Appends a sample; the caller keeps the times rising.
    #[inline]
    pub fn push(&mut self, t_ms: i64, value: f64) {
        self.times_ms.push(t_ms);
        self.values.push(value);
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times_ms.len()
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times_ms.is_empty()
    }
}
