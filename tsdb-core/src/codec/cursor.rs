//! Reading fields from bytes that may be damaged or hostile.

use super::DecodeError;
use super::varint::{UvarintReader, UvarintStep, unzigzag};

/// A position in bytes. Every reader either moves past what it returns, or fails and leaves the position unspecified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    len: usize,
}

macro_rules! little_endian {
    ($($(#[$doc:meta])* $name:ident -> $int:ty),+ $(,)?) => {$(
        $(#[$doc])*
        #[inline]
        pub(crate) fn $name(&mut self) -> Result<$int, DecodeError> {
            self.array().map(<$int>::from_le_bytes)
        }
    )+};
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte.
    #[inline]
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            len: bytes.len(),
        }
    }

    little_endian! {
        /// One byte.
        u8 -> u8,
        /// Two bytes, little-endian.
        u16 -> u16,
        /// Four bytes, little-endian.
        u32 -> u32,
        /// Eight bytes, little-endian.
        u64 -> u64,
        /// Sixteen bytes, little-endian.
        u128 -> u128,
        /// Eight bytes, little-endian, two's complement.
        i64 -> i64,
    }

    /// A varint of at most 64 bits.
    #[inline]
    pub(crate) fn uvarint(&mut self) -> Result<u64, DecodeError> {
        let mut number = UvarintReader::default();
        loop {
            match number.take(self.u8()?) {
                UvarintStep::More => {}
                UvarintStep::Done(value) => return Ok(value),
                UvarintStep::Overflow => return Err(self.error("varint has more than 64 bits")),
            }
        }
    }

    /// A zigzag-coded varint.
    #[inline]
    pub(crate) fn ivarint(&mut self) -> Result<i64, DecodeError> {
        self.uvarint().map(unzigzag)
    }

    /// A varint that counts or measures something of which at most `max` can exist, as a `usize`.
    pub(crate) fn count(&mut self, max: usize) -> Result<usize, DecodeError> {
        let count = self.uvarint()?;
        usize::try_from(count)
            .ok()
            .filter(|&count| count <= max)
            .ok_or_else(|| self.error("count is too large"))
    }

    /// The next `n` bytes.
    #[inline]
    pub(crate) fn bytes(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self
            .rest
            .split_at_checked(n)
            .ok_or_else(|| self.error("bytes end too early"))?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `n` bytes as UTF-8.
    pub(crate) fn str(&mut self, n: usize) -> Result<&'a str, DecodeError> {
        let at = self.at();
        let bytes = self.bytes(n)?;
        std::str::from_utf8(bytes).map_err(|e| DecodeError {
            what: "text is not UTF-8",
            at: at + e.valid_up_to(),
        })
    }

    /// The bytes not yet read.
    #[inline]
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Number of bytes not yet read.
    #[inline]
    pub(crate) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Number of bytes read.
    #[inline]
    pub(crate) const fn at(&self) -> usize {
        self.len - self.rest.len()
    }

    /// Whether all is read.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// An error at the present position, for checks that the caller makes.
    pub(crate) const fn error(&self, what: &'static str) -> DecodeError {
        DecodeError {
            what,
            at: self.at(),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| self.error("bytes end too early"))?;
        self.rest = rest;
        Ok(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::STALE_NAN_BITS;

    #[test]
    fn reads_fields_in_order() {
        let mut bytes = vec![7];
        bytes.extend(0x0102_u16.to_le_bytes());
        bytes.extend(0x0304_0506_u32.to_le_bytes());
        bytes.extend(STALE_NAN_BITS.to_le_bytes());
        bytes.extend((u128::MAX - 1).to_le_bytes());
        bytes.extend((-5_i64).to_le_bytes());
        bytes.extend("höhe".as_bytes());
        let mut cursor = Cursor::new(&bytes);
        assert_eq!(cursor.u8(), Ok(7));
        assert_eq!(cursor.u16(), Ok(0x0102));
        assert_eq!(cursor.u32(), Ok(0x0304_0506));
        assert_eq!(cursor.u64(), Ok(STALE_NAN_BITS));
        assert_eq!(cursor.u128(), Ok(u128::MAX - 1));
        assert_eq!(cursor.i64(), Ok(-5));
        assert_eq!((cursor.at(), cursor.remaining()), (39, 5));
        assert_eq!(cursor.str(5), Ok("höhe"));
        assert!(cursor.is_empty());
        assert_eq!(
            cursor.u8(),
            Err(DecodeError {
                what: "bytes end too early",
                at: 44
            })
        );
    }

    #[test]
    fn lengths_beyond_the_bytes_are_errors() {
        assert!(Cursor::new(b"abc").bytes(usize::MAX).is_err());
        assert!(Cursor::new(b"abc").u32().is_err());
        assert_eq!(Cursor::new(b"a\xff").str(2).map_err(|e| e.at), Err(1));
        assert_eq!(Cursor::new(&[5]).count(5), Ok(5));
        assert!(Cursor::new(&[5]).count(4).is_err());
    }
}
