//! How samples get out of a generation: those of a deleted range at once, so that nothing written later is met by it.

use std::sync::atomic::Ordering;

use super::SeriesRef;
use super::generation::Generation;
use super::series::{Series, SeriesState};
use crate::error::{Error, Result};
use crate::index::postings;
use crate::model::{Columns, TimeRange, TimeRanges, Tombstone};

/// What a delete did to a generation.
#[derive(Debug, Default)]
pub(crate) struct Deletion {
    /// Whether samples are gone.
    pub(crate) deleted: bool,
    /// The series whose newest sample, here or in what is older, was in the range.
    pub(crate) lost_last: Vec<SeriesRef>,
}

impl Generation {
    /// Deletes what a tombstone names of the samples that are here now. For the writer alone.
    ///
    /// # Errors
    /// When a chunk in memory does not decode: never, since this program encoded it.
    pub(crate) fn delete(&self, tombstone: &Tombstone) -> Result<Deletion> {
        let mut lists = Vec::with_capacity(tombstone.selectors.len());
        for matchers in &tombstone.selectors {
            lists.push(self.resolve(matchers)?);
        }
        let mut deletion = Deletion::default();
        for series in postings::union(lists) {
            let gone = self.series(series).delete(tombstone.range)?;
            self.grow(gone.growth);
            deletion.deleted |= gone.deleted;
            if gone.lost_last {
                deletion.lost_last.push(series);
            }
            if gone.emptied {
                self.emptied.store(true, Ordering::Relaxed);
            }
        }
        Ok(deletion)
    }

    /// Whether there may be series without samples: a delete took all they had.
    pub(crate) fn has_emptied(&self) -> bool {
        self.emptied.load(Ordering::Relaxed)
    }
}

/// What a delete did to a series.
#[derive(Debug, Default)]
struct Gone {
    deleted: bool,
    lost_last: bool,
    emptied: bool,
    /// Growth of its memory in bytes.
    growth: isize,
}

impl Series {
    /// Takes out the samples in the range, if there are any, by writing what is left anew.
    fn delete(&self, range: TimeRange) -> Result<Gone> {
        let mut state = self.state.lock();
        let lost_last = state.last.as_ref().is_some_and(|l| range.contains(l.t_ms));
        let held = state.capture();
        let held_range = held.time_range().map(|(min, max)| TimeRange::new(min, max));
        let meets = held_range.is_some_and(|held| held.overlaps(&range));
        if !lost_last && !meets {
            return Ok(Gone::default());
        }
        let mut removed = TimeRanges::default();
        removed.insert(range);
        let mut left = Columns::default();
        if held_range.is_some_and(|held| !removed.covers(held)) {
            held.read(TimeRange::ALL, &mut left)
                .map_err(|e| Error::corrupt("(memory)", e.at as u64, e.what))?;
        }
        drop(held);
        left.remove(0, &removed);
        let before = state.bytes();
        state.rewrite(&left, !lost_last);
        Ok(Gone {
            deleted: meets,
            lost_last,
            emptied: meets && left.is_empty(),
            growth: state.bytes().wrapping_sub(before).cast_signed(),
        })
    }
}

impl SeriesState {
    /// Makes these the samples of the series. Of its newest one elsewhere it goes on to know, or not.
    fn rewrite(&mut self, samples: &Columns, keep_last: bool) {
        let last = std::mem::take(self).last.filter(|_| keep_last);
        let mut histograms = samples.histograms.iter().peekable();
        for (i, (&t_ms, value)) in samples.times_ms.iter().zip(&samples.values).enumerate() {
            match histograms.next_if(|(at, _)| *at == i) {
                Some((_, histogram)) => self.append(t_ms, histogram),
                None => self.append(t_ms, value.to_bits()),
            };
        }
        if let Some(last) = last {
            self.recall_last(last);
        }
    }
}
