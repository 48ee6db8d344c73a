//! The segments of a block's chunks.
//!
//! ```text
//! │ magic 0x85BD40DD <4> │ version 1 <1> │ padding <3> │ chunk │ chunk │ …
//! chunk: │ len <uvarint> │ encoding <1> │ len bytes │ CRC-32C of encoding and bytes <4> │
//! ```

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::cursor::Cursor;
use super::damaged;
use super::index::{ChunkMeta, checked};

const MAGIC: u32 = 0x85BD_40DD;
const VERSION: u8 = 1;

/// The most bytes of a chunk with what is around it; 65,535 samples of 18 bytes are about one million.
const MAX_CHUNK_BYTES: usize = 16 << 20;

/// Read at once in the hope that it is a whole chunk.
const GUESS: usize = 2 << 10;

/// The open segments of a block.
#[derive(Debug)]
pub(super) struct Segments {
    files: Vec<(PathBuf, File, u64)>,
    buffer: Vec<u8>,
}

impl Segments {
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        for number in 1.. {
            let path = dir.join(format!("{number:06}"));
            let file = match File::open(&path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => break,
                file => file?,
            };
            let mut header = [0; 8];
            file.read_exact_at(&mut header, 0)?;
            let mut header = Cursor::new(&header);
            if header.u32() != Some(MAGIC) || header.u8() != Some(VERSION) {
                return Err(damaged(&path, 0, "not version 1 of a segment of chunks"));
            }
            let len = file.metadata()?.len();
            files.push((path, file, len));
        }
        Ok(Self {
            files,
            buffer: Vec::new(),
        })
    }

    /// Bytes of all segments.
    pub(super) fn len(&self) -> u64 {
        self.files.iter().map(|(_, _, len)| len).sum()
    }

    /// Encoding and bytes of a chunk.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub(super) fn read(&mut self, chunk: ChunkMeta) -> io::Result<(u8, &[u8])> {
        let Some((path, file, len)) = self.files.get(chunk.segment as usize) else {
            let text = format!("there is no segment {:06} of chunks", chunk.segment + 1);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        };
        let at = u64::from(chunk.offset);
        let there = usize::try_from(len.saturating_sub(at)).unwrap_or(usize::MAX);
        let bad = || damaged(path, at, "a chunk is damaged");
        self.buffer.resize(GUESS.min(there), 0);
        file.read_exact_at(&mut self.buffer, at)?;
        let mut cursor = Cursor::new(&self.buffer);
        let data_len = cursor.uvarint().and_then(|n| usize::try_from(n).ok());
        let len_len = self.buffer.len() - cursor.len();
        // The encoding in front and the checksum behind.
        let whole = data_len.and_then(|n| n.checked_add(len_len + 5));
        let whole = whole
            .filter(|whole| *whole <= there.min(MAX_CHUNK_BYTES))
            .ok_or_else(bad)?;
        if whole > self.buffer.len() {
            self.buffer.resize(whole, 0);
            file.read_exact_at(&mut self.buffer, at)?;
        }
        let bytes = self.buffer.get(len_len..whole).unwrap_or_default();
        let content = checked(bytes).ok_or_else(bad)?;
        let (encoding, data) = content.split_first().ok_or_else(bad)?;
        Ok((*encoding, data))
    }
}
