//! Schemas: which numbers a bucket holds.
//!
//! An exponential schema *n* divides each power of two into 2ⁿ buckets: bucket *i* ends at 2^(i · 2⁻ⁿ), the end included.
//! Schema −53 has bounds of its own ("custom values"), bucket *i* ends at bound *i* and one more bucket reaches to +∞.

use super::bounds::BOUNDS;

/// Highest resolution that is stored and computed with.
pub const EXPONENTIAL_SCHEMA_MAX: i32 = 8;
/// Lowest resolution.
pub const EXPONENTIAL_SCHEMA_MIN: i32 = -4;
/// Resolutions up to this one may be sent; they are reduced to [`EXPONENTIAL_SCHEMA_MAX`].
pub const EXPONENTIAL_SCHEMA_MAX_RESERVED: i32 = 52;
/// Lowest schema number that is set aside for exponential buckets.
pub const EXPONENTIAL_SCHEMA_MIN_RESERVED: i32 = -9;
/// The schema of custom buckets.
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

/// Whether `schema` is an exponential one that is computed with.
#[must_use]
pub const fn is_exponential_schema(schema: i32) -> bool {
    EXPONENTIAL_SCHEMA_MIN <= schema && schema <= EXPONENTIAL_SCHEMA_MAX
}

/// Whether `schema` is that of custom buckets.
#[must_use]
pub const fn is_custom_buckets_schema(schema: i32) -> bool {
    schema == CUSTOM_BUCKETS_SCHEMA
}

/// Whether a chunk may have `schema`, be it that the resolution must be reduced after reading.
#[must_use]
pub const fn is_known_schema(schema: i32) -> bool {
    is_custom_buckets_schema(schema)
        || (EXPONENTIAL_SCHEMA_MIN_RESERVED <= schema && schema <= EXPONENTIAL_SCHEMA_MAX_RESERVED)
}

/// Upper bound of bucket `index`; the lower one is that of the bucket before.
pub(super) fn bound(index: i32, schema: i32, custom_values: &[f64]) -> f64 {
    if !is_custom_buckets_schema(schema) {
        return exponential_bound(index, schema);
    }
    match usize::try_from(index) {
        Err(_) => f64::NEG_INFINITY,
        Ok(i) => custom_values.get(i).copied().unwrap_or(f64::INFINITY),
    }
}

/// Upper bound of bucket `index` of an exponential schema.
///
/// The bucket of the largest numbers ends at [`f64::MAX`] rather than at the 2¹⁰²⁴ it works out to; the one after it holds +∞.
pub(super) fn exponential_bound(index: i32, schema: i32) -> f64 {
    let index = i64::from(index);
    let (fraction, exponent) = match schema {
        ..0 => (1.0, index << schema.unsigned_abs().min(31)),
        // Resolutions beyond the table are reduced before anything asks for a bound.
        _ => {
            let schema = schema.min(EXPONENTIAL_SCHEMA_MAX).unsigned_abs();
            let inside = index & ((1 << schema) - 1);
            let place = usize::try_from(inside << (EXPONENTIAL_SCHEMA_MAX.unsigned_abs() - schema));
            let fraction = place.ok().and_then(|i| BOUNDS.get(i)).copied();
            (fraction.unwrap_or(0.5), (index >> schema) + 1)
        }
    };
    if (fraction == 1.0 && exponent == 1024) || (fraction == 0.5 && exponent == 1025) {
        return f64::MAX;
    }
    ldexp(fraction, exponent)
}

/// Index of the bucket of schema `to` that bucket `index` of schema `from` lies in; `to` must not be above `from`.
pub(super) fn target_index(index: i32, from: i32, to: i32) -> i32 {
    let shift = from.wrapping_sub(to).clamp(0, 31);
    (index.wrapping_sub(1) >> shift).wrapping_add(1)
}

/// `fraction` · 2^`exponent`, rounded once, for a fraction in `[0.5, 2)`.
fn ldexp(fraction: f64, exponent: i64) -> f64 {
    match exponent {
        1025.. => f64::INFINITY,
        // In two steps, because 2^1024 is no number but half of it is.
        1024 => fraction * power_of_two(1023) * 2.0,
        -1021..1024 => fraction * power_of_two(exponent),
        // Exact up to the second factor, which rounds to a subnormal.
        -1100..-1021 => fraction * power_of_two(exponent + 100) * power_of_two(-100),
        _ => 0.0,
    }
}

/// 2^`exponent` for exponents of normal numbers.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits((exponent + 1023).clamp(0, 2047).cast_unsigned() << 52)
}

/// Splits a finite `x` other than 0 into a fraction in `[0.5, 1)` (with its sign) and a power of two.
pub(crate) fn frexp(x: f64) -> (f64, i32) {
    const EXPONENT: u64 = 0x7ff << 52;
    let (x, shift) = if x.abs() < f64::MIN_POSITIVE {
        (x * power_of_two(52), 52)
    } else {
        (x, 0)
    };
    let bits = x.to_bits();
    let exponent = ((bits & EXPONENT) >> 52) as i32 - 1022 - shift;
    (f64::from_bits((bits & !EXPONENT) | (1022 << 52)), exponent)
}

/// Binary logarithm of a number ≥ 0, in the order of operations of Go's `math.Log2` on amd64.
///
/// Interpolation in exponential buckets goes through it; the logarithm of the platform differs in the last bit for some numbers.
#[must_use]
pub fn log2(x: f64) -> f64 {
    if x == 0.0 {
        return f64::NEG_INFINITY;
    }
    if !(x > 0.0 && x < f64::INFINITY) {
        return if x < 0.0 { f64::NAN } else { x };
    }
    let (fraction, exponent) = frexp(x);
    if fraction == 0.5 {
        return f64::from(exponent - 1);
    }
    ln_of_fraction(fraction) * std::f64::consts::LOG2_E + f64::from(exponent)
}

/// Split of ln 2 into a part with zeros at its end and the rest.
const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN_2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);

/// Natural logarithm of a number in `[0.5, 1)`: FreeBSD's polynomial.
fn ln_of_fraction(fraction: f64) -> f64 {
    const L: [f64; 7] = [
        f64::from_bits(0x3fe5_5555_5555_5593),
        f64::from_bits(0x3fd9_9999_9997_fa04),
        f64::from_bits(0x3fd2_4924_9422_9359),
        f64::from_bits(0x3fcc_71c5_1d8e_78af),
        f64::from_bits(0x3fc7_4664_96cb_03de),
        f64::from_bits(0x3fc3_9a09_d078_c69f),
        f64::from_bits(0x3fc2_f112_df3e_5244),
    ];
    let (one_to_two, k) = if fraction <= std::f64::consts::FRAC_1_SQRT_2 {
        (fraction * 2.0, -1.0)
    } else {
        (fraction, 0.0)
    };
    let f = one_to_two - 1.0;
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let odd = s2 * (L[0] + s4 * (L[2] + s4 * (L[4] + s4 * L[6])));
    let even = s4 * (L[1] + s4 * (L[3] + s4 * L[5]));
    let half_square = 0.5 * f * f;
    k * LN_2_HIGH - ((half_square - (s * (half_square + (odd + even)) + k * LN_2_LOW)) - f)
}

/// 2^`x`, in the order of operations of Go's `math.Exp2` on amd64.
#[must_use]
pub fn exp2(x: f64) -> f64 {
    const P: [f64; 5] = [
        1.666_666_666_666_666_6e-1,
        -2.777_777_777_701_559_3e-3,
        6.613_756_321_437_934e-5,
        -1.653_390_220_546_525_2e-6,
        4.138_136_797_057_238_5e-8,
    ];
    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    if x > 1.023_999_999_999_999_9e3 {
        return f64::INFINITY;
    }
    if x < -1074.0 {
        return 0.0;
    }
    // Towards zero: the nearest integer.
    let k = if x > 0.0 { x + 0.5 } else { x - 0.5 }.trunc();
    let k = if x == 0.0 { 0.0 } else { k };
    let t = x - k;
    let high = t * LN_2_HIGH;
    let low = -t * LN_2_LOW;
    let r = high - low;
    let r2 = r * r;
    let c = r - r2 * (P[0] + r2 * (P[1] + r2 * (P[2] + r2 * (P[3] + r2 * P[4]))));
    let y = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
    // Between -1075 and 1024.
    ldexp(y, k as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_of_the_schemas() {
        for (index, schema, expected) in [
            (0, 0, 1.0),
            (1, 0, 2.0),
            (-1, 0, 0.5),
            (1, 1, 2.0 * 0.707_106_781_186_547_5),
            (2, 1, 2.0),
            (1, 8, 2.0 * 0.501_355_637_525_101_3),
            (1, -4, 65_536.0),
            (-1, -4, 1.0 / 65_536.0),
            (1023, 0, power_of_two(1023)),
            (1024, 0, f64::MAX),
            (1025, 0, f64::INFINITY),
            (64, -4, f64::MAX),
            (65, -4, f64::INFINITY),
            (262_144, 8, f64::MAX),
            (262_145, 8, f64::INFINITY),
            (-1074, 0, 5e-324),
            (-1075, 0, 0.0),
            (i32::MIN, 8, 0.0),
            (i32::MAX, -4, f64::INFINITY),
        ] {
            assert_eq!(
                bound(index, schema, &[]),
                expected,
                "bucket {index} of schema {schema}"
            );
        }
        let custom = [1.0, 5.0];
        let bounds: Vec<f64> = (-1..4)
            .map(|i| bound(i, CUSTOM_BUCKETS_SCHEMA, &custom))
            .collect();
        assert_eq!(
            bounds,
            [f64::NEG_INFINITY, 1.0, 5.0, f64::INFINITY, f64::INFINITY]
        );
    }

    #[test]
    fn logarithms_of_powers_are_exact() {
        for exponent in -1074..1024_i32 {
            let x = ldexp(1.0, i64::from(exponent));
            assert_eq!(log2(x), f64::from(exponent));
            assert_eq!(exp2(f64::from(exponent)), x, "2^{exponent}");
        }
        assert_eq!(log2(0.0), f64::NEG_INFINITY);
        assert_eq!(log2(f64::INFINITY), f64::INFINITY);
        assert!(log2(-1.0).is_nan());
        assert_eq!(exp2(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp2(1024.0), f64::INFINITY);
    }

    proptest! {
        #[test]
        fn merged_buckets_end_where_their_last_did(index in -2000i32..2000, from in -4i32..=8, down in 0i32..12) {
            let to = (from - down).max(-4);
            let target = target_index(index, from, to);
            prop_assert!(exponential_bound(target, to) >= exponential_bound(index, from));
            prop_assert!(exponential_bound(target - 1, to) <= exponential_bound(index - 1, from));
        }

        #[test]
        fn logarithm_is_near_that_of_the_platform(x in 1e-300f64..1e300, y in -1000f64..1000.0) {
            prop_assert!((log2(x) - x.log2()).abs() <= x.log2().abs() * 4.0 * f64::EPSILON);
            prop_assert!((exp2(y) / y.exp2() - 1.0).abs() <= 4.0 * f64::EPSILON);
        }

        #[test]
        fn frexp_takes_apart_what_ldexp_joins(x in any::<f64>().prop_filter("finite, not 0", |x| x.is_finite() && *x != 0.0)) {
            let (fraction, exponent) = frexp(x);
            prop_assert!((0.5..1.0).contains(&fraction.abs()));
            prop_assert_eq!(ldexp(fraction, i64::from(exponent)), x);
        }
    }
}
