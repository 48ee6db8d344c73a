//! Reading chunks, from bytes and from a chunk that is being appended to.

use std::iter::FusedIterator;

use super::encode::parse_header;
use crate::codec::DecodeError;
use crate::codec::bits::{BitReader, ByteWords, WordSource};
use crate::codec::varint::{UvarintReader, UvarintStep, unzigzag};
use crate::model::{Columns, TimeRange};

/// Bytes of the header, which counts the samples.
pub(super) const HEADER_BYTES: usize = 2;

/// The samples of a chunk in the order they were appended. After an error it yields nothing more.
pub(crate) type XorIter<'a> = Decoder<ByteWords<'a>>;

/// Decodes samples from words, wherever they are.
#[derive(Clone, Debug)]
pub(crate) struct Decoder<S> {
    bits: BitReader<S>,
    /// Number of samples not yet read.
    left: u16,
    step: Step,
    t_ms: i64,
    value_bits: u64,
    delta: u64,
    /// Zeros before and after the significant bits of a value. Both are 0 until a value sets them: a value may then
    /// refer to all 64 bits, as Prometheus writes when it takes up a chunk in which all values were equal.
    leading: u32,
    trailing: u32,
}

/// How the next sample is written.
#[derive(Clone, Copy, Debug)]
enum Step {
    First,
    Second,
    Later,
}

impl<'a> Decoder<ByteWords<'a>> {
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
        let bits = stream.len() as u64 * 8;
        Ok(Self::over(ByteWords(stream), bits, parse_header(*header)))
    }
}

impl<S> Decoder<S> {
    /// Number of samples the header promises and that were not yet read.
    #[inline]
    pub(crate) fn samples_left(&self) -> u16 {
        self.left
    }
}

impl<S: WordSource> Decoder<S> {
    pub(super) fn over(source: S, bits: u64, samples: u16) -> Self {
        Self {
            bits: BitReader::new(source, bits),
            left: samples,
            step: Step::First,
            t_ms: 0,
            value_bits: 0,
            delta: 0,
            leading: 0,
            trailing: 0,
        }
    }

    #[inline]
    fn sample(&mut self) -> Result<(), &'static str> {
        match self.step {
            Step::First => {
                self.t_ms = unzigzag(self.uvarint()?);
                self.value_bits = self.read(64)?;
                self.step = Step::Second;
                Ok(())
            }
            Step::Second => {
                self.delta = self.uvarint()?;
                self.t_ms = self.t_ms.wrapping_add(self.delta.cast_signed());
                self.step = Step::Later;
                self.value()
            }
            Step::Later => {
                let dod = self.delta_of_delta()?;
                self.delta = self.delta.wrapping_add(dod.cast_unsigned());
                self.t_ms = self.t_ms.wrapping_add(self.delta.cast_signed());
                self.value()
            }
        }
    }

    /// Moves past samples that come as regularly as those before, with the same value: two zero bits each. Says how many they
    /// are, as far as can be told at once, and the time between two.
    #[inline]
    fn repeated(&mut self) -> (u16, i64) {
        let count = match self.step {
            Step::Later => self.bits.zero_pairs(u32::from(self.left)) as u16,
            _ => 0,
        };
        self.left -= count;
        let delta = self.delta.cast_signed();
        self.t_ms = self.t_ms.wrapping_add(delta.wrapping_mul(i64::from(count)));
        (count, delta)
    }

    #[inline]
    fn delta_of_delta(&mut self) -> Result<i64, &'static str> {
        let bits = match self.bits.ones(4).ok_or(TRUNCATED)? {
            0 => return Ok(0),
            1 => 14,
            2 => 17,
            3 => 20,
            _ => return self.read(64).map(u64::cast_signed),
        };
        let number = self.read(bits)?.cast_signed();
        // The pattern with the top bit alone is the positive bound, see the writer.
        Ok(if number > 1 << (bits - 1) {
            number - (1 << bits)
        } else {
            number
        })
    }

    #[inline]
    fn value(&mut self) -> Result<(), &'static str> {
        if !self.bits.bit().ok_or(TRUNCATED)? {
            return Ok(());
        }
        if self.bits.bit().ok_or(TRUNCATED)? {
            let header = self.read(11)? as u32;
            let leading = header >> 6;
            let significant = match header & 0x3f {
                0 => 64,
                significant => significant,
            };
            self.leading = leading;
            self.trailing = (64 - leading)
                .checked_sub(significant)
                .ok_or("value has more than 64 bits")?;
        }
        let xor = self.read(64 - self.leading - self.trailing)?;
        self.value_bits ^= xor << self.trailing;
        Ok(())
    }

    #[inline]
    fn read(&mut self, n: u32) -> Result<u64, &'static str> {
        self.bits.read(n).ok_or(TRUNCATED)
    }

    fn uvarint(&mut self) -> Result<u64, &'static str> {
        let mut number = UvarintReader::default();
        loop {
            match number.take(self.read(8)? as u8) {
                UvarintStep::More => {}
                UvarintStep::Done(value) => return Ok(value),
                UvarintStep::Overflow => return Err("varint has more than 64 bits"),
            }
        }
    }
}

const TRUNCATED: &str = "chunk ends within a sample";

impl<S: WordSource> Iterator for Decoder<S> {
    type Item = Result<(i64, f64), DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(match self.sample() {
            Ok(()) => Ok((self.t_ms, f64::from_bits(self.value_bits))),
            Err(what) => {
                self.left = 0;
                Err(DecodeError {
                    what,
                    at: HEADER_BYTES + self.bits.at_byte(),
                })
            }
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Damaged bytes may hold fewer.
        (0, Some(usize::from(self.left)))
    }
}

impl<S: WordSource> FusedIterator for Decoder<S> {}

/// Appends all samples of a chunk to `out`. After an error `out` holds those before the damage.
pub(crate) fn decode_into(bytes: &[u8], out: &mut Columns) -> Result<(), DecodeError> {
    let mut samples = XorIter::new(bytes)?;
    // A sample after the second takes at least two bits, so that the header cannot make us reserve more than that.
    let plausible = usize::from(samples.samples_left()).min(bytes.len() * 4);
    out.times_ms.reserve(plausible);
    out.values.reserve(plausible);
    while let Some(sample) = samples.next() {
        let (mut t_ms, value) = sample?;
        out.push(t_ms, value);
        let (count, delta) = samples.repeated();
        for _ in 0..count {
            t_ms = t_ms.wrapping_add(delta);
            out.push(t_ms, value);
        }
    }
    Ok(())
}

/// Appends the samples inside `range` to `out`; ends at the first behind it, since times rise.
#[inline]
pub(crate) fn take_range(
    samples: impl Iterator<Item = Result<(i64, f64), DecodeError>>,
    range: TimeRange,
    out: &mut Columns,
) -> Result<(), DecodeError> {
    for sample in samples {
        let (t_ms, value) = sample?;
        if t_ms > range.end_ms {
            break;
        }
        if t_ms >= range.start_ms {
            out.push(t_ms, value);
        }
    }
    Ok(())
}
