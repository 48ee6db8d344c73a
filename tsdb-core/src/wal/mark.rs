//! How far the log was known to be durable, in a file of its own: a log that is cut short is told from a torn tail by it.
//!
//! It is overwritten after each sync and before the acknowledgement, and never synced itself: it may be behind, after a
//! power loss, and is never ahead. So a mark that does not verify is no damage, and nothing is lost with it.

use std::io;
use std::path::{Path, PathBuf};

use super::segment::SegmentId;
use crate::codec::DecodeError;
use crate::codec::crc::crc32;
use crate::codec::cursor::Cursor;
use crate::error::{Error, Result};
use crate::io::{Fs, WriteFile};

const MAGIC: [u8; 4] = *b"tswm";
/// Bytes of the file; the last four are its checksum.
const LEN: usize = 4 + 8 + 4 + 8 + 8 + CRC_LEN;
const CRC_LEN: usize = 4;

/// What is known to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The segment that the last of it is in.
    pub(super) segment: SegmentId,
    /// Number of the first frame of that segment.
    pub(super) first_seq: u64,
    /// Every frame up to this one is on disk.
    pub(super) durable_seq: u64,
}

impl Mark {
    fn to_bytes(self, store: u128) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4..12].copy_from_slice(&self.segment.generation.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.segment.index.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first_seq.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.durable_seq.to_le_bytes());
        let crc = crc32(&store.to_le_bytes(), &bytes[..LEN - CRC_LEN]);
        bytes[LEN - CRC_LEN..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; LEN], store: u128) -> std::result::Result<Self, DecodeError> {
        let mut cursor = Cursor::new(bytes);
        let fields = Cursor::new(bytes).bytes(LEN - CRC_LEN)?;
        if cursor.bytes(MAGIC.len())? != MAGIC {
            return Err(cursor.error("not a mark"));
        }
        let segment = SegmentId {
            generation: cursor.u64()?,
            index: cursor.u32()?,
        };
        let (first_seq, durable_seq) = (cursor.u64()?, cursor.u64()?);
        if cursor.u32()? != crc32(&store.to_le_bytes(), fields) {
            return Err(cursor.error("checksum of the mark does not match"));
        }
        if first_seq == 0 || durable_seq == u64::MAX || segment.generation == u64::MAX {
            return Err(cursor.error("mark contradicts itself"));
        }
        Ok(Self {
            segment,
            first_seq,
            durable_seq,
        })
    }

    /// The mark in the directory of a log, if there is one that verifies.
    pub(super) fn read(fs: &dyn Fs, dir: &Path, store: u128) -> Option<Self> {
        let mut bytes = [0; LEN];
        let file = fs.open_read(&path(dir)).ok()?;
        file.read_exact_at(&mut bytes, 0).ok()?;
        Self::decode(&bytes, store).ok()
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join("mark")
}

/// The mark of a log that is open for writing.
#[derive(Debug)]
pub(super) struct MarkFile {
    path: PathBuf,
    store: u128,
    file: Option<Box<dyn WriteFile>>,
    last: Option<Mark>,
}

impl MarkFile {
    /// The mark in the directory of a log, which need not be there yet.
    pub(super) fn new(fs: &dyn Fs, dir: &Path, store: u128) -> Self {
        Self {
            path: path(dir),
            store,
            file: None,
            last: Mark::read(fs, dir, store),
        }
    }

    /// Overwrites the mark. Where that fails the one before stays, or none.
    pub(super) fn write(&mut self, fs: &dyn Fs, mark: Mark) {
        if let Err(error) = self.overwrite(fs, mark) {
            // Nothing is lost, and the next write of the log tells whether writing works.
            tracing::debug!(path = %self.path.display(), %error, "cannot mark how far the log is durable");
        }
    }

    /// The segments of a generation go, and the mark before them if it is of one of them. Of a generation that is in runs the
    /// runs would tell it, but one of which everything was deleted leaves none.
    pub(super) fn forget(&mut self, fs: &dyn Fs, generation: u64) -> Result<()> {
        if self
            .last
            .is_none_or(|last| last.segment.generation > generation)
        {
            return Ok(());
        }
        self.file = None;
        match fs.remove(&self.path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", &self.path, e))
            }
            _ => {
                self.last = None;
                Ok(())
            }
        }
    }

    fn overwrite(&mut self, fs: &dyn Fs, mark: Mark) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => match fs.create(&self.path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => fs.open_append(&self.path)?,
                created => created?,
            },
        };
        self.file
            .insert(file)
            .overwrite(&mark.to_bytes(self.store))?;
        self.last = Some(mark);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::MemFs;

    const MARK: Mark = Mark {
        segment: SegmentId {
            generation: 3,
            index: 1,
        },
        first_seq: 41,
        durable_seq: 42,
    };

    #[test]
    fn round_trips_and_no_flipped_bit_verifies() {
        let bytes = MARK.to_bytes(7);
        assert_eq!(Mark::decode(&bytes, 7), Ok(MARK));
        assert!(Mark::decode(&bytes, 8).is_err(), "of another store");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Mark::decode(&flipped, 7).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_last_one_counts_also_for_the_next_writer() {
        let (fs, dir) = (MemFs::default(), Path::new("/wal"));
        assert_eq!(Mark::read(&fs, dir, 7), None);
        for durable_seq in [41, 42] {
            let mut file = MarkFile::new(&fs, dir, 7);
            for durable_seq in [0, durable_seq] {
                let mark = Mark {
                    durable_seq,
                    ..MARK
                };
                file.write(&fs, mark);
                assert_eq!(Mark::read(&fs, dir, 7), Some(mark));
            }
        }
        // A generation before it is none of its business.
        for (generation, left) in [(2, Some(MARK)), (3, None)] {
            MarkFile::new(&fs, dir, 7).forget(&fs, generation).unwrap();
            assert_eq!(Mark::read(&fs, dir, 7), left);
        }
    }
}
