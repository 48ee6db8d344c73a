//! Who waits for which frame, and what they are told.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use crate::error::{Error, Result};

/// Why nothing is acknowledged at present.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// A write failed; it is tried again.
    Write(WriteFailure),
    /// An fsync failed; only opening the store anew helps.
    Stopped,
}

/// A write that failed. Kept in parts, because many are told and [`io::Error`] has no copies.
#[derive(Clone, Debug)]
pub(super) struct WriteFailure {
    op: &'static str,
    path: PathBuf,
    kind: io::ErrorKind,
    errno: Option<i32>,
}

impl WriteFailure {
    pub(super) fn new(op: &'static str, path: PathBuf, error: &io::Error) -> Self {
        Self {
            op,
            path,
            kind: error.kind(),
            errno: error.raw_os_error(),
        }
    }

    pub(super) fn to_error(&self) -> Error {
        let full = matches!(
            self.kind,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        );
        if full {
            return Error::StorageFull;
        }
        let source = self
            .errno
            .map_or_else(|| self.kind.into(), io::Error::from_raw_os_error);
        Error::io(self.op, &self.path, source)
    }
}

impl Failure {
    pub(super) fn to_error(&self) -> Error {
        match self {
            Self::Write(failure) => failure.to_error(),
            Self::Stopped => Error::WritesStopped,
        }
    }
}

type Done = Box<dyn FnOnce(Result<()>) + Send>;

/// Callbacks by the frame they wait for; those of one frame in the order they came.
#[derive(Default)]
pub(super) struct Tickets {
    waiting: BTreeMap<(u64, u64), Done>,
    issued: u64,
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tickets({})", self.waiting.len())
    }
}

/// Callbacks to be called once no lock is held.
#[must_use]
#[derive(Default)]
pub(super) struct Calls(Vec<(Done, Result<()>)>);

impl Tickets {
    pub(super) fn add(&mut self, seq: u64, done: Done) {
        self.issued += 1;
        self.waiting.insert((seq, self.issued), done);
    }

    /// Takes out those whose frame is at or below the horizon, and all others too if there is an `error` to tell.
    pub(super) fn take(&mut self, horizon: u64, error: Option<impl Fn() -> Error>) -> Calls {
        if self.waiting.is_empty() {
            return Calls::default();
        }
        let later = self.waiting.split_off(&(horizon.saturating_add(1), 0));
        let ready = std::mem::replace(&mut self.waiting, later);
        let mut calls: Vec<_> = ready.into_values().map(|done| (done, Ok(()))).collect();
        if let Some(error) = error {
            let failed = std::mem::take(&mut self.waiting);
            calls.extend(failed.into_values().map(|done| (done, Err(error()))));
        }
        Calls(calls)
    }
}

impl Calls {
    /// Calls them in order. A callback that panics costs itself only.
    pub(super) fn run(self) {
        for (done, result) in self.0 {
            if catch_unwind(AssertUnwindSafe(|| done(result))).is_err() {
                tracing::error!("a callback for a durable write panicked");
            }
        }
    }
}
