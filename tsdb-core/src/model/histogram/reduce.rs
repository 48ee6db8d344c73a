//! Fewer, wider buckets: the same histogram in a lower schema.

use std::fmt;

use super::integer::{absolute_counts, differences};
use super::merge::{Lane, merge_neighbours};
use super::scale::target_index;
use super::{FloatHistogram, Histogram, Side, Span, is_custom_buckets_schema};

/// A resolution cannot be reduced to the one asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolutionError {
    /// The histogram has custom buckets.
    FromCustomBuckets,
    /// Custom buckets were asked for.
    ToCustomBuckets,
    /// The schema asked for is not a lower one.
    NotLower {
        /// Schema of the histogram.
        from: i32,
        /// Schema asked for.
        to: i32,
    },
}

impl fmt::Display for ResolutionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FromCustomBuckets => {
                f.write_str("cannot reduce resolution when there are custom buckets")
            }
            Self::ToCustomBuckets => {
                f.write_str("cannot reduce resolution to custom buckets schema")
            }
            Self::NotLower { from, to } => {
                write!(f, "cannot reduce resolution from schema {from} to {to}")
            }
        }
    }
}

impl std::error::Error for ResolutionError {}

fn check(from: i32, to: i32) -> Result<(), ResolutionError> {
    if is_custom_buckets_schema(from) {
        return Err(ResolutionError::FromCustomBuckets);
    }
    if is_custom_buckets_schema(to) {
        return Err(ResolutionError::ToCustomBuckets);
    }
    if to >= from {
        return Err(ResolutionError::NotLower { from, to });
    }
    Ok(())
}

impl Histogram {
    /// Merges buckets so that the histogram has a lower schema.
    ///
    /// # Errors
    /// When the schema is not lower, or there are custom buckets; the histogram is unchanged then.
    pub fn reduce_resolution(&mut self, schema: i32) -> Result<(), ResolutionError> {
        check(self.schema, schema)?;
        for side in [&mut self.positive, &mut self.negative] {
            let counts: Vec<i64> = absolute_counts(&side.buckets).collect();
            let absolute = Side {
                spans: std::mem::take(&mut side.spans),
                buckets: counts,
            };
            let reduced = reduced(&absolute, self.schema, schema);
            side.spans = reduced.spans;
            side.buckets = differences(reduced.buckets);
        }
        self.schema = schema;
        Ok(())
    }
}

impl FloatHistogram {
    /// Merges buckets so that the histogram has a lower schema.
    ///
    /// # Errors
    /// When the schema is not lower, or there are custom buckets; the histogram is unchanged then.
    pub fn reduce_resolution(&mut self, schema: i32) -> Result<(), ResolutionError> {
        check(self.schema, schema)?;
        self.positive = reduced(&self.positive, self.schema, schema);
        self.negative = reduced(&self.negative, self.schema, schema);
        self.schema = schema;
        Ok(())
    }

    /// A copy in a lower schema, or in the same. The copy of a lower schema has no counter-reset hint.
    ///
    /// # Errors
    /// When the schema is higher, or another one and custom buckets are involved.
    pub fn copy_to_schema(&self, schema: i32) -> Result<Self, ResolutionError> {
        if schema == self.schema {
            return Ok(self.clone());
        }
        check(self.schema, schema)?;
        Ok(Self {
            schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count,
            count: self.count,
            sum: self.sum,
            positive: reduced(&self.positive, self.schema, schema),
            negative: reduced(&self.negative, self.schema, schema),
            ..Self::default()
        })
    }
}

/// The side in a lower schema: a span for each run of neighbours.
pub(super) fn reduced<C: Lane>(side: &Side<C>, from: i32, to: i32) -> Side<C> {
    let (spans, buckets) = reduced_buckets(&side.spans, &side.buckets, from, to);
    Side { spans, buckets }
}

/// As [`reduced`], for whatever buckets hold.
pub(super) fn reduced_buckets<C: Lane>(
    spans: &[Span],
    buckets: &[C],
    from: i32,
    to: i32,
) -> (Vec<Span>, Vec<C>) {
    merge_neighbours(spans, buckets, |index| target_index(index, from, to))
}
