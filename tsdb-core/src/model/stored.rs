//! What the store asks of a value: can it be kept, and is it the one that is there.

use std::sync::Arc;

use super::field::FieldValue;
use super::histogram::{HistogramError, Side, Span};
use super::sample::{Columns, HistogramSample, Kind, Value};
use super::{CounterResetHint, FloatHistogram, Histogram};

/// Bytes of a chunk that holds a single histogram, at most: less than a column on disk takes.
const MAX_HISTOGRAM_BYTES: usize = 60 << 10;

impl HistogramSample {
    /// What counts it holds.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Integer(_) => Kind::Histogram,
            Self::Float(_) => Kind::FloatHistogram,
        }
    }

    /// The histogram, borrowed.
    #[must_use]
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Self::Integer(histogram) => Value::Histogram(histogram),
            Self::Float(histogram) => Value::FloatHistogram(histogram),
        }
    }

    /// Whether this is the staleness marker.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        match self {
            Self::Integer(histogram) => histogram.is_stale(),
            Self::Float(histogram) => histogram.is_stale(),
        }
    }

    /// Bytes it takes in memory, as Prometheus counts them.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Integer(histogram) => histogram.size_bytes(),
            Self::Float(histogram) => histogram.size_bytes(),
        }
    }

    /// See [`Histogram::validate`] and [`FloatHistogram::validate`].
    ///
    /// # Errors
    /// The first fault.
    pub fn validate(&self) -> Result<(), HistogramError> {
        match self {
            Self::Integer(histogram) => histogram.validate(),
            Self::Float(histogram) => histogram.validate(),
        }
    }

    /// Whether a chunk can hold it and every reader will accept that: it is valid, its buckets have indices of 32 bits, and
    /// it is not too large (some 6,000 buckets, or 3,000 spans).
    pub(crate) fn is_storable(&self) -> bool {
        let fits = match self {
            Self::Integer(h) => fits(&h.positive, &h.negative, &h.custom_values),
            Self::Float(h) => fits(&h.positive, &h.negative, &h.custom_values),
        };
        fits && self.validate().is_ok()
    }

    /// Whether both say the same: the hint and empty buckets left out, which a chunk may add, and all that a staleness
    /// marker holds beside its sum, which a chunk drops.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        if self.is_stale() || other.is_stale() {
            return self.kind() == other.kind() && self.is_stale() && other.is_stale();
        }
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a == b || populated(&**a) == populated(&**b),
            (Self::Float(a), Self::Float(b)) => a == b || populated(&**a) == populated(&**b),
            _ => false,
        }
    }

    /// As a chunk of its own would give it back: of a staleness marker nothing but that, and no hint except of a gauge.
    pub(crate) fn detached(self) -> Self {
        if self.is_stale() {
            return match self {
                Self::Integer(_) => Histogram::stale().into(),
                Self::Float(_) => FloatHistogram::stale().into(),
            };
        }
        let mut detached = self;
        match &mut detached {
            Self::Integer(h) if h.counter_reset_hint.is_of_counters() => {
                Arc::make_mut(h).counter_reset_hint = CounterResetHint::Unknown;
            }
            Self::Float(h) if h.counter_reset_hint.is_of_counters() => {
                Arc::make_mut(h).counter_reset_hint = CounterResetHint::Unknown;
            }
            _ => {}
        }
        detached
    }

    /// Forgets that there was no counter reset since the sample before: another one stands there now.
    pub(super) fn forget_predecessor(&mut self) {
        let hint = match self {
            Self::Integer(h) => h.counter_reset_hint,
            Self::Float(h) => h.counter_reset_hint,
        };
        if hint == CounterResetHint::NotReset {
            match self {
                Self::Integer(h) => Arc::make_mut(h).counter_reset_hint = CounterResetHint::Unknown,
                Self::Float(h) => Arc::make_mut(h).counter_reset_hint = CounterResetHint::Unknown,
            }
        }
    }
}

fn fits<C>(positive: &Side<C>, negative: &Side<C>, bounds: &[f64]) -> bool {
    // In a chunk a number takes at most 73 bits; a span is two of them.
    let buckets = positive
        .buckets
        .len()
        .saturating_add(negative.buckets.len());
    let spans = positive.spans.len().saturating_add(negative.spans.len());
    let numbers = [buckets, spans, spans, bounds.len(), 32];
    let numbers = numbers.into_iter().fold(0, usize::saturating_add);
    numbers.saturating_mul(10) <= MAX_HISTOGRAM_BYTES
        && has_indices(&positive.spans)
        && has_indices(&negative.spans)
}

/// Whether the buckets have indices of 32 bits.
fn has_indices(spans: &[Span]) -> bool {
    let mut end = 0_i64;
    spans.iter().all(|span| {
        end += i64::from(span.offset) + i64::from(span.length);
        i32::try_from(end).is_ok()
    })
}

fn populated<H: Clone + Compact>(histogram: &H) -> H {
    let mut populated = histogram.clone();
    populated.leave_out_empty();
    populated
}

trait Compact {
    fn leave_out_empty(&mut self);
}

impl Compact for Histogram {
    fn leave_out_empty(&mut self) {
        self.compact(0);
    }
}

impl Compact for FloatHistogram {
    fn leave_out_empty(&mut self) {
        self.compact(0);
    }
}

/// The value of a sample, kept.
#[derive(Clone, Debug)]
pub(crate) enum StoredValue {
    /// The bits of a float.
    Float(u64),
    /// A histogram.
    Histogram(HistogramSample),
    // As `FieldValue`, which as a whole would take a word more.
    Integer(i64),
    Boolean(bool),
    String(Arc<Box<str>>),
}

/// The newest sample of a series by time.
#[derive(Clone, Debug)]
pub(crate) struct LastSample {
    /// In ticks of the series.
    pub(crate) t_ms: i64,
    pub(crate) value: StoredValue,
}

impl Columns {
    /// The last sample.
    pub(crate) fn last(&self) -> Option<LastSample> {
        let (&t_ms, value) = self.times_ms.last().zip(self.values.last())?;
        let last_at = self.len() - 1;
        let value = if let Some((at, histogram)) = self.histograms.last()
            && *at == last_at
        {
            StoredValue::Histogram(histogram.clone())
        } else if let Some((at, field)) = self.fields.last()
            && *at == last_at
        {
            field.clone().into()
        } else {
            StoredValue::Float(value.to_bits())
        };
        Some(LastSample { t_ms, value })
    }
}

impl LastSample {
    /// Memory it holds beside itself.
    pub(crate) fn extra_bytes(&self) -> usize {
        match &self.value {
            StoredValue::Histogram(histogram) => histogram.size_bytes(),
            value => value.as_field().map_or(0, |field| field.extra_bytes()),
        }
    }
}

/// A series keeps its newest sample: no word more than a float takes.
const _: () = assert!(size_of::<Option<LastSample>>() == 24);

impl StoredValue {
    /// Whether it is the float with these bits.
    #[inline]
    pub(crate) fn is_float(&self, float: u64) -> bool {
        matches!(self, Self::Float(bits) if *bits == float)
    }

    /// The value of InfluxDB that it is, if it is one.
    pub(crate) fn as_field(&self) -> Option<FieldValue> {
        match self {
            Self::Float(_) | Self::Histogram(_) => None,
            Self::Integer(integer) => Some(FieldValue::Integer(*integer)),
            Self::Boolean(boolean) => Some(FieldValue::Boolean(*boolean)),
            Self::String(text) => Some(FieldValue::String(Arc::clone(text))),
        }
    }

    /// Whether it is this histogram, or one that [says the same](HistogramSample::says_the_same).
    pub(crate) fn is_histogram(&self, histogram: &HistogramSample) -> bool {
        matches!(self, Self::Histogram(stored) if stored.says_the_same(histogram))
    }
}

impl From<FieldValue> for StoredValue {
    fn from(value: FieldValue) -> Self {
        match value {
            FieldValue::Integer(integer) => Self::Integer(integer),
            FieldValue::Boolean(boolean) => Self::Boolean(boolean),
            FieldValue::String(text) => Self::String(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(buckets: &[i64], offset: i32) -> Histogram {
        Histogram {
            count: super::super::histogram::absolute_counts(buckets)
                .map(i64::cast_unsigned)
                .sum(),
            positive: Side {
                spans: vec![Span {
                    offset,
                    length: buckets.len() as u32,
                }],
                buckets: buckets.to_vec(),
            },
            ..Histogram::default()
        }
    }

    #[test]
    fn empty_buckets_and_hints_say_nothing() {
        let mut with_hint = counter(&[1, 1], 3);
        with_hint.counter_reset_hint = CounterResetHint::Reset;
        let a = HistogramSample::from(counter(&[0, 1, 1, -2], 2));
        let b = HistogramSample::from(with_hint);
        assert!(a.says_the_same(&b));
        assert!(!a.says_the_same(&HistogramSample::from(counter(&[1, 2], 3))));
        assert!(!a.says_the_same(&HistogramSample::from(counter(&[1, 1], 3).to_float())));
        let marker = Histogram {
            sum: f64::from_bits(super::super::STALE_NAN_BITS),
            ..counter(&[1], 0)
        };
        let marker = HistogramSample::from(marker);
        assert!(marker.says_the_same(&Histogram::stale().into()));
        assert!(!marker.says_the_same(&Histogram::default().into()));
    }

    #[test]
    fn what_no_reader_would_accept_is_not_storable() {
        let storable = |h: Histogram| HistogramSample::from(h).is_storable();
        assert!(storable(counter(&[1, 1], 3)));
        assert!(storable(Histogram::stale()));
        assert!(!storable(counter(&[1], i32::MAX)), "the end has no index");
        assert!(!storable(counter(&[0; 7_000], 0)), "too large");
        let mut broken = counter(&[1], 0);
        broken.positive.buckets.clear();
        assert!(!storable(broken));
        let unknown = Histogram {
            schema: 77,
            ..Histogram::default()
        };
        assert!(!storable(unknown));
    }
}
