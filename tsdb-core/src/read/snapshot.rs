//! What a query reads: the samples of its selectors, captured at one moment.

use std::sync::Arc;

use super::damage::DamageLog;
use super::deletions::Left;
use super::found::Found;
use super::series::{Part, Parts, Series};
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

/// What who selects series knows of their use.
#[derive(Clone, Copy, Debug, Default)]
pub struct SelectHints<'a> {
    /// Up to so many threads may work when there are many series; one does where it is 0.
    pub threads: usize,
    /// The only labels that are looked at, if that is known: series may come without the others, and then several of them have the
    /// same label set. Their order stays that of all labels.
    pub labels: Option<&'a [String]>,
}

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
        self.select_with(matchers, range, SelectHints::default())
    }

    /// As [`select`](Self::select), in less time with what is known of the use.
    ///
    /// # Errors
    /// Those of [`select`](Self::select).
    pub fn select_with(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        hints: SelectHints<'_>,
    ) -> Result<Vec<Series>> {
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
            return later.select_with(matchers, range, hints);
        };
        self.tell_lost(range);
        let mut runs = Vec::new();
        for run in runs_in(&self.view, range) {
            let series = resolve(run.index(), matchers)?;
            if !series.is_empty() {
                runs.push((run, series));
            }
        }
        // What several parts of the store have of a series is joined by all labels.
        let in_head = selection.head.iter().any(|(_, series)| !series.is_empty());
        let labels = hints.labels.filter(|_| runs.len() == 1 && !in_head);
        let mut found = Found::default();
        for (run, series) in runs {
            if found.is_empty() {
                let of_run = |some: &[u32]| self.of_run(run, some, range, labels);
                for part in in_parallel(&series, hints.threads, of_run)? {
                    found.add_first(part);
                }
                continue;
            }
            let mut buffer = LabelBuffer::default();
            for series in series {
                if let Some(part) = self.part_of_run(run, series, range, &mut buffer)? {
                    let index = run.index();
                    let canonical = index.canonical_after(series, &mut buffer)?;
                    let new = |part| Ok(self.series(index.checked_labels(canonical)?, range, part));
                    found.add(canonical, part, new)?;
                }
            }
        }
        for (generation, captured) in &selection.head {
            for (series, snapshot) in captured {
                let left = self
                    .view
                    .left_in_head(generation, *series, snapshot, range)?;
                if let Some(left) = left {
                    let labels = generation.labels(*series);
                    let part = (left, Part::Head(snapshot.clone()));
                    let new = |part| Ok(self.series(labels.clone(), range, part));
                    found.add(labels.as_bytes(), part, new)?;
                }
            }
        }
        Ok(found.into_series())
    }

    /// Tells what is known to be lost of the range.
    fn tell_lost(&self, range: TimeRange) {
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
    }

    fn series(&self, labels: Labels, range: TimeRange, part: (Left, Part)) -> Series {
        Series {
            labels,
            range,
            parts: Parts::new(part),
            cache: Arc::clone(&self.cache),
            damage: self.damage.clone(),
        }
    }

    /// What these series of a run, which rise, have in the range, with all labels or with those of these names.
    fn of_run(
        &self,
        run: &Arc<Run>,
        series: &[u32],
        range: TimeRange,
        labels: Option<&[String]>,
    ) -> Result<Vec<Series>> {
        let mut found = Vec::with_capacity(series.len());
        let mut buffer = match labels {
            None => LabelBuffer::default(),
            Some(names) => run.index().buffer_of(names)?,
        };
        for &series in series {
            if let Some(part) = self.part_of_run(run, series, range, &mut buffer)? {
                let labels = run.index().labels_after(series, &mut buffer)?;
                found.push(self.series(labels, range, part));
            }
        }
        Ok(found)
    }

    /// What a series of a run has in the range.
    fn part_of_run(
        &self,
        run: &Arc<Run>,
        series: u32,
        range: TimeRange,
        buffer: &mut LabelBuffer,
    ) -> Result<Option<(Left, Part)>> {
        let left = self
            .view
            .left_in_run(run, series, range, &self.cache, buffer)?;
        Ok(left.map(|(unit, left)| {
            let run = Arc::clone(run);
            (left, Part::Run { run, series, unit })
        }))
    }
}

/// Fewer series than these are not worth a thread, which takes as long to start as some hundred of them.
const SERIES_OF_A_THREAD: usize = 4 << 10;

/// What `work` makes of the parts of a list of series, in order, with up to so many threads.
fn in_parallel<T: Send>(
    series: &[u32],
    threads: usize,
    work: impl Fn(&[u32]) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let threads = threads.min(series.len() / SERIES_OF_A_THREAD).max(1);
    let mut parts = series.chunks(series.len().div_ceil(threads).max(1));
    let own = parts.next().unwrap_or_default();
    std::thread::scope(|scope| {
        let work = &work;
        let spawn = |part| {
            let thread = std::thread::Builder::new().name("select".to_owned());
            let thread = thread.spawn_scoped(scope, move || work(part));
            thread.map_err(|_| part)
        };
        let others: Vec<_> = parts.map(spawn).collect();
        let own = work(own);
        let others = others.into_iter().map(|thread| match thread {
            Ok(thread) => thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // There is no other thread to be had.
            Err(part) => work(part),
        });
        std::iter::once(own).chain(others).collect()
    })
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
