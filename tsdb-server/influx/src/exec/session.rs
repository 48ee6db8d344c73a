//! What a statement runs under: defaults, a deadline, limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::error::{Error, Result};

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
    used: Arc<Used>,
}

/// What was used so far, shared by the clones of a session.
#[derive(Debug, Default)]
struct Used {
    values: AtomicU64,
    buckets: AtomicU64,
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
        Ok(())
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
