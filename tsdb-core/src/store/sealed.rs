//! What the small files of a store have in common: a name, a version, a body, and a checksum that covers whose they are.
//!
//! ```text
//! │ magic 8 bytes │ version u16 │ body │ crc32 u32: of the identity of the store, then everything before it │
//! ```

use std::path::Path;

use crate::codec::crc::crc32;
use crate::codec::cursor::Cursor;
use crate::codec::{DecodeError, StoreIdentity};
use crate::error::{Error, Result};

/// A kind of small file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seal {
    pub(super) magic: [u8; 8],
    pub(super) version: u16,
}

/// Magic, version, and the checksum at the end.
const FRAME_BYTES: usize = 8 + 2 + 4;

impl Seal {
    /// The bytes of a file of this kind, whose body `write` appends.
    pub(super) fn close(
        self,
        identity: StoreIdentity,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Vec<u8> {
        let mut bytes = self.magic.to_vec();
        bytes.extend(self.version.to_le_bytes());
        write(&mut bytes);
        let crc = crc32(&identity.to_bytes(), &bytes);
        bytes.extend(crc.to_le_bytes());
        bytes
    }

    /// What `read` makes of the body of a file of this kind.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is none or was damaged, [`Error::UnsupportedFormat`] when it has another version.
    pub(super) fn open<T>(
        self,
        path: &Path,
        bytes: &[u8],
        identity: StoreIdentity,
        read: impl FnOnce(&mut Cursor<'_>) -> std::result::Result<T, DecodeError>,
    ) -> Result<T> {
        let corrupt = |offset: usize, what| Error::corrupt(path, offset as u64, what);
        if bytes.len() < FRAME_BYTES || !bytes.starts_with(&self.magic) {
            return Err(corrupt(0, "not a file of this kind"));
        }
        let (contents, stored) = bytes.split_at(bytes.len() - 4);
        if Cursor::new(stored).u32() != Ok(crc32(&identity.to_bytes(), contents)) {
            return Err(corrupt(contents.len(), "checksum does not match"));
        }
        let mut cursor = Cursor::new(contents);
        let found = cursor.bytes(self.magic.len()).and_then(|_| cursor.u16());
        let found = found.map_err(|e| corrupt(e.at, e.what))?;
        if found != self.version {
            return Err(Error::UnsupportedFormat {
                path: path.to_owned(),
                found,
                supported: self.version..=self.version,
            });
        }
        read(&mut cursor).map_err(|e| corrupt(e.at, e.what))
    }
}

/// Every byte that is flipped, and every cut, must be refused.
#[cfg(test)]
pub(super) fn assert_damage_is_noticed(bytes: &[u8], is_refused: impl Fn(&[u8]) -> bool) {
    assert!(!is_refused(bytes));
    for at in 0..bytes.len() {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 4;
        assert!(is_refused(&flipped), "byte {at}");
        assert!(is_refused(&bytes[..at]), "cut at {at}");
    }
}
