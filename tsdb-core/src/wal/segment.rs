//! Segments: their names and their header.

use std::io;
use std::path::{Path, PathBuf};

use crate::codec::crc::crc32;
use crate::codec::cursor::Cursor;
use crate::codec::{DecodeError, StoreIdentity};
use crate::error::{Error, Result};
use crate::io::{Fs, ReadFile, read_what_is_left};

/// The first bytes of a segment.
const MAGIC: [u8; 4] = *b"tswl";
/// The format version that is written, and the only one that is read.
pub(super) const VERSION: u16 = 3;
/// Bytes of a segment's header, in every version; the last four are its checksum.
pub(super) const HEADER_LEN: usize = 4 + 2 + 8 + 4 + 8 + StoreIdentity::LEN + CRC_LEN;
const CRC_LEN: usize = 4;

/// Which segment: the order is that of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SegmentId {
    pub(super) generation: u64,
    /// From 0 in each generation.
    pub(super) index: u32,
}

impl SegmentId {
    /// Its file in `dir`.
    pub(super) fn path(self, dir: &Path) -> PathBuf {
        dir.join(format!("{:016x}-{:08x}.wal", self.generation, self.index))
    }

    /// The segment of a file name; `None` for other files. The largest numbers are never given out.
    fn of_name(name: &Path) -> Option<Self> {
        let stem = name.to_str()?.strip_suffix(".wal")?;
        let (generation, index) = stem.split_once('-')?;
        let lower_hex = |text: &str, len: usize| {
            text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        if !lower_hex(generation, 16) || !lower_hex(index, 8) {
            return None;
        }
        let id = Self {
            generation: u64::from_str_radix(generation, 16).ok()?,
            index: u32::from_str_radix(index, 16).ok()?,
        };
        (id.generation < u64::MAX && id.index < u32::MAX).then_some(id)
    }
}

/// The segments in `dir`, in order; none if there is no such directory.
pub(super) fn list(fs: &dyn Fs, dir: &Path) -> Result<Vec<SegmentId>> {
    let names = match fs.list(dir) {
        Ok(names) => names,
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(Error::io("list", dir, e)),
    };
    let mut ids: Vec<SegmentId> = names.iter().filter_map(|n| SegmentId::of_name(n)).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// Makes `bytes` those of a segment. What the disk does not give any more is zeros; gives how many of these there are.
///
/// # Errors
/// [`Error::Io`] when it cannot be opened, or not be held in memory.
pub(super) fn read(fs: &dyn Fs, path: &Path, bytes: &mut Vec<u8>) -> Result<u64> {
    fs.open_read(path)
        .and_then(|file| read_all(&*file, bytes))
        .map_err(|e| Error::io("read", path, e))
}

fn read_all(file: &dyn ReadFile, bytes: &mut Vec<u8>) -> io::Result<u64> {
    let no_memory = || io::Error::from(io::ErrorKind::OutOfMemory);
    let len = usize::try_from(file.len()?).map_err(|_| no_memory())?;
    bytes.clear();
    bytes.try_reserve_exact(len).map_err(|_| no_memory())?;
    bytes.resize(len, 0);
    let gone = read_what_is_left(file, 0, bytes);
    Ok(gone.map_or(0, |(bytes, _)| bytes))
}

/// The start of a segment. Frames do not need it: it tells the store's identity and where the segment begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) id: SegmentId,
    /// Sequence number of the first frame. All frames before it were durable when the segment was made; frames with this
    /// number or a higher one in earlier segments are what a failed write left, and void.
    pub(super) first_seq: u64,
    pub(super) identity: StoreIdentity,
}

/// What the first bytes of a segment are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadHeader {
    Valid(SegmentHeader),
    /// Intact, and of a version that this program does not read.
    Unsupported(u16),
    Damaged,
}

impl SegmentHeader {
    pub(super) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_le_bytes());
        bytes[6..14].copy_from_slice(&self.id.generation.to_le_bytes());
        bytes[14..18].copy_from_slice(&self.id.index.to_le_bytes());
        bytes[18..26].copy_from_slice(&self.first_seq.to_le_bytes());
        bytes[26..58].copy_from_slice(&self.identity.to_bytes());
        let crc = crc32(&[], &bytes[..HEADER_LEN - CRC_LEN]);
        bytes[HEADER_LEN - CRC_LEN..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header at the start of `bytes`.
    pub(super) fn read(bytes: &[u8]) -> ReadHeader {
        Self::decode(bytes).unwrap_or(ReadHeader::Damaged)
    }

    fn decode(bytes: &[u8]) -> std::result::Result<ReadHeader, DecodeError> {
        let mut cursor = Cursor::new(bytes);
        let fields = Cursor::new(bytes).bytes(HEADER_LEN - CRC_LEN)?;
        if cursor.bytes(MAGIC.len())? != MAGIC {
            return Err(cursor.error("not a segment"));
        }
        let version = cursor.u16()?;
        let id = SegmentId {
            generation: cursor.u64()?,
            index: cursor.u32()?,
        };
        let first_seq = cursor.u64()?;
        let identity = StoreIdentity::decode(&mut cursor)?;
        if cursor.u32()? != crc32(&[], fields) {
            return Err(cursor.error("checksum of the segment header does not match"));
        }
        if version != VERSION {
            return Ok(ReadHeader::Unsupported(version));
        }
        if first_seq == 0 || first_seq == u64::MAX {
            return Err(cursor.error("segment header contradicts itself"));
        }
        Ok(ReadHeader::Valid(Self {
            id,
            first_seq,
            identity,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SegmentId = SegmentId {
        generation: 0x2a,
        index: 3,
    };

    #[test]
    fn names_round_trip_and_others_are_left_alone() {
        let path = ID.path(Path::new("wal"));
        assert_eq!(path, Path::new("wal/000000000000002a-00000003.wal"));
        let name = |s: &str| SegmentId::of_name(Path::new(s));
        assert_eq!(name("000000000000002a-00000003.wal"), Some(ID));
        for other in [
            "000000000000002A-00000003.wal",
            "2a-3.wal",
            "+00000000000002a-00000003.wal",
            "000000000000002a-00000003.wal.tmp",
            "ffffffffffffffff-00000003.wal",
            "000000000000002a-ffffffff.wal",
            "lock",
        ] {
            assert_eq!(name(other), None, "{other}");
        }
    }

    #[test]
    fn header_round_trips_and_no_flipped_bit_verifies() {
        let header = SegmentHeader {
            id: ID,
            first_seq: 99,
            identity: StoreIdentity::random(),
        };
        let bytes = header.to_bytes();
        assert_eq!(SegmentHeader::read(&bytes), ReadHeader::Valid(header));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::read(&flipped), ReadHeader::Damaged);
        }
        assert_eq!(SegmentHeader::read(&bytes[..50]), ReadHeader::Damaged);
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let header = SegmentHeader {
            id: ID,
            first_seq: 99,
            identity: StoreIdentity::random(),
        };
        let mut bytes = header.to_bytes();
        bytes[4] += 1;
        assert_eq!(SegmentHeader::read(&bytes), ReadHeader::Damaged);
        let crc = crc32(&[], &bytes[..HEADER_LEN - CRC_LEN]);
        bytes[HEADER_LEN - CRC_LEN..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(
            SegmentHeader::read(&bytes),
            ReadHeader::Unsupported(VERSION + 1)
        );
    }
}
