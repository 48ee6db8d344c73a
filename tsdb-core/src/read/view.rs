//! What there is to read at one moment, and the lock under which it changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::deletions::Deletions;
use crate::disk::{LostRange, Run};
use crate::head::Generation;

/// The parts of a store, oldest data first. Immutable: a change of the list makes a new view.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// Counts the changes of what the head consists of (rotation, flush, delete): who looked series up in one view and finds
    /// the same epoch later knows that the look-up still holds.
    pub(crate) epoch: u64,
    /// Files that were damaged as a whole and set aside, with what they held.
    pub(crate) set_aside: Arc<[(LostRange, PathBuf)]>,
    /// What is lost of generations that come from a damaged log, until their runs record it.
    pub(crate) lost_in_log: Arc<[(u64, LostRange)]>,
    /// Runs in rising order of generations.
    pub(crate) runs: Vec<Arc<Run>>,
    /// Generations that wait to be flushed, oldest first; nothing is added to them.
    pub(crate) frozen: Vec<Arc<Generation>>,
    /// The generation that is written to.
    pub(crate) active: Arc<Generation>,
    /// What is deleted of runs and frozen generations.
    pub(crate) deletions: Deletions,
}

impl View {
    /// The newest sample of all runs, in milliseconds; `i64::MIN` without runs.
    pub(crate) fn runs_max_ms(&self) -> i64 {
        let newest = self.runs.iter().map(|run| run.meta().max_ms).max();
        newest.unwrap_or(i64::MIN)
    }

    /// Removes runs, and what was deleted of them.
    pub(crate) fn remove_runs(&mut self, is_gone: impl Fn(&Run) -> bool) {
        let deletions = &mut self.deletions;
        self.runs.retain(|run| {
            let gone = is_gone(run);
            if gone {
                deletions.runs.remove(&run.meta().file_id);
            }
            !gone
        });
    }

    /// What is known to be lost, with the file that records it.
    pub(crate) fn lost(&self) -> impl Iterator<Item = (&LostRange, Option<&Path>)> {
        let in_runs = self
            .runs
            .iter()
            .flat_map(|run| run.meta().lost.iter().map(|lost| (lost, Some(run.path()))));
        let in_log = self.lost_in_log.iter().map(|(_, lost)| (lost, None));
        in_runs.chain(in_log)
    }

    /// Estimated memory of the head, in bytes.
    pub(crate) fn head_bytes(&self) -> u64 {
        self.generations()
            .map(|generation| generation.bytes() as u64)
            .sum()
    }

    /// The generations, oldest first.
    pub(crate) fn generations(&self) -> impl DoubleEndedIterator<Item = &Arc<Generation>> {
        self.frozen.iter().chain([&self.active])
    }
}

/// The present view.
///
/// A reader-writer lock: the commit lane holds it exclusively while it applies a batch, a reader shares it while it
/// captures series of the active generation. So a batch is in a capture whole or not at all. Neither waits for a file
/// under it.
#[derive(Debug)]
pub(crate) struct CurrentView(RwLock<Arc<View>>);

impl CurrentView {
    pub(crate) fn new(view: View) -> Self {
        Self(RwLock::new(Arc::new(view)))
    }

    /// The view, to look around in without keeping the lane out.
    pub(crate) fn get(&self) -> Arc<View> {
        Arc::clone(&self.0.read())
    }

    /// Keeps the lane out.
    pub(crate) fn hold(&self) -> RwLockReadGuard<'_, Arc<View>> {
        self.0.read()
    }

    /// Keeps readers out: to apply a batch.
    pub(crate) fn hold_exclusively(&self) -> RwLockWriteGuard<'_, Arc<View>> {
        self.0.write()
    }

    /// Replaces the view by what `change` makes of it.
    pub(crate) fn change(&self, change: impl FnOnce(&mut View)) {
        let mut current = self.0.write();
        change(Arc::make_mut(&mut current));
    }
}
