//! Reading over a range of time: series, and the names and values of their labels.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::series::Series;
use super::snapshot::{Snapshot, runs_in};
use super::view::{CurrentView, View};
use crate::disk::GroupCache;
use crate::error::Result;
use crate::head::Generation;
use crate::index::{LabelBuffer, resolve, values_of};
use crate::model::{Labels, Matcher, TimeRange};

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
        if any_of.is_empty() {
            let view = self.view.get();
            for run in runs_in(&view, self.range) {
                names.extend(run.index().label_names()?);
            }
            for generation in self.generations(&view) {
                names.extend(generation.label_names());
            }
        } else {
            self.visit_labels(any_of, |labels| {
                for (name, _) in labels.iter() {
                    if !names.contains(name) {
                        names.insert(name.to_owned());
                    }
                }
            })?;
        }
        Ok(names.into_iter().collect())
    }

    /// Values of a label, sorted, of the series that match any of the matcher sets; of all series when there is none.
    ///
    /// # Errors
    /// When the index of a run cannot be read.
    pub fn label_values(&self, name: &str, any_of: &[Vec<Matcher>]) -> Result<Vec<String>> {
        let mut values = BTreeSet::new();
        if any_of.is_empty() {
            let view = self.view.get();
            for run in runs_in(&view, self.range) {
                values.extend(run.index().label_values(name)?);
            }
            for generation in self.generations(&view) {
                values.extend(generation.label_values(name));
            }
        } else {
            let view = self.view.get();
            for matchers in any_of {
                for run in runs_in(&view, self.range) {
                    let index = run.index();
                    let series = resolve(index, matchers)?;
                    values.extend(values_of(index, name, index.label_values(name)?, &series)?);
                }
                for generation in self.generations(&view) {
                    values.extend(generation.label_values_of(name, matchers)?);
                }
            }
        }
        Ok(values.into_iter().collect())
    }

    /// Calls `visit` with the label sets that match any of the matcher sets; the same set may come more than once.
    fn visit_labels(&self, any_of: &[Vec<Matcher>], mut visit: impl FnMut(&Labels)) -> Result<()> {
        let view = self.view.get();
        for matchers in any_of {
            for run in runs_in(&view, self.range) {
                let mut buffer = LabelBuffer::default();
                for series in resolve(run.index(), matchers)? {
                    visit(&run.index().labels_after(series, &mut buffer)?);
                }
            }
            for generation in self.generations(&view) {
                for series in generation.resolve(matchers)? {
                    visit(&generation.labels(series));
                }
            }
        }
        Ok(())
    }

    fn generations<'a>(&self, view: &'a View) -> impl Iterator<Item = &'a Arc<Generation>> {
        let range = self.range;
        view.generations().filter(move |generation| {
            let held = generation.time_range();
            held.is_some_and(|(min_ms, max_ms)| TimeRange::new(min_ms, max_ms).overlaps(&range))
        })
    }
}
