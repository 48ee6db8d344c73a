//! What is deleted of the samples of an immutable part of the store: a run, or a generation that waits to be flushed.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{LabelIndex, resolve};
use crate::error::Result;
use crate::model::{TimeRange, TimeRanges, TimeUnit, Tombstone};

/// Tombstones resolved to the series of one part, with their ranges in ticks of each series.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeletedSeries {
    ranges: HashMap<u32, Arc<TimeRanges>>,
    /// How many ranges these are.
    spans: usize,
    /// Numbers of the tombstones by which it is so.
    tombstones: BTreeSet<u64>,
}

/// What a series takes of which something is deleted, beside the ranges.
const SERIES_BYTES: usize = 96;

impl DeletedSeries {
    /// What is deleted of a series; `None` for nothing.
    pub(crate) fn of(&self, series: u32) -> Option<&Arc<TimeRanges>> {
        self.ranges.get(&series)
    }

    /// Whether nothing is deleted.
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Memory that it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        self.ranges.len() * SERIES_BYTES
            + self.spans * size_of::<TimeRange>()
            + self.tombstones.len() * 2 * size_of::<u64>()
    }

    /// Every series of which something is deleted, in any order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &TimeRanges)> {
        self.ranges
            .iter()
            .map(|(&series, ranges)| (series, &**ranges))
    }

    /// Numbers of the tombstones that touch the part.
    pub(crate) fn tombstones(&self) -> impl Iterator<Item = u64> {
        self.tombstones.iter().copied()
    }

    /// Takes in what [`newly_deleted`] found for a tombstone.
    pub(crate) fn extend(&mut self, tombstone: &Tombstone, found: &[(u32, TimeRange)]) {
        if found.is_empty() {
            return;
        }
        self.tombstones.insert(tombstone.number);
        for &(series, range) in found {
            let ranges = self.ranges.entry(series).or_default();
            let ranges = Arc::make_mut(ranges);
            let before = ranges.len();
            ranges.insert(range);
            // Several may become one.
            self.spans = self.spans + ranges.len() - before;
        }
    }
}

/// The series of a part that a tombstone takes more from than what is `deleted` already, and what it takes, in ticks of
/// the series. `extent` gives the unit of a series and the times of its first and last sample.
///
/// # Errors
/// Those of the index.
pub(crate) fn newly_deleted(
    tombstone: &Tombstone,
    index: &dyn LabelIndex,
    mut extent: impl FnMut(u32) -> Result<Option<(TimeUnit, TimeRange)>>,
    deleted: Option<&DeletedSeries>,
) -> Result<Vec<(u32, TimeRange)>> {
    let mut found = BTreeSet::new();
    for matchers in &tombstone.selectors {
        found.extend(resolve(index, matchers)?);
    }
    let mut news = Vec::new();
    for series in found {
        let Some((unit, extent)) = extent(series)? else {
            continue;
        };
        let Some(range) = tombstone.ticks_of(unit) else {
            continue;
        };
        let met = TimeRange::new(
            range.start_ms.max(extent.start_ms),
            range.end_ms.min(extent.end_ms),
        );
        let known = deleted.and_then(|deleted| deleted.of(series));
        if !met.is_empty() && !known.is_some_and(|known| known.covers(met)) {
            news.push((series, range));
        }
    }
    Ok(news)
}
