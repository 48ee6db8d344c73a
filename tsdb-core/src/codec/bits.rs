//! Bit streams, most significant bit first. They are cut into 64-bit words, so that a writer stores and a reader loads
//! a whole word at a time, whatever holds the words.

/// Takes the complete words of a bit stream, in order.
pub(crate) trait WordSink {
    /// Appends a word of 64 bits.
    fn put(&mut self, word: u64);
}

/// Gives the words of a bit stream, in order. The last may be partial; what stands beyond its end is ignored.
pub(crate) trait WordSource {
    /// The next word; `None` after the last.
    fn next_word(&mut self) -> Option<u64>;
}

/// The last, incomplete word of a stream being written. Its sink is passed in, so that the two can be stored apart.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BitWriter {
    /// Bits from the top; those not yet written are zero.
    word: u64,
    /// Number of bits written to `word`, below 64.
    used: u32,
    /// Number of complete words.
    words: u32,
}

impl BitWriter {
    /// Appends the `n` lowest bits of `value`, for `n` in `1..=64`; the bits above them are ignored.
    #[inline]
    pub(super) fn push(&mut self, sink: &mut impl WordSink, value: u64, n: u32) {
        debug_assert!((1..=64).contains(&n));
        let top = value << (64 - n);
        self.word |= top >> self.used;
        let free = 64 - self.used;
        if n < free {
            self.used += n;
        } else {
            sink.put(self.word);
            self.words += 1;
            self.used = n - free;
            // Shifted in two steps, because `free` is 64 when the word was empty.
            self.word = (top << (free - 1)) << 1;
        }
    }

    /// The incomplete word, if it holds any bit.
    #[inline]
    pub(super) fn partial(&self) -> Option<u64> {
        (self.used > 0).then_some(self.word)
    }

    /// Number of bits written.
    #[inline]
    pub(super) fn bits(&self) -> u32 {
        self.words * 64 + self.used
    }
}

/// Reads a bit stream of known length.
#[derive(Clone, Debug)]
pub(crate) struct BitReader<S> {
    source: S,
    /// The bits loaded and not yet read, from the top, zeros below.
    buffer: u64,
    /// Number of bits in `buffer`.
    have: u32,
    /// Number of bits not yet loaded.
    left: u64,
    /// Number of bits of the stream.
    total: u64,
}

impl<S: WordSource> BitReader<S> {
    /// Reads the first `total` bits of `source`.
    pub(super) fn new(source: S, total: u64) -> Self {
        Self {
            source,
            buffer: 0,
            have: 0,
            left: total,
            total,
        }
    }

    /// The next `n` bits, for `n` in `1..=64`, as the lowest of the result; `None` when fewer are left.
    #[inline]
    pub(super) fn read(&mut self, n: u32) -> Option<u64> {
        debug_assert!((1..=64).contains(&n));
        if n <= self.have {
            return Some(self.take(n));
        }
        self.read_across(n)
    }

    /// One bit.
    #[inline]
    pub(super) fn bit(&mut self) -> Option<bool> {
        self.read(1).map(|bit| bit == 1)
    }

    /// Number of ones up to the next zero, which is read as well, or up to `max` ones.
    #[inline]
    pub(super) fn ones(&mut self, max: u32) -> Option<u32> {
        if self.have >= max {
            let ones = self.buffer.leading_ones().min(max);
            self.take((ones + 1).min(max));
            return Some(ones);
        }
        let mut ones = 0;
        while ones < max && self.bit()? {
            ones += 1;
        }
        Some(ones)
    }

    /// Takes pairs of zero bits, at most `max` and as far as they are loaded; says how many.
    #[inline]
    pub(super) fn zero_pairs(&mut self, max: u32) -> u32 {
        let zeros = self.buffer.leading_zeros().min(self.have);
        let pairs = (zeros / 2).min(max);
        if pairs > 0 {
            self.take(2 * pairs);
        }
        pairs
    }

    /// Number of bits not yet read.
    pub(super) fn bits_left(&self) -> u64 {
        self.left + u64::from(self.have)
    }

    /// Number of the byte in which the next bit stands.
    pub(super) fn at_byte(&self) -> usize {
        usize::try_from((self.total - self.left - u64::from(self.have)) / 8).unwrap_or(usize::MAX)
    }

    /// `n` bits of the buffer, `1 <= n <= have`.
    #[inline]
    fn take(&mut self, n: u32) -> u64 {
        let bits = self.buffer >> (64 - n);
        // Shifted in two steps, because `n` may be 64.
        self.buffer = (self.buffer << (n - 1)) << 1;
        self.have -= n;
        bits
    }

    /// `n` bits of which at least one is not loaded yet.
    fn read_across(&mut self, n: u32) -> Option<u64> {
        let missing = n - self.have;
        let first = if self.have == 0 {
            0
        } else {
            self.take(self.have)
        };
        self.load()?;
        if missing > self.have {
            return None;
        }
        let second = self.take(missing);
        Some(if missing == 64 {
            second
        } else {
            (first << missing) | second
        })
    }

    fn load(&mut self) -> Option<()> {
        let bits = u32::try_from(self.left.min(64))
            .ok()
            .filter(|&bits| bits > 0)?;
        let word = self.source.next_word()?;
        self.buffer = word & (u64::MAX << (64 - bits));
        self.have = bits;
        self.left -= u64::from(bits);
        Some(())
    }
}

/// The words of a byte slice; the last is filled up with zeros.
#[derive(Clone, Debug)]
pub(crate) struct ByteWords<'a>(pub(super) &'a [u8]);

impl WordSource for ByteWords<'_> {
    #[inline]
    fn next_word(&mut self) -> Option<u64> {
        if let Some((word, rest)) = self.0.split_first_chunk() {
            self.0 = rest;
            return Some(from_be(*word));
        }
        if self.0.is_empty() {
            return None;
        }
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(self.0) {
            *to = *from;
        }
        self.0 = &[];
        Some(from_be(word))
    }
}

impl WordSink for Vec<u8> {
    #[inline]
    fn put(&mut self, word: u64) {
        self.extend_from_slice(&to_be(word));
    }
}

/// Appends the first `bits` (at most 64) bits of `word`, the last byte filled up with zeros.
pub(super) fn push_partial(out: &mut Vec<u8>, word: u64, bits: u32) {
    out.extend(to_be(word).into_iter().take(bits.div_ceil(8) as usize));
}

/// Bytes of a word in the order of its bits.
#[expect(
    clippy::big_endian_bytes,
    reason = "a bit stream that starts with the top bit is big-endian"
)]
#[inline]
fn to_be(word: u64) -> [u8; 8] {
    word.to_be_bytes()
}

/// Inverse of [`to_be`].
#[expect(
    clippy::big_endian_bytes,
    reason = "a bit stream that starts with the top bit is big-endian"
)]
#[inline]
fn from_be(bytes: [u8; 8]) -> u64 {
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn finish(writer: BitWriter, mut bytes: Vec<u8>) -> Vec<u8> {
        if let Some(word) = writer.partial() {
            push_partial(&mut bytes, word, writer.bits() % 64);
        }
        bytes
    }

    #[test]
    fn starts_with_the_top_bit() {
        let (mut writer, mut out) = (BitWriter::default(), Vec::new());
        writer.push(&mut out, 0b1, 1);
        writer.push(&mut out, 0b0110, 4);
        writer.push(&mut out, 0xabc, 12);
        assert_eq!(writer.bits(), 17);
        assert_eq!(finish(writer, out), [0b1011_0101, 0b0101_1110, 0]);
    }

    proptest! {
        #[test]
        fn round_trip(fields in proptest::collection::vec((any::<u64>(), 1u32..=64), 0..60)) {
            let (mut writer, mut out) = (BitWriter::default(), Vec::new());
            for &(value, n) in &fields {
                writer.push(&mut out, value, n);
            }
            let bits: u32 = fields.iter().map(|&(_, n)| n).sum();
            prop_assert_eq!(writer.bits(), bits);
            let bytes = finish(writer, out);
            prop_assert_eq!(bytes.len(), bits.div_ceil(8) as usize);
            let mut reader = BitReader::new(ByteWords(&bytes), u64::from(bits));
            for &(value, n) in &fields {
                prop_assert_eq!(reader.read(n), Some(value & (u64::MAX >> (64 - n))));
            }
            prop_assert_eq!(reader.read(1), None);
        }

        #[test]
        fn ones_agree_with_bits(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let total = bytes.len() as u64 * 8;
            let mut fast = BitReader::new(ByteWords(&bytes), total);
            let mut slow = fast.clone();
            loop {
                let mut expected = Some(0);
                while let Some(ones) = expected && ones < 4 {
                    match slow.bit() {
                        Some(true) => expected = Some(ones + 1),
                        Some(false) => break,
                        None => expected = None,
                    }
                }
                prop_assert_eq!(fast.ones(4), expected);
                if expected.is_none() {
                    break;
                }
                prop_assert_eq!(fast.at_byte(), slow.at_byte());
            }
        }
    }
}
