//! The public handle of a store.

use std::path::Path;

use crate::error::{Error, Result};
use crate::model::{MetricMetadata, TimeRange, WriteBatch};
use crate::options::Options;
use crate::read::Querier;
use crate::stats::{Cardinality, Stats};
use crate::store::{Commit, WriteReport};

/// An open store. Clones share it; it is `Send + Sync`, and every method may be called from any thread.
#[derive(Clone, Debug)]
pub struct Db {}

impl Db {
    /// Opens the store in a directory, making it if it is not there, and recovers what a crash left.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it open, [`Error::InvalidOption`], [`Error::Io`],
    /// [`Error::UnsupportedFormat`] for a store of a newer version.
    pub fn open(_dir: impl AsRef<Path>, _options: Options) -> Result<Self> {
        Err(Error::Closed)
    }

    /// A store in memory, without a directory: nothing survives it.
    ///
    /// # Errors
    /// [`Error::InvalidOption`].
    pub fn in_memory(_options: Options) -> Result<Self> {
        Err(Error::Closed)
    }

    /// Applies a batch and returns before it is durable. Queries see it from now on.
    ///
    /// # Errors
    /// [`Error::StorageFull`], [`Error::WritesStopped`], [`Error::LimitExceeded`], [`Error::Closed`]; nothing of the batch is applied then.
    pub fn submit(&self, _batch: &WriteBatch) -> Result<Commit> {
        Err(Error::Closed)
    }

    /// Applies a batch and waits until it is durable.
    ///
    /// # Errors
    /// As [`submit`](Self::submit) and [`Commit::wait`].
    pub fn write(&self, batch: &WriteBatch) -> Result<WriteReport> {
        self.submit(batch)?.wait()
    }

    /// Reads over a range of time.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn querier(&self, _range: TimeRange) -> Result<Querier> {
        Err(Error::Closed)
    }

    /// Metadata of all metric families, sorted by name.
    #[must_use]
    pub fn metadata(&self) -> Vec<MetricMetadata> {
        Vec::new()
    }

    /// Writes everything in memory to runs, merges runs until nothing is left to merge, and drops the write-ahead log
    /// that this covers.
    ///
    /// # Errors
    /// [`Error::Io`] and the like; nothing is lost then.
    pub fn flush(&self) -> Result<()> {
        Err(Error::Closed)
    }

    /// Merges runs until nothing is left to merge.
    ///
    /// # Errors
    /// [`Error::Io`] and the like; nothing is lost then.
    pub fn compact(&self) -> Result<()> {
        Err(Error::Closed)
    }

    /// Makes everything written so far durable, whatever the [`Durability`](crate::Durability).
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::WritesStopped`].
    pub fn sync(&self) -> Result<()> {
        Err(Error::Closed)
    }

    /// Figures of the store.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// The labels that make the most series in the head, at most `limit` of each list.
    #[must_use]
    pub fn cardinality(&self, _limit: usize) -> Cardinality {
        Cardinality::default()
    }

    /// Flushes, ends the threads and frees the directory. Other clones answer [`Error::Closed`] from now on.
    ///
    /// # Errors
    /// [`Error::Io`] and the like; what was acknowledged is in the write-ahead log then.
    pub fn close(self) -> Result<()> {
        Err(Error::Closed)
    }
}
