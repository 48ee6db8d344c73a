//! The φ-quantile of a set of values.

/// The φ-quantile, interpolated between neighbours; sorts `values`. NaN sorts first.
///
/// NaN for no values or a NaN φ, ∓Inf for φ outside of `[0, 1]`.
pub(crate) fn quantile(phi: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || phi.is_nan() {
        return f64::NAN;
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|a, b| super::sort::nan_first(*a, *b));
    let last = values.len() - 1;
    let rank = phi * last as f64;
    // In 0..=last, as φ is in 0..=1.
    let lower = (rank.floor() as usize).min(last);
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn interpolates_between_neighbours() {
        assert_eq!(quantile(0.5, &mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(quantile(0.5, &mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(quantile(0.9, &mut [0.0, 10.0]), 9.0);
        assert!(quantile(0.5, &mut []).is_nan());
        assert!(quantile(f64::NAN, &mut [1.0]).is_nan());
        assert_eq!(quantile(-0.1, &mut [1.0]), f64::NEG_INFINITY);
        assert_eq!(quantile(1.1, &mut [1.0]), f64::INFINITY);
        assert_eq!(quantile(1.0, &mut [f64::NAN, 7.0]), 7.0);
    }

    proptest! {
        #[test]
        fn lies_between_the_extremes_and_rises(mut values in proptest::collection::vec(-1e6f64..1e6, 1..40), a in 0.0f64..=1.0, b in 0.0f64..=1.0) {
            let (low, high) = (a.min(b), a.max(b));
            let (q_low, q_high) = (quantile(low, &mut values), quantile(high, &mut values));
            prop_assert!(q_low <= q_high + 1e-6);
            prop_assert!(values[0] - 1e-6 <= q_low && q_high <= values[values.len() - 1] + 1e-6);
        }
    }
}
