//! Types and help texts of metrics: in the log with the batches that bring them, and in one small file that is written
//! anew before a generation's part of the log goes. Drawn in `docs/format/store.md`.
//!
//! Their number and their bytes are bounded. Where there is no room for one more, those go that were told the longest time
//! ago: senders repeat what they still send. A family that has no series left is forgotten when retention took something,
//! unless it was told since the time before: metadata may come ahead of the first sample.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::identity::write_whole;
use super::sealed::Seal;
use crate::budget::{MemoryBudget, Reservation};
use crate::codec::StoreIdentity;
use crate::codec::varint::push_uvarint;
use crate::error::{Error, Result};
use crate::io::Fs;
use crate::model::{MetricMetadata, MetricType};

const NAME: &str = "metadata";
const SEAL: Seal = Seal {
    magic: *b"TSDBMETA",
    version: 1,
};

/// What a family takes in memory, in bytes: at most, on average at most, and beside its texts.
const MAX_BYTES: usize = 16 << 10;
const AVERAGE_BYTES: usize = 1 << 10;
const OVERHEAD_BYTES: usize = 256;

/// Part of the families that is forgotten at once, so that finding the oldest costs little a family.
const FORGOTTEN_AT_ONCE: usize = 8;

/// The metadata of all metric families.
#[derive(Debug)]
pub(super) struct MetadataFile {
    dir: PathBuf,
    identity: StoreIdentity,
    // Taken for a look-up or one insertion.
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    metrics: BTreeMap<String, Kept>,
    /// Families that may be kept.
    max: usize,
    /// How often one was told.
    told: u64,
    /// How often that was when those without series were forgotten last.
    told_before: u64,
    /// What they take.
    memory: Reservation,
    /// Whether the file is behind.
    changed: bool,
}

#[derive(Debug)]
struct Kept {
    metadata: MetricMetadata,
    /// When it was told last, by [`Inner::told`].
    told: u64,
}

impl MetadataFile {
    /// Reads the file, if it is there, to keep at most so many families. A damaged one is reported in the second place and
    /// counts as empty: what it held comes again with the next scrape.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn open(
        fs: &dyn Fs,
        dir: &Path,
        identity: StoreIdentity,
        max: usize,
        budget: &MemoryBudget,
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
        let file = Self::empty(dir, identity, max, budget);
        {
            let mut inner = file.inner.lock();
            for metadata in metrics.into_values() {
                inner.changed |= !inner.keep(metadata);
            }
        }
        Ok((file, damage))
    }

    /// Nothing yet, of the store in this directory.
    pub(super) fn empty(
        dir: &Path,
        identity: StoreIdentity,
        max: usize,
        budget: &MemoryBudget,
    ) -> Self {
        Self {
            dir: dir.to_owned(),
            identity,
            inner: Mutex::new(Inner {
                metrics: BTreeMap::new(),
                max,
                told: 0,
                told_before: 0,
                memory: budget.charge(0),
                changed: false,
            }),
        }
    }

    /// Takes the metadata of a metric; says whether that is news. What is too long, and that for which there is no memory, is
    /// left out.
    pub(super) fn set(&self, metadata: &MetricMetadata) -> bool {
        let inner = &mut *self.inner.lock();
        inner.told += 1;
        if let Some(kept) = inner.metrics.get_mut(&metadata.metric)
            && kept.metadata == *metadata
        {
            kept.told = inner.told;
            return false;
        }
        inner.keep(metadata.clone())
    }

    /// Forgets the families that none of these sorted names of metrics begins with, and that were not told since the last call.
    pub(super) fn forget_without(&self, names: &[String]) {
        let inner = &mut *self.inner.lock();
        let before = inner.told_before;
        inner.retain(|kept| {
            let family = kept.metadata.metric.as_str();
            let at = names.partition_point(|name| name.as_str() < family);
            // Parts of histograms and counters have names of their own: `…_bucket`, `…_total`.
            let has_series = names.get(at).is_some_and(|name| name.starts_with(family));
            has_series || kept.told > before
        });
        inner.told_before = inner.told;
    }

    /// What all metadata takes in memory, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.inner.lock().memory.bytes()
    }

    /// All metadata, by name.
    pub(super) fn all(&self) -> Vec<MetricMetadata> {
        let inner = self.inner.lock();
        let kept = inner.metrics.values();
        kept.map(|kept| kept.metadata.clone()).collect()
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
            inner.encode(self.identity)
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
        let bytes = self.inner.lock().encode(self.identity);
        write_whole(fs, dir, NAME, &bytes)
    }
}

impl Inner {
    /// Keeps the metadata of a metric in the place of what was known of it; says whether there was room.
    fn keep(&mut self, metadata: MetricMetadata) -> bool {
        let bytes = bytes_of(&metadata);
        if bytes > MAX_BYTES || self.max == 0 {
            return false;
        }
        if let Some(known) = self.metrics.remove(&metadata.metric) {
            let rest = self.memory.bytes() - bytes_of(&known.metadata) as u64;
            self.memory.shrink_to(rest);
            self.changed = true;
        }
        let most = self.max.saturating_mul(AVERAGE_BYTES) as u64;
        let is_full = |inner: &Self| {
            inner.metrics.len() >= inner.max || inner.memory.bytes() + bytes as u64 > most
        };
        while is_full(self) && !self.metrics.is_empty() {
            self.forget_oldest();
        }
        if self.memory.grow(bytes as u64).is_err() {
            return false;
        }
        self.told += 1;
        let told = self.told;
        let metric = metadata.metric.clone();
        self.metrics.insert(metric, Kept { metadata, told });
        self.changed = true;
        true
    }

    /// Forgets a part of the families: those that were told the longest time ago.
    fn forget_oldest(&mut self) {
        let mut told: Vec<u64> = self.metrics.values().map(|kept| kept.told).collect();
        let last = told.len().div_ceil(FORGOTTEN_AT_ONCE).saturating_sub(1);
        if last >= told.len() {
            return;
        }
        let (_, &mut newest, _) = told.select_nth_unstable(last);
        self.retain(|kept| kept.told > newest);
    }

    /// Forgets the families that are not to be kept.
    fn retain(&mut self, keeps: impl Fn(&Kept) -> bool) {
        let before = self.metrics.len();
        self.metrics.retain(|_, kept| keeps(kept));
        self.changed |= self.metrics.len() < before;
        let left = self.metrics.values().map(|kept| &kept.metadata);
        let left: usize = left.map(bytes_of).sum();
        self.memory.shrink_to(left as u64);
    }

    fn encode(&self, identity: StoreIdentity) -> Vec<u8> {
        encode(self.metrics.values().map(|kept| &kept.metadata), identity)
    }
}

/// What a family takes in memory; its name is there twice.
fn bytes_of(metadata: &MetricMetadata) -> usize {
    2 * metadata.metric.len() + metadata.help.len() + metadata.unit.len() + OVERHEAD_BYTES
}

fn encode<'a>(
    metrics: impl ExactSizeIterator<Item = &'a MetricMetadata>,
    identity: StoreIdentity,
) -> Vec<u8> {
    SEAL.close(identity, |bytes| {
        push_uvarint(bytes, metrics.len() as u64);
        for metadata in metrics {
            bytes.push(metadata.kind as u8);
            for text in [&metadata.metric, &metadata.help, &metadata.unit] {
                push_uvarint(bytes, text.len() as u64);
                bytes.extend(text.as_bytes());
            }
        }
    })
}

fn decode(
    path: &Path,
    bytes: &[u8],
    identity: StoreIdentity,
) -> Result<BTreeMap<String, MetricMetadata>> {
    SEAL.open(path, bytes, identity, |cursor| {
        let count = cursor.count(bytes.len())?;
        let mut metrics = BTreeMap::new();
        for _ in 0..count {
            let kind = MetricType::from_u32(u32::from(cursor.u8()?));
            let mut text = || {
                let len = cursor.count(bytes.len())?;
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
        Ok(metrics)
    })
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
