//! The checksum of everything in a run: over what the bytes are, not only over what they say.

use crate::codec::crc::crc32;

/// What a run's checksums are seeded with, beside the offset: intact bytes of another store, another file or another
/// place do not verify.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileIdentity {
    pub(super) store_id: u128,
    pub(super) file_id: u64,
}

impl FileIdentity {
    /// Checksum of `contents`, which stand at `offset` of the file.
    pub(super) fn crc(self, offset: u64, contents: &[u8]) -> u32 {
        let mut identity = [0; 32];
        let (store_id, rest) = identity.split_at_mut(16);
        let (file_id, at) = rest.split_at_mut(8);
        store_id.copy_from_slice(&self.store_id.to_le_bytes());
        file_id.copy_from_slice(&self.file_id.to_le_bytes());
        at.copy_from_slice(&offset.to_le_bytes());
        crc32(&identity, contents)
    }
}
