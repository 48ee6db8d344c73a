//! The tombstones that are in force, and the small file that has them when the log of their generation is gone. Drawn in
//! `docs/format/store.md`.
//!
//! A tombstone is in the log first: it is for what stands there before it. Every run says up to which number tombstones are
//! applied to it. The file is replaced before a generation's part of the log goes.

use std::collections::BTreeSet;
use std::path::Path;

use super::identity::{read_whole, write_whole};
use crate::codec::crc::crc32;
use crate::codec::cursor::Cursor;
use crate::codec::varint::push_uvarint;
use crate::codec::{DecodeError, StoreIdentity, push_tombstone, read_tombstone};
use crate::error::{Error, Result};
use crate::io::Fs;
use crate::model::{Matcher, TimeRange, TimeUnit, Tombstone};

pub(super) const NAME: &str = "tombstones";
const MAGIC: [u8; 8] = *b"TSDBTOMB";
const VERSION: u16 = 1;

/// Tombstones in force beyond which a delete is refused, until merging has applied some.
const MAX_TOMBSTONES: u64 = 100_000;

/// The same for their bytes.
const MAX_BYTES: u64 = 16 << 20;

/// The tombstones in force, by number.
#[derive(Debug, Default)]
pub(super) struct Tombstones {
    list: Vec<Tombstone>,
    /// Bytes of the list, encoded.
    bytes: u64,
    /// The highest number that was ever given, as far as anything still tells.
    last_number: u64,
    /// Whether the file is behind.
    changed: bool,
}

impl Tombstones {
    /// Reads the file, if it is there. A damaged one is reported in the second place and counts as empty: what it
    /// deleted from runs that are not merged since is there again.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn open(
        fs: &dyn Fs,
        dir: &Path,
        identity: StoreIdentity,
    ) -> Result<(Self, Option<Error>)> {
        let path = dir.join(NAME);
        let mut tombstones = Self::default();
        let Some(bytes) = read_whole(fs, &path)? else {
            return Ok((tombstones, None));
        };
        match decode(&path, &bytes, identity) {
            Ok(list) => {
                list.into_iter()
                    .for_each(|tombstone| tombstones.add(tombstone));
                tombstones.changed = false;
                Ok((tombstones, None))
            }
            Err(damage @ Error::Corrupt { .. }) => Ok((tombstones, Some(damage))),
            Err(e) => Err(e),
        }
    }

    /// A tombstone for a delete.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] when there are too many.
    pub(super) fn next(
        &self,
        selectors: &[&[Matcher]],
        range: TimeRange,
        unit: TimeUnit,
    ) -> Result<Tombstone> {
        let full = |limit, max| Err(Error::LimitExceeded { limit, max });
        if self.len() >= MAX_TOMBSTONES {
            return full("tombstones", MAX_TOMBSTONES);
        }
        let tombstone = Tombstone {
            number: self.last_number + 1,
            range,
            unit,
            selectors: selectors.iter().map(|matchers| matchers.to_vec()).collect(),
        };
        if self.bytes + encoded_len(&tombstone) > MAX_BYTES {
            return full("bytes of tombstones", MAX_BYTES);
        }
        Ok(tombstone)
    }

    /// Puts a tombstone in force; one that is known already stays as it is.
    pub(super) fn add(&mut self, tombstone: Tombstone) {
        self.raise_number(tombstone.number);
        let at = self.list.partition_point(|t| t.number < tombstone.number);
        if self
            .list
            .get(at)
            .is_none_or(|t| t.number != tombstone.number)
        {
            self.bytes += encoded_len(&tombstone);
            self.list.insert(at, tombstone);
            self.changed = true;
        }
    }

    /// The next tombstone has a number above this one.
    pub(super) fn raise_number(&mut self, number: u64) {
        self.last_number = self.last_number.max(number);
    }

    /// The highest number that was ever given.
    pub(super) fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Those with numbers above `number`, rising.
    pub(super) fn after(&self, number: u64) -> &[Tombstone] {
        let from = self.list.partition_point(|t| t.number <= number);
        self.list.get(from..).unwrap_or_default()
    }

    pub(super) fn len(&self) -> u64 {
        self.list.len() as u64
    }

    /// Bytes of all, encoded.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Drops those that nothing needs any more; says how many.
    pub(super) fn retain(&mut self, needed: &BTreeSet<u64>) -> usize {
        let before = self.list.len();
        self.list
            .retain(|tombstone| needed.contains(&tombstone.number));
        let dropped = before - self.list.len();
        if dropped > 0 {
            self.bytes = self.list.iter().map(encoded_len).sum();
            self.changed = true;
        }
        dropped
    }

    /// Whether the file is behind.
    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written; the old one stands then.
    pub(super) fn save(&mut self, fs: &dyn Fs, dir: &Path, identity: StoreIdentity) -> Result<()> {
        self.write_to(fs, dir, identity)?;
        self.changed = false;
        Ok(())
    }

    /// Writes the file of any directory.
    ///
    /// # Errors
    /// When it cannot be written; an old one stands then.
    pub(super) fn write_to(&self, fs: &dyn Fs, dir: &Path, identity: StoreIdentity) -> Result<()> {
        write_whole(fs, dir, NAME, &encode(&self.list, identity))
    }
}

fn encoded_len(tombstone: &Tombstone) -> u64 {
    let mut bytes = Vec::new();
    push_tombstone(&mut bytes, tombstone);
    bytes.len() as u64
}

fn encode(list: &[Tombstone], identity: StoreIdentity) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    push_uvarint(&mut bytes, list.len() as u64);
    for tombstone in list {
        push_tombstone(&mut bytes, tombstone);
    }
    let crc = crc32(&identity.to_bytes(), &bytes);
    bytes.extend(crc.to_le_bytes());
    bytes
}

fn decode(path: &Path, bytes: &[u8], identity: StoreIdentity) -> Result<Vec<Tombstone>> {
    let corrupt = |offset: usize, what| Error::corrupt(path, offset as u64, what);
    let Some((contents, stored)) = bytes.split_last_chunk::<4>() else {
        return Err(corrupt(0, "not a file of tombstones"));
    };
    if !contents.starts_with(&MAGIC) {
        return Err(corrupt(0, "not a file of tombstones"));
    }
    if crc32(&identity.to_bytes(), contents).to_le_bytes() != *stored {
        return Err(corrupt(contents.len(), "checksum does not match"));
    }
    match decode_contents(contents) {
        Ok(Ok(list)) => Ok(list),
        Ok(Err(found)) => Err(Error::UnsupportedFormat {
            path: path.to_owned(),
            found,
            supported: VERSION..=VERSION,
        }),
        Err(e) => Err(corrupt(e.at, e.what)),
    }
}

/// The tombstones in a file without its checksum, or the version that it has.
pub(crate) fn decode_contents(
    contents: &[u8],
) -> std::result::Result<std::result::Result<Vec<Tombstone>, u16>, DecodeError> {
    let mut cursor = Cursor::new(contents);
    cursor.bytes(MAGIC.len())?;
    let version = cursor.u16()?;
    if version != VERSION {
        return Ok(Err(version));
    }
    let count = cursor.count(cursor.remaining())?;
    let list = (0..count).map(|_| read_tombstone(&mut cursor));
    let list: Vec<Tombstone> = list.collect::<std::result::Result<_, _>>()?;
    if !cursor.is_empty() || !list.is_sorted_by(|a, b| a.number < b.number) {
        return Err(cursor.error("tombstones are not in order"));
    }
    Ok(Ok(list))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::MemFs;
    use crate::model::MatchOp;
    use crate::store::sealed::assert_damage_is_noticed;

    const MS: TimeUnit = TimeUnit::Milliseconds;

    fn tombstone(number: u64) -> Tombstone {
        let job = Matcher::equal("job", "node");
        let pattern = Matcher::new(MatchOp::Regex, "instance", "a.*").unwrap();
        Tombstone {
            number,
            range: TimeRange::new(-1, 1 << 40),
            unit: match number % 2 {
                0 => TimeUnit::Nanoseconds,
                _ => TimeUnit::Milliseconds,
            },
            selectors: vec![vec![job], vec![pattern]],
        }
    }

    #[test]
    fn bytes_are_those_committed() {
        let identity = StoreIdentity {
            id: 1,
            key: [2; 16],
        };
        let list = [tombstone(3), tombstone(300)];
        let committed = crate::golden::committed("tombstones-v1", &encode(&list, identity));
        assert_eq!(decode(Path::new("t"), &committed, identity).unwrap(), list);
    }

    #[test]
    fn are_there_again_and_damage_is_noticed() {
        let (fs, dir) = (MemFs::default(), Path::new("/s"));
        let identity = StoreIdentity::random();
        let (mut tombstones, damage) = Tombstones::open(&fs, dir, identity).unwrap();
        assert!(damage.is_none());
        for number in [4, 2, 4] {
            tombstones.add(tombstone(number));
        }
        tombstones.save(&fs, dir, identity).unwrap();
        let (again, damage) = Tombstones::open(&fs, dir, identity).unwrap();
        assert!(damage.is_none() && !again.is_changed());
        assert_eq!(
            (again.len(), again.last_number(), again.bytes()),
            (2, 4, tombstones.bytes())
        );
        assert_eq!(again.after(2), [tombstone(4)]);
        assert_eq!(again.next(&[], TimeRange::ALL, MS).unwrap().number, 5);

        let bytes = encode(&again.list, identity);
        assert_damage_is_noticed(&bytes, |bytes| decode(dir, bytes, identity).is_err());
        assert!(decode(dir, &bytes, StoreIdentity::random()).is_err());
    }

    #[test]
    fn too_many_are_refused_until_some_are_dropped() {
        let mut tombstones = Tombstones::default();
        for number in 1..=MAX_TOMBSTONES {
            tombstones.add(Tombstone {
                number,
                range: TimeRange::ALL,
                unit: TimeUnit::Milliseconds,
                selectors: Vec::new(),
            });
        }
        let refused = tombstones.next(&[], TimeRange::ALL, MS);
        assert!(matches!(refused, Err(e) if e.is_retryable()));
        assert_eq!(tombstones.retain(&[7].into()) as u64, MAX_TOMBSTONES - 1);
        assert!(tombstones.next(&[], TimeRange::ALL, MS).is_ok());
        let long = Matcher::equal("job", &"x".repeat(17 << 20));
        assert!(tombstones.next(&[&[long]], TimeRange::ALL, MS).is_err());
    }
}
