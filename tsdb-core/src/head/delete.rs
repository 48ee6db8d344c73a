//! How samples get out of a generation: those of a deleted range at once, so that nothing written later is met by it.

use std::sync::atomic::Ordering;

use super::SeriesRef;
use super::append::Since;
use super::generation::Generation;
use super::series::{Series, SeriesState};
use crate::error::{Error, Result};
use crate::index::postings;
use crate::model::{Columns, TimeRange, TimeRanges, Tombstone};

impl Generation {
    /// Deletes what a tombstone names of the samples that are here now, and says whether there were any. For the writer
    /// alone. Series that knew of a deleted sample as their newest one have a [recall](Self::recall_due) due.
    ///
    /// # Errors
    /// When a chunk in memory does not decode: never, since this program encoded it.
    pub(crate) fn delete(&self, tombstone: &Tombstone) -> Result<bool> {
        let mut deleted = false;
        for series in self.named_by(tombstone)? {
            let series = self.series(series);
            let Some(ticks) = tombstone.ticks_of(series.unit()) else {
                continue;
            };
            let gone = series.delete(ticks)?;
            self.grow(gone.growth);
            deleted |= gone.deleted;
            if gone.lost_last {
                self.recalls.store(true, Ordering::Relaxed);
            }
            if gone.emptied {
                self.emptied.store(true, Ordering::Relaxed);
            }
        }
        Ok(deleted)
    }

    /// Makes series forget the newest sample that they know of, here or in what is older, where a tombstone names it: they
    /// have a [recall](Self::recall_due) due then.
    ///
    /// # Errors
    /// Those of [`resolve`](Self::resolve).
    pub(crate) fn forget_last(&self, tombstone: &Tombstone) -> Result<()> {
        for series in self.named_by(tombstone)? {
            let series = self.series(series);
            let Some(ticks) = tombstone.ticks_of(series.unit()) else {
                continue;
            };
            let mut state = series.state.lock();
            let last = state.last.as_ref();
            if last.is_some_and(|last| ticks.contains(last.t_ms)) {
                let freed = state.last.take().map_or(0, |last| last.extra_bytes());
                state.recall_due = true;
                self.recalls.store(true, Ordering::Relaxed);
                self.grow(-freed.cast_signed());
            }
        }
        Ok(())
    }

    fn named_by(&self, tombstone: &Tombstone) -> Result<Vec<SeriesRef>> {
        let lists = tombstone.selectors.iter();
        let lists: Result<Vec<_>> = lists.map(|matchers| self.resolve(matchers)).collect();
        Ok(postings::union(lists?))
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
    /// Takes out the samples in the range of ticks, if there are any, by writing what is left anew.
    fn delete(&self, range: TimeRange) -> Result<Gone> {
        let mut state = self.state.lock();
        let unit = self.unit();
        let last = state.last.as_ref();
        let lost_last = last.is_some_and(|last| range.contains(last.t_ms));
        let held = state.capture(unit);
        let held_range = held.time_range();
        let held_range = held_range.map(|(min, max)| TimeRange::new(min, max));
        let meets = held_range.is_some_and(|held| held.overlaps(&range));
        if !lost_last && !meets {
            return Ok(Gone::default());
        }
        let mut removed = TimeRanges::default();
        removed.insert(range);
        let mut left = Columns::with_start_times();
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
    /// Makes these the samples of the series. Of its newest one, which may be elsewhere, it goes on to know, or is to be
    /// told.
    fn rewrite(&mut self, samples: &Columns, keep_last: bool) {
        let before = std::mem::take(self);
        let mut histograms = samples.histograms.iter().peekable();
        let mut fields = samples.fields.iter().peekable();
        for (i, (&t_ms, value)) in samples.times_ms.iter().zip(&samples.values).enumerate() {
            let start_ms = samples.start_time_ms(i).unwrap_or(0);
            if let Some((_, value)) = histograms.next_if(|(at, _)| *at == i) {
                self.append(t_ms, Since { start_ms, value });
            } else if let Some((_, value)) = fields.next_if(|(at, _)| *at == i) {
                self.append(t_ms, Since { start_ms, value });
            } else {
                let value = value.to_bits();
                self.append(t_ms, Since { start_ms, value });
            }
        }
        if keep_last {
            self.recall_last(before.last);
        }
        self.recall_due = before.recall_due || !keep_last;
    }
}
