//! Prometheus's variable-bit numbers (`tsdb/chunkenc/varbit.go`): a prefix of ones says how many bits follow.
//!
//! Signed numbers are two's complement, except that the pattern `100…0` of a field is its positive bound.

use super::bits::{BitReader, WordSource};

/// Bits of the number behind 1, 2, … 7 ones and a zero. Eight ones are followed by 64 bits, a zero alone is 0.
const WIDTHS: [u32; 7] = [3, 6, 9, 12, 18, 25, 56];

/// A number cut into fields of a bit stream: its prefix, then the number itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Varbit {
    pub(super) prefix: u64,
    pub(super) prefix_bits: u32,
    pub(super) number: u64,
    /// 0 when the prefix says all.
    pub(super) number_bits: u32,
}

impl Varbit {
    const ZERO: Self = Self {
        prefix: 0,
        prefix_bits: 1,
        number: 0,
        number_bits: 0,
    };

    pub(super) fn of_int(value: i64) -> Self {
        let fits = |bits: u32| {
            let bound = 1_i64 << (bits - 1);
            -bound < value && value <= bound
        };
        Self::new(value.cast_unsigned(), fits)
    }

    pub(super) fn of_uint(value: u64) -> Self {
        Self::new(value, |bits| value >> bits == 0)
    }

    fn new(value: u64, fits: impl Fn(u32) -> bool) -> Self {
        if value == 0 {
            return Self::ZERO;
        }
        for (ones, bits) in (1..).zip(WIDTHS) {
            if fits(bits) {
                return Self {
                    prefix: ((1 << ones) - 1) << 1,
                    prefix_bits: ones + 1,
                    number: value & ((1 << bits) - 1),
                    number_bits: bits,
                };
            }
        }
        Self {
            prefix: 0xff,
            prefix_bits: 8,
            number: value,
            number_bits: 64,
        }
    }
}

/// The next signed number; `None` at the end of the stream.
#[inline]
pub(super) fn read_int<S: WordSource>(bits: &mut BitReader<S>) -> Option<i64> {
    let (number, width) = read(bits)?;
    let number = number.cast_signed();
    Some(if (1..64).contains(&width) && number > 1 << (width - 1) {
        number - (1 << width)
    } else {
        number
    })
}

/// The next unsigned number; `None` at the end of the stream.
#[inline]
pub(super) fn read_uint<S: WordSource>(bits: &mut BitReader<S>) -> Option<u64> {
    read(bits).map(|(number, _)| number)
}

/// The field of a number and its width.
#[inline]
fn read<S: WordSource>(bits: &mut BitReader<S>) -> Option<(u64, u32)> {
    let ones = bits.ones(8)?;
    let width = match ones {
        0 => return Some((0, 0)),
        8 => 64,
        _ => WIDTHS.get(ones as usize - 1).copied()?,
    };
    Some((bits.read(width)?, width))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::bits::{BitWriter, ByteWords, WordSink};
    use proptest::prelude::*;

    fn bytes(numbers: &[Varbit]) -> (Vec<u8>, u64) {
        let (mut out, mut bytes) = (BitWriter::default(), Vec::new());
        for n in numbers {
            out.push(&mut bytes, n.prefix, n.prefix_bits);
            if n.number_bits > 0 {
                out.push(&mut bytes, n.number, n.number_bits);
            }
        }
        let bits = u64::from(out.bits());
        if let Some(word) = out.partial() {
            bytes.put(word);
        }
        (bytes, bits)
    }

    #[test]
    fn widths_are_those_of_the_format() {
        for (value, bits) in [
            (0, 1),
            (1, 5),
            (-3, 5),
            (4, 5),
            (-4, 9),
            (32, 9),
            (33, 13),
            (-255, 13),
            (2048, 17),
            (131_072, 24),
            (-131_072, 32),
            (16_777_216, 32),
            (16_777_217, 64),
            (1 << 55, 64),
            (-(1 << 55), 72),
            (i64::MIN, 72),
        ] {
            assert_eq!(bytes(&[Varbit::of_int(value)]).1, bits, "{value}");
        }
        for (value, bits) in [
            (0, 1),
            (7, 5),
            (8, 9),
            (63, 9),
            (511, 13),
            (4096, 24),
            (1 << 25, 64),
            (1 << 56, 72),
        ] {
            assert_eq!(bytes(&[Varbit::of_uint(value)]).1, bits, "{value}");
        }
        assert_eq!(
            bytes(&[Varbit::of_int(4), Varbit::of_int(-3)]).0[..2],
            [0b1010_0101, 0b0100_0000]
        );
    }

    proptest! {
        #[test]
        fn round_trip(numbers in proptest::collection::vec((any::<i64>(), 0u32..64), 0..50)) {
            let numbers: Vec<i64> = numbers.iter().map(|&(n, shift)| n >> shift).collect();
            let fields: Vec<Varbit> = numbers.iter().map(|&n| Varbit::of_int(n)).collect();
            let (stream, bits) = bytes(&fields);
            let mut reader = BitReader::new(ByteWords(&stream), bits);
            for &n in &numbers {
                prop_assert_eq!(read_int(&mut reader), Some(n));
            }
            prop_assert_eq!(read_int(&mut reader), None);
            let fields: Vec<Varbit> = numbers.iter().map(|&n| Varbit::of_uint(n.cast_unsigned())).collect();
            let (stream, bits) = bytes(&fields);
            let mut reader = BitReader::new(ByteWords(&stream), bits);
            for &n in &numbers {
                prop_assert_eq!(read_uint(&mut reader), Some(n.cast_unsigned()));
            }
        }
    }
}
