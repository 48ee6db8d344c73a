//! A float against the one before it in its place, as in the chunk of floats.

use super::stream::{Stream, WordStore};
use crate::codec::bits::{BitReader, WordSource};

/// Most leading zeros that five bits can count.
const MAX_LEADING: u32 = 31;

/// The significant bits that the last written value had: between `leading` and `trailing` zeros.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct XorWindow(Option<(u32, u32)>);

impl XorWindow {
    /// Appends `value`.
    pub(super) fn write(&mut self, stream: &mut Stream<impl WordStore>, before: f64, value: f64) {
        let xor = value.to_bits() ^ before.to_bits();
        if xor == 0 {
            stream.put(0, 1);
            return;
        }
        let zeros = (xor.leading_zeros().min(MAX_LEADING), xor.trailing_zeros());
        if let Some((leading, trailing)) = self.0
            && zeros.0 >= leading
            && zeros.1 >= trailing
        {
            stream.put(0b10, 2);
            stream.put(xor >> trailing, 64 - leading - trailing);
            return;
        }
        let (leading, trailing) = zeros;
        let significant = 64 - leading - trailing;
        // 64 does not fit into six bits and is written as 0, which never occurs otherwise.
        let header = (0b11 << 11) | (leading << 6) | (significant & 0x3f);
        stream.put(u64::from(header), 13);
        stream.put(xor >> trailing, significant);
        self.0 = Some(zeros);
    }

    /// Reads the value after `before`. Without a window all 64 bits are significant.
    pub(super) fn read<S: WordSource>(
        &mut self,
        bits: &mut BitReader<S>,
        before: f64,
    ) -> Result<f64, &'static str> {
        if !bits.bit().ok_or(super::read::TRUNCATED)? {
            return Ok(before);
        }
        if bits.bit().ok_or(super::read::TRUNCATED)? {
            let header = bits.read(11).ok_or(super::read::TRUNCATED)? as u32;
            let leading = header >> 6;
            let significant = match header & 0x3f {
                0 => 64,
                significant => significant,
            };
            let trailing = (64 - leading)
                .checked_sub(significant)
                .ok_or("value has more than 64 bits")?;
            self.0 = Some((leading, trailing));
        }
        let (leading, trailing) = self.0.unwrap_or_default();
        let xor = bits
            .read(64 - leading - trailing)
            .ok_or(super::read::TRUNCATED)?;
        Ok(f64::from_bits(before.to_bits() ^ (xor << trailing)))
    }
}
