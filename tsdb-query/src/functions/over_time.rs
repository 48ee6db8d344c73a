//! `…_over_time`: aggregations of the samples of a window.

use super::kahan::{Mean, Sum, Variance};
use super::kernel::{Window, seconds};
use super::quantile::quantile;

/// `avg_over_time(m)`
pub(super) fn avg(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    let mut mean = Mean::default();
    w.values.iter().for_each(|&v| mean.add(v));
    Some(mean.value())
}

/// `sum_over_time(m)`
pub(super) fn sum(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    let mut sum = Sum::default();
    w.values.iter().for_each(|&v| sum.add(v));
    Some(sum.value())
}

/// `count_over_time(m)`
pub(super) fn count(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    Some(w.values.len() as f64)
}

/// `present_over_time(m)`
pub(super) fn present(_: &Window<'_>, _: &[f64]) -> Option<f64> {
    Some(1.0)
}

/// `first_over_time(m)`
pub(super) fn first(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    w.values.first().copied()
}

/// `last_over_time(m)`
pub(super) fn last(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    w.values.last().copied()
}

/// `stdvar_over_time(m)`
pub(super) fn stdvar(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    let mut variance = Variance::default();
    w.values.iter().for_each(|&v| variance.add(v));
    Some(variance.value())
}

/// `stddev_over_time(m)`
pub(super) fn stddev(w: &Window<'_>, args: &[f64]) -> Option<f64> {
    stdvar(w, args).map(f64::sqrt)
}

/// Index of the extreme value: a value takes the place of the best so far when `better` says so, and any takes the place of NaN.
fn extreme(w: &Window<'_>, better: fn(f64, f64) -> bool) -> Option<usize> {
    let mut best = *w.values.first()?;
    let mut at = 0;
    for (i, &v) in w.values.iter().enumerate() {
        if better(v, best) || best.is_nan() {
            (best, at) = (v, i);
        }
    }
    Some(at)
}

/// `max_over_time(m)`: NaN only when all values are.
pub(super) fn max(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    extreme(w, |v, best| v > best).and_then(|i| w.values.get(i).copied())
}

/// `min_over_time(m)`: NaN only when all values are.
pub(super) fn min(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    extreme(w, |v, best| v < best).and_then(|i| w.values.get(i).copied())
}

/// `ts_of_max_over_time(m)`: time of the last sample with the greatest value.
pub(super) fn ts_of_max(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    extreme(w, |v, best| v >= best).and_then(|i| time_at(w, i))
}

/// `ts_of_min_over_time(m)`: time of the last sample with the least value.
pub(super) fn ts_of_min(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    extreme(w, |v, best| v <= best).and_then(|i| time_at(w, i))
}

/// `ts_of_first_over_time(m)`
pub(super) fn ts_of_first(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    time_at(w, 0)
}

/// `ts_of_last_over_time(m)`
pub(super) fn ts_of_last(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    w.times_ms.last().copied().map(seconds)
}

fn time_at(w: &Window<'_>, i: usize) -> Option<f64> {
    w.times_ms.get(i).copied().map(seconds)
}

/// `quantile_over_time(φ, m)`
pub(super) fn quantile_over_time(w: &Window<'_>, args: &[f64]) -> Option<f64> {
    Some(quantile(*args.first()?, &mut w.values.to_vec()))
}

/// `mad_over_time(m)`: median of the distances from the median.
pub(super) fn mad(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    if w.values.iter().any(|v| v.is_nan()) {
        return Some(f64::NAN);
    }
    let mut values = w.values.to_vec();
    let median = quantile(0.5, &mut values);
    values.iter_mut().for_each(|v| *v = (*v - median).abs());
    Some(quantile(0.5, &mut values))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(values: &[f64]) -> Window<'_> {
        Window {
            times_ms: [1_000, 2_000, 3_000, 4_000].get(..values.len()).unwrap(),
            values,
            start_ms: 0,
            end_ms: 4_000,
            eval_ms: 4_000,
        }
    }

    #[test]
    fn extremes_pass_over_nan() {
        let w = window(&[f64::NAN, 3.0, f64::NAN, 3.0]);
        assert_eq!(max(&w, &[]), Some(3.0));
        assert_eq!(min(&w, &[]), Some(3.0));
        assert_eq!(ts_of_max(&w, &[]), Some(4.0), "the last of equals");
        let all_nan = [f64::NAN, f64::NAN];
        assert!(max(&window(&all_nan), &[]).unwrap().is_nan());
        assert_eq!(ts_of_min(&window(&all_nan), &[]), Some(2.0));
    }

    #[test]
    fn spread_of_known_values() {
        let w = window(&[1.0, 2.0, 3.0, 10.0]);
        assert_eq!(stdvar(&w, &[]), Some(12.5));
        assert_eq!(stddev(&w, &[]), Some(12.5f64.sqrt()));
        // Median 2.5, distances 1.5 0.5 0.5 7.5, their median 1.
        assert_eq!(mad(&w, &[]), Some(1.0));
        assert_eq!(quantile_over_time(&w, &[0.5]), Some(2.5));
    }

    #[test]
    fn ends_of_the_window() {
        let w = window(&[5.0, 6.0, 7.0]);
        assert_eq!((first(&w, &[]), last(&w, &[])), (Some(5.0), Some(7.0)));
        assert_eq!(
            (ts_of_first(&w, &[]), ts_of_last(&w, &[])),
            (Some(1.0), Some(3.0))
        );
        assert_eq!(
            (avg(&w, &[]), sum(&w, &[]), count(&w, &[])),
            (Some(6.0), Some(18.0), Some(3.0))
        );
    }
}
