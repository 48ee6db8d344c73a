//! What a delete leaves until the samples are gone.

use super::{Matcher, TimeRange, TimeUnit};

/// A delete: the samples in the range, of the series that match all matchers of any of the lists, that were there before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tombstone {
    /// Rises from delete to delete, from 1.
    pub(crate) number: u64,
    /// In ticks of `unit`, not empty.
    pub(crate) range: TimeRange,
    /// With milliseconds it is for series of every unit, with nanoseconds for those of nanoseconds alone.
    pub(crate) unit: TimeUnit,
    pub(crate) selectors: Vec<Vec<Matcher>>,
}

impl Tombstone {
    /// What it takes of a series with this unit, in ticks of the series; `None` for nothing.
    pub(crate) fn ticks_of(&self, series: TimeUnit) -> Option<TimeRange> {
        let ticks = match self.unit {
            TimeUnit::Milliseconds => series.ticks_of(self.range),
            unit if unit == series => self.range,
            _ => return None,
        };
        (!ticks.is_empty()).then_some(ticks)
    }

    /// The milliseconds in which it takes anything.
    pub(crate) fn range_in_ms(&self) -> TimeRange {
        self.unit.range_to_ms(self.range)
    }
}
