//! What all samples of a chunk share: written once, before the first.

use std::sync::Arc;

use super::read::TRUNCATED;
use super::stream::{Stream, WordStore};
use crate::codec::bits::{BitReader, WordSource};
use crate::codec::varbit::{read_int, read_uint};
use crate::model::Span;
use crate::model::histogram::{frexp, is_custom_buckets_schema, is_known_schema};

/// Schema, zero bucket and buckets of the histograms of a chunk.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layout {
    pub(super) schema: i32,
    pub(super) zero_threshold: f64,
    pub(super) positive: Vec<Span>,
    pub(super) negative: Vec<Span>,
    pub(super) custom_values: Arc<[f64]>,
}

impl Layout {
    pub(super) fn write(&self, stream: &mut Stream<impl WordStore>) {
        write_zero_threshold(stream, self.zero_threshold);
        stream.put_int(i64::from(self.schema));
        for spans in [&self.positive, &self.negative] {
            stream.put_uint(spans.len() as u64);
            for span in spans {
                stream.put_uint(u64::from(span.length));
                stream.put_int(i64::from(span.offset));
            }
        }
        if is_custom_buckets_schema(self.schema) {
            stream.put_uint(self.custom_values.len() as u64);
            for &bound in &*self.custom_values {
                write_custom_bound(stream, bound);
            }
        }
    }

    /// Reads a layout that names no more buckets than the bits behind it can hold, if each takes `bits_a_bucket`.
    pub(super) fn read<S: WordSource>(
        bits: &mut BitReader<S>,
        bits_a_bucket: u64,
    ) -> Result<Self, &'static str> {
        let zero_threshold = read_zero_threshold(bits)?;
        let schema = i32::try_from(read_int(bits).ok_or(TRUNCATED)?)
            .ok()
            .filter(|&schema| is_known_schema(schema))
            .ok_or("unknown histogram schema")?;
        let positive = read_spans(bits)?;
        let negative = read_spans(bits)?;
        let mut custom_values = Vec::new();
        if is_custom_buckets_schema(schema) {
            // Not reserved ahead: the number is not to be trusted.
            for _ in 0..read_uint(bits).ok_or(TRUNCATED)? {
                custom_values.push(read_custom_bound(bits)?);
            }
            let end = positive.last_index.saturating_add(1);
            if end > custom_values.len() as i64 + 1 || negative.buckets > 0 {
                return Err("buckets beyond the custom bounds");
            }
        }
        let buckets = positive.buckets.saturating_add(negative.buckets);
        if buckets.saturating_mul(bits_a_bucket) > bits.bits_left() {
            return Err(TRUNCATED);
        }
        Ok(Self {
            schema,
            zero_threshold,
            positive: positive.spans,
            negative: negative.spans,
            custom_values: custom_values.into(),
        })
    }
}

/// Spans that were read.
struct Spans {
    spans: Vec<Span>,
    buckets: u64,
    /// Index of the last bucket; -1 without buckets.
    last_index: i64,
}

fn read_spans<S: WordSource>(bits: &mut BitReader<S>) -> Result<Spans, &'static str> {
    let mut spans = Vec::new();
    let mut buckets = 0_u64;
    let mut end = 0_i64;
    for i in 0..read_uint(bits).ok_or(TRUNCATED)? {
        let length =
            u32::try_from(read_uint(bits).ok_or(TRUNCATED)?).map_err(|_| "span is too long")?;
        let offset = i32::try_from(read_int(bits).ok_or(TRUNCATED)?)
            .ok()
            .filter(|&offset| i == 0 || offset >= 0)
            .ok_or("span has an impossible offset")?;
        end += i64::from(offset) + i64::from(length);
        if i32::try_from(end).is_err() {
            return Err("span is too long");
        }
        buckets += u64::from(length);
        spans.push(Span { offset, length });
    }
    Ok(Spans {
        spans,
        buckets,
        last_index: end - 1,
    })
}

/// A byte: 0 for 0, the exponent plus 243 for a power of two between 2⁻²⁴³ and 2¹⁰, else 255 and the 64 bits of the float.
fn write_zero_threshold(stream: &mut Stream<impl WordStore>, threshold: f64) {
    if threshold == 0.0 {
        return stream.put(0, 8);
    }
    if threshold.is_finite() {
        let (fraction, exponent) = frexp(threshold);
        if fraction == 0.5 && (-242..=11).contains(&exponent) {
            return stream.put(u64::from((exponent + 243).unsigned_abs()), 8);
        }
    }
    stream.put(255, 8);
    stream.put(threshold.to_bits(), 64);
}

fn read_zero_threshold<S: WordSource>(bits: &mut BitReader<S>) -> Result<f64, &'static str> {
    match bits.read(8).ok_or(TRUNCATED)? {
        0 => Ok(0.0),
        255 => Ok(f64::from_bits(bits.read(64).ok_or(TRUNCATED)?)),
        // 0.5 · 2^(byte − 243): a normal number.
        byte => Ok(f64::from_bits((byte + 1023 - 244) << 52)),
    }
}

/// Largest bound, in thousandths, that is written as a number of thousandths: what four bytes hold, less one.
const MAX_THOUSANDTHS: f64 = 33_554_430.0;

/// The number of thousandths plus one, where that is exact and not too large; else a zero bit and the 64 bits of the float.
fn write_custom_bound(stream: &mut Stream<impl WordStore>, bound: f64) {
    let thousandths = bound * 1000.0;
    let rounded = thousandths.round();
    if (0.0..=MAX_THOUSANDTHS).contains(&thousandths) && rounded / 1000.0 == bound {
        // An integer between 0 and MAX_THOUSANDTHS.
        return stream.put_uint(rounded as u64 + 1);
    }
    stream.put(0, 1);
    stream.put(bound.to_bits(), 64);
}

fn read_custom_bound<S: WordSource>(bits: &mut BitReader<S>) -> Result<f64, &'static str> {
    match read_uint(bits).ok_or(TRUNCATED)? {
        0 => Ok(f64::from_bits(bits.read(64).ok_or(TRUNCATED)?)),
        thousandths => Ok((thousandths - 1) as f64 / 1000.0),
    }
}
