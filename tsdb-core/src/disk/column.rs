//! A column: samples of one kind of one series, cut into chunks so that a short range decodes little.
//!
//! ```text
//! │ number of chunks <uvarint> │ chunk 0 │ chunk 1 │ …
//! chunk   │ first time − first time of the chunk before <uvarint>, not for chunk 0 │ length <uvarint> │ Prometheus's chunk │
//! ```
//!
//! The first and the last time of the column stand in the directory. A series whose samples are more than a column
//! takes, or of several kinds, has several, in order of time.

use crate::codec::DecodeError;
use crate::codec::chunk;
use crate::codec::cursor::Cursor;
use crate::codec::histogram::{ChunkAppender, Unstorable};
use crate::codec::varint::push_uvarint;
use crate::model::{Columns, HistogramSample, Kind, LastSample, TimeRange};

/// Samples of a chunk at most: four hours of 30 s scrapes.
pub(super) const SAMPLES_PER_CHUNK: usize = 480;
/// Bytes at which a chunk of histograms ends.
const HISTOGRAM_CHUNK_BYTES: usize = 4 << 10;
/// Bytes of a column at most: it ends before the chunk that would make it longer.
pub(super) const MAX_COLUMN_BYTES: usize = 64 << 10;
/// Samples of a column at most, also of one of floats: that is decoded as a whole, also for its last sample, which takes
/// some 10 µs. Longer columns are hardly smaller.
pub(super) const MAX_SAMPLES: usize = 8 << 10;
/// Bytes that stand before a chunk at most, and before the first.
const CHUNK_HEADER_BYTES: usize = 20;

/// Number and times of the samples of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ColumnStats {
    pub(crate) count: u32,
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
}

/// Collects chunks of one kind to a column; its buffers are used again.
#[derive(Debug)]
pub(super) struct ColumnBuilder {
    /// Of all its chunks.
    kind: Kind,
    chunks: u64,
    body: Vec<u8>,
    /// First time of the last chunk.
    chunk_min_ms: i64,
    stats: Option<ColumnStats>,
    encoded: Vec<u8>,
}

impl Default for ColumnBuilder {
    fn default() -> Self {
        Self {
            kind: Kind::Float,
            chunks: 0,
            body: Vec::new(),
            chunk_min_ms: 0,
            stats: None,
            encoded: Vec::new(),
        }
    }
}

impl ColumnBuilder {
    /// Adds a chunk of at most [`SAMPLES_PER_CHUNK`] floats, strictly rising and newer than those before. Says `false`
    /// and adds nothing when the column is to end first.
    #[cfg(test)]
    pub(super) fn push(
        &mut self,
        times_ms: &[i64],
        values: &[f64],
    ) -> Result<bool, crate::codec::xor::ChunkFull> {
        self.encoded = crate::codec::xor::encode(times_ms, values)?;
        Ok(self.push_encoded(Kind::Float, times_ms))
    }

    /// Adds the first of these histograms as a chunk, strictly rising and newer than those before: as many as one chunk
    /// takes, and gives their number. Gives 0 and adds nothing when the column is to end first.
    pub(super) fn push_histograms(
        &mut self,
        times_ms: &[i64],
        histograms: &[(usize, HistogramSample)],
    ) -> Result<usize, Unstorable> {
        let mut most = SAMPLES_PER_CHUNK;
        loop {
            let Some((chunk, count)) = encode_histograms(times_ms, histograms, most)? else {
                return Ok(0);
            };
            // One histogram always fits; of several, each may have brought buckets that all got.
            if count > 1 && chunk.bytes_len() + CHUNK_HEADER_BYTES > MAX_COLUMN_BYTES / 2 {
                most = count / 2;
                continue;
            }
            self.encoded = chunk.to_bytes();
            let times_ms = times_ms.get(..count).unwrap_or_default();
            let pushed = self.push_encoded(chunk.kind(), times_ms);
            return Ok(if pushed { count } else { 0 });
        }
    }

    /// Adds the chunk in `encoded`, which has these times.
    fn push_encoded(&mut self, kind: Kind, times_ms: &[i64]) -> bool {
        let (Some(&min_ms), Some(&max_ms)) = (times_ms.first(), times_ms.last()) else {
            return true;
        };
        let len = self.body.len() + CHUNK_HEADER_BYTES + self.encoded.len();
        if let Some(before) = &self.stats {
            let samples = before.count as usize + times_ms.len();
            if len > MAX_COLUMN_BYTES || samples > MAX_SAMPLES || kind != self.kind {
                return false;
            }
        }
        self.kind = kind;
        if self.stats.is_some() {
            push_uvarint(&mut self.body, distance(self.chunk_min_ms, min_ms));
        }
        push_uvarint(&mut self.body, self.encoded.len() as u64);
        self.body.extend_from_slice(&self.encoded);
        self.chunks += 1;
        self.chunk_min_ms = min_ms;
        let before = self.stats.unwrap_or(ColumnStats {
            count: 0,
            min_ms,
            max_ms,
        });
        self.stats = Some(ColumnStats {
            count: before.count + times_ms.len() as u32,
            min_ms: before.min_ms,
            max_ms,
        });
        true
    }

    /// Moves the column to `out` and starts the next; `None` when there is nothing.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Option<(Kind, ColumnStats)> {
        let stats = self.stats.take()?;
        push_uvarint(out, self.chunks);
        out.extend_from_slice(&self.body);
        self.body.clear();
        self.chunks = 0;
        Some((self.kind, stats))
    }
}

/// A chunk of the first of these histograms, at most `most`, and their number.
fn encode_histograms(
    times_ms: &[i64],
    histograms: &[(usize, HistogramSample)],
    most: usize,
) -> Result<Option<(ChunkAppender, usize)>, Unstorable> {
    let mut samples = times_ms.iter().zip(histograms);
    let Some((&t_ms, (_, first))) = samples.next() else {
        return Ok(None);
    };
    let mut chunk = ChunkAppender::begin(None, t_ms, first)?;
    let mut count = 1;
    for (&t_ms, (_, histogram)) in samples {
        let full = count >= most || chunk.bytes_len() >= HISTOGRAM_CHUNK_BYTES;
        if full || chunk.append(t_ms, histogram)?.is_some() {
            break;
        }
        count += 1;
    }
    Ok(Some((chunk, count)))
}

fn distance(from: i64, to: i64) -> u64 {
    to.wrapping_sub(from).cast_unsigned()
}

/// A chunk and the times it may hold.
#[derive(Clone, Copy, Debug)]
struct Chunk<'a> {
    bytes: &'a [u8],
    /// Where it begins in the column.
    at: usize,
    min_ms: i64,
    max_ms: i64,
}

/// The chunks of a column, in order. Decodes none.
#[derive(Debug)]
struct Chunks<'a> {
    cursor: Cursor<'a>,
    left: usize,
    /// First time of the next chunk.
    next_ms: i64,
    max_ms: i64,
}

impl<'a> Chunks<'a> {
    fn new(column: &'a [u8], stats: &ColumnStats) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(column);
        let left = cursor.count(cursor.remaining())?;
        Ok(Self {
            cursor,
            left,
            next_ms: stats.min_ms,
            max_ms: stats.max_ms,
        })
    }

    fn step(&mut self) -> Result<Option<Chunk<'a>>, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else {
            return match self.cursor.is_empty() {
                true => Ok(None),
                false => Err(self.cursor.error("column ends before its bytes")),
            };
        };
        self.left = left;
        let min_ms = self.next_ms;
        let len = self.cursor.count(self.cursor.remaining())?;
        let at = self.cursor.at();
        let bytes = self.cursor.bytes(len)?;
        let max_ms = match left {
            0 => self.max_ms,
            _ => {
                // The next chunk begins behind this one.
                let gap = self.cursor.uvarint()?;
                self.next_ms = min_ms.wrapping_add(gap.cast_signed());
                if gap == 0 || self.next_ms <= min_ms || self.next_ms > self.max_ms {
                    return Err(self.cursor.error("times of chunks do not rise"));
                }
                self.next_ms - 1
            }
        };
        Ok(Some(Chunk {
            bytes,
            at,
            min_ms,
            max_ms,
        }))
    }
}

/// Appends the samples of a column of this kind inside `range` to `out`: times strictly rising, and inside those of `stats`. After
/// an error `out` holds some of them.
pub(super) fn decode(
    kind: Kind,
    column: &[u8],
    stats: &ColumnStats,
    range: TimeRange,
    out: &mut Columns,
) -> Result<(), DecodeError> {
    let start = out.len();
    let mut chunks = Chunks::new(column, stats)?;
    while let Some(chunk) = chunks.step()? {
        if chunk.max_ms < range.start_ms {
            continue;
        }
        if chunk.min_ms > range.end_ms {
            break;
        }
        let held = TimeRange::new(chunk.min_ms, chunk.max_ms);
        chunk::read(kind, chunk.bytes, held, range, out).map_err(|e| DecodeError {
            at: chunk.at + e.at,
            ..e
        })?;
    }
    let times_ms = out.times_ms.get(start..).unwrap_or_default();
    let inside = |t_ms: Option<&i64>| {
        t_ms.is_none_or(|&t_ms| {
            stats.min_ms <= t_ms && t_ms <= stats.max_ms && range.contains(t_ms)
        })
    };
    let whole = range.contains(stats.min_ms) && range.contains(stats.max_ms);
    if !times_ms.is_sorted_by(|a, b| a < b)
        || !inside(times_ms.first())
        || !inside(times_ms.last())
        || (whole && times_ms.len() != stats.count as usize)
    {
        return Err(DecodeError {
            what: "samples are not those the directory names",
            at: 0,
        });
    }
    Ok(())
}

/// The last sample of a column of this kind. Decodes the last chunk only.
pub(super) fn last_sample(
    kind: Kind,
    column: &[u8],
    stats: &ColumnStats,
) -> Result<Option<LastSample>, DecodeError> {
    let mut chunks = Chunks::new(column, stats)?;
    let mut last = None;
    while let Some(chunk) = chunks.step()? {
        last = Some(chunk);
    }
    let Some(chunk) = last else {
        return Ok(None);
    };
    let sample = chunk::last_sample(kind, chunk.bytes)?;
    if sample.as_ref().is_none_or(|last| last.t_ms != stats.max_ms) {
        return Err(DecodeError {
            what: "last sample is not the one the directory names",
            at: chunk.at,
        });
    }
    Ok(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(n: i64) -> Columns {
        let mut columns = Columns::default();
        for i in 0..n {
            columns.push(i * 15_000, (i * 7919 % 1_000) as f64 / 3.0);
        }
        columns
    }

    fn build(samples: &Columns) -> (Vec<u8>, ColumnStats) {
        let mut builder = ColumnBuilder::default();
        let times_ms = samples.times_ms.chunks(SAMPLES_PER_CHUNK);
        for (times_ms, values) in times_ms.zip(samples.values.chunks(SAMPLES_PER_CHUNK)) {
            assert_eq!(builder.push(times_ms, values), Ok(true));
        }
        let mut bytes = Vec::new();
        let (kind, stats) = builder.finish(&mut bytes).unwrap();
        assert_eq!(kind, Kind::Float);
        assert_eq!(builder.finish(&mut bytes), None);
        (bytes, stats)
    }

    #[test]
    fn any_range_of_any_number_of_chunks() {
        for n in [1, 2, 479, 480, 481, 1_500] {
            let samples = samples(n);
            let (bytes, stats) = build(&samples);
            let last = samples.len() - 1;
            let found = last_sample(Kind::Float, &bytes, &stats).unwrap().unwrap();
            assert_eq!(found.t_ms, samples.times_ms[last]);
            assert!(found.value.is_float(samples.values[last].to_bits()));
            for (start, end) in [
                (0, n),
                (0, 0),
                (n / 2, n / 2),
                (1, n - 2),
                (479, 480),
                (n, n + 5),
            ] {
                let range = TimeRange::new(start * 15_000 - 3, end * 15_000 + 3);
                let mut out = Columns::default();
                decode(Kind::Float, &bytes, &stats, range, &mut out).unwrap();
                let expected: Vec<i64> = samples
                    .times_ms
                    .iter()
                    .copied()
                    .filter(|&t| range.contains(t))
                    .collect();
                assert_eq!(out.times_ms, expected, "{n} samples, {start}..={end}");
            }
        }
    }

    #[test]
    fn a_column_ends_before_it_is_too_long() {
        let mut builder = ColumnBuilder::default();
        let mut columns = 0;
        let mut bits = 1u64;
        let mut t_ms = 0;
        for _ in 0..40 {
            let times_ms: Vec<i64> = (t_ms..t_ms + 480).collect();
            t_ms += 480;
            let values: Vec<f64> = times_ms
                .iter()
                .map(|_| {
                    bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    f64::from_bits(bits)
                })
                .collect();
            if !builder.push(&times_ms, &values).unwrap() {
                let mut bytes = Vec::new();
                builder.finish(&mut bytes).unwrap();
                assert!(bytes.len() <= MAX_COLUMN_BYTES);
                columns += 1;
                assert!(builder.push(&times_ms, &values).unwrap());
            }
        }
        assert!(columns > 1);
    }
}
