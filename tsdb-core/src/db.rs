//! The public handle of a store.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::budget::MemoryBudget;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::io::{Fs, OsFs};
use crate::model::{Matcher, MetricMetadata, SeriesExemplars, TimeRange, TimeUnit, WriteBatch};
use crate::options::Options;
use crate::read::{Querier, Snapshot};
use crate::retention::Retention;
use crate::stats::{Cardinality, Stats};
use crate::store::{
    self, Commit, Maintenance, SeriesLimits, SeriesMaker, SnapshotHead, Store, VerifyReport,
    WriteReport, Writer,
};

/// An open store. Clones share it; it is `Send + Sync`, and every method may be called from any thread.
///
/// Dropping the last clone closes the store as [`close`](Self::close) does, and logs what goes wrong.
#[derive(Clone, Debug)]
pub struct Db {
    handle: Arc<Handle>,
}

/// The store and its threads.
#[derive(Debug)]
struct Handle {
    store: Arc<Store>,
    // Taken once, to end the threads.
    maintenance: Mutex<Option<Maintenance>>,
}

impl Handle {
    fn close(&self) -> Result<()> {
        // Dropping it ends the threads; only then may the log end.
        drop(self.maintenance.lock().take());
        self.store.close()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        match self.close() {
            Ok(()) | Err(crate::Error::Closed) => {}
            Err(e) => {
                tracing::error!(error = %e, "the store was not closed in order; what was acknowledged is in the log");
            }
        }
    }
}

impl Db {
    /// Opens the store in a directory, making it if it is not there, and recovers what a crash left.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it open, [`Error::InvalidOption`], [`Error::Io`],
    /// [`Error::UnsupportedFormat`] for a store of a newer version.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Self> {
        Self::open_on(Arc::new(OsFs), dir.as_ref(), options)
    }

    /// Opens the store in a directory for reading, also while another process has it open: without its lock, and without a
    /// change to any file. What it gives is what was there at this moment, in runs and in the write-ahead log; what is
    /// written later is seen by opening it again. Writes, flushes and the like answer [`Error::ReadOnly`].
    ///
    /// # Errors
    /// [`Error::Io`], also when there is no store; [`Error::InvalidOption`], [`Error::UnsupportedFormat`].
    pub fn open_read_only(dir: impl AsRef<Path>, options: &Options) -> Result<Self> {
        let fs: Arc<dyn Fs> = Arc::new(OsFs);
        let store = Store::open_read_only(&fs, dir.as_ref(), options)?;
        Ok(Self {
            handle: Arc::new(Handle {
                store: Arc::new(store),
                maintenance: Mutex::new(None),
            }),
        })
    }

    /// Opens the store on a file system.
    fn open_on(fs: Arc<dyn Fs>, dir: &Path, options: Options) -> Result<Self> {
        Self::start(Store::open(fs, dir, options)?)
    }

    /// The store behind the handle.
    #[cfg(test)]
    pub(crate) fn store(&self) -> &Store {
        &self.handle.store
    }

    fn start(store: Store) -> Result<Self> {
        let store = Arc::new(store);
        let maintenance = Maintenance::start(&store)?;
        Ok(Self {
            handle: Arc::new(Handle {
                store,
                maintenance: Mutex::new(Some(maintenance)),
            }),
        })
    }

    /// A store in memory, without a directory: nothing survives it.
    ///
    /// # Errors
    /// [`Error::InvalidOption`].
    pub fn in_memory(options: Options) -> Result<Self> {
        Self::start(Store::in_memory(options)?)
    }

    /// Applies a batch and returns before it is durable. Queries see it from now on.
    ///
    /// # Errors
    /// [`Error::StorageFull`], [`Error::WritesStopped`], [`Error::LimitExceeded`], [`Error::Closed`]; nothing of the batch is applied then.
    pub fn submit(&self, batch: &WriteBatch) -> Result<Commit> {
        self.handle.store.submit(batch)
    }

    /// Applies a batch and waits until it is durable.
    ///
    /// # Errors
    /// As [`submit`](Self::submit) and [`Commit::wait`].
    pub fn write(&self, batch: &WriteBatch) -> Result<WriteReport> {
        self.submit(batch)?.wait()
    }

    /// A batch for the decoder of a protocol, which recognises the series of senders that repeat themselves.
    #[must_use]
    pub fn writer(&self) -> Writer {
        Writer::new(&self.handle.store)
    }

    /// Reads over a range of time.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn querier(&self, range: TimeRange) -> Result<Querier> {
        self.handle.store.querier(range)
    }

    /// Captures what these lists of matchers select, all at one moment.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed), and when the index of a run cannot be read.
    pub fn snapshot(&self, selectors: &[&[Matcher]]) -> Result<Snapshot> {
        self.handle.store.snapshot(selectors)
    }

    /// Deletes the samples in the range of every series that matches all matchers of any of these lists; of a
    /// series of nanoseconds those in the milliseconds of the range. Queries that
    /// begin afterwards do not see them; a snapshot keeps what it has captured. What is written later stays, also at the
    /// same times. The bytes become free when the files are merged.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a range whose end is before its start; [`Error::LimitExceeded`] when too many
    /// deletes wait to be merged; [`Error::StorageFull`], [`Error::WritesStopped`], [`Error::Closed`]. After an error the
    /// samples may be gone or not, and a crash may bring them back, until the same delete succeeds.
    pub fn delete(&self, selectors: &[&[Matcher]], range: TimeRange) -> Result<()> {
        let unit = TimeUnit::Milliseconds;
        self.handle.store.delete(selectors, range, unit)
    }

    /// As [`delete`](Self::delete), with a range of nanoseconds, of series of [nanoseconds](TimeUnit::Nanoseconds) alone.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_nanoseconds(
        &self,
        selectors: &[&[Matcher]],
        range_ns: RangeInclusive<i64>,
    ) -> Result<()> {
        let range = TimeRange::new(*range_ns.start(), *range_ns.end());
        let unit = TimeUnit::Nanoseconds;
        self.handle.store.delete(selectors, range, unit)
    }

    /// Writes every file anew that has deleted samples, which frees their bytes, and drops what hid them.
    ///
    /// # Errors
    /// [`Error::Io`] and the like; what is deleted stays hidden then.
    pub fn clean_tombstones(&self) -> Result<()> {
        self.handle.store.clean_tombstones()
    }

    /// Changes what is kept, and for how long. Files that have expired by it go within seconds; what is flushed from now
    /// on is of the new classes, what is in files keeps the class it was written with.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], and nothing is changed; [`Error::Closed`].
    pub fn set_retention(&self, retention: Retention) -> Result<()> {
        self.handle.store.set_retention(retention)
    }

    /// What is kept, and for how long.
    #[must_use]
    pub fn retention(&self) -> Retention {
        (*self.handle.store.retention()).clone()
    }

    /// Metadata of the metric families that are kept, see [`Options::max_metadata_families`], sorted by name. It is a copy of
    /// [`metadata_bytes`](Self::metadata_bytes).
    #[must_use]
    pub fn metadata(&self) -> Vec<MetricMetadata> {
        self.handle.store.metadata()
    }

    /// What the metadata of all metric families takes in memory, in bytes.
    #[must_use]
    pub fn metadata_bytes(&self) -> u64 {
        self.handle.store.metadata_bytes()
    }

    /// The exemplars in this range of time of the series that any of these lists of matchers selects, sorted by the labels of
    /// the series. Those that are kept are the newest, see [`Options::max_exemplars`].
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn exemplars(
        &self,
        range: TimeRange,
        selectors: &[&[Matcher]],
    ) -> Result<Vec<SeriesExemplars>> {
        self.handle.store.exemplars(range, selectors)
    }

    /// Writes everything in memory to runs, merges runs until nothing is left to merge, and drops the write-ahead log
    /// that this covers.
    ///
    /// # Errors
    /// [`Error::Io`] and the like; nothing is lost then.
    pub fn flush(&self) -> Result<()> {
        self.handle.store.flush()
    }

    /// Merges runs until nothing is left to merge.
    ///
    /// # Errors
    /// [`Error::Io`] and the like; nothing is lost then.
    pub fn compact(&self) -> Result<()> {
        self.handle.store.compact()
    }

    /// Makes everything written so far durable, whatever the [`Durability`](crate::Durability).
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::WritesStopped`].
    pub fn sync(&self) -> Result<()> {
        self.handle.store.sync()
    }

    /// Makes a copy of the store in a directory, which must not exist yet: a store of its own, that is restored by opening
    /// it. Runs are not copied but get a second name, where the file system has such a thing, so that the copy takes little
    /// space and time. Everything that was acknowledged before the call is in it, unless the head is skipped. The directory
    /// is there whole or not at all, whatever happens.
    ///
    /// # Errors
    /// [`Error::Io`], also when the directory exists; [`Error::InvalidOption`] for a store in memory.
    pub fn snapshot_to(&self, dir: impl AsRef<Path>, head: SnapshotHead) -> Result<()> {
        self.handle.store.snapshot_to(dir.as_ref(), head)
    }

    /// The store's own directory for snapshots, which need not be there. What a crash leaves of an unfinished snapshot in it
    /// is removed when the store is opened; whole ones are left alone, and counted nowhere.
    #[must_use]
    pub fn snapshots_dir(&self) -> PathBuf {
        self.handle.store.snapshots_dir()
    }

    /// Reads every byte of the store in a directory that no process has open, checks it, and changes nothing.
    ///
    /// # Errors
    /// When the directory cannot be read; damage is in the report.
    pub fn verify(dir: impl AsRef<Path>) -> Result<VerifyReport> {
        store::verify(&OsFs, dir.as_ref())
    }

    /// Figures of the store.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.handle.store.stats()
    }

    /// The labels that make the most series in the head, at most `limit` of each list.
    #[must_use]
    pub fn cardinality(&self, limit: usize) -> Cardinality {
        self.handle.store.cardinality(limit)
    }

    /// Sets how many series there may be, how many may begin and how large their labels may be, from the next write on.
    pub fn set_series_limits(&self, limits: SeriesLimits) {
        self.handle.store.set_series_limits(limits);
    }

    /// The metrics that made the most new series in the present interval of the [`SeriesLimits`], at most `limit`; none
    /// without such limits.
    #[must_use]
    pub fn series_makers(&self, limit: usize) -> Vec<SeriesMaker> {
        self.handle.store.series_makers(limit)
    }

    /// The budget of memory, to reserve from what the caller holds beside the store.
    #[must_use]
    pub fn memory(&self) -> &MemoryBudget {
        self.handle.store.memory()
    }

    /// Flushes, ends the threads and frees the directory. Other clones answer [`Error::Closed`] from now on.
    ///
    /// # Errors
    /// [`Error::Io`] and the like; what was acknowledged is in the write-ahead log then.
    pub fn close(self) -> Result<()> {
        self.handle.close()
    }
}
