//! The histograms of a window.

use std::borrow::Borrow;
use std::iter::Peekable;

use tsdb_core::FloatHistogram;

use crate::functions::kernel::Window;

/// The native histograms of one series that one step of a range function sees: as [`Window`] is for floats.
///
/// The histograms may be owned, borrowed or shared (`H`). Staleness markers are taken out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistogramWindow<'a, H> {
    /// Milliseconds since the Unix epoch, strictly rising.
    pub(crate) times_ms: &'a [i64],
    /// The histograms, as many as there are times.
    pub(crate) histograms: &'a [H],
    /// When each histogram began to count; 0 where unknown. Empty when start times are not looked at.
    pub(crate) start_times_ms: &'a [i64],
    /// Where the window begins (itself outside), after `offset` and `@`.
    pub(crate) start_ms: i64,
    /// Where the window ends (itself inside), after `offset` and `@`.
    pub(crate) end_ms: i64,
}

impl<'a, H: Borrow<FloatHistogram>> HistogramWindow<'a, H> {
    /// Samples in order of time.
    pub(crate) fn points(&self) -> impl DoubleEndedIterator<Item = Point<'a>> + use<'a, H> {
        let starts = self.start_times_ms;
        let histograms = self.times_ms.iter().zip(self.histograms).enumerate();
        histograms.map(move |(i, (&t_ms, h))| Point {
            t_ms,
            start_ms: starts.get(i).copied().unwrap_or(0),
            value: PointValue::Histogram(h.borrow()),
        })
    }
}

/// A sample of a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point<'a> {
    /// Its time.
    pub(crate) t_ms: i64,
    /// When it began to count; 0 when unknown or not looked at.
    pub(crate) start_ms: i64,
    /// Its value.
    pub(crate) value: PointValue<'a>,
}

/// The value of a sample.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PointValue<'a> {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(&'a FloatHistogram),
}

/// The floats and histograms of a window in order of time; `start_times_ms` are those of the floats, as in [`HistogramWindow`].
pub(crate) fn by_time<'a, H: Borrow<FloatHistogram>>(
    floats: &Window<'a>,
    start_times_ms: &'a [i64],
    histograms: &HistogramWindow<'a, H>,
) -> impl Iterator<Item = Point<'a>> + use<'a, H> {
    let floats = floats.times_ms.iter().zip(floats.values).enumerate();
    let floats = floats.map(|(i, (&t_ms, &value))| Point {
        t_ms,
        start_ms: start_times_ms.get(i).copied().unwrap_or(0),
        value: PointValue::Float(value),
    });
    Merged {
        floats: floats.peekable(),
        histograms: histograms.points().peekable(),
    }
}

struct Merged<F: Iterator, H: Iterator> {
    floats: Peekable<F>,
    histograms: Peekable<H>,
}

impl<'a, F, H> Iterator for Merged<F, H>
where
    F: Iterator<Item = Point<'a>>,
    H: Iterator<Item = Point<'a>>,
{
    type Item = Point<'a>;

    fn next(&mut self) -> Option<Point<'a>> {
        match (self.floats.peek(), self.histograms.peek()) {
            (Some(float), Some(histogram)) if float.t_ms < histogram.t_ms => self.floats.next(),
            (_, Some(_)) => self.histograms.next(),
            _ => self.floats.next(),
        }
    }
}

/// Whether start times say that a counter began anew between two samples.
///
/// A start time at the sample before is a reset for a sender of differences, and none for one that does not know when counting
/// began; the sample before, which then has no start time but its own, tells the two apart.
pub(crate) fn start_time_reset(before: &Point<'_>, now: &Point<'_>) -> bool {
    if now.start_ms == 0 || now.start_ms >= now.t_ms || now.start_ms < before.t_ms {
        return false;
    }
    now.start_ms > before.t_ms || (before.start_ms != 0 && before.start_ms < before.t_ms)
}

/// Whether the time that a sample stands for overlaps with that of the sample before.
pub(crate) fn start_time_overlap(before: &Point<'_>, now: &Point<'_>) -> bool {
    now.start_ms != 0 && now.start_ms < before.t_ms && now.start_ms != before.start_ms
}
