//! Samples to chunks in Prometheus's form: the way out, for protocols that carry chunks.

use super::error::EncodeError;
use super::histogram::ChunkAppender;
use super::xor;
use crate::model::{Columns, HistogramSample, Kind, TimeRange};

/// Samples of a chunk, as Prometheus cuts them.
const SAMPLES_PER_CHUNK: usize = 120;

/// A chunk in Prometheus's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedChunk {
    /// What it holds: floats or histograms of either kind.
    pub kind: Kind,
    /// The times of its first and last sample, in milliseconds.
    pub range: TimeRange,
    /// Its bytes, without length, encoding and checksum around them.
    pub bytes: Vec<u8>,
}

/// Encodes the floats and native histograms of `columns` as chunks of at most 120 samples, in order of time; inverse of
/// [`decode_chunk`](super::decode_chunk). A chunk holds one kind. Start times are not in it.
///
/// # Errors
/// [`EncodeError`] when a histogram's spans and buckets disagree.
pub fn encode_chunks(columns: &Columns) -> Result<Vec<EncodedChunk>, EncodeError> {
    let mut chunks = Vec::new();
    let mut times_ms = columns.times_ms.as_slice();
    let mut values = columns.values.as_slice();
    let mut histograms = columns.histograms.as_slice();
    let mut next = 0;
    while !times_ms.is_empty() {
        let floats = histograms.first().map_or(times_ms.len(), |(at, _)| {
            at.saturating_sub(next).min(times_ms.len())
        });
        let taken = if floats > 0 {
            encode_floats(&times_ms[..floats], values, &mut chunks)?;
            floats
        } else {
            let run = histograms.iter().zip(next..);
            let run = run.take_while(|((at, _), expected)| at == expected).count();
            let (these, rest) = histograms.split_at(run.max(1));
            histograms = rest;
            encode_histograms(times_ms, these, &mut chunks)?;
            these.len().min(times_ms.len())
        };
        next += taken;
        times_ms = &times_ms[taken..];
        values = values.get(taken..).unwrap_or_default();
    }
    Ok(chunks)
}

fn encode_floats(
    times_ms: &[i64],
    values: &[f64],
    chunks: &mut Vec<EncodedChunk>,
) -> Result<(), EncodeError> {
    let pieces = times_ms.chunks(SAMPLES_PER_CHUNK);
    for (times_ms, values) in pieces.zip(values.chunks(SAMPLES_PER_CHUNK)) {
        if let (Some(&start_ms), Some(&end_ms)) = (times_ms.first(), times_ms.last()) {
            chunks.push(EncodedChunk {
                kind: Kind::Float,
                range: TimeRange::new(start_ms, end_ms),
                bytes: xor::encode(times_ms, values)?,
            });
        }
    }
    Ok(())
}

/// Encodes histograms, each at the next of the times.
fn encode_histograms(
    times_ms: &[i64],
    histograms: &[(usize, HistogramSample)],
    chunks: &mut Vec<EncodedChunk>,
) -> Result<(), EncodeError> {
    let mut open: Option<(TimeRange, ChunkAppender)> = None;
    for (&t_ms, (_, histogram)) in times_ms.iter().zip(histograms) {
        let next = match &mut open {
            None => Some(ChunkAppender::begin(None, t_ms, histogram)?),
            Some((_, full)) if usize::from(full.samples()) >= SAMPLES_PER_CHUNK => {
                Some(ChunkAppender::begin(Some(full), t_ms, histogram)?)
            }
            Some((range, chunk)) => {
                let next = chunk.append(t_ms, histogram)?;
                if next.is_none() {
                    range.end_ms = t_ms;
                }
                next
            }
        };
        if let Some(next) = next {
            chunks.extend(open.replace((TimeRange::new(t_ms, t_ms), next)).map(finish));
        }
    }
    chunks.extend(open.map(finish));
    Ok(())
}

fn finish((range, chunk): (TimeRange, ChunkAppender)) -> EncodedChunk {
    EncodedChunk {
        kind: chunk.kind(),
        range,
        bytes: chunk.to_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::decode_chunk;
    use super::*;
    use crate::model::{FloatHistogram, Histogram};

    fn histogram(n: u64) -> HistogramSample {
        let zero_count = n;
        let sum = n as f64 / 3.0;
        if n.is_multiple_of(5) {
            let (zero_count, count) = (n as f64, n as f64);
            FloatHistogram {
                zero_count,
                count,
                sum,
                ..FloatHistogram::default()
            }
            .into()
        } else {
            Histogram {
                zero_count,
                count: n,
                sum,
                ..Histogram::default()
            }
            .into()
        }
    }

    /// Runs of floats and of histograms.
    fn columns() -> impl Strategy<Value = Columns> {
        let run = (any::<bool>(), any::<u64>(), 1_usize..300);
        proptest::collection::vec(run, 0..5).prop_map(|runs| {
            let mut columns = Columns::default();
            for (floats, seed, len) in runs {
                for i in 0..len as u64 {
                    let t_ms = columns.len() as i64 * 15_000 + (seed % 7) as i64;
                    match floats {
                        true => columns.push(t_ms, f64::from_bits(seed.wrapping_mul(i + 1))),
                        false => columns.push_histogram(t_ms, histogram((seed % 100) + i / 40)),
                    }
                }
            }
            columns
        })
    }

    proptest! {
        #[test]
        fn chunks_hold_what_the_columns_held(columns in columns()) {
            let chunks = encode_chunks(&columns).unwrap();
            let mut back = Columns::default();
            for chunk in &chunks {
                let before = back.len();
                decode_chunk(chunk.kind, &chunk.bytes, &mut back).unwrap();
                prop_assert!((1..=SAMPLES_PER_CHUNK).contains(&(back.len() - before)));
                let range = TimeRange::new(back.times_ms[before], back.times_ms[back.len() - 1]);
                prop_assert_eq!(range, chunk.range);
            }
            prop_assert_eq!(&back.times_ms, &columns.times_ms);
            prop_assert_eq!(&back.histograms, &columns.histograms);
            let floats = |columns: &Columns| -> Vec<u64> {
                let is_histogram = |i| columns.histograms.binary_search_by_key(&i, |h| h.0).is_ok();
                let all = columns.values.iter().enumerate();
                all.filter(|(i, _)| !is_histogram(*i)).map(|(_, v)| v.to_bits()).collect()
            };
            prop_assert_eq!(floats(&back), floats(&columns));
        }
    }

    #[test]
    fn floats_are_cut_every_120_samples() {
        let mut columns = Columns::default();
        (0..250).for_each(|i| columns.push(i, 1.0));
        let chunks = encode_chunks(&columns).unwrap();
        let starts: Vec<i64> = chunks.iter().map(|chunk| chunk.range.start_ms).collect();
        assert_eq!(starts, [0, 120, 240]);
    }
}
