//! How many samples a query looks at, as Prometheus counts them: what an instant query at each step would look at, and of these
//! those that no earlier window had.

use super::select::Reference;
use crate::value::SampleCount;
use crate::vector::{Column, Grid, Tile, weight};

/// Counts of a query, or of the inner expression of a subquery.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Over all steps.
    pub(crate) all: SampleCount,
    /// Counts of the steps from `first` on; none where nobody asks for them.
    pub(crate) steps: Vec<SampleCount>,
    first: usize,
}

impl Meter {
    /// Counts each step of a tile.
    pub(crate) fn of_steps(tile: Tile) -> Self {
        Self {
            all: SampleCount::default(),
            steps: vec![SampleCount::default(); tile.len],
            first: tile.first,
        }
    }

    /// Counts samples that are looked at for a step.
    pub(crate) fn add(&mut self, step: usize, queryable: u64, read: u64) {
        self.all.queryable += queryable;
        self.all.read += read;
        let at = step.checked_sub(self.first);
        if let Some(count) = at.and_then(|i| self.steps.get_mut(i)) {
            count.queryable += queryable;
            count.read += read;
        }
    }

    /// Counts the samples that an instant selector found for the steps of a tile.
    pub(crate) fn add_column(&mut self, tile: Tile, column: &Column) {
        if self.steps.is_empty() {
            let n = (column.present.count() + column.extra_weight()) as u64;
            self.add(tile.first, n, n);
            return;
        }
        for k in column.present.iter() {
            let n = column.histogram(k).map_or(1, |h| weight(h)) as u64;
            self.add(tile.first + k, n, n);
        }
    }

    /// Counts the samples of one series in windows: `bounds` of each step of a tile that begins at `first`. The samples before
    /// `seen` were in windows before. `weight` is that of the samples from one index up to another.
    pub(crate) fn add_windows(
        &mut self,
        first: usize,
        bounds: &[(usize, usize)],
        mut seen: usize,
        weight: impl Fn(usize, usize) -> u64,
    ) {
        for (i, &(lo, hi)) in bounds.iter().enumerate() {
            if lo < hi {
                let fresh = lo.max(seen).min(hi);
                self.add(first + i, weight(lo, hi), weight(fresh, hi));
                seen = seen.max(hi);
            }
        }
    }

    /// Counts what was counted for the inner steps of a subquery: for each step of `tile` those in its window, each of them read
    /// for the first that has it.
    pub(crate) fn add_subquery(
        &mut self,
        inner: &Self,
        grid: Grid,
        (reference, tile, range_ms): (&Reference, Tile, i64),
    ) {
        let before = tile.first.checked_sub(1).map(|k| reference.time(k));
        let time = |i: usize| grid.time(inner.first + i);
        let (mut lo, mut hi, mut queryable) = (0, 0, 0);
        for k in tile.first..tile.first + tile.len {
            let end_ms = reference.time(k);
            let start_ms = end_ms.saturating_sub(range_ms);
            let mut read = 0;
            while let Some(count) = inner.steps.get(hi).filter(|_| time(hi) <= end_ms) {
                queryable += count.queryable;
                let is_new = before.is_none_or(|before| time(hi) > before);
                if is_new && time(hi) > start_ms {
                    read += count.read;
                }
                hi += 1;
            }
            while lo < hi && time(lo) <= start_ms {
                queryable -= inner.steps.get(lo).map_or(0, |count| count.queryable);
                lo += 1;
            }
            self.add(k, queryable, read);
        }
    }
}
