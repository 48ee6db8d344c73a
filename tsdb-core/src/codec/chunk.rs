//! A chunk of any kind: of what Prometheus has, in its form.

use super::DecodeError;
use super::field;
use super::histogram;
use super::xor::{self, XorIter};
use crate::model::{Columns, FloatHistogram, Histogram, Kind, LastSample, StoredValue, TimeRange};

/// Appends all samples of a chunk to `out`, in the order of the chunk. The bytes are those of Prometheus's chunks of floats
/// and of native histograms, without length, encoding and checksum around them, so that its blocks can be read.
///
/// # Errors
/// [`DecodeError`] when the bytes are not such a chunk; `out` may hold some of its samples then.
pub fn decode_chunk(kind: Kind, chunk: &[u8], out: &mut Columns) -> Result<(), DecodeError> {
    read(kind, chunk, TimeRange::ALL, TimeRange::ALL, out)
}

/// Appends the samples of a chunk inside `range` to `out`. `held` are the times of its first and last sample. After an
/// error `out` holds some of them.
pub(crate) fn read(
    kind: Kind,
    chunk: &[u8],
    held: TimeRange,
    range: TimeRange,
    out: &mut Columns,
) -> Result<(), DecodeError> {
    let whole = range.contains(held.start_ms) && range.contains(held.end_ms);
    match kind {
        Kind::Float if whole => xor::decode_into(chunk, out),
        Kind::Float => xor::take_range(XorIter::new(chunk)?, range, out),
        Kind::Histogram => histogram::take_range::<Histogram>(chunk, range, out),
        Kind::FloatHistogram => histogram::take_range::<FloatHistogram>(chunk, range, out),
        Kind::Integer | Kind::Boolean | Kind::String => field::take_range(kind, chunk, range, out),
    }
}

/// The last sample of a chunk.
pub(crate) fn last_sample(kind: Kind, chunk: &[u8]) -> Result<Option<LastSample>, DecodeError> {
    let histogram = match kind {
        Kind::Float => {
            let mut last = None;
            for sample in XorIter::new(chunk)? {
                let (t_ms, value) = sample?;
                let value = StoredValue::Float(value.to_bits());
                last = Some(LastSample { t_ms, value });
            }
            return Ok(last);
        }
        Kind::Histogram => histogram::last_sample::<Histogram>(chunk)?,
        Kind::FloatHistogram => histogram::last_sample::<FloatHistogram>(chunk)?,
        Kind::Integer | Kind::Boolean | Kind::String => {
            let last = field::last_sample(kind, chunk)?;
            return Ok(last.map(|(t_ms, value)| LastSample {
                t_ms,
                value: value.into(),
            }));
        }
    };
    Ok(histogram.map(|(t_ms, histogram)| LastSample {
        t_ms,
        value: StoredValue::Histogram(histogram),
    }))
}
