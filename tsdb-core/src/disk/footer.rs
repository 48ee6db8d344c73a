//! Footer of a run: what it is, what it holds and where; drawn in `docs/format/run.md`.

use super::checksum::FileIdentity;
use super::header::{FORMAT_VERSION, HEADER_LEN, Refusal};
use super::lost::{self, LostRange};
use super::meta::RunMeta;
use super::partition::Partition;
use crate::codec::cursor::Cursor;
use crate::codec::{DecodeError, StoreIdentity};
use crate::model::TimeUnits;

/// Last bytes of a run.
const END_MAGIC: [u8; 8] = *b"run.TSDB";

/// Bytes of the tail: length and checksum of the footer, magic.
pub(super) const TAIL_LEN: usize = 16;
/// Bytes of a footer that replaces nothing and of which nothing is lost.
const FOOTER_LEN: usize = 200;

const SEALED: u8 = 1;

/// Where a section stands, and its checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) offset: u64,
    /// Bytes in the file.
    pub(super) len: u64,
    /// Bytes of what a compressed section holds; 0 for one that is stored as it is.
    pub(super) raw_len: u32,
    /// Of the bytes in the file.
    pub(super) crc: u32,
}

/// The end of a run, from which everything else is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) identity: StoreIdentity,
    pub(super) meta: RunMeta,
    /// Where the groups end, and what mends the end of the file begins; that goes up to the index.
    pub(super) groups_end: u64,
    pub(super) index: Extent,
    pub(super) directory: Extent,
}

impl Footer {
    /// Bytes of the footer, without the tail.
    pub(super) fn len(&self) -> usize {
        FOOTER_LEN + self.meta.replaces.len() * 8 + self.meta.lost.len() * lost::RECORD_LEN
    }

    /// Appends footer and tail; the footer stands at `offset`. `meta.bytes` is not stored.
    pub(super) fn push(&self, offset: u64, out: &mut Vec<u8>) {
        let start = out.len();
        let meta = &self.meta;
        out.extend(FORMAT_VERSION.to_le_bytes());
        out.push(if meta.sealed { SEALED } else { 0 });
        out.extend([meta.level, meta.class, meta.units.to_u8(), 0, 0]);
        out.extend(self.identity.to_bytes());
        out.extend(meta.file_id.to_le_bytes());
        out.extend(meta.set_id.to_le_bytes());
        out.extend(meta.part.to_le_bytes());
        out.extend(meta.parts.to_le_bytes());
        out.extend(meta.classes.to_le_bytes());
        let times = [
            meta.partition.start_ms,
            meta.partition.len_ms,
            meta.min_ms,
            meta.max_ms,
        ];
        out.extend(times.into_iter().flat_map(i64::to_le_bytes));
        out.extend(meta.generations.start().to_le_bytes());
        out.extend(meta.generations.end().to_le_bytes());
        out.extend(meta.samples.to_le_bytes());
        out.extend(meta.series.to_le_bytes());
        out.extend([0; 4]);
        out.extend(meta.tombstones.to_le_bytes());
        out.extend(self.groups_end.to_le_bytes());
        for extent in [self.index, self.directory] {
            out.extend(extent.offset.to_le_bytes());
            out.extend(extent.len.to_le_bytes());
            out.extend(extent.raw_len.to_le_bytes());
            out.extend(extent.crc.to_le_bytes());
        }
        out.extend((meta.replaces.len() as u32).to_le_bytes());
        out.extend(meta.replaces.iter().flat_map(|id| id.to_le_bytes()));
        out.extend((meta.lost.len() as u32).to_le_bytes());
        for lost in &meta.lost {
            lost.push(out);
        }

        let file = FileIdentity {
            store_id: self.identity.id,
            file_id: meta.file_id,
        };
        let footer = out.get(start..).unwrap_or_default();
        let (len, crc) = (footer.len() as u32, file.crc(offset, footer));
        out.extend(len.to_le_bytes());
        out.extend(crc.to_le_bytes());
        out.extend(END_MAGIC);
    }

    /// Length of the footer, from a tail that has not been checked.
    pub(super) fn len_in_tail(tail: &[u8]) -> Option<u32> {
        tail.first_chunk().copied().map(u32::from_le_bytes)
    }

    /// Finds and checks the footer of the file that `file_id` names, whose bytes from `base` on are `bytes`. The identity is
    /// the one that the footer states: comparing it with the store's is the caller's.
    pub(super) fn decode(bytes: &[u8], base: u64, file_id: u64) -> Result<Self, Refusal> {
        let short = Refusal::Damage(0, "file is too short");
        let tail_at = bytes.len().checked_sub(TAIL_LEN).ok_or(short)?;
        let (before, tail) = bytes.split_at(tail_at);
        let damage = |what| Refusal::Damage(base + tail_at as u64, what);
        let mut cursor = Cursor::new(tail);
        let mut read = || Ok::<_, DecodeError>((cursor.u32()?, cursor.u32()?, cursor.bytes(8)?));
        let (len, crc, magic) = read().map_err(|e| damage(e.what))?;
        if magic != END_MAGIC {
            return Err(damage("file does not end with the magic of a run"));
        }
        let start = tail_at
            .checked_sub(len as usize)
            .filter(|&start| start as u64 + base >= HEADER_LEN as u64)
            .ok_or(damage("footer is longer than the file"))?;
        let (_, body) = before.split_at(start);
        let at = base + start as u64;
        let damage = |e: DecodeError| Refusal::Damage(at + e.at as u64, e.what);
        let mut footer = Self::parse(body).map_err(damage)?;
        let file = FileIdentity {
            store_id: footer.identity.id,
            file_id,
        };
        let wrong = |what| Refusal::Damage(at, what);
        if file.crc(at, body) != crc {
            return Err(wrong("footer does not match its checksum"));
        }
        footer.meta.bytes = base + bytes.len() as u64;
        footer.check(file_id, at).map_err(wrong)?;
        Ok(footer)
    }

    fn parse(body: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let c = &mut cursor;
        let (version, flags, level, class) = (c.u16()?, c.u8()?, c.u8()?, c.u8()?);
        let units = TimeUnits::from_u8(c.u8()?);
        let (Some(units), true) = (
            units,
            version == FORMAT_VERSION && flags & !SEALED == 0 && c.bytes(2)? == [0; 2],
        ) else {
            return Err(c.error("footer has unknown fields"));
        };
        let identity = StoreIdentity::decode(c)?;
        let (file_id, set_id, part, parts) = (c.u64()?, c.u64()?, c.u16()?, c.u16()?);
        let classes = c.u32()?;
        let partition = Partition {
            start_ms: c.i64()?,
            len_ms: c.i64()?,
        };
        let (min_ms, max_ms) = (c.i64()?, c.i64()?);
        let generations = c.u64()?..=c.u64()?;
        let (samples, series) = (c.u64()?, c.u32()?);
        c.bytes(4)?;
        let tombstones = c.u64()?;
        let groups_end = c.u64()?;
        let (index, directory) = (Extent::decode(c)?, Extent::decode(c)?);
        let count = c.u32()? as usize;
        if count > c.remaining() / 8 {
            return Err(c.error("replaced files do not fit into the footer"));
        }
        let replaces = (0..count).map(|_| c.u64()).collect::<Result<_, _>>()?;
        let count = c.u32()? as usize;
        if c.remaining() != count.saturating_mul(lost::RECORD_LEN) {
            return Err(c.error("lost ranges do not fill the footer"));
        }
        let lost = (0..count)
            .map(|_| LostRange::decode(c))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            identity,
            meta: RunMeta {
                file_id,
                set_id,
                part,
                parts,
                partition,
                min_ms,
                max_ms,
                generations,
                samples,
                series,
                sealed: flags & SEALED != 0,
                level,
                class,
                classes,
                tombstones,
                units,
                replaces,
                lost,
                bytes: 0,
            },
            groups_end,
            index,
            directory,
        })
    }

    /// Checks that the fields agree with each other and with the file; the footer stands at `at`.
    fn check(&self, file_id: u64, at: u64) -> Result<(), &'static str> {
        let meta = &self.meta;
        let end = |extent: Extent| extent.offset.checked_add(extent.len);
        let sections = self.groups_end >= HEADER_LEN as u64
            && self.index.offset >= self.groups_end
            && end(self.index) == Some(self.directory.offset)
            && end(self.directory) == Some(at);
        let partition = meta.partition;
        let times = meta.min_ms <= meta.max_ms
            && partition.len_ms > 0
            && partition == Partition::of(partition.start_ms, partition.len_ms)
            && partition.range().contains(meta.min_ms)
            && partition.range().contains(meta.max_ms);
        if meta.file_id != file_id {
            Err("footer is that of another file")
        } else if !sections {
            Err("sections do not follow each other")
        } else if !times {
            Err("times are not those of the partition")
        } else if meta.generations.is_empty() || meta.part == 0 || meta.part > meta.parts {
            Err("generations or set are empty")
        } else {
            Ok(())
        }
    }
}

impl Extent {
    fn decode(cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            offset: cursor.u64()?,
            len: cursor.u64()?,
            raw_len: cursor.u32()?,
            crc: cursor.u32()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::{check_header, header};
    use super::*;

    fn footer() -> Footer {
        Footer {
            identity: StoreIdentity {
                id: 7,
                key: [9; 16],
            },
            meta: RunMeta {
                file_id: 5,
                set_id: 4,
                part: 2,
                parts: 3,
                partition: Partition::of(-1, 1_000),
                min_ms: -1_000,
                max_ms: -1,
                generations: 3..=4,
                samples: 77,
                series: 6,
                sealed: true,
                level: 2,
                class: 1,
                classes: 0x0102_0304,
                tombstones: 9,
                units: TimeUnits::from_u8(3).unwrap(),
                replaces: vec![1, 2],
                lost: vec![LostRange {
                    range: crate::model::TimeRange::new(-9, -2),
                    series: None,
                    samples: None,
                    cause: lost::LossCause::DamagedLog,
                }],
                bytes: 0,
            },
            groups_end: 24,
            index: Extent {
                offset: 24,
                len: 10,
                raw_len: 0,
                crc: 1,
            },
            directory: Extent {
                offset: 34,
                len: 6,
                raw_len: 9,
                crc: 2,
            },
        }
    }

    fn file() -> Vec<u8> {
        let mut bytes = header(FileIdentity {
            store_id: 7,
            file_id: 5,
        });
        bytes.resize(40, 0);
        footer().push(40, &mut bytes);
        bytes
    }

    #[test]
    fn round_trips() {
        let bytes = file();
        assert_eq!(bytes.len(), 40 + footer().len() + TAIL_LEN);
        let mut expected = footer();
        expected.meta.bytes = bytes.len() as u64;
        assert_eq!(Footer::decode(&bytes, 0, 5), Ok(expected));
    }

    #[test]
    fn every_flipped_byte_is_damage() {
        let intact = file();
        let identity = FileIdentity {
            store_id: 7,
            file_id: 5,
        };
        for at in (0..HEADER_LEN).chain(40..intact.len()) {
            let mut bytes = intact.clone();
            bytes[at] ^= 0x40;
            let header = check_header(&bytes, identity).map(|()| Footer::decode(&bytes, 0, 5));
            assert!(!matches!(header, Ok(Ok(_))), "byte {at}");
        }
        assert!(Footer::decode(&intact, 0, 6).is_err());
    }

    #[test]
    fn another_version_is_told_apart_from_damage() {
        let identity = FileIdentity {
            store_id: 7,
            file_id: 5,
        };
        let mut bytes = header(identity);
        bytes[8] = FORMAT_VERSION as u8 + 1;
        assert!(matches!(
            check_header(&bytes, identity),
            Err(Refusal::Damage(..))
        ));
        bytes.truncate(HEADER_LEN - 4);
        bytes.extend(identity.crc(0, &bytes).to_le_bytes());
        assert_eq!(
            check_header(&bytes, identity),
            Err(Refusal::Version(FORMAT_VERSION + 1))
        );
    }
}
