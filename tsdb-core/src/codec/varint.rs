//! LEB128 varints: seven bits a byte, least significant first, the top bit set on all but the last byte.

/// Appends `value` as a varint: 1 to 10 bytes.
#[inline]
pub(crate) fn push_uvarint(out: &mut Vec<u8>, value: u64) {
    match u8::try_from(value) {
        // Nearly all.
        Ok(byte @ 0..0x80) => out.push(byte),
        _ => out.extend(UvarintBytes(Some(value))),
    }
}

/// Appends `value` zigzag-coded, so that small negative numbers are short too.
#[inline]
pub(crate) fn push_ivarint(out: &mut Vec<u8>, value: i64) {
    push_uvarint(out, zigzag(value));
}

/// Maps 0, -1, 1, -2, … to 0, 1, 2, 3, ….
#[inline]
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// Inverse of [`zigzag`].
#[inline]
pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// The bytes of a varint, in order.
#[derive(Debug)]
pub(crate) struct UvarintBytes(pub(crate) Option<u64>);

impl Iterator for UvarintBytes {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let value = self.0?;
        let [low, ..] = value.to_le_bytes();
        let rest = value >> 7;
        if rest == 0 {
            self.0 = None;
            Some(low)
        } else {
            self.0 = Some(rest);
            Some(low | 0x80)
        }
    }
}

/// Gathers a varint byte by byte; the bytes may come from anywhere.
#[derive(Debug, Default)]
pub(crate) struct UvarintReader {
    value: u64,
    shift: u32,
}

/// What a byte meant to a [`UvarintReader`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum UvarintStep {
    /// More bytes follow.
    More,
    /// The number is complete.
    Done(u64),
    /// The number does not fit into 64 bits.
    Overflow,
}

impl UvarintReader {
    /// Takes the next byte. Over-long forms (`0x80 0x00` for zero) are accepted, as Go's `binary.Uvarint` does.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> UvarintStep {
        // The tenth byte holds bit 63 alone.
        if self.shift == 63 && byte > 1 {
            return UvarintStep::Overflow;
        }
        self.value |= u64::from(byte & 0x7f) << self.shift;
        if byte & 0x80 == 0 {
            return UvarintStep::Done(self.value);
        }
        self.shift += 7;
        UvarintStep::More
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::cursor::Cursor;
    use proptest::prelude::*;

    #[test]
    fn known_bytes() {
        let bytes = |value| UvarintBytes(Some(value)).collect::<Vec<u8>>();
        assert_eq!(bytes(0), [0]);
        assert_eq!(bytes(127), [0x7f]);
        assert_eq!(bytes(300), [0xac, 0x02]);
        assert_eq!(
            bytes(u64::MAX),
            [0xff; 9].into_iter().chain([1]).collect::<Vec<_>>()
        );
        assert_eq!(bytes(u64::MAX).len(), 10);
        assert_eq!([0, -1, 1, -2].map(zigzag), [0, 1, 2, 3]);
    }

    #[test]
    fn sixty_five_bits_are_refused() {
        let mut bytes = [0xff; 10];
        bytes[9] = 2;
        assert!(Cursor::new(&bytes).uvarint().is_err());
        assert!(Cursor::new(&[0x80; 11]).uvarint().is_err());
        assert!(Cursor::new(&[0x80; 3]).uvarint().is_err());
    }

    proptest! {
        #[test]
        fn round_trip(values in proptest::collection::vec((any::<u64>(), 0u32..64), 0..20), signed: i64) {
            let mut bytes = Vec::new();
            for &(value, shift) in &values {
                push_uvarint(&mut bytes, value >> shift);
            }
            push_ivarint(&mut bytes, signed);
            let mut cursor = Cursor::new(&bytes);
            for &(value, shift) in &values {
                prop_assert_eq!(cursor.uvarint(), Ok(value >> shift));
            }
            prop_assert_eq!(cursor.ivarint(), Ok(signed));
            prop_assert!(cursor.is_empty());
        }
    }
}
