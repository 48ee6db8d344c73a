//! The bit stream of a chunk being written, over words stored anywhere.

use super::header::HEADER_BYTES;
use crate::codec::bits::{BitReader, BitWriter, WordSink, WordSource, push_partial};
use crate::codec::varbit::Varbit;

/// Where the words of a chunk are kept while it is written.
pub(crate) trait WordStore: WordSink + Default {
    /// Reads the words back.
    type Source<'a>: WordSource
    where
        Self: 'a;

    /// Stores the incomplete word behind the complete ones, in place of the one stored before.
    fn set_partial(&mut self, word: u64);

    /// The words stored, the incomplete one last.
    fn source(&self) -> Self::Source<'_>;
}

/// Words in a vector.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    complete: Vec<u64>,
    partial: u64,
}

impl WordSink for Words {
    fn put(&mut self, word: u64) {
        self.complete.push(word);
    }
}

impl WordStore for Words {
    type Source<'a> = VecWords<'a>;

    fn set_partial(&mut self, word: u64) {
        self.partial = word;
    }

    fn source(&self) -> VecWords<'_> {
        VecWords {
            complete: &self.complete,
            partial: Some(self.partial),
        }
    }
}

/// The words of [`Words`].
#[derive(Clone, Debug)]
pub(crate) struct VecWords<'a> {
    complete: &'a [u64],
    partial: Option<u64>,
}

impl WordSource for VecWords<'_> {
    fn next_word(&mut self) -> Option<u64> {
        match self.complete.split_first() {
            Some((&word, rest)) => {
                self.complete = rest;
                Some(word)
            }
            None => self.partial.take(),
        }
    }
}

/// A bit stream being written.
#[derive(Debug, Default)]
pub(crate) struct Stream<W> {
    words: W,
    out: BitWriter,
    /// Whether the last field was a whole number of bytes long; see [`Stream::spare_byte`].
    whole_bytes: bool,
}

impl<W: WordStore> Stream<W> {
    /// Appends a field of 1 to 64 bits.
    #[inline]
    pub(super) fn put(&mut self, value: u64, bits: u32) {
        self.out.push(&mut self.words, value, bits);
        self.whole_bytes = bits.is_multiple_of(8);
    }

    #[inline]
    pub(super) fn put_int(&mut self, value: i64) {
        self.put_varbit(Varbit::of_int(value));
    }

    #[inline]
    pub(super) fn put_uint(&mut self, value: u64) {
        self.put_varbit(Varbit::of_uint(value));
    }

    #[inline]
    fn put_varbit(&mut self, number: Varbit) {
        // Written bit by bit, even when it is eight bits long: a number follows it then.
        self.put(number.prefix, number.prefix_bits);
        if number.number_bits > 0 {
            self.put(number.number, number.number_bits);
        }
    }

    /// Stores what is not a whole word yet.
    pub(super) fn flush(&mut self) {
        if let Some(word) = self.out.partial() {
            self.words.set_partial(word);
        }
    }

    /// Number of bits written.
    pub(super) fn bits(&self) -> u32 {
        self.out.bits()
    }

    /// Whether Prometheus has an empty byte at the end at this point: it opens the next byte ahead when a field that was
    /// written byte by byte ends on the border of a byte.
    fn spare_byte(&self) -> bool {
        self.whole_bytes && self.out.bits().is_multiple_of(8)
    }

    /// Reads from the beginning what was flushed.
    pub(super) fn reader(&self) -> BitReader<W::Source<'_>> {
        BitReader::new(self.words.source(), u64::from(self.out.bits()))
    }

    /// Number of bytes of the chunk in Prometheus's form.
    pub(super) fn bytes_len(&self) -> usize {
        HEADER_BYTES + self.out.bits().div_ceil(8) as usize + usize::from(self.spare_byte())
    }

    /// The chunk in Prometheus's form.
    pub(super) fn to_bytes(&self, header: [u8; HEADER_BYTES]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes_len());
        bytes.extend(header);
        let mut words = self.words.source();
        for _ in 0..self.out.bits() / 64 {
            if let Some(word) = words.next_word() {
                bytes.put(word);
            }
        }
        if let Some(word) = self.out.partial() {
            push_partial(&mut bytes, word, self.out.bits() % 64);
        }
        if self.spare_byte() {
            bytes.push(0);
        }
        bytes
    }
}
