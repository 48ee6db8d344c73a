//! What stands in front of every group, and its checksum behind it; drawn in `docs/format/run.md`.
//!
//! A group says of itself what it holds, so that it can be told, and its columns told apart, without the directory.

use super::checksum::FileIdentity;
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::model::{Kind, TimeUnit};

const MAGIC: [u8; 4] = *b"TSGR";
/// Bytes of the header.
pub(super) const HEADER_LEN: usize = 48;
/// Bytes of the checksum, which ends a group.
pub(super) const CRC_LEN: usize = 4;

/// What stands in front of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupHeader {
    pub(super) contents: Contents,
    pub(super) unit: TimeUnit,
    pub(super) compression: Compression,
    pub(super) columns: u32,
    pub(super) first_series: u32,
    pub(super) last_series: u32,
    /// In ticks of `unit`, which is that of every series in it.
    pub(super) min_ms: i64,
    pub(super) max_ms: i64,
    pub(super) raw_len: u32,
    pub(super) stored_len: u32,
    /// The table of timestamps that a group without chunks uses, or that this is; 0 otherwise.
    pub(super) table: u32,
    /// Whether start times stand in front of the other contents.
    pub(super) start_times: bool,
}

/// A series of a run: its number in the index, and the unit of its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RunSeries {
    pub(super) number: u32,
    pub(super) unit: TimeUnit,
}

/// What a group holds, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    /// Columns of this kind, each a list of chunks.
    Chunks(Kind),
    /// Columns of floats as decimal columns, their timestamps in a table.
    Floats,
    /// A table of timestamps.
    Times,
    /// Columns of integers, booleans or strings, their timestamps in a table.
    Fields(Kind),
}

/// How the columns are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Compression {
    /// As they are: compressed they would not be smaller. Or the contents see to it themselves.
    None = 0,
    /// One zstd frame.
    Zstd = 1,
}

const CHUNKS: u8 = 1;
const DECIMALS: u8 = 2;
const TIMES: u8 = 3;
const FIELDS: u8 = 4;
/// Bit of the codec that says that start times stand in front.
const START_TIMES: u8 = 0x80;

impl Contents {
    /// Kind and codec.
    pub(super) const fn bytes(self) -> [u8; 2] {
        match self {
            Self::Chunks(kind) => [kind as u8, CHUNKS],
            Self::Floats => [Kind::Float as u8, DECIMALS],
            Self::Times => [0, TIMES],
            Self::Fields(kind) => [kind as u8, FIELDS],
        }
    }

    pub(super) fn from_bytes([kind, codec]: [u8; 2]) -> Option<Self> {
        if (kind, codec) == (0, TIMES) {
            return Some(Self::Times);
        }
        let kind = Kind::from_u8(kind)?;
        match (codec, kind) {
            (CHUNKS, Kind::Float | Kind::Histogram | Kind::FloatHistogram) => {
                Some(Self::Chunks(kind))
            }
            (DECIMALS, Kind::Float) => Some(Self::Floats),
            (FIELDS, Kind::Integer | Kind::Boolean | Kind::String) => Some(Self::Fields(kind)),
            _ => None,
        }
    }
}

impl GroupHeader {
    /// The header of a group in which nothing is yet.
    pub(super) fn empty(contents: Contents, first: RunSeries) -> Self {
        Self {
            contents,
            unit: first.unit,
            compression: Compression::None,
            columns: 0,
            first_series: first.number,
            last_series: first.number,
            min_ms: i64::MAX,
            max_ms: i64::MIN,
            raw_len: 0,
            stored_len: 0,
            table: 0,
            start_times: false,
        }
    }

    /// Takes in a column.
    pub(super) fn add(&mut self, series: u32, min_ms: i64, max_ms: i64) {
        self.columns += 1;
        self.last_series = series;
        self.min_ms = self.min_ms.min(min_ms);
        self.max_ms = self.max_ms.max(max_ms);
    }

    /// Appends the group with these contents, which will stand at `offset` of the file. `starts` are its start times, if it
    /// has any.
    pub(super) fn push_group(
        mut self,
        starts: &[u8],
        contents: &[u8],
        file: FileIdentity,
        offset: u64,
        out: &mut Vec<u8>,
    ) {
        self.start_times = !starts.is_empty();
        self.stored_len = (starts.len() + contents.len()) as u32;
        let start = out.len();
        self.push(out);
        out.extend_from_slice(starts);
        out.extend_from_slice(contents);
        let crc = file.crc(offset, out.get(start..).unwrap_or_default());
        out.extend(crc.to_le_bytes());
    }

    /// Verifies the group that `stored` is and that stands at `offset` of the file; gives its header and contents.
    pub(super) fn open(
        stored: &[u8],
        file: FileIdentity,
        offset: u64,
    ) -> Result<(Self, &[u8]), DecodeError> {
        let damage = |what| DecodeError { what, at: 0 };
        let (covered, crc) = stored
            .split_last_chunk::<CRC_LEN>()
            .ok_or(damage("group is too short"))?;
        if file.crc(offset, covered) != u32::from_le_bytes(*crc) {
            return Err(damage("group does not match its checksum"));
        }
        let header = Self::decode(covered)?;
        let contents = covered.get(HEADER_LEN..).unwrap_or_default();
        if contents.len() != header.stored_len as usize {
            return Err(damage("lengths of the group do not agree"));
        }
        Ok((header, contents))
    }

    fn push(&self, out: &mut Vec<u8>) {
        let [kind, mut codec] = self.contents.bytes();
        if self.start_times {
            codec |= START_TIMES;
        }
        out.extend(MAGIC);
        out.extend([kind, self.unit as u8, codec, self.compression as u8]);
        out.extend(self.columns.to_le_bytes());
        out.extend(self.first_series.to_le_bytes());
        out.extend(self.last_series.to_le_bytes());
        out.extend(self.min_ms.to_le_bytes());
        out.extend(self.max_ms.to_le_bytes());
        out.extend(self.raw_len.to_le_bytes());
        out.extend(self.stored_len.to_le_bytes());
        out.extend(self.table.to_le_bytes());
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
        let start_times = codec & START_TIMES != 0;
        let contents = Contents::from_bytes([kind, codec & !START_TIMES]);
        let (Some(contents), Some(unit)) = (contents, TimeUnit::from_u8(unit)) else {
            return Err(c.error("group holds columns of an unknown form"));
        };
        Ok(Self {
            contents,
            unit,
            compression,
            columns: c.u32()?,
            first_series: c.u32()?,
            last_series: c.u32()?,
            min_ms: c.i64()?,
            max_ms: c.i64()?,
            raw_len: c.u32()?,
            stored_len: c.u32()?,
            table: c.u32()?,
            start_times,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back() {
        for contents in [
            Contents::Chunks(Kind::Float),
            Contents::Floats,
            Contents::Times,
            Contents::Fields(Kind::String),
        ] {
            let series = RunSeries {
                number: 5,
                unit: TimeUnit::Nanoseconds,
            };
            let header = GroupHeader {
                compression: Compression::Zstd,
                raw_len: 7,
                table: 3,
                start_times: contents == Contents::Floats,
                ..GroupHeader::empty(contents, series)
            };
            let mut bytes = Vec::new();
            header.push(&mut bytes);
            assert_eq!(bytes.len(), HEADER_LEN);
            assert_eq!(GroupHeader::decode(&bytes), Ok(header));
        }
        assert_eq!(Contents::from_bytes([0, CHUNKS]), None);
        assert_eq!(Contents::from_bytes([Kind::Integer as u8, CHUNKS]), None);
        assert_eq!(Contents::from_bytes([Kind::Float as u8, FIELDS]), None);
        assert_eq!(Contents::from_bytes([Kind::Float as u8, TIMES]), None);
    }
}
