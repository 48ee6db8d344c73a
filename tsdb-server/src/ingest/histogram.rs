//! Native histograms of remote write: one message for both protocols and for integers and floats.
//!
//! ```text
//! Histogram   1 count_int  2 count_float  3 sum  4 schema (sint32)  5 zero_threshold  6 zero_count_int  7 zero_count_float
//!             8 negative_spans*   9 negative_deltas* (sint64)  10 negative_counts*
//!            11 positive_spans*  12 positive_deltas* (sint64)  13 positive_counts*
//!            14 reset_hint (enum)  15 timestamp (int64, ms)  16 custom_values*  17 start_timestamp (int64, ms, 2.0 only)
//! BucketSpan  1 offset (sint32)  2 length
//! ```
//! It is one of floats if its count is.

use std::fmt;

use tsdb_core::histogram::{
    EXPONENTIAL_SCHEMA_MAX, EXPONENTIAL_SCHEMA_MAX_RESERVED, HistogramError, ResolutionError, Side,
};
use tsdb_core::{CounterResetHint, FloatHistogram, Histogram, HistogramSample, Span};

use super::proto::{Field, Fields, ProtoError};
use super::samples::Times;

/// Spans, buckets and bounds that are decoded of one histogram. The store takes fewer; this bounds the memory.
const MAX_NUMBERS: usize = 1 << 14;

/// Why a histogram is left out.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Unfit {
    /// It is not valid.
    Invalid(HistogramError),
    /// Its resolution cannot be brought down to one that is known.
    Resolution(ResolutionError),
    /// It has too many buckets.
    TooLarge,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(e) => e.fmt(f),
            Self::Resolution(e) => e.fmt(f),
            Self::TooLarge => write!(
                f,
                "histogram has more than {MAX_NUMBERS} spans, buckets and bounds"
            ),
        }
    }
}

/// The fields of the message.
#[derive(Debug, Default)]
struct Message {
    is_float: bool,
    count_int: u64,
    count_float: f64,
    sum: f64,
    schema: i32,
    zero_threshold: f64,
    zero_count_int: u64,
    zero_count_float: f64,
    negative: Buckets,
    positive: Buckets,
    hint: CounterResetHint,
    times: Times,
    custom_values: Vec<f64>,
}

#[derive(Debug, Default)]
struct Buckets {
    spans: Vec<Span>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

impl Buckets {
    fn len(&self) -> usize {
        self.spans.len() + self.deltas.len() + self.counts.len()
    }

    fn add_span(&mut self, message: &[u8]) -> Result<(), ProtoError> {
        let mut span = Span::default();
        for field in Fields::new(message) {
            match field? {
                (1, field) => span.offset = field.sint32()?,
                (2, field) => span.length = field.uint64()? as u32,
                _ => {}
            }
        }
        self.spans.push(span);
        Ok(())
    }

    fn add_deltas(&mut self, field: Field<'_>) -> Result<(), ProtoError> {
        field.each_varint(|n| {
            let delta = (n >> 1).cast_signed() ^ -((n & 1).cast_signed());
            self.deltas.push(delta);
        })
    }

    fn add_counts(&mut self, field: Field<'_>) -> Result<(), ProtoError> {
        field.each_double(|count| self.counts.push(count))
    }

    fn integers(self) -> Side<i64> {
        Side {
            spans: self.spans,
            buckets: self.deltas,
        }
    }

    fn floats(self) -> Side<f64> {
        Side {
            spans: self.spans,
            buckets: self.counts,
        }
    }
}

/// Decodes a histogram and its times, checked as Prometheus's receiver does.
///
/// # Errors
/// When the bytes are not such a message.
pub(super) fn histogram(
    bytes: &[u8],
) -> Result<Result<(Times, HistogramSample), Unfit>, ProtoError> {
    let mut message = Message::default();
    for field in Fields::new(bytes) {
        let (number, field) = field?;
        // A number takes at most ten bytes.
        if matches!(field, Field::Bytes(bytes) if bytes.len() > MAX_NUMBERS * 10) {
            return Ok(Err(Unfit::TooLarge));
        }
        message.set(number, field)?;
        if message.numbers() > MAX_NUMBERS {
            return Ok(Err(Unfit::TooLarge));
        }
    }
    let times = message.times;
    Ok(message.into_sample().map(|sample| (times, sample)))
}

impl Message {
    fn set(&mut self, number: u32, field: Field<'_>) -> Result<(), ProtoError> {
        match number {
            1 => (self.count_int, self.is_float) = (field.uint64()?, false),
            2 => (self.count_float, self.is_float) = (field.double()?, true),
            3 => self.sum = field.double()?,
            4 => self.schema = field.sint32()?,
            5 => self.zero_threshold = field.double()?,
            6 => self.zero_count_int = field.uint64()?,
            7 => self.zero_count_float = field.double()?,
            8 => self.negative.add_span(field.bytes()?)?,
            9 => self.negative.add_deltas(field)?,
            10 => self.negative.add_counts(field)?,
            11 => self.positive.add_span(field.bytes()?)?,
            12 => self.positive.add_deltas(field)?,
            13 => self.positive.add_counts(field)?,
            14 => {
                let hint = u8::try_from(field.uint64()?).unwrap_or_default();
                self.hint = CounterResetHint::from_u8(hint);
            }
            15 => self.times.t_ms = field.int64()?,
            16 => field.each_double(|bound| self.custom_values.push(bound))?,
            17 => self.times.start_ms = field.int64()?,
            _ => {}
        }
        Ok(())
    }

    fn numbers(&self) -> usize {
        self.negative.len() + self.positive.len() + self.custom_values.len()
    }

    fn into_sample(self) -> Result<HistogramSample, Unfit> {
        // Schemas that may come to be used: their buckets are those of a known one, cut finer.
        let reserved =
            self.schema > EXPONENTIAL_SCHEMA_MAX && self.schema <= EXPONENTIAL_SCHEMA_MAX_RESERVED;
        let sample = if self.is_float {
            let mut histogram = FloatHistogram {
                counter_reset_hint: self.hint,
                schema: self.schema,
                zero_threshold: self.zero_threshold,
                zero_count: self.zero_count_float,
                count: self.count_float,
                sum: self.sum,
                positive: self.positive.floats(),
                negative: self.negative.floats(),
                custom_values: self.custom_values.into(),
            };
            if reserved {
                let reduced = histogram.reduce_resolution(EXPONENTIAL_SCHEMA_MAX);
                reduced.map_err(Unfit::Resolution)?;
            }
            HistogramSample::from(histogram)
        } else {
            let mut histogram = Histogram {
                counter_reset_hint: self.hint,
                schema: self.schema,
                zero_threshold: self.zero_threshold,
                zero_count: self.zero_count_int,
                count: self.count_int,
                sum: self.sum,
                positive: self.positive.integers(),
                negative: self.negative.integers(),
                custom_values: self.custom_values.into(),
            };
            if reserved {
                let reduced = histogram.reduce_resolution(EXPONENTIAL_SCHEMA_MAX);
                reduced.map_err(Unfit::Resolution)?;
            }
            HistogramSample::from(histogram)
        };
        sample.validate().map_err(Unfit::Invalid)?;
        Ok(sample)
    }
}

#[cfg(test)]
#[path = "histogram_tests.rs"]
mod tests;
