//! Groups of columns that are lists of chunks, compressed together and read as one; drawn in `docs/format/run.md`.
//!
//! ```text
//! column 0 │ column 1 │ … │ where each ends: u32 each │
//! column   │ series − first series <uvarint> │ list of chunks │
//! ```

use super::checksum::FileIdentity;
use super::column::MAX_COLUMN_BYTES;
use super::group_header::{CRC_LEN, Compression, Contents, GroupHeader, HEADER_LEN, RunSeries};
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::codec::varint::push_uvarint;
use crate::model::Kind;

/// A group ends with the column that brings it to this many bytes, before compression.
const TARGET_BYTES: usize = 16 << 10;
/// Bytes of a group before compression, at most: a reader refuses more before it allocates.
const MAX_BYTES: usize = 2 * MAX_COLUMN_BYTES;
/// Bytes of the place where a column ends.
const END_LEN: usize = 4;

/// Bytes of a group in the file, at most: stored as it is where it does not compress.
pub(super) const MAX_STORED_BYTES: usize = HEADER_LEN + MAX_BYTES + CRC_LEN;

/// Collects columns to a group; its buffers are used again.
pub(super) struct ChunkGroupBuilder {
    compressor: zstd::bulk::Compressor<'static>,
    raw: Vec<u8>,
    /// Where each column ends.
    ends: Vec<u8>,
    compressed: Vec<u8>,
    open: Option<GroupHeader>,
}

impl std::fmt::Debug for ChunkGroupBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChunkGroupBuilder")
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl ChunkGroupBuilder {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            compressor: zstd::bulk::Compressor::new(1)?,
            raw: Vec::new(),
            ends: Vec::new(),
            compressed: Vec::new(),
            open: None,
        })
    }

    /// Number of columns.
    pub(super) fn columns(&self) -> u32 {
        self.open.map_or(0, |header| header.columns)
    }

    /// Whether the group is to end before a column of this kind and of `len` bytes.
    pub(super) fn is_full_for(&self, kind: Kind, len: usize) -> bool {
        self.open.as_ref().is_some_and(|header| {
            header.contents != Contents::Chunks(kind)
                || self.raw.len() >= TARGET_BYTES
                || self.raw.len() + len > MAX_COLUMN_BYTES
        })
    }

    /// Adds a column of the kind of the others, of a series with the unit of the others.
    pub(super) fn push(
        &mut self,
        kind: Kind,
        series: RunSeries,
        (min_ms, max_ms): (i64, i64),
        column: &[u8],
    ) {
        let header = self
            .open
            .get_or_insert_with(|| GroupHeader::empty(Contents::Chunks(kind), series));
        header.add(series.number, min_ms, max_ms);
        let number = series.number - header.first_series;
        push_uvarint(&mut self.raw, u64::from(number));
        self.raw.extend_from_slice(column);
        self.ends.extend((self.raw.len() as u32).to_le_bytes());
        debug_assert!(self.raw.len() + self.ends.len() <= MAX_BYTES);
    }

    /// Appends the group, which has these start times and will stand at `offset` of the file, to `out` and starts the next.
    /// Gives its header; `None` when it holds nothing.
    pub(super) fn finish(
        &mut self,
        starts: &[u8],
        file: FileIdentity,
        offset: u64,
        out: &mut Vec<u8>,
    ) -> std::io::Result<Option<GroupHeader>> {
        let Some(mut header) = self.open.take() else {
            return Ok(None);
        };
        self.raw.append(&mut self.ends);
        self.compressed.clear();
        self.compressed
            .reserve(zstd::zstd_safe::compress_bound(self.raw.len()));
        self.compressor
            .compress_to_buffer(&self.raw, &mut self.compressed)?;
        header.raw_len = self.raw.len() as u32;
        let contents = if self.compressed.len() < self.raw.len() {
            header.compression = Compression::Zstd;
            &self.compressed
        } else {
            &self.raw
        };
        header.push_group(starts, contents, file, offset, out);
        self.raw.clear();
        Ok(Some(header))
    }
}

/// A decompressed group.
#[derive(Debug)]
pub(crate) struct ChunkGroup {
    pub(super) kind: Kind,
    first_series: u32,
    raw: Vec<u8>,
    /// Where the columns end and the table of their ends begins.
    columns_end: usize,
}

impl ChunkGroup {
    /// Decompresses the contents of a group of columns of this kind.
    pub(super) fn unpack(
        kind: Kind,
        header: GroupHeader,
        contents: &[u8],
        decompressor: &mut zstd::bulk::Decompressor<'_>,
    ) -> Result<Self, DecodeError> {
        let damage = |what| DecodeError { what, at: 0 };
        let raw_len = header.raw_len as usize;
        if raw_len > MAX_BYTES {
            return Err(damage("group is too large"));
        }
        let raw = match header.compression {
            Compression::None => contents.to_vec(),
            Compression::Zstd => {
                let mut raw = Vec::with_capacity(raw_len);
                decompressor
                    .decompress_to_buffer(contents, &mut raw)
                    .map_err(|_| damage("group does not decompress"))?;
                raw
            }
        };
        if raw.len() != raw_len {
            return Err(damage("group decompresses to another length"));
        }
        let columns_end = (header.columns as usize)
            .checked_mul(END_LEN)
            .and_then(|ends| raw_len.checked_sub(ends))
            .ok_or(damage("group has too few bytes for its columns"))?;
        Ok(Self {
            kind,
            first_series: header.first_series,
            raw,
            columns_end,
        })
    }

    /// Bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.raw.capacity()
    }

    /// The column `index` of the group, which must be one of `series`, without the number in front.
    pub(super) fn column(&self, series: u32, index: u32) -> Result<&[u8], DecodeError> {
        let start = match index.checked_sub(1) {
            Some(before) => self.end(before),
            None => Some(0),
        };
        let range = start.zip(self.end(index)).map(|(start, end)| start..end);
        let (start, bytes) = range
            .and_then(|range| Some((range.start, self.raw.get(range)?)))
            .ok_or(DecodeError {
                what: "column lies outside of its group",
                at: index as usize,
            })?;
        let mut cursor = Cursor::new(bytes);
        let number = cursor.uvarint()?.checked_add(u64::from(self.first_series));
        if number != Some(u64::from(series)) {
            return Err(DecodeError {
                what: "column is that of another series",
                at: start,
            });
        }
        Ok(cursor.rest())
    }

    /// Where a column ends.
    fn end(&self, index: u32) -> Option<usize> {
        let ends = self.raw.get(self.columns_end..)?;
        let at = (index as usize).checked_mul(END_LEN)?;
        let end = u32::from_le_bytes(*ends.get(at..)?.first_chunk()?) as usize;
        (end <= self.columns_end).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileIdentity = FileIdentity {
        store_id: 1,
        file_id: 2,
    };

    fn group(columns: &[&[u8]]) -> Vec<u8> {
        let mut builder = ChunkGroupBuilder::new().unwrap();
        for (number, column) in (7u32..).zip(columns) {
            let unit = crate::model::TimeUnit::Milliseconds;
            let series = RunSeries { number, unit };
            builder.push(Kind::Float, series, (1, 2), column);
        }
        let mut out = Vec::new();
        builder.finish(&[], FILE, 99, &mut out).unwrap().unwrap();
        assert!(matches!(builder.finish(&[], FILE, 99, &mut out), Ok(None)));
        out
    }

    fn unpack(stored: &[u8], offset: u64) -> Result<(GroupHeader, ChunkGroup), DecodeError> {
        let (header, contents) = GroupHeader::open(stored, FILE, offset)?;
        let mut decompressor = zstd::bulk::Decompressor::new().unwrap();
        let group = ChunkGroup::unpack(Kind::Float, header, contents, &mut decompressor);
        Ok((header, group?))
    }

    #[test]
    fn columns_come_back_compressed_or_not() {
        for (columns, compression) in [
            ([&b"ab"[..], b"c"], Compression::None),
            ([&[5; 900][..], &[6; 80]], Compression::Zstd),
        ] {
            let (header, group) = unpack(&group(&columns), 99).unwrap();
            assert_eq!(header.compression, compression);
            assert_eq!((header.first_series, header.last_series), (7, 8));
            for (index, series, column) in [(0, 7, columns[0]), (1, 8, columns[1])] {
                assert_eq!(group.column(series, index), Ok(column));
            }
            assert!(group.column(7, 1).is_err());
            assert!(group.column(8, 2).is_err());
            assert!(group.column(8, u32::MAX).is_err());
        }
    }

    #[test]
    fn every_flipped_byte_and_another_place_are_damage() {
        let intact = group(&[&[5; 900], b"c"]);
        assert!(unpack(&intact, 100).is_err());
        for at in 0..intact.len() {
            let mut bytes = intact.clone();
            bytes[at] ^= 1;
            assert!(unpack(&bytes, 99).is_err(), "byte {at}");
        }
        for len in 0..intact.len() {
            assert!(unpack(&intact[..len], 99).is_err());
        }
    }
}
