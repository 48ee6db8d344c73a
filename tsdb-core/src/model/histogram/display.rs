//! Histograms as text, as Go prints them.

use std::fmt;

use super::bucket::{Bounds, Bucket};
use super::integer::absolute_counts;
use super::span::Indexed;
use super::{FloatHistogram, Histogram, Side, is_custom_buckets_schema};

/// A float as Go's `%g` and `%v` print it: with the fewest digits that tell it apart, and with an exponent from 10⁶ on and
/// below 10⁻⁴.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GoFloat(pub(crate) f64);

impl fmt::Display for GoFloat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        if value.is_nan() {
            return f.write_str("NaN");
        }
        if value.is_infinite() {
            return f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" });
        }
        let scientific = format!("{value:e}");
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        if (-4..6).contains(&exponent) {
            return write!(f, "{value}");
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(f, "{mantissa}e{sign}{:02}", exponent.unsigned_abs())
    }
}

impl fmt::Display for FloatHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{{count:{}, sum:{}",
            GoFloat(self.count),
            GoFloat(self.sum)
        )?;
        for bucket in self.negative_buckets().rev() {
            write_bucket(f, &bucket, bucket.count == 0.0, GoFloat(bucket.count))?;
        }
        if let Some(bucket) = self.zero_bucket() {
            write_bucket(f, &bucket, bucket.count == 0.0, GoFloat(bucket.count))?;
        }
        for bucket in self.positive_buckets() {
            write_bucket(f, &bucket, bucket.count == 0.0, GoFloat(bucket.count))?;
        }
        f.write_str("}")
    }
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", self.count, GoFloat(self.sum))?;
        for bucket in self.buckets_of(&self.negative, false).iter().rev() {
            write_bucket(f, bucket, bucket.count == 0, bucket.count)?;
        }
        if !is_custom_buckets_schema(self.schema) {
            let bucket = Bucket::around_zero(self.zero_threshold, self.zero_count);
            write_bucket(f, &bucket, bucket.count == 0, bucket.count)?;
        }
        for bucket in &self.buckets_of(&self.positive, true) {
            write_bucket(f, bucket, bucket.count == 0, bucket.count)?;
        }
        f.write_str("}")
    }
}

impl Histogram {
    fn buckets_of(&self, side: &Side<i64>, positive: bool) -> Vec<Bucket<u64>> {
        let bounds = Bounds {
            schema: self.schema,
            custom_values: if positive { &self.custom_values } else { &[] },
            positive,
        };
        let counts: Vec<i64> = absolute_counts(&side.buckets).collect();
        Indexed::new(&side.spans, &counts)
            .map(|(index, count)| bounds.bucket(index, count.cast_unsigned()))
            .collect()
    }
}

fn write_bucket<C>(
    f: &mut fmt::Formatter<'_>,
    bucket: &Bucket<C>,
    is_empty: bool,
    count: impl fmt::Display,
) -> fmt::Result {
    if is_empty {
        return Ok(());
    }
    let open = if bucket.lower_inclusive { '[' } else { '(' };
    let close = if bucket.upper_inclusive { ']' } else { ')' };
    write!(
        f,
        ", {open}{},{}{close}:{count}",
        GoFloat(bucket.lower),
        GoFloat(bucket.upper)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_go_prints_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (100_000.0, "100000"),
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (0.0001, "0.0001"),
            (0.000_012_3, "1.23e-05"),
            (2.938_735_877_055_719e-39, "2.938735877055719e-39"),
            (1e100, "1e+100"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(GoFloat(value).to_string(), text);
        }
    }
}
