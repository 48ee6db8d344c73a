//! What a sample becomes: the state between samples, and the encoding of columns that are complete.

use std::fmt;

use crate::codec::EncodeError;
use crate::codec::bits::{BitWriter, WordSink};
use crate::codec::varint::{UvarintBytes, zigzag};

/// Most samples a chunk holds: its header counts them in two bytes.
pub(crate) const MAX_SAMPLES: u16 = u16::MAX;

/// A chunk holds [`MAX_SAMPLES`] samples and takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkFull;

impl fmt::Display for ChunkFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a chunk holds at most {MAX_SAMPLES} samples")
    }
}

impl std::error::Error for ChunkFull {}

impl From<ChunkFull> for EncodeError {
    fn from(_: ChunkFull) -> Self {
        Self {
            what: "a chunk is full",
        }
    }
}

/// Buckets of the delta of deltas: prefix, its length, bits of the number. Wider numbers are written in 64 bits.
const DOD_BUCKETS: [(u64, u32, u32); 3] = [(0b10, 2, 14), (0b110, 3, 17), (0b1110, 4, 20)];

/// Most leading zeros that five bits can count.
const MAX_LEADING: u32 = 31;

/// The significant bits that the last written value had: between `leading` and `trailing` zeros.
#[derive(Clone, Copy, Debug)]
struct ValueWindow {
    leading: u8,
    trailing: u8,
}

/// State of the writer of a chunk: what the next sample is encoded against.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Encoder {
    t_ms: i64,
    value_bits: u64,
    delta: u64,
    /// `None` until a value differed from the one before it.
    window: Option<ValueWindow>,
    samples: u16,
    /// Whether the last field written was a whole number of bytes long; see [`Encoder::spare_byte`].
    whole_bytes: bool,
    out: BitWriter,
}

impl Encoder {
    /// Appends a sample.
    #[inline]
    pub(super) fn append(
        &mut self,
        sink: &mut impl WordSink,
        t_ms: i64,
        value: f64,
    ) -> Result<(), ChunkFull> {
        let value_bits = value.to_bits();
        match self.samples {
            0 => {
                for byte in UvarintBytes(Some(zigzag(t_ms))) {
                    self.out.push(sink, u64::from(byte), 8);
                }
                self.out.push(sink, value_bits, 64);
                self.whole_bytes = true;
            }
            1 => {
                self.delta = t_ms.wrapping_sub(self.t_ms).cast_unsigned();
                for byte in UvarintBytes(Some(self.delta)) {
                    self.out.push(sink, u64::from(byte), 8);
                }
                self.push_value(sink, value_bits);
            }
            MAX_SAMPLES => return Err(ChunkFull),
            _ => {
                let delta = t_ms.wrapping_sub(self.t_ms).cast_unsigned();
                self.push_delta_of_delta(sink, delta.wrapping_sub(self.delta).cast_signed());
                self.delta = delta;
                self.push_value(sink, value_bits);
            }
        }
        self.t_ms = t_ms;
        self.value_bits = value_bits;
        self.samples += 1;
        Ok(())
    }

    #[inline]
    fn push_delta_of_delta(&mut self, sink: &mut impl WordSink, dod: i64) {
        if dod == 0 {
            self.out.push(sink, 0, 1);
            return;
        }
        for (prefix, prefix_bits, bits) in DOD_BUCKETS {
            // One more is representable above than below: the pattern of the most negative number of two's
            // complement stands for the positive bound instead.
            let bound = 1_i64 << (bits - 1);
            if -bound < dod && dod <= bound {
                let low = dod.cast_unsigned() & ((1 << bits) - 1);
                self.out
                    .push(sink, (prefix << bits) | low, prefix_bits + bits);
                return;
            }
        }
        self.out.push(sink, 0b1111, 4);
        self.out.push(sink, dod.cast_unsigned(), 64);
    }

    #[inline]
    fn push_value(&mut self, sink: &mut impl WordSink, value_bits: u64) {
        let xor = value_bits ^ self.value_bits;
        if xor == 0 {
            self.out.push(sink, 0, 1);
            self.whole_bytes = false;
            return;
        }
        let leading = xor.leading_zeros().min(MAX_LEADING);
        let trailing = xor.trailing_zeros();
        let significant = match self.window {
            Some(window)
                if leading >= u32::from(window.leading)
                    && trailing >= u32::from(window.trailing) =>
            {
                let significant = 64 - u32::from(window.leading) - u32::from(window.trailing);
                self.out.push(sink, 0b10, 2);
                self.out.push(sink, xor >> window.trailing, significant);
                significant
            }
            _ => {
                let significant = 64 - leading - trailing;
                // 64 does not fit into six bits and is written as 0, which never occurs otherwise.
                let header = (0b11 << 11) | (leading << 6) | (significant & 0x3f);
                self.out.push(sink, u64::from(header), 13);
                self.out.push(sink, xor >> trailing, significant);
                self.window = Some(ValueWindow {
                    leading: leading as u8,
                    trailing: trailing as u8,
                });
                significant
            }
        };
        self.whole_bytes = significant % 8 == 0;
    }

    /// Number of samples appended.
    #[inline]
    pub(super) fn samples(&self) -> u16 {
        self.samples
    }

    /// The sample appended last.
    #[inline]
    pub(super) fn last(&self) -> Option<(i64, f64)> {
        (self.samples > 0).then(|| (self.t_ms, f64::from_bits(self.value_bits)))
    }

    /// The incomplete last word and the number of bits of the whole stream.
    #[inline]
    pub(super) fn out(&self) -> &BitWriter {
        &self.out
    }

    /// Whether Prometheus has an empty byte at the end at this point: its bit stream opens the next byte ahead when a
    /// field that was written byte by byte ends on the border of a byte.
    #[inline]
    pub(super) fn spare_byte(&self) -> bool {
        self.whole_bytes && self.out.bits().is_multiple_of(8)
    }
}

/// The header of a chunk: its number of samples.
#[expect(clippy::big_endian_bytes, reason = "the header is Prometheus's")]
#[inline]
pub(super) fn header(samples: u16) -> [u8; 2] {
    samples.to_be_bytes()
}

/// Inverse of [`header`].
#[expect(clippy::big_endian_bytes, reason = "the header is Prometheus's")]
#[inline]
pub(super) fn parse_header(bytes: [u8; 2]) -> u16 {
    u16::from_be_bytes(bytes)
}

/// Encodes the samples `(times_ms[i], values[i])` as one chunk: the bytes Prometheus has for them. Where one column is
/// longer than the other, the rest of it is left out.
///
/// # Errors
/// [`ChunkFull`] for more than [`MAX_SAMPLES`] samples.
pub(crate) fn encode(times_ms: &[i64], values: &[f64]) -> Result<Vec<u8>, ChunkFull> {
    // About what samples of real metrics take; the vector grows where that is too little.
    let mut bytes = Vec::with_capacity(24 + times_ms.len() * 3 / 2);
    encode_into(&mut bytes, times_ms, values)?;
    Ok(bytes)
}

/// Appends to `out` what [`encode`] makes of the samples. After an error `out` holds a part of it.
fn encode_into(out: &mut Vec<u8>, times_ms: &[i64], values: &[f64]) -> Result<(), ChunkFull> {
    let start = out.len();
    out.extend(header(0));
    let mut encoder = Encoder::default();
    for (&t_ms, &value) in times_ms.iter().zip(values) {
        encoder.append(out, t_ms, value)?;
    }
    if let Some(word) = encoder.out().partial() {
        crate::codec::bits::push_partial(out, word, encoder.out().bits() % 64);
    }
    if encoder.spare_byte() {
        out.push(0);
    }
    for (to, from) in out.iter_mut().skip(start).zip(header(encoder.samples())) {
        *to = from;
    }
    Ok(())
}
