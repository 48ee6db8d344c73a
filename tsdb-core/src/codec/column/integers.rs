//! A sequence of integers: its first number, what all differences are multiples of, and a [`Shape`].
//!
//! All arithmetic wraps, so that every sequence of `i64` comes back, whatever its differences.

use super::list::{self, varint_bits};
use super::shape::{Shape, ShapePlan};
use super::streams::{Streams, StreamsReader};
use crate::codec::DecodeError;
use crate::codec::varint::{push_ivarint, push_uvarint};

/// In the byte of the shape: what all differences are multiples of follows.
const HAS_FACTOR: u8 = 0x08;

/// A sequence in the shape chosen for it, and what it takes.
#[derive(Debug)]
pub(super) struct IntegersPlan {
    first: i64,
    factor: i64,
    shape: ShapePlan,
    /// Estimated bits after zstd.
    pub(super) bits: f32,
}

impl IntegersPlan {
    /// Chooses the smallest shape for `numbers`; with a hint it takes that shape and looks at no other, unless all
    /// numbers are equal.
    pub(super) fn new(numbers: &[i64], hint: Option<Shape>) -> Self {
        let first = numbers.first().copied().unwrap_or(0);
        let mut relative: Vec<i64> = numbers.iter().map(|n| n.wrapping_sub(first)).collect();
        let factor = factor_of(first, numbers);
        if factor > 1 {
            for number in &mut relative {
                *number /= factor;
            }
        }
        let shape = match hint {
            _ if factor == 0 => ShapePlan::new(Shape::Constant, &relative),
            None | Some(Shape::Constant) => ShapePlan::smallest(&relative),
            Some(shape) => ShapePlan::new(shape, &relative),
        };
        let mut bits = shape.bits + 8.0 + varint_bits(first);
        if factor > 1 {
            bits += varint_bits(factor);
        }
        Self {
            first,
            factor: factor.max(1),
            shape,
            bits,
        }
    }

    /// The shape it is written in.
    pub(super) fn shape(&self) -> Shape {
        self.shape.shape
    }

    /// Writes the sequence the plan was made for.
    pub(super) fn encode(&self, out: &mut Streams) {
        let has_factor = if self.factor > 1 { HAS_FACTOR } else { 0 };
        out.symbols.push(self.shape.shape as u8 | has_factor);
        if self.factor > 1 {
            push_uvarint(&mut out.symbols, self.factor.cast_unsigned());
        }
        push_ivarint(&mut out.symbols, self.first);
        self.shape.encode(out);
    }
}

/// The greatest common divisor of the distances from `first`: 0 if all are equal; 1 also where a distance does not fit
/// into an `i64`.
fn factor_of(first: i64, numbers: &[i64]) -> i64 {
    let mut factor = 0_u64;
    for &number in numbers {
        let Some(distance) = number.checked_sub(first) else {
            return 1;
        };
        let distance = distance.unsigned_abs();
        if factor == 0 {
            factor = distance;
        } else if distance % factor != 0 {
            factor = greatest_common_divisor(factor, distance % factor);
        }
        if factor == 1 {
            return 1;
        }
    }
    i64::try_from(factor).unwrap_or(1)
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// What stands before the lists of a sequence.
struct Header {
    shape: Shape,
    first: i64,
    factor: i64,
    /// Already multiplied by `factor`.
    slope: i64,
}

impl Header {
    fn read(from: &mut StreamsReader<'_>) -> Result<Self, DecodeError> {
        let byte = from.symbols.u8()?;
        let shape = Shape::from_u8(byte & !HAS_FACTOR)
            .ok_or_else(|| from.error("sequence has an unknown shape"))?;
        let factor = if byte & HAS_FACTOR == 0 {
            1
        } else {
            from.symbols.uvarint()?.cast_signed()
        };
        let first = from.symbols.ivarint()?;
        let slope = if shape.has_slope() {
            from.symbols.ivarint()?.wrapping_mul(factor)
        } else {
            0
        };
        Ok(Self {
            shape,
            first,
            factor,
            slope,
        })
    }
}

/// Appends `count` numbers to `out`, each turned by `to`. No bytes are read for none.
///
/// The caller has checked `count`: that many are reserved.
#[inline]
pub(super) fn decode<T: Copy>(
    from: &mut StreamsReader<'_>,
    count: usize,
    out: &mut Vec<T>,
    to: impl Fn(i64) -> T + Copy,
) -> Result<(), DecodeError> {
    let Some(steps) = count.checked_sub(1) else {
        return Ok(());
    };
    let header = Header::read(from)?;
    let Header {
        shape,
        first,
        factor,
        mut slope,
    } = header;
    let mut level = first;
    out.reserve(count);
    match shape {
        Shape::Constant => out.resize(out.len() + count, to(first)),
        Shape::Level => {
            out.push(to(first));
            list::decode(from, steps, |numbers| {
                multiply(numbers, factor);
                out.extend(numbers.iter().map(|n| to(first.wrapping_add(*n))));
            })?;
        }
        Shape::Delta => {
            out.push(to(first));
            list::decode(from, steps, |numbers| {
                multiply(numbers, factor);
                add_up(&mut level, numbers);
                out.extend(numbers.iter().map(|n| to(*n)));
            })?;
        }
        Shape::DeltaOfDelta => {
            out.push(to(first));
            if let Some(bends) = steps.checked_sub(1) {
                level = level.wrapping_add(slope);
                out.push(to(level));
                list::decode(from, bends, |numbers| {
                    multiply(numbers, factor);
                    add_up(&mut slope, numbers);
                    add_up(&mut level, numbers);
                    out.extend(numbers.iter().map(|n| to(*n)));
                })?;
            }
        }
        Shape::Line => {
            out.push(to(first));
            list::decode(from, steps, |numbers| {
                multiply(numbers, factor);
                for number in &mut *numbers {
                    level = level.wrapping_add(slope);
                    *number = number.wrapping_add(level);
                }
                out.extend(numbers.iter().map(|n| to(*n)));
            })?;
        }
        Shape::Steps | Shape::Bends => decode_changes(from, count, out, to, &header)?,
    }
    Ok(())
}

/// The numbers of [`Shape::Steps`] and [`Shape::Bends`]: runs that are level, or straight.
fn decode_changes<T: Copy>(
    from: &mut StreamsReader<'_>,
    count: usize,
    out: &mut Vec<T>,
    to: impl Fn(i64) -> T + Copy,
    header: &Header,
) -> Result<(), DecodeError> {
    let runs = read_runs(from, count)?;
    let (mut level, mut slope) = (header.first, header.slope);
    let start = out.len();
    out.resize(start + count, to(level));
    let mut rest = out.get_mut(start..).unwrap_or_default();
    let mut left = runs.iter();
    list::decode(from, runs.len(), |changes| {
        multiply(changes, header.factor);
        for (&mut change, &run) in changes.iter_mut().zip(&mut left) {
            // The runs are shorter than the sequence.
            let (run, after) = std::mem::take(&mut rest).split_at_mut(run);
            rest = after;
            level = fill_run(run, level, slope, to);
            match header.shape {
                Shape::Bends => slope = slope.wrapping_add(change),
                _ => level = level.wrapping_add(change),
            }
        }
    })?;
    fill_run(rest, level, slope, to);
    Ok(())
}

/// Fills `run` with a straight line from `level` on; gives what would come after it.
#[inline]
fn fill_run<T: Copy>(run: &mut [T], mut level: i64, slope: i64, to: impl Fn(i64) -> T) -> i64 {
    if slope == 0 {
        run.fill(to(level));
        return level;
    }
    for number in run {
        *number = to(level);
        level = level.wrapping_add(slope);
    }
    level
}

/// Lengths of the runs that end with a change. At least one number is left after them.
fn read_runs(from: &mut StreamsReader<'_>, count: usize) -> Result<Vec<usize>, DecodeError> {
    let changes = from.symbols.count(count - 1)?;
    let mut runs = Vec::with_capacity(changes);
    let mut left = Some(count - 1);
    list::decode(from, changes, |gaps| {
        for &mut gap in gaps {
            let run = usize::try_from(gap).map_or(usize::MAX, |gap| gap.saturating_add(1));
            left = left.and_then(|left| left.checked_sub(run));
            runs.push(run);
        }
    })?;
    match left {
        Some(_) => Ok(runs),
        None => Err(from.error("runs are longer than the sequence")),
    }
}

/// Moves past a sequence of `count` numbers.
pub(super) fn skip(from: &mut StreamsReader<'_>, count: usize) -> Result<(), DecodeError> {
    let Some(steps) = count.checked_sub(1) else {
        return Ok(());
    };
    match Header::read(from)?.shape {
        Shape::Constant => Ok(()),
        Shape::Level | Shape::Delta | Shape::Line => list::skip(from, steps),
        Shape::DeltaOfDelta => list::skip(from, steps.saturating_sub(1)),
        Shape::Steps | Shape::Bends => {
            let changes = from.symbols.count(steps)?;
            list::skip(from, changes)?;
            list::skip(from, changes)
        }
    }
}

/// Multiplies all numbers by `factor`.
#[inline]
fn multiply(numbers: &mut [i64], factor: i64) {
    if factor != 1 {
        for number in numbers {
            *number = number.wrapping_mul(factor);
        }
    }
}

/// Replaces each number by the sum of `level`, the numbers before it, and itself; `level` becomes the last sum.
#[inline]
fn add_up(level: &mut i64, numbers: &mut [i64]) {
    for number in numbers {
        *level = level.wrapping_add(*number);
        *number = *level;
    }
}
