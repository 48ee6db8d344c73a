//! How long this thread worked: what a test of speed measures on a machine that has other things to do as well.

use std::time::{Duration, Instant};

/// The beginning of a measurement.
pub(crate) struct Work {
    begun: Instant,
    worked_ns: Option<u64>,
}

impl Work {
    pub(crate) fn begin() -> Self {
        Self {
            begun: Instant::now(),
            worked_ns: worked_ns(),
        }
    }

    /// Time on a processor since then, or simply time where the system does not tell.
    pub(crate) fn elapsed(&self) -> Duration {
        match (self.worked_ns, worked_ns()) {
            (Some(before), Some(now)) => Duration::from_nanos(now - before),
            _ => self.begun.elapsed(),
        }
    }
}

/// Linux: the first number of the thread's `schedstat`.
fn worked_ns() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}
