//! Numbers of any width up to 64 bits in a row, least significant bit first: the stream that is not compressed further.
//!
//! Numbers of one width are read in blocks of [`CHUNK`], by code of its own for each width.

use super::list::CHUNK;

/// Appends numbers to bytes.
#[derive(Debug)]
pub(super) struct NoiseWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Bits not yet written, from the lowest; those above are zero.
    word: u64,
    /// Number of bits in `word`, below 64.
    used: u32,
}

impl<'a> NoiseWriter<'a> {
    /// Starts at the next byte of `out`.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            word: 0,
            used: 0,
        }
    }

    /// Appends the `width` lowest bits of `value`, for `width` up to 64; the bits above them are ignored.
    #[inline]
    pub(super) fn push(&mut self, value: u64, width: u32) {
        debug_assert!(width <= 64);
        if width == 0 {
            return;
        }
        let value = value & mask(width);
        self.word |= value << self.used;
        let free = 64 - self.used;
        if width < free {
            self.used += width;
        } else {
            self.out.extend_from_slice(&self.word.to_le_bytes());
            self.used = width - free;
            // Shifted in two steps, because `free` is 64 when the word was empty.
            self.word = (value >> (free - 1)) >> 1;
        }
    }

    /// Fills the last byte up with zeros.
    pub(super) fn finish(self) {
        let bytes = self.used.div_ceil(8) as usize;
        self.out
            .extend(self.word.to_le_bytes().into_iter().take(bytes));
    }
}

/// The lowest `width` bits set, for `width` up to 64.
#[inline]
pub(super) const fn mask(width: u32) -> u64 {
    match width {
        0 => 0,
        _ => u64::MAX >> (64 - width),
    }
}

/// Widest number that one load of eight bytes holds wherever its first bit stands.
const ONE_LOAD: u32 = 57;

/// The `width` bits from bit number `at` on, for `width` up to 64. What stands beyond the bytes is zero; the caller
/// compares the end of a list of numbers with the end of the bytes.
#[inline]
pub(super) fn read_at(bytes: &[u8], at: usize, width: u32) -> u64 {
    let low = load(bytes, at / 8) >> (at % 8);
    if width <= ONE_LOAD {
        return low & mask(width);
    }
    // The first load gave 57 bits at least; the ninth byte has the rest.
    let above = bytes.get(at / 8 + 8).copied().map_or(0, u64::from);
    (low | ((above << 1) << (63 - at % 8))) & mask(width)
}

/// Reads `count` numbers of `width` bits each, of which the first starts at byte number `at`; those after them are of no
/// meaning. What stands beyond the bytes is zero.
#[inline]
pub(super) fn unpack(bytes: &[u8], at: usize, width: u32, count: usize, out: &mut [u64; CHUNK]) {
    const PADDED: usize = BLOCKS * ONE_LOAD as usize + 8;
    if width > ONE_LOAD || count < CHUNK / 4 {
        for (i, number) in out.iter_mut().take(count).enumerate() {
            *number = read_at(bytes, at * 8 + i * width as usize, width);
        }
        return;
    }
    let bytes = bytes.get(at..).unwrap_or_default();
    if bytes.len() >= BLOCKS * width as usize + 8 {
        unpack_width(bytes, width, out);
        return;
    }
    let mut padded = [0; PADDED];
    for (to, from) in padded.iter_mut().zip(bytes) {
        *to = *from;
    }
    unpack_width(&padded, width, out);
}

/// Number of blocks of eight numbers in a chunk. Eight numbers start and end at the border of a byte.
const BLOCKS: usize = CHUNK / 8;

/// Numbers of `WIDTH` bits each; there are eight bytes more than they take.
fn unpack_const<const WIDTH: usize>(bytes: &[u8], out: &mut [u64; CHUNK]) {
    let (blocks, _) = out.as_chunks_mut::<8>();
    for (i, block) in blocks.iter_mut().enumerate() {
        let bytes = &bytes[i * WIDTH..i * WIDTH + WIDTH + 8];
        for (j, number) in block.iter_mut().enumerate() {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[j * WIDTH / 8..j * WIDTH / 8 + 8]);
            *number = (u64::from_le_bytes(word) >> (j * WIDTH % 8)) & ((1 << WIDTH) - 1);
        }
    }
}

macro_rules! unpack_each_width {
    ($($width:literal)+) => {
        /// [`unpack_const`] with this width, 0 to [`ONE_LOAD`].
        fn unpack_width(bytes: &[u8], width: u32, out: &mut [u64; CHUNK]) {
            match width {
                $($width => unpack_const::<$width>(bytes, out),)+
                _ => out.fill(0),
            }
        }
    };
}

unpack_each_width! {
    1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30
    31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57
}

/// Eight bytes from byte number `at` on, zeros beyond the end.
#[inline]
fn load(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(<[u8]>::first_chunk) {
        Some(word) => u64::from_le_bytes(*word),
        None => load_last(bytes, at),
    }
}

#[cold]
fn load_last(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(bytes.iter().skip(at)) {
        *to = *from;
    }
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip(numbers in proptest::collection::vec((any::<u64>(), 0u32..=64), 0..60), before in 0usize..3) {
            let mut bytes = vec![0xaa; before];
            let mut writer = NoiseWriter::new(&mut bytes);
            for &(value, width) in &numbers {
                writer.push(value, width);
            }
            writer.finish();
            let bits: usize = numbers.iter().map(|&(_, width)| width as usize).sum();
            prop_assert_eq!(bytes.len(), before + bits.div_ceil(8));
            let mut at = before * 8;
            for &(value, width) in &numbers {
                prop_assert_eq!(read_at(&bytes, at, width), value & mask(width));
                at += width as usize;
            }
        }

        #[test]
        fn reading_beyond_the_end_gives_zeros(bytes in proptest::collection::vec(any::<u8>(), 0..20), at in 0usize..200, width in 0u32..=64) {
            let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| u64::from(byte >> (at % 8)) & 1);
            let expected = (0..width).map(|i| bit(at + i as usize) << i).sum::<u64>();
            prop_assert_eq!(read_at(&bytes, at, width), expected);
        }

        #[test]
        fn unpacking_agrees_with_reading_one(bytes in proptest::collection::vec(any::<u8>(), 0..1200), at in 0usize..9, width in 0u32..=64, count in 0..=CHUNK) {
            let mut numbers = [7; CHUNK];
            unpack(&bytes, at, width, count, &mut numbers);
            for (i, number) in numbers.into_iter().take(count).enumerate() {
                prop_assert_eq!(number, read_at(&bytes, at * 8 + i * width as usize, width));
            }
        }
    }
}
