//! The segment that is being written.

use std::io;
use std::path::{Path, PathBuf};

use super::frame::Place;
use super::segment::{HEADER_LEN, SegmentHeader, SegmentId};
use super::tickets::WriteFailure;
use crate::io::{Fs, WriteFile};

/// A segment open for writing. After a failed write nothing more goes into it.
#[derive(Debug)]
pub(super) struct OpenSegment {
    pub(super) id: SegmentId,
    /// Number of its first frame.
    pub(super) first_seq: u64,
    pub(super) path: PathBuf,
    file: Box<dyn WriteFile>,
    /// End of the last whole frame.
    len: u64,
    /// Whether its name is durable.
    named: bool,
    abandoned: bool,
}

impl OpenSegment {
    /// Makes the file and writes its header. Nothing of it is durable before [`Self::sync`].
    pub(super) fn create(
        fs: &dyn Fs,
        dir: &Path,
        header: SegmentHeader,
    ) -> Result<Self, WriteFailure> {
        let path = header.id.path(dir);
        let mut file = match fs.create(&path) {
            Ok(file) => file,
            Err(e) => return Err(WriteFailure::new("create", path, &e)),
        };
        if let Err(e) = file.write_all(&header.to_bytes()) {
            remove_unused(fs, &path);
            return Err(WriteFailure::new("write", path, &e));
        }
        Ok(Self {
            id: header.id,
            first_seq: header.first_seq,
            path,
            file,
            len: HEADER_LEN as u64,
            named: false,
            abandoned: false,
        })
    }

    /// Appends whole frames. When that fails the file is cut back to the last frame before; if the cut fails too, a reader
    /// meets a part of these frames here, and all of them at the start of the next segment.
    pub(super) fn write(&mut self, fs: &dyn Fs, frames: &[u8]) -> Result<(), WriteFailure> {
        let Err(failed) = self.file.write_all(frames) else {
            self.len += frames.len() as u64;
            return Ok(());
        };
        self.abandoned = true;
        if self.is_empty() {
            remove_unused(fs, &self.path);
        } else if let Err(error) = self.file.truncate(self.len) {
            tracing::warn!(path = %self.path.display(), %error, "cannot cut back a segment after a failed write");
        }
        Err(WriteFailure::new("write", self.path.clone(), &failed))
    }

    /// Makes contents and name durable; on failure says of what.
    pub(super) fn sync(&mut self, fs: &dyn Fs, dir: &Path) -> Result<(), (PathBuf, io::Error)> {
        self.file.sync().map_err(|e| (self.path.clone(), e))?;
        if !self.named {
            fs.sync_dir(dir).map_err(|e| (dir.to_owned(), e))?;
            self.named = true;
        }
        Ok(())
    }

    /// End of the last whole frame, in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no frame in it.
    pub(super) fn is_empty(&self) -> bool {
        self.len == HEADER_LEN as u64
    }

    /// Whether the next frame goes into it.
    pub(super) fn takes(&self, generation: u64, segment_bytes: u64) -> bool {
        !self.abandoned
            && self.id.generation == generation
            && (self.len < segment_bytes || self.is_empty())
    }

    /// Where its next frame will stand.
    pub(super) fn place(&self, store: u128) -> Place {
        Place {
            store,
            generation: self.id.generation,
            segment: self.id.index,
            offset: self.len,
        }
    }
}

/// Removes a segment in which there is no frame. If its name stays it does no harm: recovery removes it.
fn remove_unused(fs: &dyn Fs, path: &Path) {
    if let Err(error) = fs.remove(path) {
        tracing::debug!(path = %path.display(), %error, "cannot remove an empty segment");
    }
}
