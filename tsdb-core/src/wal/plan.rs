//! What recovery does with what the scans found. Pure: no files.
//!
//! Numbers decide, not bytes: bytes that do not verify matter only if a number is missing. Let *known* be the highest
//! number that any frame, any segment header or the mark says is durable.
//!
//! * A missing number at or below *known* was acknowledged: that is damage, what follows is kept.
//! * A missing number above it was never acknowledged: the log ends before it. What follows, if anything, was written by
//!   the same unfinished write and is cut off too, so that the log stays without gaps.
//! * A segment's header voids its first number and all higher ones in earlier segments: they are what a failed write left
//!   before it was tried again.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::mark::Mark;
use super::scan::{Run, Scan};
use super::segment::{HEADER_LEN, SegmentHeader, SegmentId};

/// A stretch of the log that is lost or does not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    /// The generation of the head that the stretch is of.
    pub(crate) generation: u64,
    /// The segment.
    pub(crate) path: PathBuf,
    /// Where the stretch begins, in bytes.
    pub(crate) offset: u64,
    /// Its length in bytes; 0 when the bytes are gone altogether.
    pub(crate) bytes: u64,
    /// The frames that are missing. `None`: no frame is known to be missing.
    pub(crate) lost_seqs: Option<RangeInclusive<u64>>,
    pub(crate) what: &'static str,
}

/// An end of the log that was being written when the machine or the process went down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Torn {
    /// The segment that was cut.
    pub(crate) path: PathBuf,
    /// Where, in bytes.
    pub(crate) offset: u64,
    /// Bytes cut off, in this segment and the later ones.
    pub(crate) bytes: u64,
}

/// One segment as it was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) id: SegmentId,
    pub(super) len: u64,
    /// If it verifies.
    pub(super) header: Option<SegmentHeader>,
    pub(super) scan: Scan,
}

/// Frames to visit: those of a run with these numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    /// Index into the segments that were found.
    pub(super) segment: usize,
    pub(super) run: Run,
    pub(super) seqs: RangeInclusive<u64>,
}

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) visits: Vec<Visit>,
    pub(super) damages: Vec<Damage>,
    /// Everything behind the last visited frame is cut off.
    pub(super) cut: bool,
    /// The number after the last one that is there or known to have been.
    pub(super) next_seq: u64,
}

impl Found {
    /// The first number that belongs into this segment.
    fn first_seq(&self) -> Option<u64> {
        let scanned = || self.scan.runs.first().map(|run| run.first_seq);
        self.header.map(|h| h.first_seq).or_else(scanned)
    }
}

/// Decides. `found` is in the order of the log; `is_flushed` tells of generations that are no longer there.
pub(super) fn plan(
    found: &[Found],
    mark: Option<Mark>,
    dir: &Path,
    is_flushed: &dyn Fn(u64) -> bool,
) -> Plan {
    // What was marked last may be in runs by now, and its segments gone.
    let kept = mark.filter(|mark| !is_flushed(mark.segment.generation));
    let known = known_durable(found, kept);
    let void_from = void_from(found);
    let mut plan = Plan::default();
    // The number that comes next, and where the one before it ended.
    let mut next = start(found, kept);
    let mut last = (0, HEADER_LEN as u64);
    for (segment, (f, &void_from)) in found.iter().zip(&void_from).enumerate() {
        for run in &f.scan.runs {
            let first = run.first_seq.max(next.unwrap_or(0));
            let end = run.end_seq.min(void_from);
            let here = Gap {
                found,
                from: last,
                to: (segment, run.start),
            };
            if let Some(wanted) = next.filter(|&wanted| wanted < first && first <= end) {
                if wanted > known {
                    plan.cut = true;
                    plan.next_seq = wanted;
                    return plan;
                }
                if !here.is_flushed(is_flushed) {
                    plan.damages.push(here.damage(dir, wanted..=first - 1));
                }
            }
            if first <= end {
                plan.visits.push(Visit {
                    segment,
                    run: *run,
                    seqs: first..=end - 1,
                });
                next = Some(end);
                last = (segment, run.end);
            }
        }
    }
    let wanted = next.unwrap_or(1);
    let marked = mark.map_or(0, |mark| mark.durable_seq);
    plan.next_seq = wanted.max(known + 1).max(marked + 1);
    if wanted > known {
        plan.cut = true;
    } else if !found.is_empty() {
        let end = Gap {
            found,
            from: last,
            to: (found.len() - 1, found.last().map_or(0, |f| f.len)),
        };
        plan.damages.push(end.damage(dir, wanted..=known));
    } else if let Some(mark) = kept {
        plan.damages.push(missing(mark, dir));
    }
    plan
}

/// The number that the log begins with.
fn start(found: &[Found], mark: Option<Mark>) -> Option<u64> {
    let first = found.first();
    if let Some(header) = first.and_then(|f| f.header) {
        return Some(header.first_seq);
    }
    if let Some(mark) = mark
        && first.is_none_or(|f| f.id == mark.segment)
    {
        return Some(mark.first_seq);
    }
    // Frames that stood before the first one that verifies had numbers before its.
    let first = first?;
    let (at, next) = match first.scan.runs.first() {
        Some(run) => (run.start, Some(run.first_seq)),
        None => (first.len, found.get(1).and_then(Found::first_seq)),
    };
    match next {
        Some(next) if at > HEADER_LEN as u64 && next > 1 => Some(next - 1),
        next => next,
    }
}

/// Nothing is left of the log.
fn missing(mark: Mark, dir: &Path) -> Damage {
    Damage {
        generation: mark.segment.generation,
        path: mark.segment.path(dir),
        offset: HEADER_LEN as u64,
        bytes: 0,
        lost_seqs: Some(mark.first_seq..=mark.durable_seq),
        what: "segment is missing",
    }
}

fn known_durable(found: &[Found], mark: Option<Mark>) -> u64 {
    found
        .iter()
        .map(|f| {
            let header = f.header.map_or(0, |h| h.first_seq - 1);
            header.max(f.scan.durable_seq)
        })
        .chain(mark.map(|mark| mark.durable_seq))
        .max()
        .unwrap_or(0)
}

/// For each segment the least number that a later segment begins with.
fn void_from(found: &[Found]) -> Vec<u64> {
    let mut least = u64::MAX;
    let mut bounds: Vec<u64> = found
        .iter()
        .rev()
        .map(|f| {
            let bound = least;
            least = least.min(f.first_seq().unwrap_or(u64::MAX));
            bound
        })
        .collect();
    bounds.reverse();
    bounds
}

/// What lies between two places of the log, each a segment and an offset.
struct Gap<'a> {
    found: &'a [Found],
    from: (usize, u64),
    to: (usize, u64),
}

impl Gap<'_> {
    /// Whether whole generations between the two ends are on disk by now.
    fn is_flushed(&self, is_flushed: &dyn Fn(u64) -> bool) -> bool {
        /// More than a store has at a time; the numbers come from file names.
        const MOST: u64 = 64;
        let generation = |at: usize| self.found.get(at).map_or(0, |f| f.id.generation);
        let between = generation(self.from.0) + 1..generation(self.to.0);
        let count = between.end.saturating_sub(between.start);
        (1..=MOST).contains(&count) && between.into_iter().all(is_flushed)
    }

    /// The damage that explains the missing numbers: at the first bytes that do not verify.
    fn damage(&self, dir: &Path, lost_seqs: RangeInclusive<u64>) -> Damage {
        let (first, last) = (self.from.0, self.to.0);
        let mut at = None;
        let mut bytes = 0;
        for (n, f) in self.found.iter().enumerate().take(last + 1).skip(first) {
            let start = if n == first {
                self.from.1
            } else {
                HEADER_LEN as u64
            };
            let end = if n == last { self.to.1 } else { f.len };
            let here = end.saturating_sub(start);
            if here > 0 {
                at = at.or(Some((f.id, start)));
                bytes += here;
            }
        }
        let what = match at {
            Some(_) => "frames do not verify",
            None => "frames are missing",
        };
        let nowhere = self.found.get(last).map(|f| (f.id, self.to.1));
        let (id, offset) = at.or(nowhere).unwrap_or((
            SegmentId {
                generation: 0,
                index: 0,
            },
            0,
        ));
        Damage {
            generation: id.generation,
            path: id.path(dir),
            offset,
            bytes,
            lost_seqs: Some(lost_seqs),
            what,
        }
    }
}
