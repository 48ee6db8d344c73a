//! One series over the steps of a tile.

use std::sync::Arc;

use tsdb_core::FloatHistogram;

use super::Bits;
use super::sample::{Sample, weight};

/// A value a step, and which steps have one. Most columns hold numbers alone; a native histogram at a step stands beside them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    /// As many as there are steps; meaningless where absent or where there is a histogram.
    pub(crate) values: Vec<f64>,
    /// Which steps have a value of either kind.
    pub(crate) present: Bits,
    /// Empty when there is no histogram, otherwise one place a step. Only those at present steps count.
    histograms: Vec<Option<Arc<FloatHistogram>>>,
}

impl Column {
    /// `len` absent steps.
    pub(crate) fn absent(len: usize) -> Self {
        let mut column = Self::default();
        column.reset(len);
        column
    }

    /// `value` at `len` steps.
    pub(crate) fn constant(len: usize, value: f64) -> Self {
        let mut column = Self::default();
        column.fill(len, value);
        column
    }

    /// Becomes `len` absent steps. Keeps the memory.
    pub(crate) fn reset(&mut self, len: usize) {
        self.values.clear();
        self.values.resize(len, 0.0);
        self.present.reset(len);
        self.histograms.clear();
    }

    /// Becomes `value` at `len` steps.
    pub(crate) fn fill(&mut self, len: usize, value: f64) {
        self.values.clear();
        self.values.resize(len, value);
        self.present.fill(len);
        self.histograms.clear();
    }

    /// Becomes `sample` at `len` steps.
    pub(crate) fn fill_with(&mut self, len: usize, sample: &Sample) {
        match sample {
            Sample::Float(value) => self.fill(len, *value),
            Sample::Histogram(h) => {
                self.fill(len, f64::NAN);
                self.histograms.resize(len, Some(Arc::clone(h)));
            }
        }
    }

    /// Becomes a copy of `other`. Keeps the memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.values.clear();
        self.values.extend_from_slice(&other.values);
        self.present.copy_from(&other.present);
        self.histograms.clone_from(&other.histograms);
    }

    pub(crate) fn set(&mut self, step: usize, value: f64) {
        self.values[step] = value;
        self.present.set(step);
        if let Some(place) = self.histograms.get_mut(step) {
            *place = None;
        }
    }

    pub(crate) fn set_histogram(&mut self, step: usize, histogram: Arc<FloatHistogram>) {
        if self.histograms.is_empty() {
            self.histograms.resize(self.values.len(), None);
        }
        self.values[step] = f64::NAN;
        self.histograms[step] = Some(histogram);
        self.present.set(step);
    }

    pub(crate) fn set_sample(&mut self, step: usize, sample: Sample) {
        match sample {
            Sample::Float(value) => self.set(step, value),
            Sample::Histogram(h) => self.set_histogram(step, h),
        }
    }

    /// Whether there may be a histogram: when not, all present steps have numbers.
    pub(crate) fn has_histograms(&self) -> bool {
        !self.histograms.is_empty()
    }

    /// The histogram of a step, if it has one.
    pub(crate) fn histogram(&self, step: usize) -> Option<&Arc<FloatHistogram>> {
        let place = self.histograms.get(step)?.as_ref()?;
        self.present.get(step).then_some(place)
    }

    /// The number of a step, if it has one.
    pub(crate) fn get(&self, step: usize) -> Option<f64> {
        (self.present.get(step) && !self.is_histogram(step)).then(|| self.values[step])
    }

    /// The value of a step.
    pub(crate) fn sample(&self, step: usize) -> Option<Sample> {
        match self.histogram(step) {
            Some(h) => Some(Sample::Histogram(Arc::clone(h))),
            None => self.get(step).map(Sample::Float),
        }
    }

    /// Whether a step, if present, has a histogram.
    fn is_histogram(&self, step: usize) -> bool {
        self.histograms.get(step).is_some_and(Option::is_some)
    }

    /// The present steps with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let floats = self.present.iter().filter(|&k| !self.is_histogram(k));
        floats.map(|k| (k, self.values[k]))
    }

    /// The present steps with their histograms.
    pub(crate) fn iter_histograms(
        &self,
    ) -> impl Iterator<Item = (usize, &Arc<FloatHistogram>)> + '_ {
        let places = self.histograms.iter().enumerate();
        places
            .filter(|(k, _)| self.present.get(*k))
            .filter_map(|(k, h)| Some((k, h.as_ref()?)))
    }

    /// The present steps with their values.
    pub(crate) fn iter_samples(&self) -> impl Iterator<Item = (usize, Sample)> + '_ {
        self.present
            .iter()
            .filter_map(|k| Some((k, self.sample(k)?)))
    }

    /// Makes the steps with histograms absent. Whether there were any.
    pub(crate) fn drop_histograms(&mut self) -> bool {
        let mut dropped = false;
        for (k, place) in self.histograms.iter().enumerate() {
            if place.is_some() && self.present.get(k) {
                self.present.clear(k);
                dropped = true;
            }
        }
        self.histograms.clear();
        dropped
    }

    /// Puts a function of each histogram in its place.
    pub(crate) fn map_histograms(&mut self, f: impl Fn(&FloatHistogram) -> FloatHistogram) {
        for (k, place) in self.histograms.iter_mut().enumerate() {
            if let Some(h) = place
                && self.present.get(k)
            {
                *h = Arc::new(f(h));
            }
        }
    }

    /// Leaves numbers alone: of each histogram a function, and nothing of the numbers there were.
    pub(crate) fn of_histograms(&mut self, f: fn(&FloatHistogram) -> f64) {
        let histograms = std::mem::take(&mut self.histograms);
        let present = self.present.clone();
        self.present.reset(self.values.len());
        for (k, place) in histograms.iter().enumerate() {
            if let Some(h) = place
                && present.get(k)
            {
                self.set(k, f(h));
            }
        }
    }

    /// Forgets which steps had histograms; they keep being present, and the caller gives them values.
    pub(crate) fn forget_histograms(&mut self) {
        self.histograms.clear();
    }

    /// Takes over the present steps of `other`.
    pub(crate) fn merge(&mut self, other: &Self) {
        if self.has_histograms() || other.has_histograms() {
            for (k, sample) in other.iter_samples() {
                self.set_sample(k, sample);
            }
            return;
        }
        for (k, v) in other.iter() {
            self.values[k] = v;
        }
        self.present.or(&other.present);
    }

    /// How much of the budget of samples the histograms take beyond one a step.
    pub(crate) fn extra_weight(&self) -> usize {
        self.iter_histograms()
            .map(|(_, h)| weight(h).saturating_sub(1))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed() -> Column {
        let mut column = Column::absent(4);
        column.set(0, 1.5);
        column.set_histogram(2, Arc::new(FloatHistogram::default()));
        column.set(3, 2.5);
        column
    }

    #[test]
    fn numbers_and_histograms_stand_side_by_side() {
        let column = mixed();
        assert_eq!(column.iter().collect::<Vec<_>>(), [(0, 1.5), (3, 2.5)]);
        assert_eq!(column.get(2), None);
        assert!(column.histogram(2).is_some() && column.histogram(0).is_none());
        assert_eq!(column.iter_samples().count(), 3);
        assert_eq!(column.present.count(), 3);
    }

    #[test]
    fn a_number_takes_the_place_of_a_histogram() {
        let mut column = mixed();
        column.set(2, 7.0);
        assert_eq!(column.get(2), Some(7.0));
        assert!(column.histogram(2).is_none());
    }

    #[test]
    fn histograms_at_absent_steps_do_not_count() {
        let mut column = mixed();
        column.present.clear(2);
        assert!(column.histogram(2).is_none());
        assert_eq!(column.iter_histograms().count(), 0);
        assert!(!column.drop_histograms());
        assert_eq!(column.present.count(), 2);
    }

    #[test]
    fn only_what_is_asked_for_stays() {
        let mut column = mixed();
        assert!(column.drop_histograms());
        assert!(!column.has_histograms());
        assert_eq!(column.present.count(), 2);
        let mut column = mixed();
        column.of_histograms(|h| h.count + 4.0);
        assert_eq!(column.iter().collect::<Vec<_>>(), [(2, 4.0)]);
    }

    #[test]
    fn merging_takes_over_both_kinds() {
        let mut column = Column::absent(4);
        column.set(1, 9.0);
        column.merge(&mixed());
        assert_eq!(column.iter().count(), 3);
        assert_eq!(column.iter_histograms().count(), 1);
    }
}
