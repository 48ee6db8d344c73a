//! The series that the parts of a store give, joined by their labels.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::hash_table::{Entry, HashTable};

use super::deletions::Left;
use super::series::{Part, Series};
use crate::error::Result;

/// Label sets are built once for each series and compared only to sort.
#[derive(Default)]
pub(super) struct Found {
    series: Vec<Series>,
    /// Of all series, once a second part of the store has given some.
    by_labels: Option<HashTable<usize>>,
    hasher: RandomState,
}

impl Found {
    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Takes the series of the first part, in label order.
    pub(super) fn add_first(&mut self, series: Vec<Series>) {
        debug_assert!(self.by_labels.is_none());
        match self.series.is_empty() {
            true => self.series = series,
            false => self.series.extend(series),
        }
    }

    /// Takes what a part has of the series with these labels. `new` makes the series when it is not there yet.
    pub(super) fn add(
        &mut self,
        canonical: &[u8],
        (left, part): (Left, Part),
        new: impl FnOnce((Left, Part)) -> Result<Series>,
    ) -> Result<()> {
        let (series, hasher) = (&self.series, &self.hasher);
        let of = |at: usize| {
            series
                .get(at)
                .map_or(&[][..], |series| series.labels().as_bytes())
        };
        let hash_of = |&at: &usize| hasher.hash_one(of(at));
        let by_labels = self.by_labels.get_or_insert_with(|| {
            let mut by_labels = HashTable::with_capacity(series.len());
            for at in 0..series.len() {
                by_labels.insert_unique(hash_of(&at), at, hash_of);
            }
            by_labels
        });
        let hash = hasher.hash_one(canonical);
        match by_labels.entry(hash, |&at| of(at) == canonical, hash_of) {
            Entry::Occupied(known) => {
                let at = *known.get();
                self.series[at].parts.push((left, part));
            }
            Entry::Vacant(free) => {
                free.insert(series.len());
                self.series.push(new((left, part))?);
            }
        }
        Ok(())
    }

    /// The series, in label order.
    pub(super) fn into_series(mut self) -> Vec<Series> {
        // A run gives series in label order, and what comes later is mostly known: then nothing is left to sort.
        let in_order = |series: &[Series]| series.is_sorted_by(|a, b| a.labels() < b.labels());
        if self.by_labels.is_some() && !in_order(&self.series) {
            self.series
                .sort_unstable_by(|a, b| a.labels().cmp(b.labels()));
        }
        self.series
    }
}
