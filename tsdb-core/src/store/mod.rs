//! The order of steps: open, write, flush, merge, expire. The only room that knows all the others.
//!
//! * `lane`: a batch is classified, logged and applied, in one order for all. `lookup`: what can be done before that. `apply`: what becomes of
//!   each sample, `sample_limits`: its age. `rotation`: when the next generation begins.
//! * `flush`: a frozen generation becomes runs, then its segments of the log go. `merge`: runs become fewer, or expire.
//! * `maintenance`: the threads that do so. `open`: from a directory to a running store, `parts`: what it is made of, `replay`:
//!   the log into generations. `read_only`: beside another process. `snapshot`: a copy that is a store. `identity`: the `store` file.
//! * `delete`: samples go; `tombstones`: what a delete leaves until they are gone from every file.
//! * `clock`: the reference for "future" and "retention". `metadata`: types and help texts of metrics. `exemplars`: the ring of exemplars. `sealed`: what both files have in common.
//! * `verify`: every byte checked, without opening; `scrub`: while open. `write`: what a write tells its caller. `writer`: batches of senders that repeat themselves. `series_limits`: how many series there may be. `figures`: what a store tells of itself.
//!
//! Memory is charged to the budget by the lane (head), the cache, flushes and merges.
//!
//! Locks, in the order in which they may be taken: `flushing` or `merging` (one step at a time), the tombstones, the lane, the view.
//! No file is touched under the lane or the view.

mod apply;
mod clock;
mod delete;
mod exemplars;
mod exemplars_file;
mod figures;
mod flush;
mod identity;
mod lane;
mod lookup;
mod maintenance;
mod merge;
mod metadata;
mod open;
mod partitions;
mod parts;
mod read_only;
mod replay;
mod rotation;
mod sample_limits;
mod scrub;
mod sealed;
mod series_limits;
mod snapshot;
mod tombstones;
mod verify;
mod write;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;

use self::clock::ReferenceClock;
use self::exemplars::Exemplars;
use self::figures::Counters;
use self::lane::Lane;
use self::lookup::Incoming;
use self::maintenance::Signal;
use self::merge::Merging;
use self::metadata::MetadataFile;
use self::tombstones::Tombstones;
use crate::budget::{Gauge, MemoryBudget};
use crate::codec::StoreIdentity;
use crate::disk::{EndMemory, GroupCache};
use crate::error::{Error, Result};
use crate::io::{Fs, LockGuard};
use crate::model::{Matcher, MetricMetadata, SeriesExemplars, TimeRange, WriteBatch};
use crate::options::Options;
use crate::read::{CurrentView, Querier, Snapshot};
use crate::retention::Retention;
use crate::wal::Wal;

pub(crate) use maintenance::Maintenance;
pub use series_limits::{LabelLimits, SeriesLimits, SeriesMaker};
pub use snapshot::SnapshotHead;
#[cfg(fuzzing)]
pub(crate) use tombstones::decode_contents;
pub(crate) use verify::verify;
pub use verify::{DamagedUnit, VerifyReport};
pub use write::{Commit, RejectReason, Rejected, Rejection, WriteReport};
pub use writer::{KnownSeries, Part, Writer};

/// An open store.
#[derive(Debug)]
pub(crate) struct Store {
    fs: Arc<dyn Fs>,
    /// `None` for a store in memory, where nothing survives anyway, and for one that is only read.
    wal: Option<Arc<Wal>>,
    dir: PathBuf,
    /// Nothing is written, and no file is changed.
    read_only: bool,
    data_dir: PathBuf,
    identity: StoreIdentity,
    options: Options,
    /// Held to take or to change the reference; `options` has what it was at open.
    retention: Mutex<Arc<Retention>>,
    clock: ReferenceClock,
    /// Per process: the hash by which label sets are looked up. Never stored.
    hasher: foldhash::fast::RandomState,
    /// Per process: the keys under which encoded labels are recognised.
    form_hashers: [foldhash::quality::RandomState; 2],
    /// Emptied batches, whose memory the next writers use.
    batches: Mutex<Vec<WriteBatch>>,
    view: Arc<CurrentView>,
    cache: Arc<GroupCache>,
    budget: MemoryBudget,
    /// What of it the indexes of runs may have.
    ends: EndMemory,
    /// What of the budget the head has.
    head_memory: Gauge,
    /// And what is deleted of runs and frozen generations.
    deleted_memory: Gauge,
    lane: Mutex<Lane>,
    metadata: MetadataFile,
    exemplars: Exemplars,
    /// Held for a delete, while runs enter the view, and while the file is written.
    tombstones: Mutex<Tombstones>,
    /// Newest sample accepted, in milliseconds; `i64::MIN` while there is none. Written in the lane.
    newest_ms: AtomicI64,
    next_file_id: AtomicU64,
    /// Held for the flush of one generation.
    flushing: Mutex<()>,
    /// Held for one merge, or one round of expiry.
    merging: Mutex<Merging>,
    /// Wakes the maintenance threads.
    signal: Signal,
    counters: Counters,
    /// Whether look-ups are to ask runs whether they know a new series. Written in the lane.
    asks_runs: AtomicBool,
    closed: AtomicBool,
    /// Held until the store is closed.
    lock: Mutex<Option<Box<dyn LockGuard>>>,
}

impl Store {
    pub(crate) fn submit(&self, batch: &WriteBatch) -> Result<Commit> {
        let recognized_in = None;
        self.check_open()?;
        lane::submit(
            self,
            Incoming {
                batch,
                recognized_in,
            },
        )
    }

    pub(crate) fn querier(&self, range: TimeRange) -> Result<Querier> {
        self.check_open()?;
        Ok(Querier::new(
            range,
            Arc::clone(&self.view),
            Arc::clone(&self.cache),
        ))
    }

    pub(crate) fn snapshot(&self, selectors: &[&[Matcher]]) -> Result<Snapshot> {
        self.check_open()?;
        Snapshot::take(&self.view, &self.cache, selectors)
    }

    pub(crate) fn metadata(&self) -> Vec<MetricMetadata> {
        self.metadata.all()
    }

    pub(crate) fn metadata_bytes(&self) -> u64 {
        self.metadata.bytes()
    }

    pub(crate) fn exemplars(
        &self,
        range: TimeRange,
        selectors: &[&[Matcher]],
    ) -> Result<Vec<SeriesExemplars>> {
        self.check_open()?;
        Ok(self.exemplars.select(range, selectors))
    }

    pub(crate) fn memory(&self) -> &MemoryBudget {
        &self.budget
    }

    pub(crate) fn set_series_limits(&self, limits: SeriesLimits) {
        self.lane.lock().admission.set_limits(limits);
    }

    pub(crate) fn series_makers(&self, limit: usize) -> Vec<SeriesMaker> {
        self.lane.lock().admission.makers(limit)
    }

    pub(crate) fn sync(&self) -> Result<()> {
        self.check_open()?;
        self.wal.as_ref().map_or(Ok(()), |wal| wal.sync())
    }

    /// Flushes the whole head, then merges until nothing is left to merge.
    pub(crate) fn flush(&self) -> Result<()> {
        self.check_writable()?;
        self.flush_head()?;
        self.expire()?;
        self.compact()
    }

    /// Merges runs until every partition has one.
    pub(crate) fn compact(&self) -> Result<()> {
        self.check_writable()?;
        self.merge_all()
    }

    /// Flushes, ends the log and frees the directory; from now on everything answers [`Error::Closed`]. The
    /// maintenance threads must have ended.
    pub(crate) fn close(&self) -> Result<()> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Err(Error::Closed);
        }
        let flushed = match &self.wal {
            Some(_) => self.flush_head(),
            None => Ok(()), // nothing of it is to survive
        };
        let ended = self.wal.as_ref().map_or(Ok(()), |wal| wal.close());
        self.lock.lock().take();
        flushed.and(ended)
    }

    fn check_writable(&self) -> Result<()> {
        self.check_open()?;
        if self.read_only {
            return Err(Error::ReadOnly);
        }
        Ok(())
    }

    /// Tells the budget what the head and what is deleted takes.
    fn charge_view(&self) {
        let view = self.view.get();
        self.head_memory.set(view.head_bytes());
        self.deleted_memory.set(view.deletions.bytes());
    }

    fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        Ok(())
    }

    fn new_file_id(&self) -> u64 {
        self.next_file_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Changes what is kept, and for how long; files that have expired by it go soon.
    pub(crate) fn set_retention(&self, retention: Retention) -> Result<()> {
        self.check_writable()?;
        retention.check()?;
        *self.retention.lock() = Arc::new(retention);
        self.signal.runs_changed();
        Ok(())
    }

    /// What is kept, and for how long.
    pub(crate) fn retention(&self) -> Arc<Retention> {
        Arc::clone(&self.retention.lock())
    }

    /// What ages count back from, in milliseconds; `None` while there is no sample.
    ///
    /// The newest sample, so that an idle store keeps its data, and never a time ahead of the reference clock, so that a
    /// sample far ahead does not make others expire.
    fn retention_reference_ms(&self) -> Option<i64> {
        let newest_ms = self.newest_ms.load(Ordering::Relaxed);
        (newest_ms != i64::MIN).then(|| newest_ms.min(self.clock.now_ms()))
    }
}
