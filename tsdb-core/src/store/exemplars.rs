//! Exemplars: a ring of the newest, in memory; in the log with the batches that bring them, and in one small file that is
//! written anew before a generation's part of the log goes. Drawn in `docs/format/store.md`.
//!
//! * Of a series they are in order of time, value and labels; whatever does not come after the last one is left out, as
//!   in Prometheus (`tsdb/exemplar.go`).
//! * The file says up to which frame of the log it has the exemplars, so that replay does not bring back those that the ring
//!   had let go.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::exemplars_file::{self, NAME};
use super::identity::{read_whole, write_whole};
use crate::budget::{MemoryBudget, Reservation};
use crate::codec::StoreIdentity;
use crate::error::{Error, Result};
use crate::io::Fs;
use crate::model::{Exemplar, Labels, Matcher, SeriesExemplars, TimeRange, fits_exemplar};

/// What an exemplar may take on average, in bytes; those of series with long labels leave less room for others.
const AVERAGE_BYTES: usize = 1 << 10;

/// What is around the labels of an exemplar and of its series, in bytes.
const OVERHEAD_BYTES: usize = 160;

/// An exemplar and its series.
#[derive(Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) series: Labels,
    pub(super) exemplar: Exemplar,
}

/// What became of an exemplar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    Taken,
    /// It is the last one of its series already.
    Known,
    /// It is older than the last one, has too many labels, or there is no room.
    Refused,
}

/// The exemplars of the store.
#[derive(Debug)]
pub(super) struct Exemplars {
    dir: PathBuf,
    identity: StoreIdentity,
    /// Held for the exemplars of a batch, or to copy the list of what is kept.
    ring: Mutex<Ring>,
}

#[derive(Debug)]
struct Ring {
    max: usize,
    /// The oldest first.
    kept: VecDeque<Arc<Kept>>,
    series: HashMap<Labels, OfSeries>,
    /// Bytes of what is kept are its size.
    memory: Reservation,
    /// The frame of the log that brought the last one.
    seq: u64,
    /// Whether the file is behind.
    changed: bool,
}

#[derive(Debug)]
struct OfSeries {
    newest: Arc<Kept>,
    kept: usize,
}

/// What is to be written to the file.
#[derive(Debug)]
pub(super) struct Unsaved {
    pub(super) seq: u64,
    pub(super) kept: Vec<Arc<Kept>>,
}

impl Exemplars {
    /// Reads the file, if it is there. A damaged one is reported in the second place and counts as empty.
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
        let exemplars = Self::empty(dir, identity, max, budget);
        let path = dir.join(NAME);
        let mut damage = None;
        if let Some(bytes) = read_whole(fs, &path)? {
            match exemplars_file::decode(&path, &bytes, identity) {
                Ok((seq, kept)) => {
                    let mut ring = exemplars.ring.lock();
                    ring.seq = seq;
                    for Kept { series, exemplar } in kept {
                        ring.offer(series, exemplar);
                    }
                }
                Err(e @ Error::Corrupt { .. }) => damage = Some(e),
                Err(e) => return Err(e),
            }
        }
        Ok((exemplars, damage))
    }

    /// None yet, whatever the file has.
    pub(super) fn empty(
        dir: &Path,
        identity: StoreIdentity,
        max: usize,
        budget: &MemoryBudget,
    ) -> Self {
        Self {
            dir: dir.to_owned(),
            identity,
            ring: Mutex::new(Ring {
                max,
                kept: VecDeque::new(),
                series: HashMap::new(),
                memory: budget.charge(0),
                seq: 0,
                changed: false,
            }),
        }
    }

    /// Takes an exemplar that the log has, unless the file had it.
    pub(super) fn replay(&self, seq: u64, saved: u64, series: Labels, exemplar: Exemplar) {
        let mut ring = self.ring.lock();
        if seq > saved && ring.offer(series, exemplar) == Offered::Taken {
            ring.seq = seq;
            ring.changed = true;
        }
    }

    /// The frame of the log up to which there are exemplars.
    pub(super) fn seq(&self) -> u64 {
        self.ring.lock().seq
    }

    /// The log goes on with this frame. Where nothing is left of a log its numbers begin anew, and then the file must not
    /// say that it has the exemplars of frames to come.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn log_goes_on(&self, fs: &dyn Fs, next_seq: u64) -> Result<()> {
        let unsaved = {
            let mut ring = self.ring.lock();
            if ring.seq < next_seq {
                return Ok(());
            }
            ring.seq = next_seq.saturating_sub(1);
            ring.changed = true;
            ring.unsaved()
        };
        unsaved.map_or(Ok(()), |unsaved| self.save(fs, &unsaved))
    }

    /// Begins to take the exemplars of the batch whose frame has this number.
    pub(super) fn begin(&self, seq: u64) -> Batch<'_> {
        Batch {
            ring: self.ring.lock(),
            seq,
        }
    }

    /// What the file does not have; `None` when it has everything. To be called in the lane, so that the frames of the log
    /// up to its number are in the log.
    pub(super) fn unsaved(&self) -> Option<Unsaved> {
        self.ring.lock().unsaved()
    }

    /// Writes the file. The frames of the log up to the number in it must be durable: a number that was never durable is
    /// given again.
    ///
    /// # Errors
    /// When it cannot be written; the old one stands then.
    pub(super) fn save(&self, fs: &dyn Fs, unsaved: &Unsaved) -> Result<()> {
        let bytes = exemplars_file::encode(unsaved, self.identity);
        write_whole(fs, &self.dir, NAME, &bytes)
    }

    /// What [`unsaved`](Self::unsaved) gave is not in the file.
    pub(super) fn still_unsaved(&self) {
        self.ring.lock().changed = true;
    }

    /// Writes a file with all of them into another directory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write_to(&self, fs: &dyn Fs, dir: &Path) -> Result<()> {
        let all = self.ring.lock().all();
        let bytes = exemplars_file::encode(&all, self.identity);
        write_whole(fs, dir, NAME, &bytes)
    }

    /// See [`Db::exemplars`](crate::Db::exemplars).
    pub(super) fn select(
        &self,
        range: TimeRange,
        selectors: &[&[Matcher]],
    ) -> Vec<SeriesExemplars> {
        let kept: Vec<Arc<Kept>> = self.ring.lock().kept.iter().cloned().collect();
        // `None` is a series that is not selected.
        let mut series: BTreeMap<&Labels, Option<Vec<Exemplar>>> = BTreeMap::new();
        for kept in &kept {
            let found = series.entry(&kept.series).or_insert_with(|| {
                let matches = |m: &Matcher| m.matches(kept.series.get(m.name()).unwrap_or(""));
                let all = |set: &&[Matcher]| set.iter().all(matches);
                selectors.iter().any(all).then(Vec::new)
            });
            if let Some(found) = found
                && range.contains(kept.exemplar.t_ms)
            {
                found.push(kept.exemplar.clone());
            }
        }
        let found = series.into_iter().filter_map(|(labels, exemplars)| {
            Some(SeriesExemplars {
                labels: labels.clone(),
                exemplars: exemplars.filter(|exemplars| !exemplars.is_empty())?,
            })
        });
        found.collect()
    }
}

/// The ring while it takes the exemplars of a batch.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    ring: MutexGuard<'a, Ring>,
    seq: u64,
}

impl Batch<'_> {
    /// Offers an exemplar; both label sets are in canonical bytes.
    pub(super) fn offer(&mut self, series: &[u8], labels: &[u8], t_ms: i64, value: f64) -> Offered {
        if self.ring.max == 0 || !fits_exemplar(labels) {
            return Offered::Refused;
        }
        let labels = Labels::from_canonical(labels);
        let (Ok(series), Ok(labels)) = (Labels::from_canonical(series), labels) else {
            return Offered::Refused;
        };
        let exemplar = Exemplar {
            labels,
            value,
            t_ms,
        };
        let offered = self.ring.offer(series, exemplar);
        if offered == Offered::Taken {
            self.ring.seq = self.seq;
            self.ring.changed = true;
        }
        offered
    }
}

impl Ring {
    fn offer(&mut self, series: Labels, exemplar: Exemplar) -> Offered {
        if self.max == 0 {
            return Offered::Refused;
        }
        if let Some(there) = self.series.get(&series) {
            match exemplar.order().cmp(&there.newest.exemplar.order()) {
                std::cmp::Ordering::Less => return Offered::Refused,
                std::cmp::Ordering::Equal => return Offered::Known,
                std::cmp::Ordering::Greater => {}
            }
        }
        let kept = Kept { series, exemplar };
        let bytes = size_of_kept(&kept);
        let budget = self.max.saturating_mul(AVERAGE_BYTES);
        while self.kept.len() >= self.max
            || (self.bytes() + bytes > budget && !self.kept.is_empty())
        {
            self.let_go_of_oldest();
        }
        if bytes > budget || self.memory.grow(bytes as u64).is_err() {
            return Offered::Refused;
        }
        let kept = Arc::new(kept);
        let of_series = self.series.entry(kept.series.clone());
        let of_series = of_series.or_insert_with(|| OfSeries {
            newest: Arc::clone(&kept),
            kept: 0,
        });
        of_series.newest = Arc::clone(&kept);
        of_series.kept += 1;
        self.kept.push_back(kept);
        Offered::Taken
    }

    fn bytes(&self) -> usize {
        usize::try_from(self.memory.bytes()).unwrap_or(usize::MAX)
    }

    fn let_go_of_oldest(&mut self) {
        let Some(oldest) = self.kept.pop_front() else {
            return;
        };
        let left = self.memory.bytes() - size_of_kept(&oldest) as u64;
        self.memory.shrink_to(left);
        if let Some(of_series) = self.series.get_mut(&oldest.series) {
            of_series.kept -= 1;
            if of_series.kept == 0 {
                self.series.remove(&oldest.series);
            }
        }
    }

    fn unsaved(&mut self) -> Option<Unsaved> {
        std::mem::take(&mut self.changed).then(|| self.all())
    }

    fn all(&self) -> Unsaved {
        Unsaved {
            seq: self.seq,
            kept: self.kept.iter().cloned().collect(),
        }
    }
}

fn size_of_kept(kept: &Kept) -> usize {
    kept.series.as_bytes().len() + kept.exemplar.labels.as_bytes().len() + OVERHEAD_BYTES
}

#[cfg(test)]
#[path = "exemplars_tests.rs"]
mod tests;
