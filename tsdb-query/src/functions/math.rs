//! Functions of one value.

/// Go's `math.Min`, which differs from `f64::min` where an argument is NaN: -Inf wins, else NaN.
pub(crate) fn go_min(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        f64::NEG_INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.min(b)
    }
}

/// Go's `math.Max`, which differs from `f64::max` where an argument is NaN: +Inf wins, else NaN.
pub(crate) fn go_max(a: f64, b: f64) -> f64 {
    -go_min(-a, -b)
}

/// Argument `i`; NaN for one that the checker of calls let through absent.
fn arg(args: &[f64], i: usize) -> f64 {
    args.get(i).copied().unwrap_or(f64::NAN)
}

/// `clamp(v, min, max)`
pub(super) fn clamp(v: f64, args: &[f64]) -> f64 {
    go_max(arg(args, 0), go_min(arg(args, 1), v))
}

/// Whether `clamp` has a result: not for an empty interval.
#[expect(
    clippy::neg_cmp_op_on_partial_ord,
    reason = "a NaN bound passes, and gives NaN"
)]
pub(super) fn clamp_applies(args: &[f64]) -> bool {
    !(arg(args, 1) < arg(args, 0))
}

/// `clamp_min(v, min)`
pub(super) fn clamp_min(v: f64, args: &[f64]) -> f64 {
    clamp(v, &[arg(args, 0), f64::INFINITY])
}

/// `clamp_max(v, max)`
pub(super) fn clamp_max(v: f64, args: &[f64]) -> f64 {
    clamp(v, &[f64::NEG_INFINITY, arg(args, 0)])
}

/// `round(v, to_nearest = 1)`; ties go up. Multiplies by the inverse: 0.1 has no exact form, its inverse has.
pub(super) fn round(v: f64, args: &[f64]) -> f64 {
    let inverse = 1.0 / args.first().copied().unwrap_or(1.0);
    (v * inverse + 0.5).floor() / inverse
}

/// `sgn(v)`: zero and NaN are their own sign.
pub(super) fn sgn(v: f64, _: &[f64]) -> f64 {
    if v < 0.0 {
        -1.0
    } else if v > 0.0 {
        1.0
    } else {
        v
    }
}

/// `deg(v)`: radians to degrees.
pub(super) fn deg(v: f64, _: &[f64]) -> f64 {
    v * 180.0 / std::f64::consts::PI
}

/// `rad(v)`: degrees to radians.
pub(super) fn rad(v: f64, _: &[f64]) -> f64 {
    v * std::f64::consts::PI / 180.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_sends_ties_up() {
        assert_eq!(round(2.5, &[]), 3.0);
        assert_eq!(round(-2.5, &[]), -2.0);
        assert_eq!(round(1.96, &[0.1]), 2.0);
        assert_eq!(round(7.0, &[5.0]), 5.0);
        assert!(round(f64::NAN, &[]).is_nan());
    }

    #[test]
    fn clamp_keeps_nan_and_refuses_empty_intervals() {
        assert_eq!(clamp(5.0, &[-1.0, 2.0]), 2.0);
        assert!(clamp(f64::NAN, &[-1.0, 2.0]).is_nan());
        assert!(clamp(1.0, &[0.0, f64::NAN]).is_nan());
        assert!(!clamp_applies(&[2.0, 1.0]));
        assert!(clamp_applies(&[2.0, 2.0]));
        assert!(clamp_applies(&[f64::NAN, 2.0]));
        assert_eq!(clamp_min(-5.0, &[0.0]), 0.0);
        assert!(clamp_min(f64::NAN, &[0.0]).is_nan());
        assert_eq!(clamp_max(-5.0, &[0.0]), -5.0);
    }

    #[test]
    fn sign_of_zero_and_nan_is_itself() {
        assert_eq!(sgn(-0.0, &[]).to_bits(), (-0.0f64).to_bits());
        assert!(sgn(f64::NAN, &[]).is_nan());
        assert_eq!(sgn(f64::NEG_INFINITY, &[]), -1.0);
    }
}
