//! Memory for the ends of open runs: their indexes and directories.

use crate::budget::{MemoryBudget, Reservation};

/// The part of a budget that they may take.
const SHARE: u64 = 8;

/// Says which runs have their ends in memory, where no later failure of the disk can reach them, and which in a map of the file, whose
/// pages the system may drop and read again. Clones are the same memory.
#[derive(Clone, Debug)]
pub(crate) struct EndMemory {
    /// What they may take.
    share: MemoryBudget,
    /// What everything may.
    all: MemoryBudget,
}

/// What the end of a run takes, given back with the run.
#[derive(Debug)]
pub(super) struct EndReservation {
    _of_share: Reservation,
    _of_all: Reservation,
}

impl EndMemory {
    /// An eighth of a budget.
    pub(crate) fn of(budget: &MemoryBudget) -> Self {
        Self {
            share: MemoryBudget::new(budget.limit() / SHARE),
            all: budget.clone(),
        }
    }

    /// Takes so many bytes, if they are there.
    pub(super) fn take(&self, bytes: u64) -> Option<EndReservation> {
        Some(EndReservation {
            _of_share: self.share.reserve(bytes).ok()?,
            _of_all: self.all.charge(bytes),
        })
    }
}
