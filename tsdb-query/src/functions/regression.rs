//! Trends: least squares and double exponential smoothing.

use super::kahan::Sum;
use super::kernel::{Window, seconds};

/// A line through the samples of a window.
struct Line {
    /// Change of the value per second.
    slope: f64,
    /// Value at the time that was asked for.
    intercept: f64,
}

impl Line {
    /// The line of least squares, its intercept at `at_ms`; `None` for fewer than two samples.
    ///
    /// A constant series has slope zero, not the rounding errors of one; an infinite constant has no line.
    fn fit(w: &Window<'_>, at_ms: i64) -> Option<Self> {
        let &[first, _, ..] = w.values else {
            return None;
        };
        if w.values.iter().all(|&y| y == first) {
            let (slope, intercept) = if first.is_infinite() {
                (f64::NAN, f64::NAN)
            } else {
                (0.0, first)
            };
            return Some(Self { slope, intercept });
        }
        let n = w.values.len() as f64;
        let [mut x_sum, mut y_sum, mut xy_sum, mut xx_sum] = [Sum::default(); 4];
        for (&t_ms, &y) in w.times_ms.iter().zip(w.values) {
            let x = seconds(t_ms - at_ms);
            x_sum.add(x);
            y_sum.add(y);
            xy_sum.add(x * y);
            xx_sum.add(x * x);
        }
        let (x_sum, y_sum) = (x_sum.value(), y_sum.value());
        let covariance = xy_sum.value() - x_sum * y_sum / n;
        let variance = xx_sum.value() - x_sum * x_sum / n;
        let slope = covariance / variance;
        let intercept = y_sum / n - slope * x_sum / n;
        Some(Self { slope, intercept })
    }
}

/// `deriv(m)`: per-second slope.
pub(super) fn deriv(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    // Times near zero keep the squares small.
    Line::fit(w, *w.times_ms.first()?).map(|line| line.slope)
}

/// `predict_linear(m, t)`: value `t` seconds after the time of the step.
pub(super) fn predict_linear(w: &Window<'_>, args: &[f64]) -> Option<f64> {
    let ahead = *args.first()?;
    Line::fit(w, w.eval_ms).map(|line| line.slope * ahead + line.intercept)
}

/// `double_exponential_smoothing(m, sf, tf)`: Holt's linear method. `None` for fewer than two samples.
pub(super) fn double_exponential_smoothing(w: &Window<'_>, args: &[f64]) -> Option<f64> {
    let (&[first, second, ..], &[smoothing, trend_factor]) = (w.values, args) else {
        return None;
    };
    let mut before = 0.0;
    let mut smoothed = first;
    let mut trend = second - first;
    for (i, &value) in w.values.iter().enumerate().skip(1) {
        let weighted = smoothing * value;
        if i > 1 {
            // The first trend is the first difference.
            trend = trend_factor * (smoothed - before) + (1.0 - trend_factor) * trend;
        }
        let expected = (1.0 - smoothing) * (smoothed + trend);
        (before, smoothed) = (smoothed, weighted + expected);
    }
    Some(smoothed)
}

/// Both factors of `double_exponential_smoothing` lie strictly between 0 and 1.
pub(super) fn check_factors(args: &[f64]) -> Result<(), String> {
    let bad = |&factor: &f64| factor <= 0.0 || factor >= 1.0;
    if let Some(sf) = args.first().copied().filter(bad) {
        return Err(format!(
            "invalid smoothing factor. Expected: 0 < sf < 1, got: {sf:.6}"
        ));
    }
    if let Some(tf) = args.get(1).copied().filter(bad) {
        return Err(format!(
            "invalid trend factor. Expected: 0 < tf < 1, got: {tf:.6}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn window<'a>(times_ms: &'a [i64], values: &'a [f64]) -> Window<'a> {
        Window {
            times_ms,
            values,
            start_ms: 0,
            end_ms: 100_000,
            eval_ms: 100_000,
        }
    }

    #[test]
    fn constants_have_no_slope() {
        let times = [1_493_712_816_939, 1_493_712_846_939, 1_493_712_876_939];
        assert_eq!(deriv(&window(&times, &[0.1; 3]), &[]), Some(0.0));
        assert!(
            deriv(&window(&times, &[f64::INFINITY; 3]), &[])
                .unwrap()
                .is_nan()
        );
        assert_eq!(deriv(&window(&times[..1], &[1.0]), &[]), None);
    }

    #[test]
    fn smoothing_of_a_line_is_the_line() {
        let times = [1_000, 2_000, 3_000, 4_000];
        let w = window(&times, &[1.0, 2.0, 3.0, 4.0]);
        let smoothed = double_exponential_smoothing(&w, &[0.5, 0.5]).unwrap();
        assert!((smoothed - 4.0).abs() < 1e-12);
        // One step by hand: 0.25·6 + 0.75·(2 + (6 − 2)).
        assert_eq!(
            double_exponential_smoothing(&window(&times[..2], &[2.0, 6.0]), &[0.25, 0.1]),
            Some(6.0)
        );
    }

    #[test]
    fn factors_are_checked() {
        assert!(check_factors(&[0.5, 0.5]).is_ok());
        assert_eq!(
            check_factors(&[1.0, 0.5]).unwrap_err(),
            "invalid smoothing factor. Expected: 0 < sf < 1, got: 1.000000"
        );
        assert!(
            check_factors(&[0.5, 0.0])
                .unwrap_err()
                .starts_with("invalid trend factor")
        );
    }

    proptest! {
        #[test]
        fn a_line_is_found_again(slope in -1e3f64..1e3, level in -1e6f64..1e6, ahead in -1e4f64..1e4, n in 2usize..50) {
            let times: Vec<i64> = (0..n as i64).map(|i| 10_000 + i * 15_000).collect();
            let values: Vec<f64> = times.iter().map(|&t| level + slope * seconds(t)).collect();
            let w = window(&times, &values);
            let tolerance = 1e-9 * (slope.abs() * 1e4 + level.abs() + 1.0);
            prop_assert!((deriv(&w, &[]).unwrap() - slope).abs() < tolerance);
            let predicted = predict_linear(&w, &[ahead]).unwrap();
            prop_assert!((predicted - (level + slope * (100.0 + ahead))).abs() < tolerance * 1e3);
        }
    }
}
