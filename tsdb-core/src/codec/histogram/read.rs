//! Reading chunks, from bytes that may be damaged or hostile.

use super::header::{CounterResetHeader, HEADER_BYTES, parse_header};
use super::layout::Layout;
use super::sample::ChunkSample;
use crate::codec::DecodeError;
use crate::codec::bits::{BitReader, ByteWords, WordSource};
use crate::codec::varbit::read_int;

/// What is wrong with bits that end too early.
pub(super) const TRUNCATED: &str = "chunk ends within a sample";

/// Decodes samples from words, wherever they are, in the order they were appended. After an error it yields nothing more.
#[derive(Debug)]
pub(crate) struct Decoder<H: ChunkSample, S> {
    bits: BitReader<S>,
    counter_reset: CounterResetHeader,
    /// Number of samples not yet read.
    left: u16,
    is_first: bool,
    t_ms: i64,
    delta: i64,
    state: H::State,
    /// The sample read last, as it stands in the chunk.
    current: H,
}

impl<'a, H: ChunkSample> Decoder<H, ByteWords<'a>> {
    /// Reads a chunk from its header on. What follows the last sample is ignored.
    ///
    /// # Errors
    /// [`DecodeError`] when there is no header.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (header, stream) = bytes
            .split_first_chunk::<HEADER_BYTES>()
            .ok_or(DecodeError {
                what: "chunk has no header",
                at: bytes.len(),
            })?;
        let (samples, counter_reset) = parse_header(*header);
        let bits = BitReader::new(ByteWords(stream), stream.len() as u64 * 8);
        Ok(Self::over(bits, samples, counter_reset))
    }
}

impl<H: ChunkSample, S> Decoder<H, S> {
    pub(super) fn over(
        bits: BitReader<S>,
        samples: u16,
        counter_reset: CounterResetHeader,
    ) -> Self {
        Self {
            bits,
            counter_reset,
            left: samples,
            is_first: true,
            t_ms: 0,
            delta: 0,
            state: H::State::default(),
            current: H::default(),
        }
    }
}

impl<H: ChunkSample, S: WordSource> Decoder<H, S> {
    /// The next sample, in place of what `out` held, whose memory is used again. Gives its time.
    pub(crate) fn next_into(&mut self, out: &mut H) -> Option<Result<i64, DecodeError>> {
        self.left = self.left.checked_sub(1)?;
        let is_first = self.is_first;
        if let Err(what) = self.sample() {
            self.left = 0;
            return Some(Err(DecodeError {
                what,
                at: HEADER_BYTES + self.bits.at_byte(),
            }));
        }
        if self.current.is_stale() {
            *out = H::stale();
        } else {
            out.copy_from(&self.current);
            out.set_hint(self.counter_reset.hint(is_first));
            out.reduce_to_known_resolution();
        }
        Some(Ok(self.t_ms))
    }

    fn sample(&mut self) -> Result<(), &'static str> {
        if self.is_first {
            self.is_first = false;
            let layout = Layout::read(&mut self.bits, H::BITS_A_BUCKET)?;
            self.current = H::with_layout(&layout);
            self.t_ms = self.int()?;
            return self.current.read_first(&mut self.state, &mut self.bits);
        }
        self.delta = self.delta.wrapping_add(self.int()?);
        self.t_ms = self.t_ms.wrapping_add(self.delta);
        self.current.read_next(&mut self.state, &mut self.bits)
    }

    fn int(&mut self) -> Result<i64, &'static str> {
        read_int(&mut self.bits).ok_or(TRUNCATED)
    }
}

impl<H: ChunkSample, S: WordSource> Iterator for Decoder<H, S> {
    type Item = Result<(i64, H), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut out = H::default();
        Some(self.next_into(&mut out)?.map(|t_ms| (t_ms, out)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Damaged bytes may hold fewer.
        (0, Some(usize::from(self.left)))
    }
}
