//! What a query reads: the samples of its selectors, captured at one moment.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::hash_table::{Entry, HashTable};

use super::damage::DamageLog;
use super::deletions::Left;
use super::series::{Part, Series};
use super::view::{CurrentView, View};
use crate::disk::{GroupCache, Run};
use crate::error::Result;
use crate::head::{Generation, SeriesRef, SeriesSnapshot};
use crate::index::{LabelBuffer, resolve};
use crate::model::{Labels, Matcher, TimeRange};

/// The samples of the series that some lists of matchers select, as they were at one moment: of each batch all or
/// nothing, and of each batch whose write had returned, all. Also across the lists, also while the store flushes and
/// merges, and whatever is deleted meanwhile.
#[derive(Debug)]
pub struct Snapshot {
    view: Arc<View>,
    current: Arc<CurrentView>,
    cache: Arc<GroupCache>,
    selections: Vec<Selection>,
    damage: DamageLog,
}

/// What a list of matchers selects in the head.
#[derive(Debug)]
struct Selection {
    matchers: Box<[Matcher]>,
    head: Vec<(Arc<Generation>, Captured)>,
}

type Captured = Vec<(SeriesRef, SeriesSnapshot)>;

impl Snapshot {
    /// Matchers are resolved before the lane is kept out, so that a slow pattern does not hold up writes.
    pub(crate) fn take(
        current: &Arc<CurrentView>,
        cache: &Arc<GroupCache>,
        selectors: &[&[Matcher]],
    ) -> Result<Self> {
        let seen = current.get();
        let resolved_len = seen.active.series_len();
        let mut resolved = Vec::with_capacity(selectors.len());
        for matchers in selectors {
            let mut series = seen.active.resolve(matchers)?;
            series.truncate(series.partition_point(|&series| series < resolved_len));
            resolved.push(series);
        }

        let mut captured = Vec::with_capacity(selectors.len());
        let held = current.hold();
        let active = &held.active;
        for (matchers, mut series) in selectors.iter().zip(resolved) {
            if held.epoch == seen.epoch {
                // What was made since is matched one by one.
                let made_since = resolved_len..active.series_len();
                series.extend(made_since.filter(|&series| matches(active, series, matchers)));
            } else {
                series = active.resolve(matchers)?;
            }
            captured.push(capture(active, series));
        }
        let view = Arc::clone(&held);
        drop(held);

        let mut selections = Vec::with_capacity(selectors.len());
        for (matchers, captured) in selectors.iter().zip(captured) {
            let mut head = Vec::with_capacity(view.frozen.len() + 1);
            for generation in &view.frozen {
                let series = generation.resolve(matchers)?;
                head.push((Arc::clone(generation), capture(generation, series)));
            }
            head.push((Arc::clone(&view.active), captured));
            selections.push(Selection {
                matchers: (*matchers).into(),
                head,
            });
        }
        Ok(Self {
            view,
            current: Arc::clone(current),
            cache: Arc::clone(cache),
            selections,
            damage: DamageLog::default(),
        })
    }

    /// What was damaged of what has been read so far, each place once; the samples that stood there are missing from what
    /// was read.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.damage.texts()
    }

    /// The series that match all `matchers` and may have samples in the range, in label order. A list of matchers that
    /// the snapshot was not taken for is captured now.
    ///
    /// # Errors
    /// When the index of a run cannot be read.
    pub fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Series>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let known = self
            .selections
            .iter()
            .find(|selection| *selection.matchers == *matchers);
        let Some(selection) = known else {
            let mut later = Self::take(&self.current, &self.cache, &[matchers])?;
            later.damage = self.damage.clone();
            return later.select(matchers, range);
        };
        for (lost, path) in self.view.set_aside.iter() {
            if lost.range.overlaps(&range) {
                let path = path.display();
                self.damage
                    .add_text(format!("{path} is damaged and set aside: {lost}"));
            }
        }
        for (lost, file) in self.view.lost() {
            if lost.range.overlaps(&range) {
                self.damage.add_text(match file {
                    Some(path) => format!("{lost} ({})", path.display()),
                    None => lost.to_string(),
                });
            }
        }
        let mut found = Found::default();
        for run in runs_in(&self.view, range) {
            let mut buffer = LabelBuffer::default();
            for series in resolve(run.index(), matchers)? {
                let left = self
                    .view
                    .left_in_run(run, series, range, &self.cache, &mut buffer)?;
                let Some((unit, left)) = left else {
                    continue;
                };
                let part = Part::Run {
                    run: Arc::clone(run),
                    series,
                    unit,
                };
                let canonical = run.index().canonical_after(series, &mut buffer)?;
                let labels = || run.index().checked_labels(canonical);
                found.add(canonical, labels, left, part)?;
            }
        }
        for (generation, captured) in &selection.head {
            for (series, snapshot) in captured {
                let left = self
                    .view
                    .left_in_head(generation, *series, snapshot, range)?;
                if let Some(left) = left {
                    let labels = generation.labels(*series);
                    let part = Part::Head(snapshot.clone());
                    found.add(labels.as_bytes(), || Ok(labels.clone()), left, part)?;
                }
            }
        }
        Ok(found.into_series(range, &self.cache, &self.damage))
    }
}

/// The runs that may have samples in the range.
pub(super) fn runs_in(view: &View, range: TimeRange) -> impl Iterator<Item = &Arc<Run>> {
    view.runs.iter().filter(move |run| {
        let meta = run.meta();
        TimeRange::new(meta.min_ms, meta.max_ms).overlaps(&range)
    })
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

/// Series joined by their labels, so that label sets are built once for each and compared only to sort.
#[derive(Default)]
struct Found {
    series: Vec<(Labels, Vec<(Left, Part)>)>,
    by_labels: HashTable<usize>,
    hasher: foldhash::fast::RandomState,
}

impl Found {
    fn add(
        &mut self,
        canonical: &[u8],
        labels: impl FnOnce() -> Result<Labels>,
        left: Left,
        part: Part,
    ) -> Result<()> {
        let (series, hasher) = (&self.series, &self.hasher);
        let of = |at: usize| {
            series
                .get(at)
                .map_or(&[][..], |(labels, _)| labels.as_bytes())
        };
        let entry = self.by_labels.entry(
            hasher.hash_one(canonical),
            |&at| of(at) == canonical,
            |&at| hasher.hash_one(of(at)),
        );
        match entry {
            Entry::Occupied(known) => {
                let at = *known.get();
                self.series[at].1.push((left, part));
            }
            Entry::Vacant(new) => {
                new.insert(series.len());
                self.series.push((labels()?, vec![(left, part)]));
            }
        }
        Ok(())
    }

    fn into_series(
        mut self,
        range: TimeRange,
        cache: &Arc<GroupCache>,
        damage: &DamageLog,
    ) -> Vec<Series> {
        // Runs give series in label order, and what comes later is mostly known: then nothing is left to sort.
        if !self.series.is_sorted_by(|a, b| a.0 < b.0) {
            self.series.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        }
        let series = self.series.into_iter().map(|(labels, parts)| Series {
            labels,
            range,
            parts,
            cache: Arc::clone(cache),
            damage: damage.clone(),
        });
        series.collect()
    }
}
