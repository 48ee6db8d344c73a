//! A list of integers without order between them: all equal, or a symbol and some noise for each.

use std::borrow::Cow;

use super::noise::{NoiseWriter, mask, read_at, unpack};
use super::streams::{Streams, StreamsReader};
use super::symbol::{BASE, LAST_PLAIN, NOISE_BITS, PRICE, noise_bits, symbol};
use crate::codec::DecodeError;
use crate::codec::varint::{push_ivarint, unzigzag, zigzag};

/// Numbers decoded at a time.
pub(super) const CHUNK: usize = 128;

/// Most bits of noise of a number, which is also the largest shift: the largest numbers have three more, in the symbol.
const MAX_NOISE_BITS: u32 = 61;

/// Most numbers looked at to choose how a list is written.
const SAMPLE: usize = 96;

/// A list shorter than this has no statistics of its own.
const SHORT: usize = 48;

/// In the first byte of a list: numbers are distances from the centre to both sides, zigzag-coded.
const SIGNED: u8 = 0x80;

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// All numbers are this one.
    Equal(i64),
    /// The numbers lie at or above `centre`, or around it.
    Coded {
        centre: i64,
        signed: bool,
        shift: u32,
    },
}

/// How a list is written, and what it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListPlan {
    form: Form,
    /// Estimated bits after zstd.
    pub(super) bits: f32,
}

impl ListPlan {
    /// Chooses how to write `numbers`.
    pub(super) fn new(numbers: &[i64]) -> Self {
        let Some(&first) = numbers.first() else {
            return Self {
                form: Form::Equal(0),
                bits: 0.0,
            };
        };
        let (mut min, mut max) = (first, first);
        for &number in numbers {
            min = min.min(number);
            max = max.max(number);
        }
        if min == max {
            return Self {
                form: Form::Equal(min),
                bits: 8.0 + varint_bits(min),
            };
        }
        let sample = sample(numbers);
        let scale = numbers.len() as f32 / sample.len() as f32;
        let mut scratch = [0; SAMPLE];
        let sorted = &mut scratch[..sample.len()];
        sorted.copy_from_slice(&sample);
        let median = *sorted.select_nth_unstable(sample.len() / 2).1;
        let mut scratch = [0; SAMPLE];
        let distances = &mut scratch[..sample.len()];
        let mut consider = |(centre, signed), shift_of: fn(&[u64]) -> (u32, f32)| {
            for (distance, &number) in distances.iter_mut().zip(&*sample) {
                *distance = distance_of(number, centre, signed);
            }
            let (shift, bits) = shift_of(distances);
            Self {
                form: Form::Coded {
                    centre,
                    signed,
                    shift,
                },
                bits: bits * scale + 16.0 + varint_bits(centre),
            }
        };
        // First the centre, each with its likely shift; then the shift.
        let mut centre = (min, false);
        let mut fewest = consider(centre, likely_shift).bits;
        let signed = [Some(median), (min < 0 && median != 0).then_some(0)];
        for other in signed.into_iter().flatten().map(|centre| (centre, true)) {
            let bits = consider(other, likely_shift).bits;
            if bits < fewest {
                (centre, fewest) = (other, bits);
            }
        }
        consider(centre, best_shift)
    }

    /// Writes `numbers`, those the plan was made for; nothing for none.
    pub(super) fn encode(&self, numbers: &[i64], out: &mut Streams) {
        if numbers.is_empty() {
            return;
        }
        match self.form {
            Form::Equal(number) => {
                out.symbols.push(0);
                push_ivarint(&mut out.symbols, number);
            }
            Form::Coded {
                centre,
                signed,
                shift,
            } => {
                out.symbols
                    .push((shift as u8 + 1) | if signed { SIGNED } else { 0 });
                push_ivarint(&mut out.symbols, centre);
                let mut noise = NoiseWriter::new(&mut out.noise);
                for &number in numbers {
                    noise.push(distance_of(number, centre, signed), shift);
                }
                for &number in numbers {
                    let shifted = distance_of(number, centre, signed) >> shift;
                    let symbol = symbol(shifted);
                    out.symbols.push(symbol);
                    noise.push(shifted, u32::from(NOISE_BITS[usize::from(symbol)]));
                }
                noise.finish();
            }
        }
    }
}

/// Writes a list in the way that is estimated to be the smallest.
pub(super) fn encode(numbers: &[i64], out: &mut Streams) {
    ListPlan::new(numbers).encode(numbers, out);
}

/// Bits of a number as a zigzag-coded varint.
pub(super) fn varint_bits(number: i64) -> f32 {
    let bytes = (64 - zigzag(number).leading_zeros()).div_ceil(7).max(1);
    bytes as f32 * 8.0
}

/// Bits of such numbers in a list that has no centre but 0: good enough to compare.
pub(super) fn rough_bits(numbers: impl Iterator<Item = i64>) -> u32 {
    numbers
        .map(|number| 64 - number.unsigned_abs().leading_zeros())
        .sum()
}

#[inline]
fn distance_of(number: i64, centre: i64, signed: bool) -> u64 {
    let distance = number.wrapping_sub(centre);
    if signed {
        zigzag(distance)
    } else {
        distance.cast_unsigned()
    }
}

/// Stretches of `numbers`, spread evenly over it, of [`SAMPLE`] numbers in all; of fewer numbers all.
fn sample(numbers: &[i64]) -> Cow<'_, [i64]> {
    const STRETCH: usize = 32;
    if numbers.len() <= SAMPLE {
        return numbers.into();
    }
    let step = numbers.len() / (SAMPLE / STRETCH);
    numbers
        .chunks(step)
        .take(SAMPLE / STRETCH)
        .flat_map(|stretch| stretch.iter().take(STRETCH).copied())
        .collect()
}

/// The shift that is the best for most such distances, and the bits they take with it.
fn likely_shift(distances: &[u64]) -> (u32, f32) {
    let shift = magnitude_of(distances)
        .saturating_sub(3)
        .min(MAX_NOISE_BITS);
    (shift, shifted_bits(distances, shift))
}

/// The best shift for these distances, and the bits they take with it.
fn best_shift(distances: &[u64]) -> (u32, f32) {
    let magnitude = magnitude_of(distances);
    let shifts = magnitude.saturating_sub(4)..=magnitude.saturating_sub(2).min(MAX_NOISE_BITS);
    shifts
        .map(|shift| (shift, shifted_bits(distances, shift)))
        .min_by(|(_, a), (_, b)| a.total_cmp(b))
        .unwrap_or((0, f32::INFINITY))
}

/// Bits of the median distance.
fn magnitude_of(distances: &[u64]) -> u32 {
    let mut counts = [0_u32; 65];
    for distance in distances {
        counts[(64 - distance.leading_zeros()) as usize] += 1;
    }
    let mut left = distances.len() as u32 / 2;
    let below = counts.iter().take_while(|&&count| {
        let is_below = count <= left;
        left = left.saturating_sub(count);
        is_below
    });
    below.count() as u32
}

/// The bits that the distances take with a shift.
fn shifted_bits(distances: &[u64], shift: u32) -> f32 {
    let symbols = distances.iter().map(|&distance| symbol(distance >> shift));
    let bits: f32 = if distances.len() < SHORT {
        symbols
            .map(usize::from)
            .map(|symbol| PRICE[symbol] + f32::from(NOISE_BITS[symbol]))
            .sum()
    } else {
        let mut counts = [0_u32; 256];
        let mut last = 0;
        for symbol in symbols {
            counts[usize::from(symbol)] += 1;
            last = last.max(symbol);
        }
        symbol_bits(&counts[..=usize::from(last)], distances.len())
    };
    bits + shift as f32 * distances.len() as f32
}

/// Bits of the symbols and their noise: the mean between what they take with the statistics of real metrics and what
/// they take with their own. The group has its own statistics, in which a long column has its part.
fn symbol_bits(counts: &[u32], total: usize) -> f32 {
    let total = total as f32;
    let mut bits = 0.0;
    for ((&count, &price), &noise) in counts.iter().zip(&PRICE).zip(&NOISE_BITS) {
        if count > 0 {
            let count = count as f32;
            let own = (total / count).log2();
            bits += 1.0 + count * ((own + price) / 2.0 + f32::from(noise));
        }
    }
    bits
}

/// Gives `count` numbers to `put`, in order, in slices of up to [`CHUNK`] that it may overwrite.
#[inline]
pub(super) fn decode(
    from: &mut StreamsReader<'_>,
    count: usize,
    mut put: impl FnMut(&mut [i64]),
) -> Result<(), DecodeError> {
    let mut chunk = [0_i64; CHUNK];
    match Header::read(from, count)? {
        Header::Equal(number) => {
            let mut left = count;
            while left > 0 {
                let numbers = &mut chunk[..left.min(CHUNK)];
                numbers.fill(number);
                put(numbers);
                left -= numbers.len();
            }
            Ok(())
        }
        Header::Coded(coded) => {
            let mut noise = Noise {
                bytes: from.noise.rest(),
                low_byte: 0,
                high_bit: count * coded.shift as usize,
            };
            for symbols in coded.symbols.chunks(CHUNK) {
                coded
                    .read_chunk(symbols, &mut noise, &mut chunk)
                    .ok_or_else(|| from.error("symbol has too many bits"))?;
                put(&mut chunk[..symbols.len()]);
            }
            from.noise.bytes(noise.high_bit.div_ceil(8)).map(drop)
        }
    }
}

/// Moves past a list of `count` numbers.
pub(super) fn skip(from: &mut StreamsReader<'_>, count: usize) -> Result<(), DecodeError> {
    if let Header::Coded(Coded { shift, symbols, .. }) = Header::read(from, count)? {
        let bits: usize = symbols.iter().map(|&symbol| noise_bits(symbol)).sum();
        let bits = bits + symbols.len() * shift as usize;
        from.noise.bytes(bits.div_ceil(8))?;
    }
    Ok(())
}

/// What stands in the symbols for a list.
enum Header<'a> {
    Equal(i64),
    Coded(Coded<'a>),
}

/// A list of numbers that are not all equal.
struct Coded<'a> {
    centre: i64,
    signed: bool,
    shift: u32,
    symbols: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(from: &mut StreamsReader<'a>, count: usize) -> Result<Self, DecodeError> {
        if count == 0 {
            return Ok(Self::Equal(0));
        }
        let form = from.symbols.u8()?;
        let centre = from.symbols.ivarint()?;
        if form == 0 {
            return Ok(Self::Equal(centre));
        }
        let shift = u32::from(form & !SIGNED)
            .checked_sub(1)
            .filter(|&shift| shift <= MAX_NOISE_BITS)
            .ok_or_else(|| from.error("list has an unknown form"))?;
        Ok(Self::Coded(Coded {
            centre,
            signed: form & SIGNED != 0,
            shift,
            symbols: from.symbols.bytes(count)?,
        }))
    }
}

/// Positions in the noise of a list.
struct Noise<'a> {
    bytes: &'a [u8],
    /// Where the lowest bits of the next chunk start.
    low_byte: usize,
    /// Where the other bits of the next chunk start, those of the symbols that have any.
    high_bit: usize,
}

impl Coded<'_> {
    /// Reads the numbers of `symbols`, a part of all. The numbers after them are of no meaning.
    #[inline]
    fn read_chunk(
        &self,
        symbols: &[u8],
        noise: &mut Noise<'_>,
        out: &mut [i64; CHUNK],
    ) -> Option<()> {
        let mut distances = [0_u64; CHUNK];
        if self.shift == 0 {
            for (distance, &symbol) in distances.iter_mut().zip(symbols) {
                *distance = u64::from(symbol);
            }
        } else {
            let count = symbols.len();
            unpack(
                noise.bytes,
                noise.low_byte,
                self.shift,
                count,
                &mut distances,
            );
            noise.low_byte += CHUNK / 8 * self.shift as usize;
            for (distance, &symbol) in distances.iter_mut().zip(symbols) {
                *distance |= u64::from(symbol) << self.shift;
            }
        }
        let last = symbols.iter().fold(0, |last, &symbol| last.max(symbol));
        if last > LAST_PLAIN {
            if u32::from(NOISE_BITS[usize::from(last)]) + self.shift > MAX_NOISE_BITS {
                return None;
            }
            self.read_high_bits(symbols, noise, &mut distances);
        }
        let centre = self.centre;
        let distances = distances.iter().take(symbols.len());
        if self.signed {
            for (number, &distance) in out.iter_mut().zip(distances) {
                *number = unzigzag(distance).wrapping_add(centre);
            }
        } else {
            for (number, &distance) in out.iter_mut().zip(distances) {
                *number = distance.cast_signed().wrapping_add(centre);
            }
        }
        Some(())
    }

    /// Replaces the distances of symbols that have bits of noise beside the lowest.
    #[inline]
    fn read_high_bits(&self, symbols: &[u8], noise: &mut Noise<'_>, distances: &mut [u64; CHUNK]) {
        // Which they are is random, and a branch on it would be mispredicted; so they are listed first.
        let mut wide = [0_u8; CHUNK];
        let mut wides = 0;
        for (i, &symbol) in (0..).zip(symbols) {
            wide[wides % CHUNK] = i;
            wides += usize::from(symbol > LAST_PLAIN);
        }
        let low = mask(self.shift);
        for &i in wide.iter().take(wides) {
            let i = usize::from(i) % CHUNK;
            let symbol = symbols.get(i).copied().map_or(0, usize::from);
            let width = u32::from(NOISE_BITS[symbol]);
            let high = BASE[symbol] + read_at(noise.bytes, noise.high_bit, width);
            noise.high_bit += width as usize;
            distances[i] = (high << self.shift) | (distances[i] & low);
        }
    }
}

const _: () = assert!(MAX_NOISE_BITS < 64 && CHUNK <= 1 << 8);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lists_come_back(numbers in prop_oneof![
            prop::collection::vec(any::<i64>(), 0..300),
            (0_u32..64, prop::collection::vec(any::<i64>(), 0..300))
                .prop_map(|(shift, numbers)| numbers.into_iter().map(|n| n >> shift).collect()),
            prop::collection::vec((any::<i64>(), 0_u32..64).prop_map(|(n, shift)| n >> shift), 0..300),
        ]) {
            let mut streams = Streams::default();
            encode(&numbers, &mut streams);
            let mut from = streams.reader();
            let mut read = Vec::new();
            decode(&mut from, numbers.len(), |numbers| read.extend_from_slice(numbers)).unwrap();
            prop_assert!(from.is_empty());
            prop_assert_eq!(read, numbers);
        }
    }
}
