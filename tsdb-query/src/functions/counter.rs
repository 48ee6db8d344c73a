//! Functions of counters and of differences between samples.

use super::kernel::{Window, seconds};

/// How many average distances the first (last) sample may be away from the start (end) of the window
/// for the series to count as covering it.
const EXTRAPOLATION_THRESHOLD: f64 = 1.1;

/// What extrapolation takes from the times of a window, whatever the values.
///
/// Where the samples stop short of a bound by [`EXTRAPOLATION_THRESHOLD`] distances or more, the series is taken to begin
/// (end) half a distance beyond its sample.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    times: Times,
    sampled: f64,
    to_start: f64,
    to_end: f64,
    /// By what a difference grows to cover the window.
    factor: f64,
    /// `factor` divided by the length of the window.
    per_second: f64,
}

/// Times of a window relative to each other. Two windows with the same have the same [`Shape`].
#[derive(Clone, Copy, PartialEq, Eq)]
struct Times {
    lead_ms: i64,
    span_ms: i64,
    tail_ms: i64,
    intervals: usize,
}

impl Shape {
    /// `None` for fewer than two samples. `known` is the shape of the window before: mostly it is the same again, and the
    /// divisions were done.
    pub(super) fn of(w: &Window<'_>, known: Option<&Self>) -> Option<Self> {
        let (&first_ms, &last_ms) = (w.times_ms.first()?, w.times_ms.last()?);
        let intervals = w.times_ms.len() - 1;
        if intervals == 0 {
            return None;
        }
        let times = Times {
            lead_ms: first_ms - w.start_ms,
            span_ms: last_ms - first_ms,
            tail_ms: w.end_ms - last_ms,
            intervals,
        };
        if let Some(known) = known.filter(|known| known.times == times) {
            return Some(*known);
        }
        let sampled = seconds(times.span_ms);
        let distance = sampled / intervals as f64;
        let threshold = distance * EXTRAPOLATION_THRESHOLD;
        let reach = |ms| {
            let seconds = seconds(ms);
            if seconds >= threshold {
                distance / 2.0
            } else {
                seconds
            }
        };
        let (to_start, to_end) = (reach(times.lead_ms), reach(times.tail_ms));
        let factor = (sampled + to_start + to_end) / sampled;
        Some(Self {
            times,
            sampled,
            to_start,
            to_end,
            factor,
            per_second: factor / w.range_seconds(),
        })
    }
}

/// The difference between the two bounds of the window, extrapolated from the samples inside.
///
/// A counter is not extrapolated to before the time at which it was zero.
pub(super) struct Extrapolated {
    /// Difference between last and first sample, with resets of a counter made up for.
    pub(super) delta: f64,
    /// By what the difference grows to cover the window.
    pub(super) factor: f64,
    per_second: f64,
}

impl Extrapolated {
    /// `None` for fewer than two samples.
    fn of(w: &Window<'_>, is_counter: bool) -> Option<Self> {
        let shape = Shape::of(w, None)?;
        let pairs = w.values.windows(2);
        // NaN is no reset.
        let resets = pairs.filter(|pair| is_counter && pair[1] < pair[0]);
        Some(Self::with_resets(
            w,
            &shape,
            is_counter,
            resets.map(|pair| pair[0]),
        ))
    }

    /// The same when it is known which values the counter fell from inside the window, in their order.
    pub(super) fn with_resets(
        w: &Window<'_>,
        shape: &Shape,
        is_counter: bool,
        fallen_from: impl Iterator<Item = f64>,
    ) -> Self {
        let value = |v: Option<&f64>| v.copied().unwrap_or(f64::NAN);
        let (first, last) = (value(w.values.first()), value(w.values.last()));
        // After a reset the counter began at zero: what it had before is added.
        let delta = fallen_from.fold(last - first, |delta, value| delta + value);
        let mut extrapolated = Self {
            delta,
            factor: shape.factor,
            per_second: shape.per_second,
        };
        // A counter that was at least as high as it has grown since was at zero a whole span earlier: too far to matter.
        let far_from_zero = first >= delta && shape.times.intervals >= 2;
        if is_counter && delta > 0.0 && first >= 0.0 && !far_from_zero {
            let to_zero = shape.sampled * (first / delta);
            if to_zero < shape.to_start {
                let covered = shape.sampled + to_zero + shape.to_end;
                extrapolated.factor = covered / shape.sampled;
                extrapolated.per_second = extrapolated.factor / w.range_seconds();
            }
        }
        extrapolated
    }

    /// The difference over the whole window.
    pub(super) fn total(&self) -> f64 {
        self.delta * self.factor
    }

    /// The difference per second.
    pub(super) fn per_second(&self) -> f64 {
        self.delta * self.per_second
    }
}

/// `rate(m)`: per-second increase of a counter.
pub(super) fn rate(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    Extrapolated::of(w, true).map(|e| e.per_second())
}

/// `increase(m)`: increase of a counter over the window.
pub(super) fn increase(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    Extrapolated::of(w, true).map(|e| e.total())
}

/// `delta(m)`: difference of a gauge over the window.
pub(super) fn delta(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    Extrapolated::of(w, false).map(|e| e.total())
}

/// The last two samples and the seconds between them.
fn last_two(w: &Window<'_>) -> Option<(f64, f64, f64)> {
    let (&[.., before, last], &[.., before_ms, last_ms]) = (w.values, w.times_ms) else {
        return None;
    };
    Some((before, last, seconds(last_ms - before_ms)))
}

/// `irate(m)`: per-second increase of a counter between its last two samples.
pub(super) fn irate(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    let (before, last, seconds) = last_two(w)?;
    let increase = if last < before { last } else { last - before };
    Some(increase / seconds)
}

/// `idelta(m)`: difference between the last two samples.
pub(super) fn idelta(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    last_two(w).map(|(before, last, _)| last - before)
}

fn count_pairs(w: &Window<'_>, differ: fn(f64, f64) -> bool) -> f64 {
    let pairs = w.values.windows(2);
    pairs.filter(|pair| differ(pair[0], pair[1])).count() as f64
}

/// `resets(m)`: how often the value fell.
pub(super) fn resets(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    Some(count_pairs(w, |before, now| now < before))
}

/// `changes(m)`: how often the value became another one. From NaN to NaN is no change.
pub(super) fn changes(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    Some(count_pairs(w, |before, now| {
        now != before && !(now.is_nan() && before.is_nan())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A window of 60 s that ends at 60 s.
    fn minute<'a>(times_ms: &'a [i64], values: &'a [f64]) -> Window<'a> {
        Window {
            times_ms,
            values,
            start_ms: 0,
            end_ms: 60_000,
            eval_ms: 60_000,
        }
    }

    #[test]
    fn one_sample_has_no_rate() {
        let w = minute(&[30_000], &[5.0]);
        assert_eq!(rate(&w, &[]), None);
        assert_eq!(irate(&w, &[]), None);
        assert_eq!(resets(&w, &[]), Some(0.0));
    }

    #[test]
    fn near_bounds_are_extrapolated_to() {
        // 10 s apart, 10 s to the start, 0 s to the end: the whole minute.
        let times = [10_000, 20_000, 30_000, 40_000, 50_000, 60_000];
        let w = minute(&times, &[100.0, 110.0, 120.0, 130.0, 140.0, 150.0]);
        assert_eq!(increase(&w, &[]), Some(60.0));
        assert_eq!(rate(&w, &[]), Some(1.0));
    }

    #[test]
    fn far_bounds_get_half_a_distance() {
        // 10 s apart, 20 s (beyond 11 s) to both bounds: 20 s + 5 s + 5 s.
        let w = minute(&[20_000, 30_000, 40_000], &[100.0, 110.0, 120.0]);
        assert_eq!(increase(&w, &[]), Some(30.0));
        // Exactly the threshold, 11 s, counts as far.
        let w = minute(
            &[11_000, 21_000, 31_000, 41_000, 51_000],
            &[0.0, 0.0, 0.0, 0.0, 40.0],
        );
        assert_eq!(delta(&w, &[]), Some(40.0 * (40.0 + 5.0 + 9.0) / 40.0));
    }

    #[test]
    fn counters_do_not_start_below_zero() {
        // The slope of 1/s meets zero 2 s before the first sample.
        let times = [10_000, 20_000, 30_000, 40_000, 50_000, 60_000];
        let values = [2.0, 12.0, 22.0, 32.0, 42.0, 52.0];
        assert_eq!(increase(&minute(&times, &values), &[]), Some(52.0));
        // A gauge is free to.
        assert_eq!(delta(&minute(&times, &values), &[]), Some(60.0));
    }

    #[test]
    fn a_far_start_gets_half_a_distance_also_where_zero_is_nearer() {
        // 15 s apart, 21 s to the start, zero 10 s before the first sample: 30 s + 7.5 s + 9 s. Prometheus 2.42 took the 10 s.
        let w = minute(&[21_000, 36_000, 51_000], &[100.0, 250.0, 400.0]);
        assert_eq!(increase(&w, &[]), Some(300.0 * (30.0 + 7.5 + 9.0) / 30.0));
    }

    #[test]
    fn resets_are_made_up_for() {
        let times = [0, 15_000, 30_000, 45_000, 60_000];
        let w = Window {
            start_ms: -1,
            ..minute(&times, &[10.0, 20.0, 5.0, 10.0, 0.0])
        };
        // 10 + 5 + 5 + 0 = 20
        let e = Extrapolated::of(&w, true).unwrap();
        assert_eq!(e.delta, 20.0);
        assert_eq!(resets(&w, &[]), Some(2.0));
        assert_eq!(changes(&w, &[]), Some(4.0));
        assert_eq!(irate(&w, &[]), Some(0.0));
        assert_eq!(idelta(&w, &[]), Some(-10.0));
    }

    #[test]
    fn nan_is_neither_reset_nor_repeated_change() {
        let times = [10_000, 20_000, 30_000, 40_000];
        let w = minute(&times, &[1.0, f64::NAN, f64::NAN, 1.0]);
        assert_eq!(resets(&w, &[]), Some(0.0));
        assert_eq!(changes(&w, &[]), Some(2.0));
    }

    proptest! {
        #[test]
        fn a_reset_to_zero_is_invisible(
            steps in proptest::collection::vec(0u32..1000, 3..40),
            reset_at in 1usize..40,
        ) {
            let reset_at = reset_at % steps.len();
            // Nothing is counted between the last sample before the reset and the reset, or it would be lost.
            let counted = |(i, step): (usize, &u32)| if i == reset_at { 0 } else { *step };
            let mut total = 0u32;
            let mut base = 0u32;
            let (mut plain, mut with_reset) = (vec![], vec![]);
            for (i, step) in steps.iter().enumerate().map(|s| (s.0, counted(s))) {
                if i == reset_at {
                    base = total;
                }
                total += step;
                plain.push(f64::from(total));
                with_reset.push(f64::from(total - base));
            }
            let times: Vec<i64> = (1..=steps.len() as i64).map(|i| i * 1000).collect();
            let bounds = |values| Window { times_ms: &times, values, start_ms: 999, end_ms: 60_000, eval_ms: 0 };
            let (a, b) = (Extrapolated::of(&bounds(&plain), true).unwrap(), Extrapolated::of(&bounds(&with_reset), true).unwrap());
            prop_assert_eq!(a.delta, b.delta);
        }

        #[test]
        fn extrapolation_adds_at_most_the_threshold(
            gaps in proptest::collection::vec(1i64..30_000, 1..30),
            lead in 1i64..100_000,
            tail in 0i64..100_000,
        ) {
            let mut t = 0;
            let times: Vec<i64> = std::iter::once(0).chain(gaps.iter().map(|gap| { t += gap; t })).collect();
            let values: Vec<f64> = (0..times.len()).map(|i| 1e9 + i as f64).collect();
            let w = Window { times_ms: &times, values: &values, start_ms: -lead, end_ms: t + tail, eval_ms: 0 };
            let e = Extrapolated::of(&w, true).unwrap();
            prop_assert!(e.factor >= 1.0);
            prop_assert!(e.factor <= 1.0 + 2.0 * EXTRAPOLATION_THRESHOLD / gaps.len() as f64 + 1e-9);
        }
    }
}
