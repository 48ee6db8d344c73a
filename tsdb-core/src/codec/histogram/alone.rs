//! A histogram by itself, outside of a chunk: in the write-ahead log, and behind a series' newest sample in memory.
//!
//! ```text
//! │ hint u8 │ schema ivarint │ zero threshold 8 │ sum 8 │ zero count │ count │ above zero │ below zero │ bounds │
//! side    │ spans uvarint │ for each: │ offset ivarint │ length uvarint │ │ buckets uvarint │ for each its count │
//! bounds  │ number uvarint │ 8 each │
//! counts  of integers: uvarint, buckets ivarint, each the difference to the bucket before; of floats: 8
//! ```
//!
//! Floats are kept bit for bit, and nothing is left out, so that replaying gives the same chunks.

use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::codec::varint::{push_ivarint, push_uvarint};
use crate::model::histogram::Side;
use crate::model::{CounterResetHint, FloatHistogram, Histogram, HistogramSample, Kind, Span};

/// Appends a histogram to `out`; its kind is told elsewhere.
pub(crate) fn push_alone(out: &mut Vec<u8>, histogram: &HistogramSample) {
    match histogram {
        HistogramSample::Integer(h) => {
            push_head(
                out,
                h.counter_reset_hint,
                h.schema,
                [h.zero_threshold, h.sum],
            );
            push_uvarint(out, h.zero_count);
            push_uvarint(out, h.count);
            push_side(out, &h.positive, push_ivarint);
            push_side(out, &h.negative, push_ivarint);
            push_bounds(out, &h.custom_values);
        }
        HistogramSample::Float(h) => {
            push_head(
                out,
                h.counter_reset_hint,
                h.schema,
                [h.zero_threshold, h.sum],
            );
            push_float(out, h.zero_count);
            push_float(out, h.count);
            push_side(out, &h.positive, push_float);
            push_side(out, &h.negative, push_float);
            push_bounds(out, &h.custom_values);
        }
    }
}

/// Reads a histogram of this kind.
///
/// # Errors
/// When the bytes are none. What is read need not be valid.
pub(crate) fn read_alone(
    kind: Kind,
    from: &mut Cursor<'_>,
) -> Result<HistogramSample, DecodeError> {
    let hint = from.u8()?;
    let counter_reset_hint = CounterResetHint::from_u8(hint);
    if counter_reset_hint as u8 != hint {
        return Err(from.error("unknown hint of a counter reset"));
    }
    let schema = i32::try_from(from.ivarint()?)
        .map_err(|_| from.error("histogram schema has more than 32 bits"))?;
    let (zero_threshold, sum) = (read_float(from)?, read_float(from)?);
    Ok(match kind {
        Kind::Histogram => HistogramSample::from(Histogram {
            counter_reset_hint,
            schema,
            zero_threshold,
            sum,
            zero_count: from.uvarint()?,
            count: from.uvarint()?,
            positive: read_side(from, 1, Cursor::ivarint)?,
            negative: read_side(from, 1, Cursor::ivarint)?,
            custom_values: read_bounds(from)?.into(),
        }),
        Kind::FloatHistogram => HistogramSample::from(FloatHistogram {
            counter_reset_hint,
            schema,
            zero_threshold,
            sum,
            zero_count: read_float(from)?,
            count: read_float(from)?,
            positive: read_side(from, 8, read_float)?,
            negative: read_side(from, 8, read_float)?,
            custom_values: read_bounds(from)?.into(),
        }),
        Kind::Float | Kind::Integer | Kind::Boolean | Kind::String => {
            return Err(from.error("value is no histogram"));
        }
    })
}

fn push_head(
    out: &mut Vec<u8>,
    hint: CounterResetHint,
    schema: i32,
    [zero_threshold, sum]: [f64; 2],
) {
    out.push(hint as u8);
    push_ivarint(out, i64::from(schema));
    push_float(out, zero_threshold);
    push_float(out, sum);
}

fn push_float(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_bits().to_le_bytes());
}

fn read_float(from: &mut Cursor<'_>) -> Result<f64, DecodeError> {
    from.u64().map(f64::from_bits)
}

fn push_side<C: Copy>(out: &mut Vec<u8>, side: &Side<C>, push: impl Fn(&mut Vec<u8>, C)) {
    push_uvarint(out, side.spans.len() as u64);
    for span in &side.spans {
        push_ivarint(out, i64::from(span.offset));
        push_uvarint(out, u64::from(span.length));
    }
    push_uvarint(out, side.buckets.len() as u64);
    for &bucket in &side.buckets {
        push(out, bucket);
    }
}

/// A side whose buckets take at least `least` bytes each.
fn read_side<'a, C>(
    from: &mut Cursor<'a>,
    least: usize,
    read: impl Fn(&mut Cursor<'a>) -> Result<C, DecodeError>,
) -> Result<Side<C>, DecodeError> {
    let spans = from.count(from.remaining() / 2)?;
    let spans = (0..spans)
        .map(|_| {
            let (offset, length) = (from.ivarint()?, from.uvarint()?);
            match (i32::try_from(offset), u32::try_from(length)) {
                (Ok(offset), Ok(length)) => Ok(Span { offset, length }),
                _ => Err(from.error("span has more than 32 bits")),
            }
        })
        .collect::<Result<_, _>>()?;
    let buckets = from.count(from.remaining() / least)?;
    let buckets = (0..buckets).map(|_| read(from)).collect::<Result<_, _>>()?;
    Ok(Side { spans, buckets })
}

fn push_bounds(out: &mut Vec<u8>, bounds: &[f64]) {
    push_uvarint(out, bounds.len() as u64);
    for &bound in bounds {
        push_float(out, bound);
    }
}

fn read_bounds(from: &mut Cursor<'_>) -> Result<Vec<f64>, DecodeError> {
    let bounds = from.count(from.remaining() / 8)?;
    (0..bounds).map(|_| read_float(from)).collect()
}
