//! Functions of windows in which there are native histograms, alone or among floats.

use std::sync::Arc;

use tsdb_core::FloatHistogram;

use super::kernel::{Window, seconds};
use super::native_histogram::{
    self as native, Annotated, Annotation, HistogramWindow, Point, PointValue, by_time,
};
use super::start_time::StartedWindow;
use super::{counter, over_time};
use crate::vector::Sample;

/// The samples of one series that one step of a range function sees, when there are histograms among them.
#[derive(Debug)]
pub(crate) struct MixedWindow<'a> {
    /// The floats, of which there may be none.
    pub(crate) floats: Window<'a>,
    /// When each float began to count; 0 where unknown. Empty when start times are not looked at.
    pub(crate) float_start_times_ms: &'a [i64],
    /// The histograms, of which there may be none either; of both kinds together there is at least one sample.
    pub(crate) histograms: HistogramWindow<'a, Arc<FloatHistogram>>,
}

/// A function of such a window.
pub(crate) type MixedKernel = fn(&MixedWindow<'_>) -> Annotated<Option<Sample>>;

/// What a function of windows does with native histograms.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WithHistograms {
    /// Nothing: it is computed of the floats.
    Ignored,
    /// It is computed of both.
    Counted(MixedKernel),
}

impl<'a> MixedWindow<'a> {
    fn has_floats(&self) -> bool {
        !self.floats.times_ms.is_empty()
    }

    fn has_histograms(&self) -> bool {
        !self.histograms.times_ms.is_empty()
    }

    /// The floats with their start times, when there are no histograms.
    fn started(&self) -> Option<StartedWindow<'_, 'a>> {
        let known = !self.float_start_times_ms.is_empty() && !self.has_histograms();
        known.then_some(StartedWindow {
            window: &self.floats,
            start_times_ms: self.float_start_times_ms,
        })
    }

    /// All samples in order of time.
    fn points(&self) -> impl Iterator<Item = Point<'a>> + use<'a> {
        by_time(&self.floats, self.float_start_times_ms, &self.histograms)
    }
}

fn float(v: Option<f64>) -> Annotated<Option<Sample>> {
    v.map(Sample::Float).into()
}

fn histogram(of: Annotated<Option<FloatHistogram>>) -> Annotated<Option<Sample>> {
    Annotated {
        value: of.value.map(|h| Sample::Histogram(Arc::new(h))),
        annotations: of.annotations,
    }
}

/// A function that makes sense of one kind at a time.
fn either(
    w: &MixedWindow<'_>,
    of_floats: fn(&Window<'_>, &[f64]) -> Option<f64>,
    of_histograms: fn(
        &HistogramWindow<'_, Arc<FloatHistogram>>,
    ) -> Annotated<Option<FloatHistogram>>,
) -> Annotated<Option<Sample>> {
    match (w.has_floats(), w.has_histograms()) {
        (true, true) => Annotated::with(None, [Annotation::MixedFloatsHistograms]),
        (true, false) => float(of_floats(&w.floats, &[])),
        (false, _) => histogram(of_histograms(&w.histograms)),
    }
}

fn floats(of: Annotated<Option<f64>>) -> Annotated<Option<Sample>> {
    Annotated {
        value: of.value.map(Sample::Float),
        annotations: of.annotations,
    }
}

/// `rate(m)`
pub(super) fn rate(w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    match w.started() {
        Some(started) => floats(started.rate()),
        None => either(w, counter::rate, native::rate),
    }
}

/// `increase(m)`
pub(super) fn increase(w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    match w.started() {
        Some(started) => floats(started.increase()),
        None => either(w, counter::increase, native::increase),
    }
}

/// `delta(m)`
pub(super) fn delta(w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    either(w, counter::delta, native::delta)
}

/// `sum_over_time(m)`
pub(super) fn sum(w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    either(w, over_time::sum, native::sum_over_time)
}

/// `avg_over_time(m)`
pub(super) fn avg(w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    either(w, over_time::avg, native::avg_over_time)
}

/// A function of the last two samples, of whichever kind they are.
fn of_last_two(
    w: &MixedWindow<'_>,
    of_floats: fn(&MixedWindow<'_>) -> Option<f64>,
    of_histograms: fn(&Point<'_>, &Point<'_>) -> Annotated<Option<FloatHistogram>>,
) -> Annotated<Option<Sample>> {
    let mut last_two = [None, None];
    for point in w.points() {
        last_two = [last_two[1], Some(point)];
    }
    let [Some(before), Some(last)] = last_two else {
        return None.into();
    };
    match (before.value, last.value) {
        (PointValue::Float(_), PointValue::Float(_)) => float(of_floats(w)),
        _ => histogram(of_histograms(&before, &last)),
    }
}

/// `irate(m)`
pub(super) fn irate(w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    let of_floats = |w: &MixedWindow<'_>| {
        let started = StartedWindow {
            window: &w.floats,
            start_times_ms: w.float_start_times_ms,
        };
        started.irate()
    };
    of_last_two(w, of_floats, native::irate)
}

/// `idelta(m)`
pub(super) fn idelta(w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    of_last_two(w, |w| counter::idelta(&w.floats, &[]), native::idelta)
}

/// `count_over_time(m)`
pub(super) fn count(w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    let samples = w.floats.times_ms.len() + w.histograms.times_ms.len();
    float(Some(samples as f64))
}

/// `present_over_time(m)`
pub(super) fn present(_: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    float(Some(1.0))
}

/// `first_over_time(m)`
pub(super) fn first(w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    let (floats, histograms) = (&w.floats, &w.histograms);
    match (floats.times_ms.first(), histograms.times_ms.first()) {
        (Some(f), Some(h)) if f < h => float(floats.values.first().copied()),
        (_, Some(_)) => shared(histograms.histograms.first()),
        _ => float(floats.values.first().copied()),
    }
}

/// `last_over_time(m)`
pub(super) fn last(w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    let (floats, histograms) = (&w.floats, &w.histograms);
    match (floats.times_ms.last(), histograms.times_ms.last()) {
        (Some(f), Some(h)) if h < f => float(floats.values.last().copied()),
        (_, Some(_)) => shared(histograms.histograms.last()),
        _ => float(floats.values.last().copied()),
    }
}

fn shared(h: Option<&Arc<FloatHistogram>>) -> Annotated<Option<Sample>> {
    h.map(|h| Sample::Histogram(Arc::clone(h))).into()
}

/// `ts_of_first_over_time(m)`
pub(super) fn ts_of_first(w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    let times = [w.floats.times_ms.first(), w.histograms.times_ms.first()];
    float(times.into_iter().flatten().min().map(|&t| seconds(t)))
}

/// `ts_of_last_over_time(m)`
pub(super) fn ts_of_last(w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    let times = [w.floats.times_ms.last(), w.histograms.times_ms.last()];
    float(times.into_iter().flatten().max().map(|&t| seconds(t)))
}

/// `resets(m)`
pub(crate) fn resets(w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    float(native::resets(w.points()))
}

/// `changes(m)`
pub(crate) fn changes(w: &MixedWindow<'_>) -> Annotated<Option<Sample>> {
    float(native::changes(w.points()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window<'a>(
        floats: (&'a [i64], &'a [f64]),
        histograms: (&'a [i64], &'a [Arc<FloatHistogram>]),
    ) -> MixedWindow<'a> {
        MixedWindow {
            floats: Window {
                times_ms: floats.0,
                values: floats.1,
                start_ms: 0,
                end_ms: 60_000,
                eval_ms: 60_000,
            },
            float_start_times_ms: &[],
            histograms: HistogramWindow {
                times_ms: histograms.0,
                histograms: histograms.1,
                start_times_ms: &[],
                start_ms: 0,
                end_ms: 60_000,
            },
        }
    }

    fn number(of: Annotated<Option<Sample>>) -> Option<f64> {
        match of.value {
            Some(Sample::Float(v)) => Some(v),
            _ => None,
        }
    }

    #[test]
    fn either_kind_is_found_by_its_time() {
        let h = [Arc::new(FloatHistogram::default())];
        let w = window((&[1_000, 3_000], &[5.0, 7.0]), (&[2_000], &h));
        assert_eq!(number(count(&w)), Some(3.0));
        assert_eq!(number(first(&w)), Some(5.0));
        assert_eq!(number(last(&w)), Some(7.0));
        assert_eq!(number(ts_of_first(&w)), Some(1.0));
        assert_eq!(number(ts_of_last(&w)), Some(3.0));
        assert_eq!(number(changes(&w)), Some(2.0));
        let w = window((&[2_000], &[5.0]), (&[3_000], &h));
        assert!(matches!(last(&w).value, Some(Sample::Histogram(_))));
        assert_eq!(number(first(&w)), Some(5.0));
    }

    #[test]
    fn sums_do_not_mix_kinds() {
        let h = [Arc::new(FloatHistogram::default())];
        let mixed = window((&[2_000], &[5.0]), (&[3_000], &h));
        for function in [rate, sum, avg, irate] {
            let result = function(&mixed);
            assert!(result.value.is_none());
            assert_eq!(result.annotations, [Annotation::MixedFloatsHistograms]);
        }
        let floats = window((&[2_000, 4_000], &[5.0, 7.0]), (&[], &[]));
        assert_eq!(number(sum(&floats)), Some(12.0));
        // The last two are floats, whatever came before.
        let before = window((&[2_000, 4_000], &[5.0, 7.0]), (&[1_000], &h));
        assert_eq!(number(irate(&before)), Some(1.0));
    }
}
