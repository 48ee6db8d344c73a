//! A column of doubles: a scale, the integers it leaves, and what they miss.

use super::integers::{self, IntegersPlan};
use super::scale::{Scale, Turn, candidates};
use super::shape::Shape;
use super::streams::{Streams, StreamsReader};
use super::{MAX_VALUES, check_count};
use crate::codec::DecodeError;

/// In the byte of the scale: corrections follow the integers.
const HAS_CORRECTIONS: u8 = 0x40;

/// A correction further from 0 than this says that a value is none of the scale's: it is then kept whole in the
/// correction, and the integer before it is repeated.
const MAX_CORRECTION: u64 = 1 << 12;

/// How a column was written. Given back with the next column of the same series, it spares the search while the values
/// go on as they were.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Choice {
    scale: Scale,
    shape: Shape,
    bits_per_value: f32,
}

impl Choice {
    /// The most bits that `count` values may take for the choice to still fit: some more than the column before, and
    /// the headers.
    fn allowance(&self, count: usize) -> f32 {
        200.0 + 1.25 * self.bits_per_value * count as f32
    }
}

/// A column in one scale, and what it takes.
struct ValuesPlan {
    scale: Scale,
    integers: IntegersPlan,
    corrections: Option<IntegersPlan>,
    /// Estimated bits after zstd.
    bits: f32,
}

impl ValuesPlan {
    fn new(values: &[f64], scale: Scale, hint: Option<Shape>) -> Self {
        let (integers, corrections) = split(values, scale);
        let integers = IntegersPlan::new(&integers, hint);
        let corrections = corrections.map(|corrections| IntegersPlan::new(&corrections, None));
        let bits = 8.0 + integers.bits + corrections.as_ref().map_or(0.0, |plan| plan.bits);
        Self {
            scale,
            integers,
            corrections,
            bits,
        }
    }

    /// The smallest of all plans that are worth a try.
    fn smallest(values: &[f64]) -> Self {
        let mut best: Option<Self> = None;
        for scale in candidates(values) {
            let plan = Self::new(values, scale, None);
            if best.as_ref().is_none_or(|best| plan.bits < best.bits) {
                best = Some(plan);
            }
        }
        best.unwrap_or_else(|| Self::new(values, Scale::Bits, None))
    }

    fn encode(&self, out: &mut Streams) {
        let has_corrections = match self.corrections {
            Some(_) => HAS_CORRECTIONS,
            None => 0,
        };
        out.symbols.push(self.scale.to_u8() | has_corrections);
        self.integers.encode(out);
        if let Some(corrections) = &self.corrections {
            corrections.encode(out);
        }
    }

    fn choice(&self, count: usize) -> Choice {
        Choice {
            scale: self.scale,
            shape: self.integers.shape(),
            bits_per_value: self.bits / count.max(1) as f32,
        }
    }
}

/// The integers of `values` in `scale`, and for each what is to be added to the bits of what it stands for, if that is
/// not 0 for all.
fn split(values: &[f64], scale: Scale) -> (Vec<i64>, Option<Vec<i64>>) {
    let turn = scale.turn();
    let correction = |value: f64, integer: i64| {
        let bits = turn.apply(integer).to_bits();
        value.to_bits().wrapping_sub(bits).cast_signed()
    };
    let fitting = |value: f64| {
        let integer = scale.integer(value)?;
        let correction = correction(value, integer);
        (correction.unsigned_abs() <= MAX_CORRECTION).then_some((integer, correction))
    };
    // Stands for the values before the first that fits.
    let mut integer = values
        .iter()
        .find_map(|&value| fitting(value))
        .map_or(0, |(integer, _)| integer);
    let mut integers = Vec::with_capacity(values.len());
    let mut corrections = Vec::new();
    for (i, &value) in values.iter().enumerate() {
        let correction = match fitting(value) {
            Some((fits, correction)) => {
                integer = fits;
                correction
            }
            None => correction(value, integer),
        };
        integers.push(integer);
        if correction != 0 && corrections.is_empty() {
            corrections.resize(i, 0);
        }
        if correction != 0 || !corrections.is_empty() {
            corrections.push(correction);
        }
    }
    let corrections = (!corrections.is_empty()).then_some(corrections);
    (integers, corrections)
}

/// Appends a column; the reader has to know the number of values. No bytes are written for none.
///
/// A hint is what was chosen for the column before of the same series; it is followed where it still fits.
///
/// # Panics
/// For more than [`MAX_VALUES`] values.
pub(crate) fn encode(values: &[f64], hint: Option<Choice>, out: &mut Streams) -> Option<Choice> {
    assert!(values.len() <= MAX_VALUES, "a column of too many values");
    if values.is_empty() {
        return hint;
    }
    let hinted = hint.and_then(|hint| {
        let plan = ValuesPlan::new(values, hint.scale, Some(hint.shape));
        (plan.bits <= hint.allowance(values.len())).then_some(plan)
    });
    let plan = hinted.unwrap_or_else(|| ValuesPlan::smallest(values));
    plan.encode(out);
    Some(plan.choice(values.len()))
}

/// Reads a column of `count` values and appends them to `out`. After an error `out` may hold some of them.
///
/// # Errors
/// For bytes that hold no such column, and for more than [`MAX_VALUES`] values.
pub(crate) fn decode(
    from: &mut StreamsReader<'_>,
    count: usize,
    out: &mut Vec<f64>,
) -> Result<(), DecodeError> {
    check_count(from, count)?;
    if count == 0 {
        return Ok(());
    }
    let (scale, has_corrections) = read_scale(from)?;
    let start = out.len();
    match scale.turn() {
        Turn::Integer => integers::decode(from, count, out, |m| m as f64)?,
        Turn::Divide(power) => integers::decode(from, count, out, |m| m as f64 / power)?,
        Turn::Multiply(inverse) => integers::decode(from, count, out, |m| m as f64 * inverse)?,
        Turn::Bits => integers::decode(from, count, out, |m| Turn::Bits.apply(m))?,
    }
    if has_corrections {
        let mut corrections: Vec<u64> = Vec::new();
        integers::decode(from, count, &mut corrections, i64::cast_unsigned)?;
        for (value, correction) in out.iter_mut().skip(start).zip(corrections) {
            *value = f64::from_bits(value.to_bits().wrapping_add(correction));
        }
    }
    Ok(())
}

/// Moves past a column of `count` values.
///
/// # Errors
/// As [`decode`]; some damage that decoding finds is not seen.
pub(crate) fn skip(from: &mut StreamsReader<'_>, count: usize) -> Result<(), DecodeError> {
    check_count(from, count)?;
    if count == 0 {
        return Ok(());
    }
    let (_, has_corrections) = read_scale(from)?;
    integers::skip(from, count)?;
    if has_corrections {
        integers::skip(from, count)?;
    }
    Ok(())
}

fn read_scale(from: &mut StreamsReader<'_>) -> Result<(Scale, bool), DecodeError> {
    let byte = from.symbols.u8()?;
    let scale = Scale::from_u8(byte & !HAS_CORRECTIONS)
        .ok_or_else(|| from.error("column has an unknown scale"))?;
    Ok((scale, byte & HAS_CORRECTIONS != 0))
}
