//! A chunk that one writer appends to while others read it.
//!
//! The whole words of its bits stand in pieces that never move, each written once. The writer keeps the word that is not
//! whole with its own state and gives both as a [`Prefix`], under the lock by which readers come to it: they read the words
//! that it counts, and no others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::encode::{ChunkFull, Encoder, header};
use super::read::{Decoder, HEADER_BYTES};
use crate::codec::DecodeError;
use crate::codec::bits::{WordSink, WordSource, push_partial};

/// Words of the first piece, which stands in the chunk itself: all that a series takes that is soon gone again.
const FIRST_WORDS: usize = 4;

/// What an open chunk held at one moment: a prefix that never changes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    /// Number of samples.
    samples: u16,
    /// Number of bits they take, without the header.
    bits: u32,
    /// The bits behind the last whole word, from the top.
    last_word: u64,
    /// Whether Prometheus has an empty byte after them.
    spare_byte: bool,
}

impl Prefix {
    /// Number of bytes of the chunk in Prometheus's form.
    pub(crate) fn bytes_len(self) -> usize {
        HEADER_BYTES + self.bits.div_ceil(8) as usize + usize::from(self.spare_byte)
    }
}

/// Some words of a chunk and the way to the next piece.
#[derive(Debug)]
struct Piece<W: ?Sized = [AtomicU64]> {
    next: OnceLock<Arc<Piece>>,
    words: W,
}

impl<const N: usize> Piece<[AtomicU64; N]> {
    fn new() -> Self {
        Self {
            next: OnceLock::new(),
            words: [const { AtomicU64::new(0) }; N],
        }
    }
}

/// A piece of twice as many words as the one before it had, up to 4 KiB.
fn piece_after(words: usize) -> Arc<Piece> {
    match words {
        ..=4 => Arc::new(Piece::<[_; 8]>::new()),
        5..=8 => Arc::new(Piece::<[_; 16]>::new()),
        9..=16 => Arc::new(Piece::<[_; 32]>::new()),
        17..=32 => Arc::new(Piece::<[_; 64]>::new()),
        33..=64 => Arc::new(Piece::<[_; 128]>::new()),
        65..=128 => Arc::new(Piece::<[_; 256]>::new()),
        _ => Arc::new(Piece::<[_; 512]>::new()),
    }
}

/// A chunk that can be read while it is appended to.
#[derive(Debug)]
pub(crate) struct OpenChunk {
    first: Piece<[AtomicU64; FIRST_WORDS]>,
}

impl OpenChunk {
    fn new() -> Self {
        Self {
            first: Piece::new(),
        }
    }

    /// The samples of a prefix, which must be one of this chunk (another's gives an error, or wrong samples).
    pub(crate) fn iter(
        &self,
        prefix: Prefix,
    ) -> impl Iterator<Item = Result<(i64, f64), DecodeError>> + use<'_> {
        Decoder::over(
            OpenWords::new(self, prefix),
            u64::from(prefix.bits),
            prefix.samples,
        )
    }

    /// The bytes that Prometheus has for the samples of a prefix.
    pub(crate) fn to_bytes(&self, prefix: Prefix) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(prefix.bytes_len());
        bytes.extend(header(prefix.samples));
        let mut words = OpenWords::new(self, prefix);
        let mut left = prefix.bits;
        while left > 0 {
            let Some(word) = words.next_word() else { break };
            match left {
                64.. => bytes.put(word),
                _ => push_partial(&mut bytes, word, left),
            }
            left = left.saturating_sub(64);
        }
        if prefix.spare_byte {
            bytes.push(0);
        }
        bytes
    }
}

/// The words of a prefix of an open chunk, in order.
struct OpenWords<'a> {
    words: &'a [AtomicU64],
    next: &'a OnceLock<Arc<Piece>>,
    /// Whole words that are left.
    whole: u32,
    last_word: u64,
}

impl<'a> OpenWords<'a> {
    fn new(chunk: &'a OpenChunk, prefix: Prefix) -> Self {
        Self {
            words: &chunk.first.words,
            next: &chunk.first.next,
            whole: prefix.bits / 64,
            last_word: prefix.last_word,
        }
    }
}

impl WordSource for OpenWords<'_> {
    #[inline]
    fn next_word(&mut self) -> Option<u64> {
        let Some(whole) = self.whole.checked_sub(1) else {
            return Some(self.last_word);
        };
        self.whole = whole;
        if self.words.is_empty() {
            let piece = self.next.get()?;
            self.words = &piece.words;
            self.next = &piece.next;
        }
        let (word, rest) = self.words.split_first()?;
        self.words = rest;
        // Relaxed: the words of a prefix are ordered before by the lock under which it came.
        Some(word.load(Ordering::Relaxed))
    }
}

/// The writer of an [`OpenChunk`]. Dropping it leaves the chunk to its readers as it is.
#[derive(Debug)]
pub(crate) struct XorAppender {
    encoder: Encoder,
    place: Place,
}

/// Where the next word goes.
#[derive(Debug)]
struct Place {
    chunk: Arc<OpenChunk>,
    /// The last piece; `None` while it is the chunk's first.
    tail: Option<Arc<Piece>>,
    /// Index of the next word in the last piece.
    at: usize,
}

impl Default for XorAppender {
    fn default() -> Self {
        Self::new()
    }
}

impl XorAppender {
    /// Opens an empty chunk.
    pub(crate) fn new() -> Self {
        let place = Place {
            chunk: Arc::new(OpenChunk::new()),
            tail: None,
            at: 0,
        };
        Self {
            encoder: Encoder::default(),
            place,
        }
    }

    /// Appends a sample. Touches the chunk only when a word is whole, and allocates only when a piece is full: the chunk is
    /// most likely in no cache.
    ///
    /// # Errors
    /// [`ChunkFull`] when the chunk holds [`MAX_SAMPLES`](super::MAX_SAMPLES) samples; it is unchanged then.
    #[inline]
    pub(crate) fn append(&mut self, t_ms: i64, value: f64) -> Result<(), ChunkFull> {
        self.encoder.append(&mut self.place, t_ms, value)
    }

    /// All that is appended. Who reads it must come to it in an order after the appends, as behind a lock.
    #[inline]
    pub(crate) fn prefix(&self) -> Prefix {
        let out = self.encoder.out();
        Prefix {
            samples: self.encoder.samples(),
            bits: out.bits(),
            last_word: out.partial().unwrap_or(0),
            spare_byte: self.encoder.spare_byte(),
        }
    }

    /// Number of samples appended.
    #[inline]
    pub(crate) fn samples(&self) -> u16 {
        self.encoder.samples()
    }

    /// The sample appended last.
    #[inline]
    pub(crate) fn last(&self) -> Option<(i64, f64)> {
        self.encoder.last()
    }

    /// Number of bytes of the chunk in Prometheus's form.
    #[inline]
    pub(crate) fn bytes_len(&self) -> usize {
        self.prefix().bytes_len()
    }

    /// The chunk, to be read or kept.
    #[inline]
    pub(crate) fn chunk(&self) -> &Arc<OpenChunk> {
        &self.place.chunk
    }
}

impl Place {
    #[inline]
    fn words(&self) -> &[AtomicU64] {
        match &self.tail {
            None => &self.chunk.first.words,
            Some(piece) => &piece.words,
        }
    }

    /// Links a new piece; the next word is its first.
    #[cold]
    fn grow(&mut self) {
        let next = match &self.tail {
            None => &self.chunk.first.next,
            Some(piece) => &piece.next,
        };
        let piece = next.get_or_init(|| piece_after(self.words().len()));
        self.tail = Some(Arc::clone(piece));
        self.at = 0;
    }
}

impl WordSink for Place {
    #[inline]
    fn put(&mut self, word: u64) {
        if self.at == self.words().len() {
            self.grow();
        }
        if let Some(place) = self.words().get(self.at) {
            // Relaxed: it counts for readers only once a prefix counts it.
            place.store(word, Ordering::Relaxed);
        }
        self.at += 1;
    }
}
