//! The two byte streams that columns are written to.

use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;

/// What columns are written to, one after the other.
///
/// Headers and symbols are worth a pass of zstd; the noise below the symbols is not, and mixed with them it would spoil
/// their statistics. So the two stand apart until the group that holds the columns is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Streams {
    /// Headers and symbols: bytes of which few occur often.
    pub(crate) symbols: Vec<u8>,
    /// Bits that no model foresees. Each list of numbers starts at the border of a byte.
    pub(crate) noise: Vec<u8>,
}

impl Streams {
    /// Reads from the start.
    pub(crate) fn reader(&self) -> StreamsReader<'_> {
        StreamsReader::new(&self.symbols, &self.noise)
    }

    /// Reads from a position in both.
    pub(crate) fn reader_at(&self, (symbols, noise): (usize, usize)) -> StreamsReader<'_> {
        StreamsReader::new(
            self.symbols.get(symbols..).unwrap_or_default(),
            self.noise.get(noise..).unwrap_or_default(),
        )
    }

    /// Where a reader of these streams stands in both.
    pub(crate) fn position(&self, from: &StreamsReader<'_>) -> (usize, usize) {
        (
            self.symbols.len() - from.symbols.remaining(),
            self.noise.len() - from.noise.remaining(),
        )
    }

    /// Bytes of memory of both.
    pub(crate) fn capacity(&self) -> usize {
        self.symbols.capacity() + self.noise.capacity()
    }

    /// Number of bytes in both.
    pub(crate) fn len(&self) -> usize {
        self.symbols.len() + self.noise.len()
    }

    /// Empties both and keeps their memory.
    pub(crate) fn clear(&mut self) {
        self.symbols.clear();
        self.noise.clear();
    }
}

/// A position in both streams. Every reader moves both past what it returns, or fails and leaves them unspecified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamsReader<'a> {
    pub(super) symbols: Cursor<'a>,
    pub(super) noise: Cursor<'a>,
}

impl<'a> StreamsReader<'a> {
    /// Starts at the first byte of both.
    pub(crate) const fn new(symbols: &'a [u8], noise: &'a [u8]) -> Self {
        Self {
            symbols: Cursor::new(symbols),
            noise: Cursor::new(noise),
        }
    }

    /// Whether all of both is read.
    pub(crate) const fn is_empty(&self) -> bool {
        self.symbols.is_empty() && self.noise.is_empty()
    }

    /// An error at the present position in the symbols.
    pub(super) const fn error(&self, what: &'static str) -> DecodeError {
        self.symbols.error(what)
    }
}
