//! What is known of a run without reading its samples.

use std::ops::RangeInclusive;

use super::lost::LostRange;
use super::partition::Partition;
use crate::model::TimeUnits;

/// What a run is and holds: all that planning needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunMeta {
    /// Never used twice in a store.
    pub(crate) file_id: u64,
    /// The files that a flush makes together have one set id; either all of them are live or none.
    pub(crate) set_id: u64,
    /// Which file of its set it is, from 1.
    pub(crate) part: u16,
    /// Number of files in its set.
    pub(crate) parts: u16,
    /// Every sample lies in it.
    pub(crate) partition: Partition,
    /// Time of the first sample, in milliseconds.
    pub(crate) min_ms: i64,
    /// Time of the last sample, in milliseconds.
    pub(crate) max_ms: i64,
    /// It holds all that these generations of the head had in the partition.
    pub(crate) generations: RangeInclusive<u64>,
    /// Number of samples.
    pub(crate) samples: u64,
    /// Number of series.
    pub(crate) series: u32,
    /// The partition is past, and this was all of it when it was written.
    pub(crate) sealed: bool,
    /// Merges that its oldest data went through.
    pub(crate) level: u8,
    /// Retention class.
    pub(crate) class: u8,
    /// Checksum of the matchers of the retention classes when it was written; 0 without classes.
    pub(crate) classes: u32,
    /// Tombstones with numbers up to this one are applied.
    pub(crate) tombstones: u64,
    /// Units of the times of its series.
    pub(crate) units: TimeUnits,
    /// Ids of the files that are not live beside this one.
    pub(crate) replaces: Vec<u64>,
    /// What its generations had in the partition and it has not, because it was damaged where it came from.
    pub(crate) lost: Vec<LostRange>,
    /// Length of the file.
    pub(crate) bytes: u64,
}

impl RunMeta {
    /// The key that runs are sorted by for reading: at equal times the later one wins.
    pub(crate) fn age(&self) -> (u64, u64, u64) {
        let (first, last) = (*self.generations.start(), *self.generations.end());
        (last, first, self.file_id)
    }
}
