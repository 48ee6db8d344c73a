//! How many series there may be, how many may begin in a while, and how large their labels may be.
//!
//! A series is *active* while a generation of the head, the present one or the one before, has a sample of it; it is *new*
//! when neither has, and no recent run either. What is refused is the sample of a new series that would be one too many:
//! series that are known go on whatever others do.

use std::time::{Duration, Instant};

use hashbrown::HashTable;

use super::write::RejectReason;
use crate::model::{LabelIter, METRIC_NAME};

/// Limits of the number of series; none by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesLimits {
    /// Series that may be active at once.
    pub active: Option<u64>,
    /// New series in one `interval`.
    pub new: Option<u64>,
    /// Default: a minute.
    pub interval: Duration,
    /// Of each series.
    pub labels: LabelLimits,
}

impl Default for SeriesLimits {
    fn default() -> Self {
        Self {
            active: None,
            new: None,
            interval: Duration::from_secs(60),
            labels: LabelLimits::default(),
        }
    }
}

impl SeriesLimits {
    /// Whether the number of series has a limit.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.active.is_none() && self.new.is_none()
    }
}

/// Limits of the labels of a series, asked when it comes into memory; by default there are none but
/// [`MAX_LABEL_SET_BYTES`](crate::MAX_LABEL_SET_BYTES).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelLimits {
    /// Labels of a series, the metric name included.
    pub count: usize,
    /// Bytes of a label's name.
    pub name_bytes: usize,
    /// Bytes of a label's value.
    pub value_bytes: usize,
}

impl Default for LabelLimits {
    fn default() -> Self {
        Self {
            count: usize::MAX,
            name_bytes: usize::MAX,
            value_bytes: usize::MAX,
        }
    }
}

impl LabelLimits {
    /// Which limit the labels of a series are beyond.
    fn refusal(&self, canonical: &[u8]) -> Option<RejectReason> {
        if *self == Self::default() {
            return None;
        }
        let mut count = 0;
        let mut labels = LabelIter::over(canonical);
        while let Some((name, value)) = labels.next_bytes() {
            count += 1;
            if count > self.count {
                return Some(RejectReason::TooManyLabels);
            }
            if name.len() > self.name_bytes {
                return Some(RejectReason::LabelNameTooLong);
            }
            if value.len() > self.value_bytes {
                return Some(RejectReason::LabelValueTooLong);
            }
        }
        None
    }
}

/// A metric name under which many new series came in the present interval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeriesMaker {
    /// The metric name; empty for series without.
    pub metric: String,
    /// New series accepted.
    pub new: u64,
    /// Samples of new series refused.
    pub refused: u64,
    /// The names of the labels whose values changed most often from one of these series to the next, at most three.
    pub labels: Vec<String>,
}

/// What the lane knows of the number of series.
#[derive(Debug, Default)]
pub(super) struct Admission {
    limits: SeriesLimits,
    /// Hashes of the series of the generation before, and how many of them the present one has as well.
    previous: HashTable<u64>,
    carried: u64,
    /// Generations since the limits were set: only after some `previous` knows who is there.
    generations: u32,
    window: Window,
}

#[derive(Debug, Default)]
struct Window {
    begun: Option<Instant>,
    new: u64,
    makers: Vec<Maker>,
}

/// Metric names that are counted at once.
const MAKERS: usize = 64;

#[derive(Debug, Default)]
struct Maker {
    metric: Box<str>,
    new: u64,
    refused: u64,
    /// Label bytes of its last series, and how often the values of which names were others before.
    last: Vec<u8>,
    changes: Vec<(Box<str>, u64)>,
}

impl Admission {
    pub(super) fn set_limits(&mut self, limits: SeriesLimits) {
        if self.limits.is_none() || limits.is_none() {
            *self = Self::default();
        }
        self.limits = limits;
    }

    pub(super) fn is_on(&self) -> bool {
        !self.limits.is_none()
    }

    /// Whether runs are to be asked whether they know a series that seems to be new. `series` is the number of series of the
    /// present generation.
    pub(super) fn asks_runs(&self, series: u32) -> bool {
        self.is_on() && self.generations < 2 && self.refusal(series).is_some()
    }

    /// Takes a series into the present generation, which has so many, or says why not. `known` is whether another place
    /// knows it.
    pub(super) fn admit(
        &mut self,
        hash: u64,
        canonical: &[u8],
        series: u32,
        known: bool,
    ) -> Result<(), RejectReason> {
        if let Some(reason) = self.limits.labels.refusal(canonical) {
            return Err(reason);
        }
        if !self.is_on() {
            return Ok(());
        }
        if self.previous.find(hash, |&h| h == hash).is_some() {
            self.carried += 1;
            return Ok(());
        }
        if known {
            return Ok(());
        }
        self.begin_window();
        let refusal = self.refusal(series);
        let maker = self.window.maker(canonical);
        maker.note_changes(canonical);
        match refusal {
            Some(reason) => {
                maker.refused += 1;
                Err(reason)
            }
            None => {
                maker.new += 1;
                self.window.new += 1;
                Ok(())
            }
        }
    }

    fn begin_window(&mut self) {
        let begun = self.window.begun;
        if begun.is_none_or(|begun| begun.elapsed() >= self.limits.interval) {
            self.window = Window {
                begun: Some(Instant::now()),
                ..Window::default()
            };
        }
    }

    fn refusal(&self, series: u32) -> Option<RejectReason> {
        let reached = |limit: Option<u64>, n: u64| limit.is_some_and(|limit| n >= limit);
        if reached(self.limits.active, self.active(series)) {
            Some(RejectReason::ActiveSeriesLimit)
        } else if reached(self.limits.new, self.window.new) {
            Some(RejectReason::NewSeriesLimit)
        } else {
            None
        }
    }

    fn active(&self, series: u32) -> u64 {
        (self.previous.len() as u64 + u64::from(series)).saturating_sub(self.carried)
    }

    /// A generation with series of these hashes was frozen.
    pub(super) fn frozen(&mut self, hashes: impl FnOnce() -> HashTable<u64>) {
        if self.is_on() {
            self.previous = hashes();
            self.carried = 0;
            self.generations = self.generations.saturating_add(1);
        }
    }

    /// Until new series may come again.
    pub(super) fn rest_of_interval(&self) -> Duration {
        let elapsed = self.window.begun.map_or(Duration::ZERO, |b| b.elapsed());
        self.limits.interval.saturating_sub(elapsed)
    }

    /// Who made the most new series in the present interval, refused ones included, at most `limit`.
    pub(super) fn makers(&self, limit: usize) -> Vec<SeriesMaker> {
        let mut makers: Vec<&Maker> = self.window.makers.iter().collect();
        makers.sort_by_key(|maker| std::cmp::Reverse(maker.weight()));
        makers.truncate(limit);
        makers.into_iter().map(Maker::tell).collect()
    }
}

impl Window {
    /// The counts of the metric of a series. Of more than [`MAKERS`] metrics the least takes the place of the new one and
    /// leaves it its count, so that none with a large share is missed (Metwally et al., "Efficient Computation of Frequent
    /// and Top-k Elements in Data Streams", 2005).
    fn maker(&mut self, canonical: &[u8]) -> &mut Maker {
        let mut labels = LabelIter::over(canonical);
        let metric = labels.find(|(name, _)| *name == METRIC_NAME);
        let metric = metric.map_or("", |(_, value)| value);
        let found = self.makers.iter().position(|m| &*m.metric == metric);
        let least = || (0..self.makers.len()).min_by_key(|&i| self.makers[i].weight());
        let at = match found {
            Some(at) => at,
            None => match least().filter(|_| self.makers.len() >= MAKERS) {
                Some(at) => {
                    let (new, refused) = (self.makers[at].new, self.makers[at].refused);
                    self.makers[at] = Maker {
                        new,
                        refused,
                        ..Maker::of(metric)
                    };
                    at
                }
                None => {
                    self.makers.push(Maker::of(metric));
                    self.makers.len() - 1
                }
            },
        };
        &mut self.makers[at]
    }
}

impl Maker {
    fn of(metric: &str) -> Self {
        Self {
            metric: metric.into(),
            ..Self::default()
        }
    }

    fn weight(&self) -> u64 {
        self.new + self.refused
    }

    /// Label names that are counted for one metric.
    const NAMES: usize = 64;

    fn note_changes(&mut self, canonical: &[u8]) {
        let last = std::mem::take(&mut self.last);
        if !last.is_empty() {
            let mut before = LabelIter::over(&last).peekable();
            for (name, value) in LabelIter::over(canonical) {
                while before.next_if(|(other, _)| *other < name).is_some() {}
                if before.peek().is_some_and(|label| *label == (name, value)) {
                    continue;
                }
                let known = self.changes.iter().position(|(known, _)| &**known == name);
                if let Some((_, n)) = known.and_then(|at| self.changes.get_mut(at)) {
                    *n += 1;
                } else if self.changes.len() < Self::NAMES {
                    self.changes.push((name.into(), 1));
                }
            }
        }
        self.last = last;
        self.last.clear();
        self.last.extend_from_slice(canonical);
    }

    fn tell(&self) -> SeriesMaker {
        let mut changes: Vec<&(Box<str>, u64)> = self.changes.iter().collect();
        changes.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        let most = changes.first().map_or(0, |(_, n)| *n);
        // A label that changes with one series in four is not what makes them.
        changes.retain(|(_, n)| *n > most / 4);
        SeriesMaker {
            metric: self.metric.to_string(),
            new: self.new,
            refused: self.refused,
            labels: changes
                .into_iter()
                .take(3)
                .map(|(name, _)| name.to_string())
                .collect(),
        }
    }
}
