//! How a column of doubles becomes a column of integers: the list of scales that the writer chooses from.

/// Largest exponent of a scale: 10^22 is the largest power of ten that a double holds exactly.
const MAX_EXPONENT: usize = 22;

/// Powers of ten, each exact.
const POWER: [f64; MAX_EXPONENT + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Powers of a tenth, each rounded to the nearest double.
const INVERSE: [f64; MAX_EXPONENT + 1] = [
    1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14,
    1e-15, 1e-16, 1e-17, 1e-18, 1e-19, 1e-20, 1e-21, 1e-22,
];

/// What an integer `m` stands for.
///
/// A decimal number is what programs print and count in. m / 10^e is one operation of IEEE 754 on operands that are
/// exact for |m| <= 2^53 and e <= 22, so that it gives the double nearest to the decimal number m·10^-e: what a parser
/// gives for its text. The writer checks every value all the same, with the very operation that the reader uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// m / 10^e.
    Divide(u8),
    /// m · 10^-e, with the double nearest to 10^-e: what programs make that multiply by 0.001, where that is not the
    /// decimal number.
    Multiply(u8),
    /// The double with these bits.
    Bits,
}

/// A bit of the byte of a scale: [`Scale::Multiply`].
const MULTIPLY: u8 = 0x20;

/// The byte of [`Scale::Bits`].
const BITS: u8 = 0x1f;

impl Scale {
    /// The byte of the format, in 0x00..=0x3f.
    pub(super) const fn to_u8(self) -> u8 {
        match self {
            Self::Divide(exponent) => exponent,
            Self::Multiply(exponent) => exponent | MULTIPLY,
            Self::Bits => BITS,
        }
    }

    /// The scale with this byte.
    pub(super) fn from_u8(byte: u8) -> Option<Self> {
        let exponent = byte & !MULTIPLY;
        match byte {
            BITS => Some(Self::Bits),
            _ if usize::from(exponent) > MAX_EXPONENT => None,
            _ if byte & MULTIPLY != 0 => Some(Self::Multiply(exponent)),
            _ => Some(Self::Divide(exponent)),
        }
    }

    /// The turning of integers into doubles.
    pub(super) fn turn(self) -> Turn {
        match self {
            Self::Divide(0) => Turn::Integer,
            Self::Divide(exponent) => Turn::Divide(entry(&POWER, exponent)),
            Self::Multiply(exponent) => Turn::Multiply(entry(&INVERSE, exponent)),
            Self::Bits => Turn::Bits,
        }
    }

    /// The integer nearest to `value` in this scale; `None` where it does not fit into 53 bits. (Integers themselves
    /// may be larger: what counts is that they come back.)
    #[inline]
    pub(super) fn integer(self, value: f64) -> Option<i64> {
        match self {
            Self::Divide(0) => {
                let integer = value as i64;
                (integer as f64 == value && integer != i64::MAX).then_some(integer)
            }
            Self::Divide(exponent) | Self::Multiply(exponent) => {
                round(value * entry(&POWER, exponent))
            }
            Self::Bits => Some(value.to_bits().cast_signed()),
        }
    }
}

fn entry(table: &[f64; MAX_EXPONENT + 1], exponent: u8) -> f64 {
    table[usize::from(exponent).min(MAX_EXPONENT)]
}

/// The integer nearest to `value` (to one of the two nearest), if it fits into 53 bits.
#[inline]
fn round(value: f64) -> Option<i64> {
    /// Doubles of this magnitude have no fraction, so that adding it rounds.
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
    const LIMIT: f64 = 9_007_199_254_740_992.0; // 2^53
    if value.abs() < LIMIT / 4.0 {
        Some(((value + ROUND) - ROUND) as i64)
    } else if value.abs() < LIMIT {
        Some(value.round() as i64)
    } else {
        None
    }
}

/// How integers become doubles; each is a loop of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    Integer,
    Divide(f64),
    Multiply(f64),
    Bits,
}

impl Turn {
    /// The double that `integer` stands for.
    #[inline]
    pub(super) fn apply(self, integer: i64) -> f64 {
        match self {
            Self::Integer => integer as f64,
            Self::Divide(power) => integer as f64 / power,
            Self::Multiply(inverse) => integer as f64 * inverse,
            Self::Bits => f64::from_bits(integer.cast_unsigned()),
        }
    }
}

/// The scales worth a try for `values`: one in which all finite values are exact if there is one, otherwise those that
/// come close, and the bits themselves.
pub(super) fn candidates(values: &[f64]) -> Vec<Scale> {
    if !values.iter().any(|value| value.is_finite()) {
        return vec![Scale::Bits];
    }
    match exact(values) {
        Some(scale) => vec![scale],
        None => {
            let mut scales = close(values);
            scales.push(Scale::Bits);
            scales
        }
    }
}

/// The scale with the smallest exponent in which all finite values are exact.
fn exact(values: &[f64]) -> Option<Scale> {
    let divide = (0..=17).map(Scale::Divide);
    let multiply = (1..=9).map(Scale::Multiply);
    // Where the last scale failed, the next is likely to fail as well.
    let mut failed = 0;
    divide.chain(multiply).find(|&scale| {
        let turn = scale.turn();
        let (before, after) = values.split_at(failed);
        let position = after
            .iter()
            .chain(before)
            .position(|&value| value.is_finite() && !is_exact(value, scale, turn));
        failed = position.map_or(failed, |position| (failed + position) % values.len());
        position.is_none()
    })
}

#[inline]
fn is_exact(value: f64, scale: Scale, turn: Turn) -> bool {
    // -0 is no integer of any scale, but one value among others that are.
    scale
        .integer(value)
        .is_some_and(|integer| turn.apply(integer) == value)
}

/// Scales in which most of a sample of the values are few steps from an integer: what a program makes that adds up
/// decimal numbers.
fn close(values: &[f64]) -> Vec<Scale> {
    /// Most steps between doubles that are close.
    const CLOSE: u64 = 1 << 12;
    const SAMPLE: usize = 32;
    let finite: Vec<f64> = values
        .iter()
        .step_by((values.len() / SAMPLE).max(1))
        .filter(|value| value.is_finite())
        .copied()
        .collect();
    let distance = |scale: Scale| {
        let turn = scale.turn();
        let mut far = 0;
        let mut sum = 0;
        for &value in &finite {
            let integer = scale.integer(value).unwrap_or(0);
            let bits = turn.apply(integer).to_bits().cast_signed();
            match value
                .to_bits()
                .cast_signed()
                .wrapping_sub(bits)
                .unsigned_abs()
            {
                steps if steps <= CLOSE => sum += steps,
                _ => far += 1,
            }
        }
        (far <= finite.len() / 16).then_some(sum)
    };
    let mut found: Vec<(u64, Scale)> = (1..=12)
        .filter_map(|exponent| {
            [Scale::Multiply(exponent), Scale::Divide(exponent)]
                .into_iter()
                .filter_map(|scale| Some((distance(scale)?, scale)))
                .min_by_key(|&(distance, _)| distance)
        })
        .collect();
    // The first is the coarsest; another is only of use if it is nearer.
    if let Some(&(_, coarsest)) = found.first() {
        found.sort_by_key(|&(distance, _)| distance);
        let mut scales = vec![coarsest];
        scales.extend(
            found
                .first()
                .map(|&(_, nearest)| nearest)
                .filter(|&nearest| nearest != coarsest),
        );
        return scales;
    }
    Vec::new()
}
