//! Selecting: from matchers to series, over everything there is.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::series::{Part, Series};
use super::view::{CurrentView, View};
use crate::disk::{GroupCache, Run};
use crate::error::Result;
use crate::head::{Generation, SeriesRef};
use crate::index::resolve;
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
        if self.range.is_empty() {
            return Ok(Vec::new());
        }
        // The head first: what is flushed meanwhile is then read from memory, and not from both or neither.
        let head = self.capture_head(matchers)?;
        let mut found = Found::default();
        for run in self.runs(&head.view) {
            for series in resolve(run.index(), matchers)? {
                let Some((min_ms, max_ms)) = run.column_range(series) else {
                    continue;
                };
                let range = TimeRange::new(min_ms, max_ms);
                if range.overlaps(&self.range) {
                    let part = Part::Run {
                        run: Arc::clone(run),
                        series,
                    };
                    let Some(fingerprint) = run.index().fingerprint(series) else {
                        continue; // not a series of the run
                    };
                    found.add(fingerprint, || run.index().labels(series), range, part)?;
                }
            }
        }
        for (generation, captured) in head.captured {
            for (series, snapshot) in captured {
                let Some((min_ms, max_ms)) = snapshot.time_range() else {
                    continue;
                };
                let range = TimeRange::new(min_ms, max_ms);
                if range.overlaps(&self.range) {
                    let labels = || Ok(generation.labels(series));
                    let fingerprint = generation.fingerprint(series);
                    found.add(fingerprint, labels, range, Part::Head(snapshot))?;
                }
            }
        }
        Ok(found.into_series(self.range, &self.cache))
    }

    /// Label names, sorted, of the series that match any of the matcher sets; of all series when there is none.
    ///
    /// # Errors
    /// When the index of a run cannot be read.
    pub fn label_names(&self, any_of: &[Vec<Matcher>]) -> Result<Vec<String>> {
        let mut names = BTreeSet::new();
        if any_of.is_empty() {
            let view = self.view.get();
            for run in self.runs(&view) {
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
            for run in self.runs(&view) {
                values.extend(run.index().label_values(name)?);
            }
            for generation in self.generations(&view) {
                values.extend(generation.label_values(name));
            }
        } else {
            self.visit_labels(any_of, |labels| {
                if let Some(value) = labels.get(name)
                    && !values.contains(value)
                {
                    values.insert(value.to_owned());
                }
            })?;
        }
        Ok(values.into_iter().collect())
    }

    /// Calls `visit` with the label sets that match any of the matcher sets; the same set may come more than once.
    fn visit_labels(&self, any_of: &[Vec<Matcher>], mut visit: impl FnMut(&Labels)) -> Result<()> {
        let view = self.view.get();
        for matchers in any_of {
            for run in self.runs(&view) {
                for series in resolve(run.index(), matchers)? {
                    visit(&run.index().labels(series)?);
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

    fn runs<'a>(&self, view: &'a View) -> impl Iterator<Item = &'a Arc<Run>> {
        let range = self.range;
        view.runs.iter().filter(move |run| {
            let meta = run.meta();
            TimeRange::new(meta.min_ms, meta.max_ms).overlaps(&range)
        })
    }

    fn generations<'a>(&self, view: &'a View) -> impl Iterator<Item = &'a Arc<Generation>> {
        let range = self.range;
        view.generations().filter(move |generation| {
            let held = generation.time_range();
            held.is_some_and(|(min_ms, max_ms)| TimeRange::new(min_ms, max_ms).overlaps(&range))
        })
    }

    /// Captures the series of the head under the lock; matchers are resolved before, so that a slow pattern does not
    /// keep the lane out.
    fn capture_head(&self, matchers: &[Matcher]) -> Result<HeadCapture> {
        let seen = self.view.get();
        let resolved_len = seen.active.series_len();
        let mut resolved = seen.active.resolve(matchers)?;

        let held = self.view.hold();
        let active = &held.active;
        if held.epoch == seen.epoch {
            // What was made since the look-up is matched one by one.
            resolved.truncate(resolved.partition_point(|&series| series < resolved_len));
            let made_since = resolved_len..active.series_len();
            resolved.extend(made_since.filter(|&series| matches(active, series, matchers)));
        } else {
            resolved = active.resolve(matchers)?;
        }
        let captured = capture(active, resolved);
        let view = Arc::clone(&held);
        drop(held);

        let mut all = Vec::with_capacity(view.frozen.len() + 1);
        for generation in &view.frozen {
            let resolved = generation.resolve(matchers)?;
            all.push((Arc::clone(generation), capture(generation, resolved)));
        }
        all.push((Arc::clone(&view.active), captured));
        Ok(HeadCapture {
            view,
            captured: all,
        })
    }
}

type Captured = Vec<(SeriesRef, crate::head::SeriesSnapshot)>;

struct HeadCapture {
    view: Arc<View>,
    captured: Vec<(Arc<Generation>, Captured)>,
}

fn capture(generation: &Generation, series: Vec<SeriesRef>) -> Captured {
    let snapshots = series
        .into_iter()
        .map(|series| (series, generation.capture(series)));
    snapshots.collect()
}

fn matches(generation: &Generation, series: SeriesRef, matchers: &[Matcher]) -> bool {
    let labels = generation.labels(series);
    matchers
        .iter()
        .all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or("")))
}

/// Series joined by fingerprint, so that label sets are built once for each and compared only to sort.
#[derive(Default)]
struct Found {
    series: Vec<(Labels, Vec<(TimeRange, Part)>)>,
    by_fingerprint: HashMap<u128, usize, foldhash::fast::RandomState>,
}

impl Found {
    fn add(
        &mut self,
        fingerprint: u128,
        labels: impl FnOnce() -> Result<Labels>,
        range: TimeRange,
        part: Part,
    ) -> Result<()> {
        if let Some(&at) = self.by_fingerprint.get(&fingerprint) {
            self.series[at].1.push((range, part));
        } else {
            self.series.push((labels()?, vec![(range, part)]));
            self.by_fingerprint
                .insert(fingerprint, self.series.len() - 1);
        }
        Ok(())
    }

    fn into_series(mut self, range: TimeRange, cache: &Arc<GroupCache>) -> Vec<Series> {
        // Runs give series in label order, and what comes later is mostly known: then nothing is left to sort.
        if !self.series.is_sorted_by(|a, b| a.0 < b.0) {
            self.series.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        }
        let series = self.series.into_iter().map(|(labels, parts)| Series {
            labels,
            range,
            parts,
            cache: Arc::clone(cache),
        });
        series.collect()
    }
}
