//! The checks before a histogram is stored.

use super::error::{HistogramError, HistogramFault, HistogramPart};
use super::integer::absolute_counts;
use super::span::span_buckets;
use super::{FloatHistogram, Histogram, Side, is_custom_buckets_schema, is_exponential_schema};

impl Histogram {
    /// Whether spans, buckets, counts and schema fit together. Without observations of NaN (the sum tells) every observation
    /// must be in a bucket.
    ///
    /// # Errors
    /// The first fault, in the order and words of Prometheus.
    pub fn validate(&self) -> Result<(), HistogramError> {
        let mut buckets = self.zero_count;
        if is_custom_buckets_schema(self.schema) {
            check_custom_bounds(&self.custom_values, &self.positive)?;
            check_without_zero_and_negative(
                self.zero_count == 0,
                self.zero_threshold,
                &self.negative,
            )?;
        } else {
            check_exponential(self.schema, &self.positive, &self.negative)?;
            let negative = sum_of_counts(&self.negative.buckets);
            buckets = buckets.wrapping_add(negative.map_err(in_part(HistogramPart::Negative))?);
            check_no_custom_values(&self.custom_values)?;
        }
        let positive = sum_of_counts(&self.positive.buckets);
        buckets = buckets.wrapping_add(positive.map_err(in_part(HistogramPart::Positive))?);

        let count = self.count;
        if self.sum.is_nan() {
            fault_if(
                buckets > count,
                HistogramFault::CountNotBigEnough { buckets, count },
            )
        } else {
            fault_if(
                buckets != count,
                HistogramFault::CountMismatch { buckets, count },
            )
        }
    }
}

impl FloatHistogram {
    /// Whether spans, buckets and schema fit together and no count is negative. Whether the buckets add up to the count is not
    /// checked: rounding may keep them from it.
    ///
    /// # Errors
    /// The first fault, in the order and words of Prometheus.
    pub fn validate(&self) -> Result<(), HistogramError> {
        if is_custom_buckets_schema(self.schema) {
            check_custom_bounds(&self.custom_values, &self.positive)?;
            check_without_zero_and_negative(
                self.zero_count == 0.0,
                self.zero_threshold,
                &self.negative,
            )?;
        } else {
            check_exponential(self.schema, &self.positive, &self.negative)?;
            none_negative(&self.negative.buckets).map_err(in_part(HistogramPart::Negative))?;
            let count = self.zero_count;
            fault_if(count < 0.0, HistogramFault::NegativeZeroCount { count })?;
            check_no_custom_values(&self.custom_values)?;
        }
        let count = self.count;
        fault_if(count < 0.0, HistogramFault::NegativeCount { count })?;
        none_negative(&self.positive.buckets).map_err(in_part(HistogramPart::Positive))
    }
}

fn in_part(part: HistogramPart) -> impl Fn(HistogramFault) -> HistogramError {
    move |fault| HistogramError {
        part: Some(part),
        fault,
    }
}

fn fault_if(wrong: bool, fault: HistogramFault) -> Result<(), HistogramError> {
    if wrong {
        return Err(HistogramError { part: None, fault });
    }
    Ok(())
}

fn check_exponential<C>(
    schema: i32,
    positive: &Side<C>,
    negative: &Side<C>,
) -> Result<(), HistogramError> {
    fault_if(
        !is_exponential_schema(schema),
        HistogramFault::InvalidSchema { schema },
    )?;
    check_spans(positive).map_err(in_part(HistogramPart::Positive))?;
    check_spans(negative).map_err(in_part(HistogramPart::Negative))
}

fn check_no_custom_values(custom_values: &[f64]) -> Result<(), HistogramError> {
    fault_if(
        !custom_values.is_empty(),
        HistogramFault::ExponentialCustomBounds,
    )
}

fn check_spans<C>(side: &Side<C>) -> Result<(), HistogramFault> {
    for (i, span) in side.spans.iter().enumerate().skip(1) {
        check_offset(i, span.offset)?;
    }
    check_number_of_buckets(side)
}

fn check_offset(i: usize, offset: i32) -> Result<(), HistogramFault> {
    if offset < 0 {
        return Err(HistogramFault::SpanNegativeOffset {
            span: i + 1,
            offset,
        });
    }
    Ok(())
}

fn check_number_of_buckets<C>(side: &Side<C>) -> Result<(), HistogramFault> {
    let (need, have) = (span_buckets(&side.spans), side.buckets.len());
    if need != have as u64 {
        return Err(HistogramFault::SpansBucketsMismatch { need, have });
    }
    Ok(())
}

fn check_custom_bounds<C>(bounds: &[f64], side: &Side<C>) -> Result<(), HistogramError> {
    check_bounds_and_spans(bounds, side).map_err(in_part(HistogramPart::Custom))
}

fn check_bounds_and_spans<C>(bounds: &[f64], side: &Side<C>) -> Result<(), HistogramFault> {
    let mut previous = f64::NEG_INFINITY;
    for (i, &current) in bounds.iter().enumerate() {
        if current.is_nan() {
            return Err(HistogramFault::CustomBoundNaN);
        }
        if i > 0 && current <= previous {
            return Err(HistogramFault::CustomBoundsNotRising { previous, current });
        }
        previous = current;
    }
    if previous == f64::INFINITY {
        return Err(HistogramFault::CustomBoundInfinite);
    }
    for (i, span) in side.spans.iter().enumerate() {
        check_offset(i, span.offset)?;
    }
    check_number_of_buckets(side)?;
    let spans = side
        .spans
        .iter()
        .map(|span| i64::from(span.offset) + i64::from(span.length))
        .sum();
    if ((bounds.len() as u64).cast_signed() + 1) < spans {
        return Err(HistogramFault::CustomBoundsTooFew {
            bounds: bounds.len(),
            spans,
        });
    }
    Ok(())
}

fn check_without_zero_and_negative<C>(
    zero_bucket_is_empty: bool,
    zero_threshold: f64,
    negative: &Side<C>,
) -> Result<(), HistogramError> {
    fault_if(!zero_bucket_is_empty, HistogramFault::CustomZeroCount)?;
    fault_if(zero_threshold != 0.0, HistogramFault::CustomZeroThreshold)?;
    fault_if(
        !negative.spans.is_empty(),
        HistogramFault::CustomNegativeSpans,
    )?;
    fault_if(
        !negative.buckets.is_empty(),
        HistogramFault::CustomNegativeBuckets,
    )
}

/// Observations in buckets that are stored as differences.
fn sum_of_counts(differences: &[i64]) -> Result<u64, HistogramFault> {
    let mut sum = 0_u64;
    for (i, count) in absolute_counts(differences).enumerate() {
        let observations =
            u64::try_from(count).map_err(|_| HistogramFault::NegativeBucketCount {
                bucket: i + 1,
                count,
            })?;
        sum = sum.wrapping_add(observations);
    }
    Ok(sum)
}

fn none_negative(counts: &[f64]) -> Result<(), HistogramFault> {
    match counts.iter().position(|&count| count < 0.0) {
        None => Ok(()),
        Some(i) => Err(HistogramFault::NegativeFloatBucketCount {
            bucket: i + 1,
            count: counts.get(i).copied().unwrap_or_default(),
        }),
    }
}
