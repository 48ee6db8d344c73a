//! The file a run is written to, from its first byte to its last.

use std::path::{Path, PathBuf};

use super::checksum::FileIdentity;
use crate::error::{Error, Result};
use crate::io::WriteFile;

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// A file that grows.
#[derive(Debug)]
pub(super) struct Output {
    file: Box<dyn WriteFile>,
    path: PathBuf,
    pub(super) identity: FileIdentity,
    /// Bytes written, without those in `buffer`.
    written: u64,
    buffer: Vec<u8>,
}

impl Output {
    pub(super) fn new(file: Box<dyn WriteFile>, path: &Path, identity: FileIdentity) -> Self {
        Self {
            file,
            path: path.to_owned(),
            identity,
            written: 0,
            buffer: Vec::with_capacity(BUFFER_BYTES + (BUFFER_BYTES >> 3)),
        }
    }

    /// Where the next byte will stand.
    pub(super) fn offset(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Takes further bytes.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes what is gathered, if it is enough.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn write_if_full(&mut self) -> Result<()> {
        if self.buffer.len() < BUFFER_BYTES {
            return Ok(());
        }
        self.write()
    }

    /// Writes bytes that would only be copied by gathering them.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn write_long(&mut self, bytes: &[u8]) -> Result<()> {
        self.write()?;
        self.file
            .write_all(bytes)
            .map_err(|e| Error::io("write", &self.path, e))?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Writes what is left and syncs the file; gives its length.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn finish(&mut self) -> Result<u64> {
        self.write()?;
        self.file
            .sync()
            .map_err(|e| Error::io("fsync", &self.path, e))?;
        Ok(self.written)
    }

    /// An error of a compressor.
    pub(super) fn compress_error(&self, error: std::io::Error) -> Error {
        Error::io("compress", &self.path, error)
    }

    fn write(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.file
            .write_all(&self.buffer)
            .map_err(|e| Error::io("write", &self.path, e))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
