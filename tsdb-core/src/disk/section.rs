//! Index and directory of a run. Those of small runs are compressed; those of large ones stand as they are, so that they can be used
//! from a map of the file as well.

use std::path::Path;
use std::sync::Arc;

use super::checksum::FileIdentity;
use super::footer::Extent;
use crate::error::{Error, Result};
use crate::io::{Mapped, Section};

/// Bytes of a section that is compressed, at most.
const MAX_BYTES: usize = 1 << 20;

/// A section is written once and read at every start: some milliseconds are spent on it.
const LEVEL: i32 = 9;

/// Appends a section to `end`, compressed if it is small and gets clearly smaller; gives its length before that, or 0.
pub(super) fn push(end: &mut Vec<u8>, bytes: &[u8]) -> std::io::Result<u32> {
    if bytes.len() <= MAX_BYTES {
        let packed = zstd::bulk::compress(bytes, LEVEL)?;
        if packed.len() < bytes.len() / 4 * 3 {
            end.extend(packed);
            return Ok(bytes.len() as u32);
        }
    }
    end.extend_from_slice(bytes);
    Ok(0)
}

/// Verifies a section of a file of which `map` has what begins at `base`. `what` says what is wrong when it does not verify.
pub(super) fn open(
    map: (&Mapped, u64),
    path: &Arc<Path>,
    identity: FileIdentity,
    extent: Extent,
    what: &'static str,
) -> Result<Section> {
    let damage = |what| Error::corrupt(&**path, extent.offset, what);
    let section = Section::new(map, path, extent.offset, extent.len)
        .filter(|section| identity.crc(extent.offset, section.bytes()) == extent.crc)
        .ok_or_else(|| damage(what))?;
    if extent.raw_len == 0 {
        return Ok(section);
    }
    let raw_len = extent.raw_len as usize;
    let raw = Some(raw_len)
        .filter(|&len| len <= MAX_BYTES)
        .and_then(|len| zstd::bulk::decompress(section.bytes(), len).ok())
        .filter(|raw| raw.len() == raw_len)
        .ok_or_else(|| damage("section does not decompress"))?;
    let len = raw.len() as u64;
    // Damage inside is then reported with its place in the section.
    Section::new((&Mapped::Heap(raw.into()), 0), path, 0, len).ok_or_else(|| damage(what))
}
