//! The two streams of a group, compressed.
//!
//! ```text
//! │ symbols <uvarint> │ noise <uvarint> │ packed symbols <uvarint> │ packed noise <uvarint> │ bytes │ bytes │
//! ```
//!
//! A stream that zstd does not make smaller stands as it is: its packed length is then its length.

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use super::streams::Streams;
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::codec::varint::push_uvarint;

/// Most bytes of a stream of a group. The longest column alone takes less than half of that.
pub(crate) const MAX_STREAM_BYTES: usize = 32 << 20;

/// Compresses streams.
pub(crate) struct Packer(Compressor<'static>);

impl Packer {
    /// A writer that keeps its tables from group to group.
    ///
    /// The level is 1, with no match shorter than seven bytes: what is alike in the symbols is their distribution, or a
    /// whole column. Shorter matches, which higher levels find as well, come by chance; they make a group larger, and
    /// slower to read.
    ///
    /// # Errors
    /// When zstd has no memory for its tables.
    pub(crate) fn new() -> std::io::Result<Self> {
        let mut compressor = Compressor::new(1)?;
        compressor.set_parameter(CParameter::MinMatch(7))?;
        compressor.include_contentsize(false)?;
        compressor.include_checksum(false)?;
        Ok(Self(compressor))
    }

    /// Appends the group of these streams.
    ///
    /// # Errors
    /// When zstd has no memory.
    ///
    /// # Panics
    /// For a stream of more than [`MAX_STREAM_BYTES`].
    pub(crate) fn pack(&mut self, streams: &Streams, out: &mut Vec<u8>) -> std::io::Result<()> {
        let parts = [&streams.symbols, &streams.noise];
        assert!(parts.iter().all(|part| part.len() <= MAX_STREAM_BYTES));
        let mut packed = [Vec::new(), Vec::new()];
        for (packed, part) in packed.iter_mut().zip(parts) {
            *packed = self.0.compress(part)?;
            if packed.len() >= part.len() {
                packed.clone_from(part);
            }
        }
        for bytes in parts.into_iter().chain(&packed) {
            push_uvarint(out, bytes.len() as u64);
        }
        for packed in packed {
            out.extend_from_slice(&packed);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

/// Decompresses streams.
pub(crate) struct Unpacker(Decompressor<'static>);

impl Unpacker {
    /// A reader that keeps its tables from group to group.
    ///
    /// # Errors
    /// When zstd has no memory for its tables.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self(Decompressor::new()?))
    }

    /// Reads the group that `bytes` are into `streams`, whose contents are replaced. `max_bytes` bounds each stream; a
    /// group takes that much memory at most, whatever its bytes say.
    ///
    /// # Errors
    /// For bytes that are no group.
    pub(crate) fn unpack(
        &mut self,
        bytes: &[u8],
        max_bytes: usize,
        streams: &mut Streams,
    ) -> Result<(), DecodeError> {
        let mut cursor = Cursor::new(bytes);
        let max = max_bytes.min(MAX_STREAM_BYTES);
        let lengths = [cursor.count(max)?, cursor.count(max)?];
        let packed_lengths = [cursor.count(max)?, cursor.count(max)?];
        let parts = [&mut streams.symbols, &mut streams.noise];
        for ((part, length), packed_length) in parts.into_iter().zip(lengths).zip(packed_lengths) {
            let packed = cursor.bytes(packed_length)?;
            part.clear();
            if packed_length == length {
                part.extend_from_slice(packed);
                continue;
            }
            part.reserve(length);
            let read = self.0.decompress_to_buffer(packed, part);
            if !read.is_ok_and(|read| read == length) {
                return Err(cursor.error("group does not decompress"));
            }
        }
        if cursor.is_empty() {
            Ok(())
        } else {
            Err(cursor.error("bytes after a group"))
        }
    }
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}
