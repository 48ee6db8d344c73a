//! What makes a store itself: its id, which seeds every checksum, and a key for hashes that are to hold for its life.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use super::DecodeError;
use super::cursor::Cursor;

/// Id and hash key of a store: made once with it, written to its `store` file, to the header of every segment of
/// the write-ahead log and to the footer of every run, so that any one of these restores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreIdentity {
    /// Chosen at random; part of the identity under every checksum, so that a file of another store does not verify.
    pub(crate) id: u128,
    /// For hashes that stand in files, chosen at random, so that nobody can aim for a collision. None does today.
    pub(crate) key: [u8; 16],
}

impl StoreIdentity {
    /// Bytes of the serialised form: id, then key.
    pub(crate) const LEN: usize = 32;

    /// A new identity, from the operating system's randomness (through the standard library's hasher keys).
    pub(crate) fn random() -> Self {
        let word = |salt: u64| {
            let mut hasher = RandomState::new().build_hasher();
            hasher.write_u64(salt);
            u128::from(hasher.finish())
        };
        Self {
            id: word(0) | word(1) << 64,
            key: (word(2) | word(3) << 64).to_le_bytes(),
        }
    }

    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let (id, key) = bytes.split_at_mut(16);
        id.copy_from_slice(&self.id.to_le_bytes());
        key.copy_from_slice(&self.key);
        bytes
    }

    /// Reads an identity.
    ///
    /// # Errors
    /// When fewer than [`Self::LEN`] bytes are left.
    pub(crate) fn decode(cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: cursor.u128()?,
            key: cursor.u128()?.to_le_bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_differs_from_store_to_store() {
        let one = StoreIdentity::random();
        let bytes = one.to_bytes();
        assert_eq!(StoreIdentity::decode(&mut Cursor::new(&bytes)), Ok(one));
        let other = StoreIdentity::random();
        assert_ne!(one.id, other.id);
        assert_ne!(one.key, other.key);
    }
}
