//! Groups: columns of neighbouring series, compressed together and read as one; drawn in `docs/format/run.md`.
//!
//! A group says of itself what it holds, so that it can be told, and its columns told apart, without the directory.

use super::checksum::FileIdentity;
use super::column::MAX_COLUMN_BYTES;
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::codec::varint::push_uvarint;
use crate::model::{Kind, TimeUnit};

const MAGIC: [u8; 4] = *b"TSGR";
/// Bytes of the header.
pub(super) const HEADER_LEN: usize = 48;
/// Bytes of the checksum, which ends a group.
pub(super) const CRC_LEN: usize = 4;
/// A group ends with the column that brings it to this many bytes, before compression.
pub(super) const TARGET_BYTES: usize = 16 << 10;
/// Bytes of a group before compression, at most: a reader refuses more before it allocates.
pub(super) const MAX_BYTES: usize = 2 * MAX_COLUMN_BYTES;

/// Bytes of a group in the file, at most: stored as it is where it does not compress.
pub(super) const MAX_STORED_BYTES: usize = HEADER_LEN + MAX_BYTES + CRC_LEN;

/// The way columns are encoded: a list of Prometheus's chunks.
const CHUNKS: u8 = 1;

/// What stands in front of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupHeader {
    pub(super) kind: Kind,
    pub(super) unit: TimeUnit,
    pub(super) compression: Compression,
    pub(super) columns: u32,
    pub(super) first_series: u32,
    pub(super) last_series: u32,
    pub(super) min_ms: i64,
    pub(super) max_ms: i64,
    pub(super) raw_len: u32,
    pub(super) stored_len: u32,
}

/// How the columns are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Compression {
    /// As they are: compressed they would not be smaller.
    None = 0,
    /// One zstd frame.
    Zstd = 1,
}

impl GroupHeader {
    fn push(&self, out: &mut Vec<u8>) {
        out.extend(MAGIC);
        out.extend([
            self.kind as u8,
            self.unit as u8,
            CHUNKS,
            self.compression as u8,
        ]);
        out.extend(self.columns.to_le_bytes());
        out.extend(self.first_series.to_le_bytes());
        out.extend(self.last_series.to_le_bytes());
        out.extend(self.min_ms.to_le_bytes());
        out.extend(self.max_ms.to_le_bytes());
        out.extend(self.raw_len.to_le_bytes());
        out.extend(self.stored_len.to_le_bytes());
        out.extend([0; 4]);
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(bytes);
        let c = &mut cursor;
        if c.bytes(MAGIC.len())? != MAGIC {
            return Err(c.error("group does not begin with its magic"));
        }
        let (kind, unit, codec, compression) = (c.u8()?, c.u8()?, c.u8()?, c.u8()?);
        let compression = match compression {
            0 => Compression::None,
            1 => Compression::Zstd,
            _ => return Err(c.error("group is compressed in an unknown way")),
        };
        let (Some(kind), Some(unit), CHUNKS) =
            (Kind::from_u8(kind), TimeUnit::from_u8(unit), codec)
        else {
            return Err(c.error("group holds columns of an unknown form"));
        };
        let header = Self {
            kind,
            unit,
            compression,
            columns: c.u32()?,
            first_series: c.u32()?,
            last_series: c.u32()?,
            min_ms: c.i64()?,
            max_ms: c.i64()?,
            raw_len: c.u32()?,
            stored_len: c.u32()?,
        };
        if c.u32()? != 0 {
            return Err(c.error("group header has an unknown field"));
        }
        Ok(header)
    }
}

/// Collects columns to a group; its buffers are used again.
pub(super) struct GroupBuilder {
    compressor: zstd::bulk::Compressor<'static>,
    raw: Vec<u8>,
    compressed: Vec<u8>,
    open: Option<GroupHeader>,
}

impl std::fmt::Debug for GroupBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupBuilder")
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl GroupBuilder {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            compressor: zstd::bulk::Compressor::new(1)?,
            raw: Vec::with_capacity(TARGET_BYTES + MAX_COLUMN_BYTES),
            compressed: Vec::new(),
            open: None,
        })
    }

    /// Whether the group is to end before a column of this kind and of `len` bytes.
    pub(super) fn is_full_for(&self, kind: Kind, len: usize) -> bool {
        self.open.as_ref().is_some_and(|header| {
            header.kind != kind
                || self.raw.len() >= TARGET_BYTES
                || self.raw.len() + len > MAX_COLUMN_BYTES
        })
    }

    /// Adds a column of the kind of the others; gives where in the group it stands, with the number of its series in
    /// front.
    pub(super) fn push(
        &mut self,
        kind: Kind,
        series: u32,
        (min_ms, max_ms): (i64, i64),
        column: &[u8],
    ) -> std::ops::Range<u32> {
        let header = self.open.get_or_insert(GroupHeader {
            kind,
            unit: TimeUnit::Milliseconds,
            compression: Compression::None,
            columns: 0,
            first_series: series,
            last_series: series,
            min_ms,
            max_ms,
            raw_len: 0,
            stored_len: 0,
        });
        header.columns += 1;
        header.last_series = series;
        header.min_ms = header.min_ms.min(min_ms);
        header.max_ms = header.max_ms.max(max_ms);
        let start = self.raw.len() as u32;
        push_uvarint(&mut self.raw, u64::from(series - header.first_series));
        self.raw.extend_from_slice(column);
        debug_assert!(self.raw.len() <= MAX_BYTES);
        start..self.raw.len() as u32
    }

    /// Appends the group, which will stand at `offset` of the file, to `out` and starts the next. Gives its length
    /// before compression; `None` when it holds nothing.
    pub(super) fn finish(
        &mut self,
        file: FileIdentity,
        offset: u64,
        out: &mut Vec<u8>,
    ) -> std::io::Result<Option<u32>> {
        let Some(mut header) = self.open.take() else {
            return Ok(None);
        };
        self.compressed.clear();
        self.compressed
            .reserve(zstd::zstd_safe::compress_bound(self.raw.len()));
        self.compressor
            .compress_to_buffer(&self.raw, &mut self.compressed)?;
        let contents = if self.compressed.len() < self.raw.len() {
            header.compression = Compression::Zstd;
            &self.compressed
        } else {
            &self.raw
        };
        header.raw_len = self.raw.len() as u32;
        header.stored_len = contents.len() as u32;
        let start = out.len();
        header.push(out);
        out.extend_from_slice(contents);
        let crc = file.crc(offset, out.get(start..).unwrap_or_default());
        out.extend(crc.to_le_bytes());
        self.raw.clear();
        Ok(Some(header.raw_len))
    }
}

/// A decompressed group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(super) header: GroupHeader,
    raw: Box<[u8]>,
}

impl Group {
    /// Bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.raw.len()
    }

    pub(super) fn slice(&self, range: std::ops::Range<usize>) -> &[u8] {
        self.raw.get(range).unwrap_or_default()
    }

    /// The column that stands at `start..start + len`, which must be one of `series`, without the number in front.
    /// Also gives where it begins.
    pub(super) fn column(
        &self,
        series: u32,
        start: u32,
        len: u32,
    ) -> Result<(&[u8], usize), DecodeError> {
        let start = start as usize;
        let bytes = start
            .checked_add(len as usize)
            .and_then(|end| self.raw.get(start..end))
            .ok_or(DecodeError {
                what: "column lies outside of its group",
                at: start,
            })?;
        let mut cursor = Cursor::new(bytes);
        let number = cursor
            .uvarint()?
            .checked_add(u64::from(self.header.first_series));
        if number != Some(u64::from(series)) {
            return Err(DecodeError {
                what: "column is that of another series",
                at: start,
            });
        }
        let used = cursor.at();
        Ok((bytes.get(used..).unwrap_or_default(), start + used))
    }
}

/// Verifies and decompresses groups; its buffers are used again.
pub(super) struct Unpacker {
    decompressor: zstd::bulk::Decompressor<'static>,
    pub(super) stored: Vec<u8>,
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

impl Unpacker {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            decompressor: zstd::bulk::Decompressor::new()?,
            stored: Vec::new(),
        })
    }

    /// The group whose bytes, which stand at `offset` of the file, are in `stored`.
    pub(super) fn unpack(&mut self, file: FileIdentity, offset: u64) -> Result<Group, DecodeError> {
        let damage = |what| DecodeError { what, at: 0 };
        let (covered, crc) = self
            .stored
            .split_last_chunk::<CRC_LEN>()
            .ok_or(damage("group is too short"))?;
        if file.crc(offset, covered) != u32::from_le_bytes(*crc) {
            return Err(damage("group does not match its checksum"));
        }
        let header = GroupHeader::decode(covered)?;
        let contents = covered.get(HEADER_LEN..).unwrap_or_default();
        let raw_len = header.raw_len as usize;
        if contents.len() != header.stored_len as usize || raw_len > MAX_BYTES {
            return Err(damage("lengths of the group do not agree"));
        }
        let raw = match header.compression {
            Compression::None => contents.to_vec(),
            Compression::Zstd => {
                let mut raw = Vec::with_capacity(raw_len);
                self.decompressor
                    .decompress_to_buffer(contents, &mut raw)
                    .map_err(|_| damage("group does not decompress"))?;
                raw
            }
        };
        if raw.len() != raw_len {
            return Err(damage("group decompresses to another length"));
        }
        Ok(Group {
            header,
            raw: raw.into(),
        })
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
        let mut builder = GroupBuilder::new().unwrap();
        for (series, column) in (7u32..).zip(columns) {
            builder.push(Kind::Float, series, (1, 2), column);
        }
        let mut out = Vec::new();
        builder.finish(FILE, 99, &mut out).unwrap().unwrap();
        assert!(matches!(builder.finish(FILE, 99, &mut out), Ok(None)));
        out
    }

    fn unpack(stored: &[u8], offset: u64) -> Result<Group, DecodeError> {
        let mut unpacker = Unpacker::new().unwrap();
        unpacker.stored.extend_from_slice(stored);
        unpacker.unpack(FILE, offset)
    }

    #[test]
    fn columns_come_back_compressed_or_not() {
        for (columns, compression) in [
            ([&b"ab"[..], b"c"], Compression::None),
            ([&[5; 900][..], &[6; 80]], Compression::Zstd),
        ] {
            let group = unpack(&group(&columns), 99).unwrap();
            assert_eq!(group.header.compression, compression);
            assert_eq!(
                (group.header.first_series, group.header.last_series),
                (7, 8)
            );
            let first_len = columns[0].len() as u32 + 1;
            assert_eq!(group.column(7, 0, first_len), Ok((columns[0], 1)));
            let second_len = columns[1].len() as u32 + 1;
            let second = group.column(8, first_len, second_len).unwrap();
            assert_eq!(second.0, columns[1]);
            assert!(group.column(7, first_len, second_len).is_err());
            assert!(group.column(8, first_len, second_len + 1).is_err());
            assert!(group.column(8, u32::MAX, u32::MAX).is_err());
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
