//! The header of a run; drawn in `docs/format/run.md`.

use super::checksum::FileIdentity;
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;

/// The format version this program writes, and the only one it reads.
pub(crate) const FORMAT_VERSION: u16 = 4;

/// First bytes of a run.
const MAGIC: [u8; 8] = *b"TSDB.run";
/// Bytes of the header: magic, version, two zeros, file id, checksum. They keep this form in every version.
pub(super) const HEADER_LEN: usize = 24;
/// Why the ends of a file are not those of a run that this program can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// An intact header of another version.
    Version(u16),
    /// Damage at this offset of the file.
    Damage(u64, &'static str),
}

/// The header of a run.
pub(super) fn header(file: FileIdentity) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_LEN);
    bytes.extend(MAGIC);
    bytes.extend(FORMAT_VERSION.to_le_bytes());
    bytes.extend([0; 2]);
    bytes.extend(file.file_id.to_le_bytes());
    bytes.extend(file.crc(0, &bytes).to_le_bytes());
    bytes
}

/// Checks the header of a run.
pub(super) fn check_header(bytes: &[u8], file: FileIdentity) -> Result<(), Refusal> {
    let damage = |what| Refusal::Damage(0, what);
    let header = bytes.get(..HEADER_LEN).ok_or(damage("file is too short"))?;
    let (covered, crc) = header.split_at(HEADER_LEN - 4);
    if file.crc(0, covered).to_le_bytes() != crc {
        return Err(damage("header does not match its checksum"));
    }
    let mut cursor = Cursor::new(covered);
    let mut read = || Ok::<_, DecodeError>((cursor.bytes(8)?, cursor.u16()?, cursor.u16()?));
    let (magic, version, zero) = read().map_err(|e| damage(e.what))?;
    if magic != MAGIC {
        return Err(damage("file does not begin with the magic of a run"));
    }
    if version != FORMAT_VERSION || zero != 0 {
        return Err(Refusal::Version(version));
    }
    Ok(())
}
