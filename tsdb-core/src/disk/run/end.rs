//! What stands behind the groups of a file, read with calls that fail where the disk does: a page of a map that the disk does not
//! give ends the process.

use std::path::Path;
use std::sync::Arc;

use super::super::checksum::FileIdentity;
use super::super::end_memory::{EndMemory, EndReservation};
use super::super::footer::{Extent, Footer, TAIL_LEN};
use super::super::header::{self, FORMAT_VERSION, Refusal};
use super::super::section;
use crate::error::{Error, Result};
use crate::io::{Fs, Mapped, ReadFile, Section};

/// No footer is longer, in bytes.
const MAX_FOOTER_BYTES: u64 = 1 << 20;

/// A part that is not held in memory is read in pieces of so many bytes before it is mapped.
const PIECE_BYTES: usize = 256 << 10;

/// A file that is being opened.
pub(super) struct EndReader<'a> {
    pub(super) fs: &'a dyn Fs,
    /// Where it stands.
    pub(super) at: &'a Path,
    /// The path to tell in errors.
    pub(super) path: &'a Arc<Path>,
    pub(super) file: &'a dyn ReadFile,
    pub(super) len: u64,
    pub(super) identity: FileIdentity,
    pub(super) memory: &'a EndMemory,
}

impl EndReader<'_> {
    /// Checks the header.
    pub(super) fn header(&self) -> std::result::Result<(), Refusal> {
        let mut bytes = [0; header::HEADER_LEN];
        self.file
            .read_exact_at(&mut bytes, 0)
            .map_err(|_| Refusal::Damage(0, "header cannot be read"))?;
        header::check_header(&bytes, self.identity)
    }

    /// Reads the footer.
    pub(super) fn footer(&self) -> Result<Footer> {
        read_footer(self.file, self.len, self.path, self.identity.file_id)
    }

    /// Reads a section: into memory, if there is some for it, or else from a map; and the memory that is taken. `what` says what
    /// is wrong when it does not verify.
    pub(super) fn section(
        &self,
        extent: Extent,
        what: &'static str,
    ) -> Result<(Section, Option<EndReservation>)> {
        let is_inside = extent
            .offset
            .checked_add(extent.len)
            .is_some_and(|end| end <= self.len);
        if !is_inside {
            return Err(Error::corrupt(&**self.path, extent.offset, what));
        }
        let held = match extent.raw_len {
            0 => extent.len,
            raw_len => u64::from(raw_len),
        };
        let memory = self.memory.take(held);
        let (map, base) = match &memory {
            None if extent.raw_len == 0 => (self.map(extent)?, 0),
            _ => (self.load(extent)?, extent.offset),
        };
        let section = section::open((&map, base), self.path, self.identity, extent, what)?;
        Ok((section, memory))
    }

    fn load(&self, extent: Extent) -> Result<Mapped> {
        let too_long = || Error::corrupt(&**self.path, extent.offset, "section is too long");
        let len = usize::try_from(extent.len).map_err(|_| too_long())?;
        let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, len).collect();
        let to = Arc::get_mut(&mut bytes).ok_or_else(too_long)?;
        self.read(to, extent.offset)?;
        Ok(Mapped::Heap(bytes))
    }

    /// The whole file, of which this part has just been read.
    fn map(&self, extent: Extent) -> Result<Mapped> {
        let mut piece = vec![0; PIECE_BYTES];
        let (mut at, end) = (extent.offset, extent.offset + extent.len);
        while at < end {
            let len = usize::try_from(end - at).map_or(PIECE_BYTES, |len| len.min(PIECE_BYTES));
            let piece = piece.get_mut(..len).unwrap_or_default();
            self.read(piece, at)?;
            at += len as u64;
        }
        self.fs
            .map(self.at)
            .map_err(|e| Error::io("map", self.at, e))
    }

    fn read(&self, out: &mut [u8], offset: u64) -> Result<()> {
        self.file
            .read_exact_at(out, offset)
            .map_err(|e| Error::reading(&**self.path, offset, e))
    }
}

/// Reads the footer of a file of `len` bytes that `file_id` names. `path` is told in errors.
pub(in crate::disk) fn read_footer(
    file: &dyn ReadFile,
    len: u64,
    path: &Path,
    file_id: u64,
) -> Result<Footer> {
    let last = |wanted: u64| {
        let base = len.saturating_sub(wanted);
        let mut bytes = vec![0; (len - base) as usize];
        let read = file.read_exact_at(&mut bytes, base);
        read.map_err(|e| Error::reading(path, base, e))?;
        Ok::<_, Error>((bytes, base))
    };
    let (tail, _) = last(TAIL_LEN as u64)?;
    let wanted = Footer::len_in_tail(&tail).map_or(0, u64::from);
    let (bytes, base) = last(wanted.min(MAX_FOOTER_BYTES) + TAIL_LEN as u64)?;
    Footer::decode(&bytes, base, file_id).map_err(|refusal| refused(path, refusal))
}

pub(super) fn refused(path: &Path, refusal: Refusal) -> Error {
    match refusal {
        Refusal::Damage(offset, what) => Error::corrupt(path, offset, what),
        Refusal::Version(found) => Error::UnsupportedFormat {
            path: path.to_owned(),
            found,
            supported: FORMAT_VERSION..=FORMAT_VERSION,
        },
    }
}
