//! Types and help texts of metrics: in the log with the batches that bring them, and in one small file that is written
//! anew before a generation's part of the log goes. Drawn in `docs/format/store.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::identity::write_whole;
use crate::codec::StoreIdentity;
use crate::codec::crc::crc32;
use crate::codec::cursor::Cursor;
use crate::codec::varint::push_uvarint;
use crate::error::{Error, Result};
use crate::io::Fs;
use crate::model::{MetricMetadata, MetricType};

const NAME: &str = "metadata";
const MAGIC: [u8; 8] = *b"TSDBMETA";
const VERSION: u16 = 1;
/// Magic, version, and the checksum at the end.
const FRAME_BYTES: usize = 8 + 2 + 4;

/// The metadata of all metric families.
#[derive(Debug)]
pub(super) struct MetadataFile {
    dir: PathBuf,
    identity: StoreIdentity,
    // Taken for a look-up or one insertion.
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    metrics: BTreeMap<String, MetricMetadata>,
    /// Whether the file is behind.
    changed: bool,
}

impl MetadataFile {
    /// Reads the file, if it is there. A damaged one is reported in the second place and counts as empty: what it held
    /// comes again with the next scrape.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn open(
        fs: &dyn Fs,
        dir: &Path,
        identity: StoreIdentity,
    ) -> Result<(Self, Option<Error>)> {
        let path = dir.join(NAME);
        let (metrics, damage) = match super::identity::read_whole(fs, &path)? {
            None => (BTreeMap::new(), None),
            Some(bytes) => match decode(&path, &bytes, identity) {
                Ok(metrics) => (metrics, None),
                Err(damage @ Error::Corrupt { .. }) => (BTreeMap::new(), Some(damage)),
                Err(e) => return Err(e),
            },
        };
        let file = Self::empty(dir, identity);
        file.inner.lock().metrics = metrics;
        Ok((file, damage))
    }

    /// Nothing yet, of the store in this directory.
    pub(super) fn empty(dir: &Path, identity: StoreIdentity) -> Self {
        Self {
            dir: dir.to_owned(),
            identity,
            inner: Mutex::default(),
        }
    }

    /// Takes the metadata of a metric; says whether that is news.
    pub(super) fn set(&self, metadata: &MetricMetadata) -> bool {
        let mut inner = self.inner.lock();
        if inner.metrics.get(&metadata.metric) == Some(metadata) {
            return false;
        }
        inner
            .metrics
            .insert(metadata.metric.clone(), metadata.clone());
        inner.changed = true;
        true
    }

    /// All metadata, by name.
    pub(super) fn all(&self) -> Vec<MetricMetadata> {
        self.inner.lock().metrics.values().cloned().collect()
    }

    /// Writes the file if it is behind.
    ///
    /// # Errors
    /// When it cannot be written; the old one stands then.
    pub(super) fn save(&self, fs: &dyn Fs) -> Result<()> {
        let bytes = {
            let mut inner = self.inner.lock();
            if !inner.changed {
                return Ok(());
            }
            inner.changed = false;
            encode(&inner.metrics, self.identity)
        };
        let written = write_whole(fs, &self.dir, NAME, &bytes);
        if written.is_err() {
            self.inner.lock().changed = true;
        }
        written
    }

    /// Writes all metadata to the file of another directory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write_to(&self, fs: &dyn Fs, dir: &Path) -> Result<()> {
        let bytes = encode(&self.inner.lock().metrics, self.identity);
        write_whole(fs, dir, NAME, &bytes)
    }
}

fn encode(metrics: &BTreeMap<String, MetricMetadata>, identity: StoreIdentity) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    push_uvarint(&mut bytes, metrics.len() as u64);
    for metadata in metrics.values() {
        bytes.push(metadata.kind as u8);
        for text in [&metadata.metric, &metadata.help, &metadata.unit] {
            push_uvarint(&mut bytes, text.len() as u64);
            bytes.extend(text.as_bytes());
        }
    }
    let crc = crc32(&identity.to_bytes(), &bytes);
    bytes.extend(crc.to_le_bytes());
    bytes
}

fn decode(
    path: &Path,
    bytes: &[u8],
    identity: StoreIdentity,
) -> Result<BTreeMap<String, MetricMetadata>> {
    let corrupt = |offset: usize, what| Error::corrupt(path, offset as u64, what);
    if bytes.len() < FRAME_BYTES || !bytes.starts_with(&MAGIC) {
        return Err(corrupt(0, "not a metadata file"));
    }
    let (contents, stored) = bytes.split_at(bytes.len() - 4);
    if Cursor::new(stored).u32() != Ok(crc32(&identity.to_bytes(), contents)) {
        return Err(corrupt(contents.len(), "checksum does not match"));
    }
    let mut cursor = Cursor::new(contents);
    let parsed = (|| {
        cursor.bytes(MAGIC.len())?;
        let version = cursor.u16()?;
        if version != VERSION {
            return Ok(Err(version));
        }
        let count = cursor.count(contents.len())?;
        let mut metrics = BTreeMap::new();
        for _ in 0..count {
            let kind = MetricType::from_u32(u32::from(cursor.u8()?));
            let mut text = || {
                let len = cursor.count(contents.len())?;
                cursor.str(len).map(str::to_owned)
            };
            let (metric, help, unit) = (text()?, text()?, text()?);
            let metadata = MetricMetadata {
                metric,
                kind,
                help,
                unit,
            };
            metrics.insert(metadata.metric.clone(), metadata);
        }
        Ok::<_, crate::codec::DecodeError>(Ok(metrics))
    })();
    match parsed {
        Ok(Ok(metrics)) => Ok(metrics),
        Ok(Err(found)) => Err(Error::UnsupportedFormat {
            path: path.to_owned(),
            found,
            supported: VERSION..=VERSION,
        }),
        Err(e) => Err(corrupt(e.at, e.what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::MemFs;

    fn metadata(metric: &str, help: &str) -> MetricMetadata {
        MetricMetadata {
            metric: metric.into(),
            kind: MetricType::Counter,
            help: help.into(),
            unit: String::new(),
        }
    }

    #[test]
    fn bytes_are_those_committed() {
        let identity = StoreIdentity {
            id: 1,
            key: [2; 16],
        };
        let metrics = [metadata("up", ""), metadata("höhe_total", "how high")];
        let metrics: BTreeMap<_, _> = metrics.map(|m| (m.metric.clone(), m)).into();
        let committed = crate::golden::committed("metadata-v1", &encode(&metrics, identity));
        let read = decode(Path::new("metadata"), &committed, identity).unwrap();
        assert_eq!(read, metrics);
    }

    #[test]
    fn is_there_again_and_damage_is_noticed() {
        let fs = MemFs::default();
        let dir = Path::new("/s");
        let identity = StoreIdentity::random();
        let (file, damage) = MetadataFile::open(&fs, dir, identity).unwrap();
        assert!(damage.is_none());
        assert!(file.set(&metadata("b", "second")));
        assert!(file.set(&metadata("a", "first")));
        assert!(!file.set(&metadata("a", "first")), "that is known");
        file.save(&fs).unwrap();
        let (again, damage) = MetadataFile::open(&fs, dir, identity).unwrap();
        assert!(damage.is_none());
        assert_eq!(
            again.all(),
            [metadata("a", "first"), metadata("b", "second")]
        );

        let bytes = encode(&again.inner.lock().metrics, identity);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            assert!(decode(dir, &flipped, identity).is_err(), "byte {at}");
            assert!(decode(dir, &bytes[..at], identity).is_err(), "cut at {at}");
        }
        assert!(decode(dir, &bytes, StoreIdentity::random()).is_err());
    }
}
