//! A sequence of integers that rises with an earlier one of the same group, as the buckets of a histogram do: what is
//! left of its differences after those of the other, times a ratio, are taken off.

use super::list::{self, ListPlan, rough_bits, varint_bits};
use super::streams::{Streams, StreamsReader};
use crate::codec::DecodeError;
use crate::codec::varint::{push_ivarint, push_uvarint};

/// Bits of the fraction of a ratio.
const FRACTION_BITS: u32 = 16;

/// Differences looked at to choose which sequence to follow, and how closely.
const SAMPLE: usize = 64;

/// How a sequence follows another, and what it takes.
#[derive(Debug)]
pub(super) struct FollowPlan {
    first: i64,
    /// How many columns before this one the other stands.
    pub(super) back: usize,
    ratio: i64,
    rest: Vec<i64>,
    list: ListPlan,
    /// Estimated bits after zstd.
    pub(super) bits: f32,
}

/// What one sequence adds, in fixed point times `ratio`, where the other adds `difference`.
#[inline]
fn share(difference: i64, ratio: i64) -> i64 {
    let half = 1 << (FRACTION_BITS - 1);
    difference.wrapping_mul(ratio).wrapping_add(half) >> FRACTION_BITS
}

/// Differences of neighbours, of two sequences at a time.
fn differences<'a>(a: &'a [i64], b: &'a [i64]) -> impl Iterator<Item = (i64, i64)> + 'a {
    let of = |numbers: &'a [i64]| {
        let after = numbers.get(1..).unwrap_or_default();
        numbers.iter().zip(after).map(|(a, b)| b.wrapping_sub(*a))
    };
    of(a).zip(of(b))
}

/// The ratio of the differences of `numbers` to those of `other`, by least squares over those in which both are small
/// enough to be multiplied.
fn ratio(numbers: &[i64], other: &[i64]) -> i64 {
    let (mut product, mut square) = (0.0, 0.0);
    for (own, other) in differences(numbers, other) {
        product += own as f64 * other as f64;
        square += other as f64 * other as f64;
    }
    let ratio = product / square * f64::from(1_u32 << FRACTION_BITS);
    if ratio.abs() < f64::from(1_u32 << 31) {
        ratio.round() as i64
    } else {
        0
    }
}

impl FollowPlan {
    /// The best way for `numbers` to follow one of `others`, given with how many columns each stands before; `None` where
    /// none promises to take less than `numbers` alone. All have the same length.
    pub(super) fn best<'a>(
        numbers: &[i64],
        others: impl Iterator<Item = (usize, &'a [i64])>,
    ) -> Option<Self> {
        let step = (numbers.len() / SAMPLE).max(1);
        let alone = rough_bits(
            differences(numbers, numbers)
                .step_by(step)
                .map(|(own, _)| own),
        );
        let mut best: Option<(u32, usize, &[i64], i64)> = None;
        for (back, other) in others {
            for ratio in [1 << FRACTION_BITS, ratio(numbers, other)] {
                let rest = differences(numbers, other)
                    .step_by(step)
                    .map(|(own, other)| own.wrapping_sub(share(other, ratio)));
                let bits = rough_bits(rest);
                if bits < best.map_or(alone, |(bits, ..)| bits) {
                    best = Some((bits, back, other, ratio));
                }
            }
        }
        best.map(|(_, back, other, ratio)| Self::new(numbers, back, other, ratio))
    }

    fn new(numbers: &[i64], back: usize, other: &[i64], ratio: i64) -> Self {
        let rest: Vec<i64> = differences(numbers, other)
            .map(|(own, other)| own.wrapping_sub(share(other, ratio)))
            .collect();
        let first = numbers.first().copied().unwrap_or(0);
        let list = ListPlan::new(&rest);
        Self {
            first,
            back,
            ratio,
            bits: 16.0 + varint_bits(first) + varint_bits(ratio) + list.bits,
            list,
            rest,
        }
    }

    /// Writes what follows the byte of the shape.
    pub(super) fn encode(&self, out: &mut Streams) {
        push_ivarint(&mut out.symbols, self.first);
        push_uvarint(&mut out.symbols, self.back as u64);
        push_ivarint(&mut out.symbols, self.ratio);
        self.list.encode(&self.rest, out);
    }
}

/// What stands before the list of a sequence that follows another.
#[derive(Debug)]
pub(super) struct Follow {
    first: i64,
    /// How many columns before this one the other stands; at least 1.
    pub(super) back: usize,
    ratio: i64,
}

impl Follow {
    /// Reads what follows the byte of the shape.
    pub(super) fn read(from: &mut StreamsReader<'_>) -> Result<Self, DecodeError> {
        let first = from.symbols.ivarint()?;
        let back = from.symbols.count(u32::MAX as usize)?;
        if back == 0 {
            return Err(from.error("column follows itself"));
        }
        Ok(Self {
            first,
            back,
            ratio: from.symbols.ivarint()?,
        })
    }

    /// Appends as many numbers as `other` has.
    pub(super) fn decode(
        &self,
        from: &mut StreamsReader<'_>,
        other: &[i64],
        out: &mut Vec<i64>,
    ) -> Result<(), DecodeError> {
        let Some(steps) = other.len().checked_sub(1) else {
            return Ok(());
        };
        out.reserve(other.len());
        out.push(self.first);
        let mut level = self.first;
        let mut others = differences(other, other);
        list::decode(from, steps, |numbers| {
            for (number, (other, _)) in numbers.iter_mut().zip(&mut others) {
                *number = number.wrapping_add(share(other, self.ratio));
                level = level.wrapping_add(*number);
                *number = level;
            }
            out.extend_from_slice(numbers);
        })
    }

    /// Moves past the list of a sequence of `count` numbers.
    pub(super) fn skip(from: &mut StreamsReader<'_>, count: usize) -> Result<(), DecodeError> {
        list::skip(from, count.saturating_sub(1))
    }
}
