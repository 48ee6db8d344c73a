//! When the samples of missing frames were taken: that is told from the frames around them.

use std::ops::RangeInclusive;

use crate::model::TimeRange;

/// The times of frames beside gaps.
#[derive(Debug)]
pub(super) struct FrameTimes {
    /// Where numbers of frames do not follow each other: the frames on both sides.
    gaps: Vec<(Option<Times>, Times)>,
    last: Option<Times>,
    /// When samples of the log can have been taken, where no frame beside a gap tells more.
    within: TimeRange,
}

/// The number of a frame, and the times of its samples.
#[derive(Clone, Copy, Debug)]
struct Times {
    seq: u64,
    range: TimeRange,
}

impl FrameTimes {
    pub(super) fn new(within: TimeRange) -> Self {
        Self {
            gaps: Vec::new(),
            last: None,
            within,
        }
    }

    /// Takes in the next frame, with the times of its samples if it has any.
    pub(super) fn add(&mut self, seq: u64, times: Option<TimeRange>) {
        let before = self.last;
        let this = Times {
            seq,
            range: times.unwrap_or(TimeRange::new(self.within.end_ms, self.within.end_ms)),
        };
        if before.is_none_or(|last| last.seq.checked_add(1) != Some(seq)) {
            self.gaps.push((before, this));
        }
        self.last = match (times, before) {
            // A frame without samples tells of no time.
            (None, Some(before)) => Some(Times { seq, ..before }),
            _ => Some(this),
        };
    }

    /// The times between which the samples of missing frames were taken.
    pub(super) fn around(&self, seqs: &RangeInclusive<u64>) -> TimeRange {
        let beside = self.gaps.iter().find(|(before, after)| {
            before.is_none_or(|before| before.seq < *seqs.start()) && after.seq > *seqs.end()
        });
        let (before, after) = match beside {
            Some((before, after)) => (*before, Some(*after)),
            None => (self.last, None),
        };
        let TimeRange { start_ms, end_ms } = self.within;
        let before = before.map_or(TimeRange::new(start_ms, start_ms), |frame| frame.range);
        let after = after.map_or(TimeRange::new(end_ms, end_ms), |frame| frame.range);
        TimeRange::new(
            before.start_ms.min(after.start_ms),
            before.end_ms.max(after.end_ms),
        )
    }
}
