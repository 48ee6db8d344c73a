//! Reading over a range of time: series, and the names and values of their labels.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::series::Series;
use super::snapshot::{Snapshot, runs_in};
use super::view::{CurrentView, View};
use crate::disk::{GroupCache, Run};
use crate::error::Result;
use crate::head::Generation;
use crate::index::{LabelBuffer, postings, resolve};
use crate::model::{Matcher, TimeRange};

/// Reads a store over a range of time.
#[derive(Clone, Debug)]
pub struct Querier {
    range: TimeRange,
    view: Arc<CurrentView>,
    cache: Arc<GroupCache>,
}

impl Querier {
    pub(crate) fn new(range: TimeRange, view: Arc<CurrentView>, cache: Arc<GroupCache>) -> Self {
        Self { range, view, cache }
    }

    /// The series that match all `matchers` and may have samples in the range, in label order. They hold a snapshot
    /// taken now: of each batch all or nothing, and of each batch whose write has returned, all.
    ///
    /// # Errors
    /// When the index of a run cannot be read.
    pub fn select(&self, matchers: &[Matcher]) -> Result<Vec<Series>> {
        Snapshot::take(&self.view, &self.cache, &[matchers])?.select(matchers, self.range)
    }

    /// Label names, sorted, of the series that match any of the matcher sets; of all series when there is none.
    ///
    /// # Errors
    /// When the index of a run cannot be read.
    pub fn label_names(&self, any_of: &[Vec<Matcher>]) -> Result<Vec<String>> {
        let mut names = BTreeSet::new();
        let view = self.view.get();
        for run in runs_in(&view, self.range) {
            let index = run.index();
            if any_of.is_empty() && view.deletions.of_run(run).is_none() {
                names.extend(index.label_names()?);
                continue;
            }
            let series = self.series_of_run(&view, run, any_of)?;
            names.extend(index.label_names_of(&series)?);
        }
        for generation in self.generations(&view) {
            if any_of.is_empty() && !lacks_samples(&view, generation) {
                names.extend(generation.label_names());
                continue;
            }
            let series = self.series_of_generation(&view, generation, any_of)?;
            names.extend(generation.label_names_of(&series));
        }
        Ok(names.into_iter().collect())
    }

    /// Values of a label, sorted, of the series that match any of the matcher sets; of all series when there is none.
    ///
    /// # Errors
    /// When the index of a run cannot be read.
    pub fn label_values(&self, name: &str, any_of: &[Vec<Matcher>]) -> Result<Vec<String>> {
        let mut values = BTreeSet::new();
        let view = self.view.get();
        for run in runs_in(&view, self.range) {
            let index = run.index();
            match view.deletions.of_run(run) {
                None if any_of.is_empty() => values.extend(index.label_values(name)?),
                _ => {
                    let series = self.series_of_run(&view, run, any_of)?;
                    values.extend(index.label_values_of(name, &series)?);
                }
            }
        }
        for generation in self.generations(&view) {
            match lacks_samples(&view, generation) {
                false if any_of.is_empty() => values.extend(generation.label_values(name)),
                _ => {
                    let series = self.series_of_generation(&view, generation, any_of)?;
                    values.extend(generation.label_values_of(name, &series)?);
                }
            }
        }
        Ok(values.into_iter().collect())
    }

    /// Series of a run that match any of the matcher sets and have samples left; without a set, of all series.
    fn series_of_run(&self, view: &View, run: &Run, any_of: &[Vec<Matcher>]) -> Result<Vec<u32>> {
        let mut resolved = resolve_any(any_of, |matchers| resolve(run.index(), matchers))?;
        if view.deletions.of_run(run).is_some() {
            let mut buffer = LabelBuffer::default();
            retain_left(&mut resolved, |series| {
                view.left_in_run(run, series, self.range, &self.cache, &mut buffer)
            })?;
        }
        Ok(resolved)
    }

    /// The same of a generation.
    fn series_of_generation(
        &self,
        view: &View,
        generation: &Generation,
        any_of: &[Vec<Matcher>],
    ) -> Result<Vec<u32>> {
        let mut resolved = resolve_any(any_of, |matchers| generation.resolve(matchers))?;
        if lacks_samples(view, generation) {
            retain_left(&mut resolved, |series| {
                let captured = generation.capture(series);
                view.left_in_head(generation, series, &captured, self.range)
            })?;
        }
        Ok(resolved)
    }

    fn generations<'a>(&self, view: &'a View) -> impl Iterator<Item = &'a Arc<Generation>> {
        let range = self.range;
        view.generations().filter(move |generation| {
            let held = generation.time_range();
            held.is_some_and(|(min_ms, max_ms)| TimeRange::new(min_ms, max_ms).overlaps(&range))
        })
    }
}

/// The series that any of the lists of matchers selects, strictly rising; every series without a list.
fn resolve_any(
    any_of: &[Vec<Matcher>],
    resolve: impl Fn(&[Matcher]) -> Result<Vec<u32>>,
) -> Result<Vec<u32>> {
    if any_of.is_empty() {
        return resolve(&[]);
    }
    let lists: Result<Vec<_>> = any_of.iter().map(|matchers| resolve(matchers)).collect();
    Ok(postings::union(lists?))
}

/// Keeps the series of which there is anything left.
fn retain_left<T>(
    series: &mut Vec<u32>,
    mut left: impl FnMut(u32) -> Result<Option<T>>,
) -> Result<()> {
    let mut failed = Ok(());
    series.retain(|&series| {
        left(series).map(|left| left.is_some()).unwrap_or_else(|e| {
            failed = Err(e);
            false
        })
    });
    failed
}

/// Whether series of the generation may have no samples left.
fn lacks_samples(view: &View, generation: &Generation) -> bool {
    generation.has_emptied() || view.deletions.of_generation(generation).is_some()
}
