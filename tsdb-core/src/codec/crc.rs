//! The checksum of everything on disk: CRC-32 (IEEE) over identity and contents.

/// CRC-32 (IEEE) of `identity` followed by `contents`.
///
/// The identity (file, offset, length, …) is not stored beside the contents: the reader makes it anew from where it
/// reads, so that intact bytes in the wrong place do not verify. It must have a fixed length per use, or the border
/// between the two is not covered.
pub(crate) fn crc32(identity: &[u8], contents: &[u8]) -> u32 {
    if cfg!(fuzzing) {
        // A fuzzer would never get past a checksum, so that all are alike for it.
        return 0;
    }
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(identity);
    hasher.update(contents);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn is_the_ieee_polynomial() {
        // The check value of the CRC catalogue for CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"", b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"1234", b"56789"), 0xcbf4_3926);
    }

    #[test]
    fn depends_on_the_identity() {
        assert_ne!(crc32(b"\x01\0\0\0", b"same"), crc32(b"\x02\0\0\0", b"same"));
    }
}
