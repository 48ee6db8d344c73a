//! What the callers of the log and the thread that writes it share.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::mark::MarkFile;
use super::queue::Queue;
use super::segment::SegmentId;
use super::tickets::{Calls, Failure, Tickets};
use crate::error::Error;
use crate::io::Fs;
use crate::options::Durability;

/// What the callers and the thread share.
pub(super) struct Shared {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) dir: PathBuf,
    pub(super) durability: Durability,
    /// Short critical sections of memory work only; never held over I/O or a callback.
    pub(super) state: Mutex<State>,
    /// Held over one small write, and while the segments of a generation are given up.
    pub(super) mark: Mutex<MarkFile>,
    /// Tells the thread that there is something to do.
    pub(super) work: Condvar,
    /// Tells the waiters that the horizon moved or that something failed.
    pub(super) progress: Condvar,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) last_seq: u64,
    pub(super) generation: u64,
    /// Bytes of the generation's frames, on disk or waiting.
    pub(super) generation_bytes: u64,
    /// Every frame up to here was given to the operating system.
    pub(super) written: u64,
    /// Every frame up to here is on disk.
    pub(super) durable: u64,
    /// Bytes of frames above `written`.
    pub(super) pending_bytes: u64,
    pub(super) failure: Option<Failure>,
    /// A caller of `sync` waits until this frame is durable.
    pub(super) sync_to: u64,
    pub(super) tickets: Tickets,
    /// Length of each segment on disk.
    pub(super) segments: BTreeMap<SegmentId, u64>,
    /// Generations that were removed while the thread may still write frames of them.
    pub(super) removed: BTreeSet<u64>,
    pub(super) closing: bool,
    pub(super) closed: bool,
    #[cfg(test)]
    pub(super) retry_now: bool,
}

impl State {
    /// The last frame that is acknowledged.
    pub(super) fn horizon(&self, durability: Durability) -> u64 {
        match durability {
            Durability::Always => self.durable,
            Durability::Interval(_) | Durability::Never => self.written,
        }
    }

    /// Why a frame above the horizon will not be acknowledged, if that is so.
    pub(super) fn refusal(&self) -> Option<Error> {
        match &self.failure {
            Some(failure) => Some(failure.to_error()),
            None if self.closed => Some(Error::Closed),
            None => None,
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        matches!(self.failure, Some(Failure::Stopped))
    }

    /// The callbacks that are due.
    pub(super) fn calls(&mut self, durability: Durability) -> Calls {
        let horizon = self.horizon(durability);
        let (failure, closed) = (&self.failure, self.closed);
        let error = (failure.is_some() || closed).then_some(|| {
            failure
                .as_ref()
                .map_or(Error::Closed, |failure| failure.to_error())
        });
        self.tickets.take(horizon, error)
    }
}

impl Shared {
    /// Ends acknowledging for good.
    pub(super) fn stop(&self) {
        let calls = {
            let mut state = self.state.lock();
            state.failure = Some(Failure::Stopped);
            state.calls(self.durability)
        };
        self.progress.notify_all();
        self.work.notify_one();
        calls.run();
    }
}
