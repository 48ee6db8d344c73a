//! How a store is opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::budget::{MIN_LIMIT_BYTES, MemoryBudget};
use crate::error::{Error, Result};
use crate::model::Matcher;
use crate::progress::RecoveryProgress;
use crate::retention::{Retention, RetentionClass};

/// When a write is acknowledged, and so what a crash may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// After `fdatasync` of the write-ahead log; concurrent writes share one. Nothing acknowledged is ever lost.
    #[default]
    Always,
    /// After the write to the operating system, with an `fdatasync` at least this often. A crash of the process
    /// loses nothing; a power loss loses at most the acknowledgements of this interval.
    Interval(Duration),
    /// After the write to the operating system, which writes to disk when it likes. A crash of the process loses
    /// nothing; a power loss loses whatever was not yet flushed to runs, commonly up to 30 s and at most the
    /// unflushed generations.
    Never,
}

/// The engine's only source of time.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Clock {
    /// The system's wall clock.
    #[default]
    System,
    /// A clock that stands still until it is set: logical time and tests.
    Manual(ManualClock),
}

/// A clock that is set by hand; clones share the time.
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that stands at `now_ms` milliseconds since the Unix epoch.
    #[must_use]
    pub fn new(now_ms: i64) -> Self {
        Self(Arc::new(AtomicI64::new(now_ms)))
    }

    /// Sets the time, in milliseconds since the Unix epoch.
    pub fn set(&self, now_ms: i64) {
        self.0.store(now_ms, Ordering::Relaxed);
    }
}

impl Clock {
    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
            Self::Manual(clock) => clock.0.load(Ordering::Relaxed),
        }
    }
}

/// Options of a store; [`Options::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) retention: Retention,
    pub(crate) min_block_ms: i64,
    pub(crate) max_block_ms: i64,
    pub(crate) durability: Durability,
    pub(crate) clock: Clock,
    pub(crate) future_limit_ms: Option<i64>,
    pub(crate) wal_segment_bytes: u64,
    pub(crate) rotation: Rotation,
    pub(crate) scrub: Option<Duration>,
    /// `None` until it is asked for: the default looks at the machine.
    pub(crate) budget: Option<MemoryBudget>,
    pub(crate) progress: RecoveryProgress,
    pub(crate) max_exemplars: usize,
    pub(crate) max_metadata_families: usize,
    pub(crate) max_files: usize,
}

/// When the active generation is frozen and flushed: at the first of these.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rotation {
    /// Samples held, at least; a store with many series waits for `samples_per_series` of each.
    pub(crate) samples: u64,
    pub(crate) samples_per_series: u64,
    /// Bytes of its write-ahead log, at least; a store with many series waits for `wal_bytes_per_series` of each, which is
    /// more than their definitions and that many samples take.
    pub(crate) wal_bytes: u64,
    pub(crate) wal_bytes_per_series: u64,
    /// Time since its first sample, by the machine's monotonic clock.
    pub(crate) age: Duration,
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            samples: 4_000_000,
            samples_per_series: 8,
            wal_bytes: 128 << 20,
            wal_bytes_per_series: 512,
            age: Duration::from_secs(30 * 60),
        }
    }
}

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

impl Default for Options {
    fn default() -> Self {
        Self {
            retention: Retention {
                age: Some(Duration::from_secs(15 * 24 * 3600)),
                ..Retention::default()
            },
            min_block_ms: 120 * MINUTE_MS,
            max_block_ms: DAY_MS,
            durability: Durability::default(),
            clock: Clock::default(),
            future_limit_ms: Some(60 * MINUTE_MS),
            wal_segment_bytes: 32 << 20,
            rotation: Rotation::default(),
            scrub: Some(Duration::from_secs(24 * 60 * 60)),
            budget: None,
            progress: RecoveryProgress::default(),
            max_exemplars: 100_000,
            max_metadata_families: 100_000,
            max_files: 16_384,
        }
    }
}

pub(crate) fn millis(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
}

impl Options {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long samples are kept, measured back from the newest sample (so an idle store keeps its data).
    /// `None` keeps them for ever. Default: 15 days.
    #[must_use]
    pub fn retention(mut self, age: Option<Duration>) -> Self {
        self.retention.age = age;
        self
    }

    /// The most bytes that files and write-ahead log may have: beyond it the oldest files go, whatever their age. `None`
    /// for no limit, the default.
    #[must_use]
    pub fn retention_size(mut self, bytes: Option<u64>) -> Self {
        self.retention.size_bytes = bytes;
        self
    }

    /// Keeps series of nanoseconds that no class takes for ever, see [`Retention::keep_nanoseconds`]. Default: no.
    #[must_use]
    pub fn keep_nanoseconds(mut self, keep: bool) -> Self {
        self.retention.keep_nanoseconds = keep;
        self
    }

    /// Adds a retention class: series that match all `matchers` have an age of their own, `None` for ever. A series is of the
    /// first class that takes it. At most 8.
    #[must_use]
    pub fn retention_class(mut self, matchers: Vec<Matcher>, age: Option<Duration>) -> Self {
        self.retention
            .classes
            .push(RetentionClass { matchers, age });
        self
    }

    /// No more than this much data time is in memory alone: at three quarters of it the head begins to be flushed. Default: 2 hours; at least 1 minute.
    #[must_use]
    pub fn min_block_duration(mut self, d: Duration) -> Self {
        self.min_block_ms = millis(d);
        self
    }

    /// Length of a partition of time, the largest span of one file. Default: 1 day; at least the minimum.
    #[must_use]
    pub fn max_block_duration(mut self, d: Duration) -> Self {
        self.max_block_ms = millis(d);
        self
    }

    /// When writes are acknowledged. Default: [`Durability::Always`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The engine's time source. Default: [`Clock::System`].
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Samples further than this ahead of the clock are refused. `None` switches the limit off. Default: 1 hour.
    #[must_use]
    pub fn future_limit(mut self, limit: Option<Duration>) -> Self {
        self.future_limit_ms = limit.map(millis);
        self
    }

    /// Size at which a new segment of the write-ahead log is begun, in bytes. Default: 32 MiB; at least 64 KiB.
    #[must_use]
    pub fn wal_segment_bytes(mut self, bytes: u64) -> Self {
        self.wal_segment_bytes = bytes;
        self
    }

    /// In how much time all runs are read once in the background, to look for damage: at 256 KiB/s at least and 8 MiB/s at
    /// most. `None` switches it off. Default: 24 hours.
    #[must_use]
    pub fn scrub(mut self, pass: Option<Duration>) -> Self {
        self.scrub = pass;
        self
    }

    /// The most memory that the store may use, in bytes: head, caches, flushes and merges, and what is reserved from
    /// [`Db::memory`](crate::Db::memory). Near it caches are emptied and the head is flushed early; at it writes are refused
    /// with [`Error::LimitExceeded`]. Default: 60 % of what the control group or the machine has; at least 32 MiB.
    #[must_use]
    pub fn memory_limit(self, bytes: u64) -> Self {
        self.memory_budget(MemoryBudget::new(bytes))
    }

    /// The same with a budget that others share: all stores opened with it, and whoever reserves from it.
    #[must_use]
    pub fn memory_budget(mut self, budget: MemoryBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Where [`Db::open`](crate::Db::open) tells how far it is. Default: nowhere.
    #[must_use]
    pub fn recovery_progress(mut self, progress: RecoveryProgress) -> Self {
        self.progress = progress;
        self
    }

    /// Exemplars of all series together that are kept; a new one takes the place of the oldest. They may take 1 KiB each on
    /// average; from there on fewer are kept. 0 keeps none. Default: 100,000.
    #[must_use]
    pub fn max_exemplars(mut self, n: usize) -> Self {
        self.max_exemplars = n;
        self
    }

    /// Metric families whose type, help and unit are kept; a new one takes the place of those that were told the longest time
    /// ago. They may take 1 KiB each on average; from there on fewer are kept. One of more than 16 KiB is not. 0 keeps none.
    /// Default: 100,000.
    #[must_use]
    pub fn max_metadata_families(mut self, n: usize) -> Self {
        self.max_metadata_families = n;
        self
    }

    /// Files of samples, each of which has a handle of the process: when there are as many, samples that would begin another one are
    /// refused, but for those of these days. There is a file at least for each partition of time (a day, or what
    /// [`max_block_duration`](Self::max_block_duration) says) with samples, and for each retention class in it. Default: 16,384,
    /// which is 44 years of days.
    #[must_use]
    pub fn max_files(mut self, n: usize) -> Self {
        self.max_files = n;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        let bad = |name, reason: &str| {
            Err(Error::InvalidOption {
                name,
                reason: reason.to_owned(),
            })
        };
        if self.min_block_ms < MINUTE_MS {
            return bad("min_block_duration", "must be at least 1 minute");
        }
        if self.max_block_ms < self.min_block_ms {
            return bad(
                "max_block_duration",
                "must not be shorter than min_block_duration",
            );
        }
        self.retention.check()?;
        let budget = self.budget.as_ref().map_or(u64::MAX, MemoryBudget::limit);
        if budget < MIN_LIMIT_BYTES {
            return bad("memory_limit", "must be at least 32 MiB");
        }
        if self.wal_segment_bytes < 64 << 10 {
            return bad("wal_segment_bytes", "must be at least 64 KiB");
        }
        Ok(())
    }
}
