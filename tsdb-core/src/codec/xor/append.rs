//! A chunk that one writer appends to while others read it.
//!
//! The bits stand in 64-bit atomic words, in pieces that never move. The writer stores each word whole, then publishes
//! with one `Release` store how many samples and bits there are; a reader `Acquire`s that and reads no further. A word
//! that is rewritten meanwhile only gains bits beyond those.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::encode::{ChunkFull, Encoder, header};
use super::read::{Decoder, HEADER_BYTES};
use crate::codec::DecodeError;
use crate::codec::bits::{WordSink, WordSource, push_partial};

/// Words of the first piece, which stands in the chunk itself: all that a series takes that is soon gone again.
const FIRST_WORDS: usize = 4;

/// How much of an open chunk is complete: a prefix that never changes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// Number of samples.
    pub(crate) samples: u16,
    /// Number of bits they take, without the header.
    pub(crate) bits: u32,
    /// Whether Prometheus has an empty byte after them.
    spare_byte: bool,
}

impl Published {
    /// Number of bytes of the chunk in Prometheus's form.
    pub(crate) fn bytes_len(self) -> usize {
        HEADER_BYTES + self.bits.div_ceil(8) as usize + usize::from(self.spare_byte)
    }

    /// `samples` in bits 0 to 15, `spare_byte` in bit 16, `bits` in bits 32 to 63.
    fn pack(self) -> u64 {
        u64::from(self.samples) | u64::from(self.spare_byte) << 16 | u64::from(self.bits) << 32
    }

    fn unpack(packed: u64) -> Self {
        Self {
            samples: packed as u16,
            bits: (packed >> 32) as u32,
            spare_byte: packed >> 16 & 1 == 1,
        }
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
    published: AtomicU64,
    first: Piece<[AtomicU64; FIRST_WORDS]>,
}

impl OpenChunk {
    fn new() -> Self {
        Self {
            published: AtomicU64::new(0),
            first: Piece::new(),
        }
    }

    /// What is complete by now.
    #[inline]
    pub(crate) fn published(&self) -> Published {
        // Acquire: pairs with the Release in `append`, so that the words stored before it are seen.
        Published::unpack(self.published.load(Ordering::Acquire))
    }

    /// The samples up to `published`, which must come from this chunk (another's gives an error, or wrong samples).
    pub(crate) fn iter(
        &self,
        published: Published,
    ) -> impl Iterator<Item = Result<(i64, f64), DecodeError>> + use<'_> {
        Decoder::over(
            OpenWords::new(self),
            u64::from(published.bits),
            published.samples,
        )
    }

    /// The bytes that Prometheus has for the samples up to `published`.
    pub(crate) fn to_bytes(&self, published: Published) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(published.bytes_len());
        bytes.extend(header(published.samples));
        let mut words = OpenWords::new(self);
        let mut left = published.bits;
        while left > 0 {
            let Some(word) = words.next_word() else { break };
            if left >= 64 {
                bytes.put(word);
            } else {
                // Samples appended since must not show.
                push_partial(&mut bytes, word & (u64::MAX << (64 - left)), left);
            }
            left = left.saturating_sub(64);
        }
        if published.spare_byte {
            bytes.push(0);
        }
        bytes
    }
}

/// The words of an open chunk, in order.
struct OpenWords<'a> {
    words: &'a [AtomicU64],
    next: &'a OnceLock<Arc<Piece>>,
}

impl<'a> OpenWords<'a> {
    fn new(chunk: &'a OpenChunk) -> Self {
        Self {
            words: &chunk.first.words,
            next: &chunk.first.next,
        }
    }
}

impl WordSource for OpenWords<'_> {
    #[inline]
    fn next_word(&mut self) -> Option<u64> {
        if self.words.is_empty() {
            let piece = self.next.get()?;
            self.words = &piece.words;
            self.next = &piece.next;
        }
        let (word, rest) = self.words.split_first()?;
        self.words = rest;
        // Relaxed: what was published is ordered before by the Acquire of `published`.
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

    /// Appends a sample and publishes it. Allocates only when a piece is full.
    ///
    /// # Errors
    /// [`ChunkFull`] when the chunk holds [`MAX_SAMPLES`](super::MAX_SAMPLES) samples; it is unchanged then.
    #[inline]
    pub(crate) fn append(&mut self, t_ms: i64, value: f64) -> Result<(), ChunkFull> {
        self.encoder.append(&mut self.place, t_ms, value)?;
        if let Some(word) = self.encoder.out().partial() {
            self.place.store(word);
        }
        let published = self.appended();
        // Release: pairs with the Acquire in `published`; the words above are stored before it.
        self.place
            .chunk
            .published
            .store(published.pack(), Ordering::Release);
        Ok(())
    }

    /// What was appended so far, from the writer's own state: the chunk is most likely in no cache, and to load from it would
    /// cost more than the rest of an append.
    #[inline]
    fn appended(&self) -> Published {
        Published {
            samples: self.encoder.samples(),
            bits: self.encoder.out().bits(),
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
        self.appended().bytes_len()
    }

    /// The chunk, to be read or kept.
    #[inline]
    pub(crate) fn chunk(&self) -> &Arc<OpenChunk> {
        &self.place.chunk
    }
}

impl Place {
    /// Stores the word at the present place.
    #[inline]
    fn store(&mut self, word: u64) {
        if let Some(place) = self.words().get(self.at) {
            // Relaxed: it counts for readers only once it is published.
            place.store(word, Ordering::Relaxed);
        } else {
            self.grow();
            if let Some(place) = self.words().first() {
                place.store(word, Ordering::Relaxed);
            }
        }
    }

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
        self.store(word);
        self.at += 1;
    }
}
