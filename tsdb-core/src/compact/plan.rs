//! Which runs to merge next.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::disk::{Partition, RunMeta, RunSpec};

/// When runs are merged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MergePolicy {
    /// A partition is past when the newest sample is this much behind its end, in milliseconds.
    pub(crate) seal_after_ms: i64,
    /// Neighbours of like size that are merged at once.
    pub(crate) fan_in: usize,
    /// Runs of a partition beyond which neighbours are merged whatever their size.
    pub(crate) max_runs: usize,
    /// Bytes that are merged at once: a step ends after some minutes at most, and needs no more space than that beside its inputs.
    pub(crate) max_bytes: u64,
    /// Series that are merged at once, those that several runs have counted in each: the index of the output is made in memory.
    pub(crate) max_series: u64,
}

impl MergePolicy {
    /// The usual policy; `min_block_ms` is how long after its end a partition is taken to be past.
    pub(crate) fn new(min_block_ms: i64, max_series: u64) -> Self {
        Self {
            seal_after_ms: min_block_ms,
            fan_in: 4,
            max_runs: 16,
            max_bytes: 1 << 30,
            max_series,
        }
    }

    /// Whether runs may be merged in one step.
    fn is_step(&self, runs: &[&RunMeta]) -> bool {
        let series: u64 = runs.iter().map(|run| u64::from(run.series)).sum();
        total_bytes(runs) <= self.max_bytes && series <= self.max_series
    }
}

/// Runs to be merged to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MergePlan {
    /// Their file ids; at equal times the later one wins.
    pub(crate) inputs: Vec<u64>,
    pub(crate) partition: Partition,
    /// From the first to the last of the inputs.
    pub(crate) generations: RangeInclusive<u64>,
    /// Level of the output.
    pub(crate) level: u8,
    pub(crate) sealed: bool,
    /// Retention class of inputs and output, and under which matchers it was told.
    pub(crate) class: u8,
    pub(crate) classes: u32,
}

impl MergePlan {
    fn new(runs: &[&RunMeta], sealed: bool) -> Option<Self> {
        let first_run = runs.first()?;
        let partition = first_run.partition;
        let first = runs.iter().map(|run| *run.generations.start()).min()?;
        let last = runs.iter().map(|run| *run.generations.end()).max()?;
        let level = runs.iter().map(|run| run.level).max()?;
        Some(Self {
            inputs: runs.iter().map(|run| run.file_id).collect(),
            partition,
            generations: first..=last,
            level: level.saturating_add(1),
            sealed,
            class: first_run.class,
            classes: first_run.classes,
        })
    }

    /// What the output is to be, with tombstones up to the number `applied` applied to it.
    pub(crate) fn spec(&self, file_id: u64, applied: u64) -> RunSpec {
        RunSpec {
            file_id,
            set_id: file_id,
            part: 1,
            parts: 1,
            partition: self.partition,
            generations: self.generations.clone(),
            sealed: self.sealed,
            level: self.level,
            class: self.class,
            classes: self.classes,
            tombstones: applied,
            replaces: self.inputs.clone(),
        }
    }
}

/// The merge that is due most in the background; `None` at rest. `newest_ms` is the time of the store's newest sample.
///
/// A past partition becomes one sealed run, if that is one step; of a larger one the neighbours that are. Late data in a sealed partition is kept apart until it is an eighth of it.
/// In a young partition, `fan_in` neighbours whose sizes differ by less than `fan_in` are merged; of several such groups
/// the smallest.
pub(crate) fn plan(runs: &[RunMeta], newest_ms: i64, policy: &MergePolicy) -> Option<MergePlan> {
    let groups = groups(runs);
    let seal = |runs: &Vec<&RunMeta>| {
        let partition = runs.first()?.partition;
        let past = newest_ms >= partition.end_ms().saturating_add(policy.seal_after_ms);
        let due = past && policy.is_step(runs) && runs.len() > 1 && is_worth_sealing(runs);
        due.then(|| MergePlan::new(runs, true)).flatten()
    };
    if let Some(plan) = groups.iter().find_map(seal) {
        return Some(plan);
    }
    let windows = groups.iter().flat_map(|runs| due_windows(runs, policy));
    let smallest = windows.min_by_key(|runs| total_bytes(runs))?;
    MergePlan::new(smallest, smallest.iter().any(|run| run.sealed))
}

/// The merge by which a partition becomes one run of each class, whatever that costs; `None` when all are.
pub(crate) fn plan_full(runs: &[RunMeta]) -> Option<MergePlan> {
    let groups = groups(runs);
    let runs = groups.iter().find(|runs| runs.len() > 1)?;
    MergePlan::new(runs, runs.iter().any(|run| run.sealed))
}

/// A run is written anew when one sample in so many is deleted.
const WORTH_REWRITING: u64 = 8;

/// The rewriting, without what is deleted, of the run that gains most by it; `None` when none is worth it. `deleted` tells
/// how many samples of a run are, about. With `any` every run is worth it of which anything is deleted.
pub(crate) fn plan_rewrite(
    runs: &[RunMeta],
    deleted: impl Fn(&RunMeta) -> u64,
    any: bool,
) -> Option<MergePlan> {
    let least = |run: &RunMeta| match any {
        true => 1,
        false => (run.samples / WORTH_REWRITING).max(1),
    };
    let most = runs
        .iter()
        .map(|run| (deleted(run), run))
        .filter(|(deleted, run)| *deleted >= least(run))
        .max_by_key(|(deleted, _)| *deleted);
    let (_, run) = most?;
    MergePlan::new(&[run], run.sealed)
}

/// The runs that may be merged with each other: of one partition and one retention class, at equal times the later one
/// wins.
///
/// A series may have changed its class where the matchers changed. Whatever was written before such a change stays apart
/// from what was written after it, so that of two runs it stays decidable which is later.
fn groups(runs: &[RunMeta]) -> Vec<Vec<&RunMeta>> {
    let mut partitions: BTreeMap<Partition, Vec<&RunMeta>> = BTreeMap::new();
    for run in runs {
        partitions.entry(run.partition).or_default().push(run);
    }
    let mut groups = Vec::new();
    for mut runs in partitions.into_values() {
        runs.sort_by_key(|run| run.age());
        for same in runs.chunk_by(|a, b| a.classes == b.classes) {
            let mut classes: BTreeMap<u8, Vec<&RunMeta>> = BTreeMap::new();
            for run in same {
                classes.entry(run.class).or_default().push(run);
            }
            groups.extend(classes.into_values());
        }
    }
    groups
}

fn total_bytes(runs: &[&RunMeta]) -> u64 {
    runs.iter()
        .fold(0, |total, run| total.saturating_add(run.bytes))
}

fn is_worth_sealing(runs: &[&RunMeta]) -> bool {
    let sealed: Vec<&RunMeta> = runs.iter().copied().filter(|run| run.sealed).collect();
    let sealed_bytes = total_bytes(&sealed);
    let late_bytes = total_bytes(runs) - sealed_bytes;
    sealed.is_empty() || late_bytes >= sealed_bytes / 8
}

/// Sizes below are alike: opening a file costs more than reading it.
const SMALL_BYTES: u64 = 256 << 10;

/// Neighbours that may be merged.
fn due_windows<'a>(
    runs: &'a [&'a RunMeta],
    policy: &MergePolicy,
) -> impl Iterator<Item = &'a [&'a RunMeta]> {
    let fan_in = policy.fan_in.max(2);
    let too_many = runs.len() > policy.max_runs;
    runs.windows(fan_in).filter(move |window| {
        let sizes = window.iter().map(|run| run.bytes.max(SMALL_BYTES));
        let (least, most) = sizes.fold((u64::MAX, 0), |(least, most), size| {
            (least.min(size), most.max(size))
        });
        let alike = too_many || most < least.saturating_mul(fan_in as u64);
        alike && policy.is_step(window)
    })
}
