//! Bytes to values and back: varints, cursors, checksums, bit streams, the chunks and columns. No files, no locks.
//!
//! * Everything that decodes takes hostile bytes: it answers with a [`DecodeError`], never panics, never allocates from
//!   a count that was not checked against the bytes at hand, and always ends.
//! * Integers are little-endian, except inside the chunks (`docs/format/chunk.md`, `histogram-chunk.md`), whose bytes are
//!   Prometheus's.

mod bits;
pub(crate) mod chunk;
mod chunk_writer;
pub(crate) mod column;
pub(crate) mod crc;
pub(crate) mod cursor;
mod error;
pub(crate) mod field;
pub(crate) mod histogram;
mod identity;
mod tombstone;
mod varbit;
pub(crate) mod varint;
pub(crate) mod xor;

pub use chunk::decode_chunk;
pub use chunk_writer::{EncodedChunk, encode_chunks};
pub use error::{DecodeError, EncodeError};
pub(crate) use identity::StoreIdentity;
pub(crate) use tombstone::{push_selectors, push_tombstone, read_tombstone};
