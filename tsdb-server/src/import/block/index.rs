//! The index of a block: its symbols, and its series one after another.
//!
//! ```text
//! │ magic 0xBAAAD700 <4> │ version 2 <1> │ symbols │ series … │ (postings and the like, not needed here) │ TOC │
//! section: │ len <4> │ len bytes │ CRC-32C <4> │       series: │ len <uvarint> │ len bytes │ CRC-32C <4> │, 16-aligned
//! TOC:     │ symbols <8> │ series <8> │ 4 other offsets <8 each> │ CRC-32C <4> │, the last 52 bytes
//! ```

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::cursor::Cursor;
use super::damaged;
use crate::checksum::crc32c;

const MAGIC: u32 = 0xBAAA_D700;
const VERSION: u8 = 2;
const HEADER_LEN: u64 = 5;
const TOC_LEN: usize = 52;
/// The most bytes of a series: it lists all its chunks.
const MAX_SERIES_BYTES: u64 = 64 << 20;
/// Series begin at multiples of it, and are known by the quotient.
const ALIGNMENT: u64 = 16;

/// An open index.
#[derive(Debug)]
pub(super) struct Index {
    path: PathBuf,
    pub(super) symbols: Symbols,
    reader: BufReader<File>,
    /// Where the next series is looked for, and where there are none any more.
    at: u64,
    end: u64,
}

/// The texts of a block, by number.
#[derive(Debug)]
pub(super) struct Symbols {
    bytes: Vec<u8>,
    /// Start and end of each.
    ranges: Vec<(u32, u32)>,
}

/// A series of the index.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// What tombstones call it.
    pub(super) id: u64,
    /// Symbols of names and values.
    pub(super) labels: Vec<(u32, u32)>,
    pub(super) chunks: Vec<ChunkMeta>,
}

/// Where a chunk is.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChunkMeta {
    /// Number of the segment, from 0.
    pub(super) segment: u32,
    pub(super) offset: u32,
}

impl Symbols {
    pub(super) fn get(&self, n: u32) -> Option<&[u8]> {
        let (start, end) = *self.ranges.get(n as usize)?;
        self.bytes.get(start as usize..end as usize)
    }

    fn parse(bytes: Vec<u8>) -> Option<Self> {
        let mut cursor = Cursor::new(&bytes);
        let count = cursor.u32()? as usize;
        // Each takes a byte at least.
        if count > cursor.len() {
            return None;
        }
        let mut ranges = Vec::with_capacity(count);
        for _ in 0..count {
            let len = usize::try_from(cursor.uvarint()?).ok()?;
            let start = bytes.len() - cursor.len();
            cursor.take(len)?;
            // A section is shorter than 4 GiB.
            ranges.push((start as u32, (start + len) as u32));
        }
        Some(Self { bytes, ranges })
    }
}

impl Index {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let file_len = file.metadata()?.len();
        if file_len < HEADER_LEN + TOC_LEN as u64 {
            return Err(damaged(path, file_len, "the index is cut short"));
        }
        let mut header = [0; HEADER_LEN as usize];
        file.read_exact_at(&mut header, 0)?;
        let mut header = Cursor::new(&header);
        if header.u32() != Some(MAGIC) {
            return Err(damaged(path, 0, "not an index of a block"));
        }
        if header.u8() != Some(VERSION) {
            return Err(damaged(
                path,
                4,
                "not version 2 of the index, which alone is supported,",
            ));
        }
        let toc_at = file_len - TOC_LEN as u64;
        let mut toc = [0; TOC_LEN];
        file.read_exact_at(&mut toc, toc_at)?;
        let bad_toc = || damaged(path, toc_at, "the table of contents is damaged");
        let offsets = table_of_contents(&toc).ok_or_else(bad_toc)?;
        let [symbols_at, series_at, ..] = offsets;
        // Whatever section follows, or the table of contents.
        let after = offsets.into_iter().filter(|at| *at > series_at);
        let end = after.min().unwrap_or(toc_at);
        if end > toc_at {
            return Err(bad_toc());
        }
        let symbols = section(&file, path, symbols_at, toc_at)?;
        let symbols = Symbols::parse(symbols)
            .ok_or_else(|| damaged(path, symbols_at, "the symbols are damaged"))?;
        let mut reader = BufReader::with_capacity(256 << 10, file);
        reader.seek(SeekFrom::Start(series_at))?;
        Ok(Self {
            path: path.to_owned(),
            symbols,
            reader,
            at: series_at,
            end,
        })
    }

    /// Reads the next series into `entry`; false when there is none.
    pub(super) fn next(&mut self, entry: &mut Entry) -> io::Result<bool> {
        let aligned = self.at.next_multiple_of(ALIGNMENT);
        self.reader
            .seek_relative((aligned - self.at).cast_signed())?;
        self.at = aligned;
        if self.at >= self.end {
            return Ok(false);
        }
        let start = self.at;
        let bad = |path: &Path| damaged(path, start, "a series is damaged");
        let len = self
            .uvarint()?
            .filter(|len| *len <= MAX_SERIES_BYTES && len + 4 <= self.end.saturating_sub(self.at));
        let Some(len) = len else {
            return Err(bad(&self.path));
        };
        let mut bytes = vec![0; len as usize + 4];
        self.reader.read_exact(&mut bytes)?;
        self.at += bytes.len() as u64;
        entry.id = start / ALIGNMENT;
        checked(&bytes)
            .and_then(|content| parse_series(content, entry))
            .ok_or_else(|| bad(&self.path))?;
        Ok(true)
    }

    fn uvarint(&mut self) -> io::Result<Option<u64>> {
        let mut bytes = [0; 5];
        for i in 0..bytes.len() {
            self.reader
                .read_exact(bytes.get_mut(i..=i).unwrap_or_default())?;
            self.at += 1;
            if let Some(n) = Cursor::new(bytes.get(..=i).unwrap_or_default()).uvarint() {
                return Ok(Some(n));
            }
        }
        Ok(None)
    }
}

/// The bytes before the checksum at their end, if it is right.
pub(super) fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
    (Cursor::new(checksum).u32()? == crc32c(content)).then_some(content)
}

fn table_of_contents(toc: &[u8]) -> Option<[u64; 6]> {
    let mut cursor = Cursor::new(checked(toc)?);
    let mut offsets = [0; 6];
    for offset in &mut offsets {
        *offset = cursor.u64()?;
    }
    Some(offsets)
}

/// A section with its length in front; it ends before `limit`.
fn section(file: &File, path: &Path, at: u64, limit: u64) -> io::Result<Vec<u8>> {
    let mut len = [0; 4];
    file.read_exact_at(&mut len, at)?;
    let len = Cursor::new(&len).u32().map_or(0, u64::from);
    let bad = || damaged(path, at, "a section is damaged");
    if at.checked_add(len + 8).is_none_or(|end| end > limit) {
        return Err(bad());
    }
    let mut bytes = vec![0; len as usize + 4];
    file.read_exact_at(&mut bytes, at + 4)?;
    let content_len = checked(&bytes).ok_or_else(bad)?.len();
    bytes.truncate(content_len);
    Ok(bytes)
}

fn parse_series(content: &[u8], entry: &mut Entry) -> Option<()> {
    let mut cursor = Cursor::new(content);
    entry.labels.clear();
    entry.chunks.clear();
    for _ in 0..cursor.uvarint()? {
        let name = u32::try_from(cursor.uvarint()?).ok()?;
        let value = u32::try_from(cursor.uvarint()?).ok()?;
        entry.labels.push((name, value));
    }
    let mut reference = 0u64;
    for i in 0..cursor.uvarint()? {
        // Times of the first and last sample, the chunk tells them as well.
        if i == 0 {
            cursor.varint()?;
        } else {
            cursor.uvarint()?;
        }
        cursor.uvarint()?;
        reference = match i {
            0 => cursor.uvarint()?,
            _ => reference.checked_add_signed(cursor.varint()?)?,
        };
        entry.chunks.push(ChunkMeta {
            segment: (reference >> 32) as u32,
            offset: reference as u32,
        });
    }
    Some(())
}

#[cfg(fuzzing)]
pub(super) fn fuzz_parts(bytes: &[u8]) {
    let _ = parse_series(bytes, &mut Entry::default());
    if let Some(symbols) = Symbols::parse(bytes.to_vec()) {
        for n in 0..symbols.ranges.len() {
            assert!(symbols.get(n as u32).is_some());
        }
    }
}
