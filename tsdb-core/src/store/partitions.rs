//! How many partitions of time there may be. Each is a file at least, with a handle of the process, and a sample of any time would begin
//! another one.

use std::collections::BTreeSet;

use crate::disk::Partition;
use crate::model::TimeRange;
use crate::options::Options;
use crate::read::View;

/// A generation that has samples in so many partitions is flushed: its flush goes over it once for some of them at a time.
const MAX_IN_GENERATION: usize = 1_024;

/// A flush has at most so many files: one for each partition and retention class.
const MAX_FILES: usize = u16::MAX as usize;

/// The partitions that there are, for the lane.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    len_ms: i64,
    /// Of the store.
    max: usize,
    /// Of a generation.
    max_active: usize,
    /// The partition of the sample before.
    last: Option<TimeRange>,
    /// Starts of all that runs and generations have.
    known: BTreeSet<i64>,
    /// Of those, the ones of each generation that is not a run yet, by its id.
    in_head: Vec<(u64, BTreeSet<i64>)>,
    /// Whether the active generation came from the log, and may have samples in many.
    is_wide: bool,
}

impl Partitions {
    /// Those of a store with so many retention classes.
    pub(super) fn new(view: &View, options: &Options) -> Self {
        let len_ms = options.max_block_ms;
        let mut partitions = Self {
            len_ms,
            max: options.max_partitions,
            max_active: MAX_FILES / (options.retention.classes.len() + 1),
            ..Self::default()
        };
        partitions.begin(view);
        let times = view.active.time_range();
        let number = |t_ms: i64| i128::from(t_ms.div_euclid(len_ms));
        partitions.is_wide =
            times.is_some_and(|(min, max)| number(max) - number(min) >= MAX_IN_GENERATION as i128);
        partitions
    }

    /// Begins a generation, which is the active one of the view. What has expired meanwhile is no more.
    pub(super) fn begin(&mut self, view: &View) {
        let is_there = |id: u64| view.frozen.iter().any(|frozen| frozen.id() == id);
        self.in_head.retain(|(id, _)| is_there(*id));
        let runs = view.runs.iter().map(|run| run.meta().partition.start_ms);
        let in_head = self.in_head.iter().flat_map(|(_, starts)| starts).copied();
        self.known = runs.chain(in_head).collect();
        self.in_head.push((view.active.id(), BTreeSet::new()));
        (self.last, self.is_wide) = (None, false);
    }

    /// Whether a sample may be of this time, in milliseconds.
    #[inline]
    pub(super) fn admit(&mut self, t_ms: i64) -> bool {
        self.last.is_some_and(|last| last.contains(t_ms)) || self.admit_another(t_ms)
    }

    fn admit_another(&mut self, t_ms: i64) -> bool {
        let partition = Partition::of(t_ms, self.len_ms);
        let start_ms = partition.start_ms;
        let Some((_, touched)) = self.in_head.last_mut() else {
            return true;
        };
        if !touched.contains(&start_ms) {
            let is_new = !self.known.contains(&start_ms);
            if is_new && self.known.len() >= self.max || touched.len() >= self.max_active {
                return false;
            }
            self.known.insert(start_ms);
            touched.insert(start_ms);
        }
        self.last = Some(partition.range());
        true
    }

    /// Whether the active generation has samples in so many that it is to be flushed.
    pub(super) fn are_many(&self) -> bool {
        let active = self.in_head.last();
        self.is_wide || active.is_some_and(|(_, touched)| touched.len() >= MAX_IN_GENERATION)
    }
}
