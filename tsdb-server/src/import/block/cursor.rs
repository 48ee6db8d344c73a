//! Numbers in the bytes of a block.

/// Reads from the front of bytes; `None` when they end too early or a number is too long.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// Most significant byte first.
    fn big_endian(&mut self, n: usize) -> Option<u64> {
        let bytes = self.take(n)?;
        Some(bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.big_endian(4).map(|n| n as u32)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.big_endian(8)
    }

    pub(super) fn uvarint(&mut self) -> Option<u64> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let byte = u64::from(self.u8()?);
            if shift == 63 && byte > 1 {
                return None;
            }
            n |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(n);
            }
        }
        None
    }

    /// With the sign in the lowest bit.
    pub(super) fn varint(&mut self) -> Option<i64> {
        let n = self.uvarint()?;
        Some((n >> 1).cast_signed() ^ -(n & 1).cast_signed())
    }
}
