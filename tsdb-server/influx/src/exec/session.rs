//! What a statement runs under: defaults, a deadline, limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tsdb_core::{MemoryBudget, Reservation};

use crate::error::{Error, Result};
use crate::value::Value;

/// What a value that was read takes in memory, in bytes: its point, its place in a column, what functions make of it, and
/// its share of a row.
const VALUE_BYTES: u64 = 192;

/// What an interval takes, in bytes: its start, its points before and after the filling, and its row in the answer.
const BUCKET_BYTES: u64 = 192;

/// Rows between two looks at the clock: a row may have thousands of columns.
const ROWS_BETWEEN_CHECKS: usize = 256;

/// What a statement may use at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Values read.
    pub values: u64,
    /// Intervals of `GROUP BY time`, over all series.
    pub buckets: u64,
}

/// What the statements of a request run under.
#[derive(Clone, Debug)]
pub struct Session {
    /// The database of statements that name none.
    pub database: Option<String>,
    /// The retention policy of sources that name none.
    pub policy: Option<String>,
    /// The present, in nanoseconds since the Unix epoch.
    pub now_ns: i64,
    /// When the statement has to be done.
    pub deadline: Option<Instant>,
    /// True ends it.
    pub cancel: Option<Arc<AtomicBool>>,
    /// What it may use.
    pub limits: Limits,
    /// Where its memory is taken from, if that is bounded, until the last clone of the session is gone.
    pub memory: Option<MemoryBudget>,
    used: Arc<Used>,
}

/// What was used so far, shared by the clones of a session.
#[derive(Debug, Default)]
struct Used {
    values: AtomicU64,
    buckets: AtomicU64,
    // Held to take and give back, by the one thread that executes.
    memory: Mutex<Memory>,
}

/// Memory that is taken.
#[derive(Debug, Default)]
struct Memory {
    taken: Option<Reservation>,
    /// How much of it is kept when a group is done, in bytes.
    kept: u64,
}

impl Session {
    /// A session without a deadline.
    #[must_use]
    pub fn new(database: Option<&str>, now_ns: i64, limits: Limits) -> Self {
        Self {
            database: database.map(str::to_owned),
            policy: None,
            now_ns,
            deadline: None,
            cancel: None,
            limits,
            memory: None,
            used: Arc::default(),
        }
    }

    /// Counts values that were read.
    pub(crate) fn use_values(&self, n: usize) -> Result<()> {
        self.check()?;
        let used = self.used.values.fetch_add(n as u64, Ordering::Relaxed) + n as u64;
        let max = self.limits.values;
        if used > max {
            return Err(Error::Limit(format!(
                "max-select-point limit exceeded: ({used}/{max})"
            )));
        }
        self.use_bytes((n as u64).saturating_mul(VALUE_BYTES))
    }

    /// Takes memory until [`settle`](Self::settle).
    pub(crate) fn use_bytes(&self, bytes: u64) -> Result<()> {
        let Some(budget) = &self.memory else {
            return Ok(());
        };
        let mut memory = self.used.memory.lock();
        match &mut memory.taken {
            Some(taken) => taken.grow(bytes)?,
            None => memory.taken = Some(budget.reserve(bytes)?),
        }
        Ok(())
    }

    /// Gives memory back that is not needed any more, but for so many bytes of what was taken since the last time.
    pub(crate) fn settle(&self, kept: u64) {
        let mut memory = self.used.memory.lock();
        memory.kept += kept;
        let kept = memory.kept;
        if let Some(taken) = &mut memory.taken {
            taken.shrink_to(kept);
        }
    }

    /// Counts intervals that are to be made.
    pub(crate) fn use_buckets(&self, n: u64) -> Result<()> {
        self.check()?;
        let used = self
            .used
            .buckets
            .fetch_add(n, Ordering::Relaxed)
            .saturating_add(n);
        let max = self.limits.buckets;
        if used > max {
            return Err(Error::Limit(format!(
                "max-select-buckets limit exceeded: ({used}/{max})"
            )));
        }
        self.use_bytes(n.saturating_mul(BUCKET_BYTES))
    }

    /// Takes the memory of cells that are to be made, with values or without.
    pub(crate) fn use_cells(&self, rows: usize, columns: usize) -> Result<()> {
        self.check()?;
        let of_row = columns * size_of::<Value>() + size_of::<(i64, Vec<Value>)>();
        self.use_bytes((rows as u64).saturating_mul(of_row as u64))
    }

    /// Whether to go on; to be called for every row.
    pub(crate) fn check_row(&self, row: usize) -> Result<()> {
        if row.is_multiple_of(ROWS_BETWEEN_CHECKS) {
            return self.check();
        }
        Ok(())
    }

    /// Whether to go on.
    pub(crate) fn check(&self) -> Result<()> {
        if self
            .cancel
            .as_ref()
            .is_some_and(|cancel| cancel.load(Ordering::Relaxed))
        {
            return Err(Error::Canceled);
        }
        if self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
        {
            return Err(Error::Timeout);
        }
        Ok(())
    }

    /// The database of a statement that may name one.
    pub(crate) fn database<'a>(&'a self, named: Option<&'a str>) -> Result<&'a str> {
        named
            .or(self.database.as_deref())
            .filter(|name| !name.is_empty())
            .ok_or_else(|| Error::query("database name required"))
    }
}
