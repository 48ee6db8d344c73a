//! How many files there may be: each has a handle of the process, and a sample of any time would begin another one.

use std::collections::BTreeSet;

use crate::disk::Partition;
use crate::error::{Error, Result};
use crate::head::Generation;
use crate::model::{Columns, TimeRange};
use crate::read::View;

/// A generation that has samples in so many partitions is flushed: its flush goes over it once for some of them at a time.
const MAX_IN_GENERATION: usize = 1_024;

/// A flush has at most so many files: one for each partition and retention class.
const MAX_FLUSHED: usize = u16::MAX as usize;

/// The partitions that there are, for the lane.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    len_ms: i64,
    /// Files of the store, at most.
    max_files: usize,
    /// The retention classes that a partition may have files of.
    classes: usize,
    /// Around now: samples of these times are taken however many files there are.
    now: Option<TimeRange>,
    /// The partition of the sample before.
    last: Option<TimeRange>,
    /// How many runs there are, and the starts of their partitions.
    runs: usize,
    in_runs: BTreeSet<i64>,
    /// Those of each generation that is not a run yet, by its id; the active one is the last.
    in_head: Vec<(u64, BTreeSet<i64>)>,
    /// Of those, the ones that no run has.
    new: BTreeSet<i64>,
}

impl Partitions {
    /// Those of a store that was opened, of `len_ms` milliseconds each, with at most so many files.
    ///
    /// # Errors
    /// When a generation cannot be decoded.
    pub(super) fn new(view: &View, len_ms: i64, max_files: usize) -> Result<Self> {
        let mut partitions = Self {
            len_ms,
            max_files,
            ..Self::default()
        };
        for generation in view.frozen.iter().chain([&view.active]) {
            let touched = partitions_of(generation, len_ms)?;
            partitions.in_head.push((generation.id(), touched));
        }
        partitions.count(view);
        Ok(partitions)
    }

    /// Begins a generation, which is the active one of the view.
    pub(super) fn begin(&mut self, view: &View) {
        self.in_head.push((view.active.id(), BTreeSet::new()));
        self.count(view);
    }

    /// Takes in what was flushed, merged or has expired.
    fn count(&mut self, view: &View) {
        let frozen = view.frozen.iter().map(|frozen| frozen.id());
        let there: BTreeSet<u64> = frozen.chain([view.active.id()]).collect();
        self.in_head.retain(|(id, _)| there.contains(id));
        self.runs = view.runs.len();
        let runs = view.runs.iter().map(|run| run.meta().partition.start_ms);
        self.in_runs = runs.collect();
        let in_head = self.in_head.iter().flat_map(|(_, starts)| starts).copied();
        self.new = in_head.filter(|at| !self.in_runs.contains(at)).collect();
        self.last = None;
    }

    /// A batch begins at this moment, with so many retention classes.
    pub(super) fn begin_batch(&mut self, now_ms: i64, classes: usize) {
        self.classes = classes.max(1);
        let around = |t_ms| Partition::of(t_ms, self.len_ms).range();
        let before = around(now_ms.saturating_sub(self.len_ms));
        let after = around(now_ms.saturating_add(self.len_ms));
        self.now = Some(TimeRange::new(before.start_ms, after.end_ms));
    }

    /// Whether a sample may be of this time, in milliseconds.
    #[inline]
    pub(super) fn admits(&self, t_ms: i64) -> bool {
        self.last.is_some_and(|last| last.contains(t_ms)) || self.admits_another(t_ms)
    }

    fn admits_another(&self, t_ms: i64) -> bool {
        let start_ms = Partition::of(t_ms, self.len_ms).start_ms;
        let in_flush = self.active().map_or(0, BTreeSet::len);
        if self
            .active()
            .is_some_and(|touched| touched.contains(&start_ms))
            || self.now.is_some_and(|now| now.contains(t_ms))
        {
            return true;
        }
        if in_flush >= MAX_FLUSHED / self.classes {
            return false;
        }
        let is_known = self.in_runs.contains(&start_ms) || self.new.contains(&start_ms);
        is_known || self.runs + (self.new.len() + 1) * self.classes <= self.max_files
    }

    /// A sample of this time was taken.
    #[inline]
    pub(super) fn took(&mut self, t_ms: i64) {
        if !self.last.is_some_and(|last| last.contains(t_ms)) {
            self.took_another(t_ms);
        }
    }

    fn took_another(&mut self, t_ms: i64) {
        let partition = Partition::of(t_ms, self.len_ms);
        if let Some((_, touched)) = self.in_head.last_mut() {
            touched.insert(partition.start_ms);
        }
        if !self.in_runs.contains(&partition.start_ms) {
            self.new.insert(partition.start_ms);
        }
        self.last = Some(partition.range());
    }

    /// Whether the active generation has samples in so many that it is to be flushed.
    pub(super) fn are_many(&self) -> bool {
        let active = self.active();
        active.is_some_and(|touched| touched.len() >= MAX_IN_GENERATION)
    }

    fn active(&self) -> Option<&BTreeSet<i64>> {
        self.in_head.last().map(|(_, touched)| touched)
    }
}

/// Starts of the partitions that a generation from the log may have samples in.
fn partitions_of(generation: &Generation, len_ms: i64) -> Result<BTreeSet<i64>> {
    let mut starts = BTreeSet::new();
    let Some((min_ms, max_ms)) = generation.time_range() else {
        return Ok(starts);
    };
    let number = |t_ms: i64| i128::from(t_ms.div_euclid(len_ms));
    if number(max_ms) - number(min_ms) < MAX_IN_GENERATION as i128 {
        let mut next_ms = Some(min_ms);
        while let Some(t_ms) = next_ms.filter(|&t_ms| t_ms <= max_ms) {
            let partition = Partition::of(t_ms, len_ms);
            starts.insert(partition.start_ms);
            next_ms = partition.end_ms().checked_add(1);
        }
        return Ok(starts);
    }
    let mut columns = Columns::default();
    for series in 0..generation.series_len() {
        columns.clear();
        let captured = generation.capture(series);
        captured
            .read(TimeRange::ALL, &mut columns)
            .map_err(|e| Error::corrupt("(memory)", e.at as u64, e.what))?;
        let times_ms = columns
            .times_ms
            .iter()
            .map(|&tick| captured.unit().to_ms(tick));
        starts.extend(times_ms.map(|t_ms| Partition::of(t_ms, len_ms).start_ms));
    }
    Ok(starts)
}
