//! Functions of counters whose samples say when they began to count.

use super::kernel::{Window, seconds};
use super::native_histogram::{
    Annotated, Annotation, Point, PointValue, start_time_overlap, start_time_reset,
};

/// How many average distances the first (last) sample may be away from the start (end) of the window
/// for the series to count as covering it.
const EXTRAPOLATION_THRESHOLD: f64 = 1.1;

/// The floats of a window with their start times, 0 where unknown.
#[derive(Clone, Copy, Debug)]
pub(super) struct StartedWindow<'w, 'a> {
    pub(super) window: &'w Window<'a>,
    pub(super) start_times_ms: &'a [i64],
}

impl StartedWindow<'_, '_> {
    fn point(&self, i: usize) -> Option<Point<'_>> {
        Some(Point {
            t_ms: *self.window.times_ms.get(i)?,
            start_ms: self.start_times_ms.get(i).copied().unwrap_or(0),
            value: PointValue::Float(*self.window.values.get(i)?),
        })
    }

    /// Each sample with the one before.
    fn pairs(&self) -> impl Iterator<Item = (Point<'_>, Point<'_>)> {
        let count = self.window.times_ms.len();
        (1..count).filter_map(|i| Some((self.point(i - 1)?, self.point(i)?)))
    }

    /// `increase(m)`: as without start times, but a later start time is a reset, and one inside of the window is where the counter
    /// was zero, so that nothing is extrapolated beyond it and even one sample is enough.
    pub(super) fn increase(&self) -> Annotated<Option<f64>> {
        self.extrapolated(1.0).unwrap_or(None.into())
    }

    /// `rate(m)`: the increase per second.
    pub(super) fn rate(&self) -> Annotated<Option<f64>> {
        let range = self.window.range_seconds();
        self.extrapolated(range).unwrap_or(None.into())
    }

    /// The increase, divided by `per_seconds`; `None` for too few samples.
    fn extrapolated(&self, per_seconds: f64) -> Option<Annotated<Option<f64>>> {
        let w = self.window;
        let (&first, &last) = (w.values.first()?, w.values.last()?);
        let (&first_ms, &last_ms) = (w.times_ms.first()?, w.times_ms.last()?);
        let mut delta = last - first;
        let mut overlap = None;
        for ((before, now), values) in self.pairs().zip(w.values.windows(2)) {
            if start_time_overlap(&before, &now) {
                overlap = Some(Annotation::StartTimeOverlap);
            }
            if values[1] < values[0] || start_time_reset(&before, &now) {
                delta += values[0];
            }
        }
        let intervals = w.times_ms.len() - 1;
        let mut sampled = seconds(last_ms - first_ms);
        let distance = sampled / intervals.max(1) as f64;
        let threshold = distance * EXTRAPOLATION_THRESHOLD;
        let mut to_start = seconds(first_ms - w.start_ms);
        let start_ms = self.start_times_ms.first().copied().unwrap_or(0);
        if start_ms != 0 && start_ms > w.start_ms && start_ms < first_ms {
            to_start = 0.0;
            sampled = seconds(last_ms - start_ms);
            delta += first;
        } else if intervals == 0 {
            return None;
        } else {
            if to_start >= threshold {
                to_start = distance / 2.0;
            }
            if delta > 0.0 && first >= 0.0 {
                to_start = to_start.min(sampled * (first / delta));
            }
        }
        let mut to_end = seconds(w.end_ms - last_ms);
        if to_end >= threshold {
            to_end = distance / 2.0;
        }
        let factor = if sampled == 0.0 {
            1.0
        } else {
            (sampled + to_start + to_end) / sampled
        };
        Some(Annotated::with(
            Some(delta * (factor / per_seconds)),
            overlap,
        ))
    }

    /// `irate(m)`
    pub(super) fn irate(&self) -> Option<f64> {
        let i = self.window.times_ms.len().checked_sub(2)?;
        let (before, last) = (self.point(i)?, self.point(i + 1)?);
        let (&[a, b], &[from, to]) = (
            self.window.values.last_chunk()?,
            self.window.times_ms.last_chunk()?,
        );
        let reset = b < a || start_time_reset(&before, &last);
        let increase = if reset { b } else { b - a };
        Some(increase / seconds(to - from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn increase(samples: &[(i64, f64, i64)]) -> Annotated<Option<f64>> {
        let times_ms: Vec<i64> = samples.iter().map(|s| s.0).collect();
        let values: Vec<f64> = samples.iter().map(|s| s.1).collect();
        let start_times_ms: Vec<i64> = samples.iter().map(|s| s.2).collect();
        let window = Window {
            times_ms: &times_ms,
            values: &values,
            start_ms: 0,
            end_ms: 60_000,
            eval_ms: 60_000,
        };
        let started = StartedWindow {
            window: &window,
            start_times_ms: &start_times_ms,
        };
        started.increase()
    }

    #[test]
    fn a_start_inside_of_the_window_is_zero() {
        // 7 in the 40 s since the start, and 10 s more to the end.
        let samples = [(30_000, 4.0, 10_000), (50_000, 7.0, 10_000)];
        assert_eq!(increase(&samples).value, Some(7.0 * 1.25));
        assert_eq!(increase(&[(30_000, 4.0, 10_000)]).value, Some(4.0));
        assert_eq!(increase(&[(30_000, 4.0, 0)]).value, None);
    }

    #[test]
    fn a_later_start_is_a_reset() {
        let samples = [
            (20_000, 3.0, 0),
            (40_000, 5.0, 30_000),
            (60_000, 6.0, 30_000),
        ];
        // 3 and 6, over 40 s, and 20 s more to the start, at which it was zero.
        assert_eq!(increase(&samples).value, Some(6.0 * 1.5));
        assert!(increase(&samples).annotations.is_empty());
    }

    #[test]
    fn overlaps_are_told() {
        let samples = [(20_000, 3.0, 5_000), (40_000, 5.0, 7_000)];
        assert_eq!(
            increase(&samples).annotations,
            [Annotation::StartTimeOverlap]
        );
    }
}
