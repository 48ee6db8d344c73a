//! A column of doubles: a scale, the integers it leaves, and what they miss.

use super::follow::{Follow, FollowPlan};
use super::integers::{self, IntegersPlan};
use super::scale::{Scale, Turn, candidates};
use super::shape::Shape;
use super::streams::{Streams, StreamsReader};
use crate::codec::DecodeError;

/// In the byte of the scale: corrections follow the integers.
const HAS_CORRECTIONS: u8 = 0x40;

/// In the byte of the scale: a later column of the group follows this one.
pub(super) const IS_FOLLOWED: u8 = 0x80;

/// In the place of the byte of the shape: the integers follow those of an earlier column.
const FOLLOWS: u8 = 0x07;

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
pub(super) struct ValuesPlan {
    scale: Scale,
    /// The integers, one for each value.
    pub(super) integers: Vec<i64>,
    alone: IntegersPlan,
    following: Option<FollowPlan>,
    corrections: Option<IntegersPlan>,
    /// Estimated bits after zstd.
    bits: f32,
}

impl ValuesPlan {
    /// Chooses how to write `values`, of which there is one at least. A hint is followed where it still fits.
    pub(super) fn new(values: &[f64], hint: Option<Choice>) -> Self {
        hint.map(|hint| (hint, Self::in_scale(values, hint.scale, Some(hint.shape))))
            .filter(|(hint, plan)| plan.bits <= hint.allowance(values.len()))
            .map_or_else(|| Self::smallest(values), |(_, plan)| plan)
    }

    /// In this scale, and with a hint in this shape, unless all integers are equal.
    pub(super) fn in_scale(values: &[f64], scale: Scale, hint: Option<Shape>) -> Self {
        let (integers, corrections) = split(values, scale);
        let alone = IntegersPlan::new(&integers, hint);
        let corrections = corrections.map(|corrections| IntegersPlan::new(&corrections, None));
        let bits = 8.0 + alone.bits + corrections.as_ref().map_or(0.0, |plan| plan.bits);
        Self {
            scale,
            integers,
            alone,
            following: None,
            corrections,
            bits,
        }
    }

    /// The smallest of all plans that are worth a try.
    fn smallest(values: &[f64]) -> Self {
        let mut best: Option<Self> = None;
        for scale in candidates(values) {
            let plan = Self::in_scale(values, scale, None);
            if best.as_ref().is_none_or(|best| plan.bits < best.bits) {
                best = Some(plan);
            }
        }
        best.unwrap_or_else(|| Self::in_scale(values, Scale::Bits, None))
    }

    /// Whether there is something to win by following another column.
    pub(super) fn may_follow(&self) -> bool {
        const LEAST_BITS: f32 = 400.0;
        self.alone.bits > LEAST_BITS
    }

    /// Lets the integers follow those of one of `others`, given with how many columns each stands before, if that takes
    /// clearly less; gives how many columns before the followed one stands.
    pub(super) fn follow<'a>(
        &mut self,
        others: impl Iterator<Item = (usize, &'a [i64])>,
    ) -> Option<usize> {
        // What is read with another column takes longer to read.
        const WORTH_IT: f32 = 0.95;
        let following = FollowPlan::best(&self.integers, others)?;
        if following.bits + 64.0 > self.alone.bits * WORTH_IT {
            return None;
        }
        self.following = Some(following);
        self.following.as_ref().map(|plan| plan.back)
    }

    /// Writes the column.
    pub(super) fn encode(&self, out: &mut Streams) {
        let has_corrections = match self.corrections {
            Some(_) => HAS_CORRECTIONS,
            None => 0,
        };
        out.symbols.push(self.scale.to_u8() | has_corrections);
        match &self.following {
            Some(plan) => {
                out.symbols.push(FOLLOWS);
                plan.encode(out);
            }
            None => self.alone.encode(out),
        }
        if let Some(corrections) = &self.corrections {
            corrections.encode(out);
        }
    }

    /// What was chosen. (Whom a column follows is chosen anew each time: it depends on the group.)
    pub(super) fn choice(&self) -> Choice {
        Choice {
            scale: self.scale,
            shape: self.alone.shape(),
            bits_per_value: self.bits / self.integers.len().max(1) as f32,
        }
    }
}

/// The integers of `values` in `scale`, and for each what is to be added to the bits of what it stands for, if that is
/// not 0 for all.
fn split(values: &[f64], scale: Scale) -> (Vec<i64>, Option<Vec<i64>>) {
    let turn = scale.turn();
    // Of nearly all columns every value is one of the scale's, which is told without a branch for each.
    let integer = |&value: &f64| scale.integer(value).unwrap_or(0);
    let integers: Vec<i64> = values.iter().map(integer).collect();
    let missed = values
        .iter()
        .zip(&integers)
        .fold(0, |missed, (value, &integer)| {
            missed | (value.to_bits() ^ turn.apply(integer).to_bits())
        });
    if missed == 0 {
        return (integers, None);
    }
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

/// What stands before the integers of a column.
#[derive(Debug)]
pub(super) struct ValuesHeader {
    turn: Turn,
    has_corrections: bool,
    /// Whether a later column follows this one.
    pub(super) is_followed: bool,
    /// Whom the integers follow, if any.
    pub(super) follow: Option<Follow>,
}

impl ValuesHeader {
    pub(super) fn read(from: &mut StreamsReader<'_>) -> Result<Self, DecodeError> {
        let byte = from.symbols.u8()?;
        let scale = Scale::from_u8(byte & !(HAS_CORRECTIONS | IS_FOLLOWED))
            .ok_or_else(|| from.error("column has an unknown scale"))?;
        let follow = match from.symbols.rest().first() {
            Some(&FOLLOWS) => {
                from.symbols.u8()?;
                Some(Follow::read(from)?)
            }
            _ => None,
        };
        Ok(Self {
            turn: scale.turn(),
            has_corrections: byte & HAS_CORRECTIONS != 0,
            is_followed: byte & IS_FOLLOWED != 0,
            follow,
        })
    }

    /// Appends the values of a column that follows none.
    pub(super) fn decode(
        &self,
        from: &mut StreamsReader<'_>,
        count: usize,
        out: &mut Vec<f64>,
    ) -> Result<(), DecodeError> {
        let start = out.len();
        match self.turn {
            Turn::Integer => integers::decode(from, count, out, |m| m as f64)?,
            Turn::Divide(power) => integers::decode(from, count, out, |m| m as f64 / power)?,
            Turn::Multiply(inverse) => integers::decode(from, count, out, |m| m as f64 * inverse)?,
            Turn::Bits => integers::decode(from, count, out, |m| Turn::Bits.apply(m))?,
        }
        self.correct(from, out.get_mut(start..).unwrap_or_default())
    }

    /// Gives the integers alone. `other` has those of the column that is followed.
    pub(super) fn decode_integers(
        &self,
        from: &mut StreamsReader<'_>,
        count: usize,
        other: Option<&[i64]>,
    ) -> Result<Vec<i64>, DecodeError> {
        let mut integers = Vec::new();
        match (&self.follow, other) {
            (None, _) => integers::decode(from, count, &mut integers, |m| m)?,
            (Some(follow), Some(other)) if other.len() == count => {
                follow.decode(from, other, &mut integers)?;
            }
            (Some(_), _) => return Err(from.error("column follows one of another length")),
        }
        Ok(integers)
    }

    /// Appends the values of these integers; the position is after them.
    pub(super) fn decode_rest(
        &self,
        from: &mut StreamsReader<'_>,
        integers: &[i64],
        out: &mut Vec<f64>,
    ) -> Result<(), DecodeError> {
        let start = out.len();
        out.extend(integers.iter().map(|&integer| self.turn.apply(integer)));
        self.correct(from, out.get_mut(start..).unwrap_or_default())
    }

    fn correct(&self, from: &mut StreamsReader<'_>, values: &mut [f64]) -> Result<(), DecodeError> {
        if !self.has_corrections {
            return Ok(());
        }
        let mut corrections: Vec<u64> = Vec::new();
        integers::decode(from, values.len(), &mut corrections, i64::cast_unsigned)?;
        for (value, correction) in values.iter_mut().zip(corrections) {
            *value = f64::from_bits(value.to_bits().wrapping_add(correction));
        }
        Ok(())
    }

    /// Moves past what follows the header.
    pub(super) fn skip(
        &self,
        from: &mut StreamsReader<'_>,
        count: usize,
    ) -> Result<(), DecodeError> {
        match &self.follow {
            Some(_) => Follow::skip(from, count)?,
            None => integers::skip(from, count)?,
        }
        if self.has_corrections {
            integers::skip(from, count)?;
        }
        Ok(())
    }
}
