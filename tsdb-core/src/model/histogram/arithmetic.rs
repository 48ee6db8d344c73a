//! Sums, differences, multiples.

use std::fmt;

use super::custom::{add_on_common_bounds, common_bounds};
use super::merge::{Lane, add_indexed};
use super::reduce::reduced;
use super::scale::exponential_bound;
use super::{CounterResetHint, FloatHistogram, Side};

/// One histogram has exponential buckets, the other custom ones: they cannot be added or subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncompatibleSchemas;

impl fmt::Display for IncompatibleSchemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "cannot apply this operation on histograms with a mix of exponential and custom bucket schemas",
        )
    }
}

impl std::error::Error for IncompatibleSchemas {}

/// What had to be given up for a sum or a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// One histogram said that there was a counter reset, the other that there was none.
    pub counter_reset_collision: bool,
    /// The custom bounds differed; only those that both have are left.
    pub custom_bounds: bool,
}

impl FloatHistogram {
    /// Adds `other`. The result has the lower of the two schemas and a zero bucket that covers both; of different custom
    /// bounds those that both have. It may have empty buckets and spans that touch, see [`compact`](Self::compact).
    ///
    /// # Errors
    /// [`IncompatibleSchemas`]; nothing is changed then.
    pub fn add(&mut self, other: &Self) -> Result<Reconciled, IncompatibleSchemas> {
        self.combine(other, |v| v)
    }

    /// Subtracts `other`, otherwise like [`add`](Self::add). The result may have negative counts. The counter-reset hint is
    /// that of a sum; who computes a difference that is a value of its own makes it a gauge.
    ///
    /// # Errors
    /// [`IncompatibleSchemas`]; nothing is changed then.
    pub fn sub(&mut self, other: &Self) -> Result<Reconciled, IncompatibleSchemas> {
        self.combine(other, |v| -v)
    }

    fn combine(
        &mut self,
        other: &Self,
        sign: fn(f64) -> f64,
    ) -> Result<Reconciled, IncompatibleSchemas> {
        let mut reconciled = self.join_hints(other)?;
        if !self.uses_custom_buckets() {
            let zero = self.reconcile_zero_buckets(other, None);
            self.zero_count += sign(zero.sum);
        }
        self.count += sign(other.count);
        self.sum += sign(other.sum);

        if self.uses_custom_buckets() {
            if self.custom_values == other.custom_values {
                add_side(&mut self.positive, &other.positive, sign, |_| false);
            } else {
                reconciled.custom_bounds = true;
                let bounds = common_bounds(&self.custom_values, &other.custom_values);
                let sum = add_on_common_bounds(
                    (&self.positive.indexed_with_lost(&[]), &self.custom_values),
                    (&other.positive, &other.custom_values),
                    &bounds,
                    sign,
                );
                self.positive = sum.without_lost();
                self.custom_values = bounds;
            }
            return Ok(reconciled);
        }

        let (positive, negative);
        let (mut other_positive, mut other_negative) = (&other.positive, &other.negative);
        if other.schema < self.schema {
            self.positive = reduced(&self.positive, self.schema, other.schema);
            self.negative = reduced(&self.negative, self.schema, other.schema);
            self.schema = other.schema;
        } else if other.schema > self.schema {
            positive = reduced(&other.positive, other.schema, self.schema);
            negative = reduced(&other.negative, other.schema, self.schema);
            (other_positive, other_negative) = (&positive, &negative);
        }
        let (schema, threshold) = (self.schema, self.zero_threshold);
        // What lies in the zero bucket was counted there.
        let in_zero_bucket = |index| exponential_bound(index, schema) <= threshold;
        add_side(&mut self.positive, other_positive, sign, in_zero_bucket);
        add_side(&mut self.negative, other_negative, sign, in_zero_bucket);
        Ok(reconciled)
    }

    /// Checks that both kinds of buckets are the same and joins the hints.
    pub(super) fn join_hints(&mut self, other: &Self) -> Result<Reconciled, IncompatibleSchemas> {
        if self.uses_custom_buckets() != other.uses_custom_buckets() {
            return Err(IncompatibleSchemas);
        }
        let (hint, counter_reset_collision) =
            self.counter_reset_hint.joined(other.counter_reset_hint);
        self.counter_reset_hint = hint;
        Ok(Reconciled {
            counter_reset_collision,
            custom_bounds: false,
        })
    }

    /// Multiplies all counts and the sum. A negative factor makes the histogram a gauge.
    pub fn mul(&mut self, factor: f64) {
        self.for_each_number(|v| v * factor);
        if factor < 0.0 {
            self.counter_reset_hint = CounterResetHint::Gauge;
        }
    }

    /// Divides all counts and the sum. A negative divisor makes the histogram a gauge; by zero, no bucket is left.
    pub fn div(&mut self, divisor: f64) {
        if divisor == 0.0 {
            self.positive = Side::new();
            self.negative = Side::new();
        }
        self.for_each_number(|v| v / divisor);
        if divisor < 0.0 {
            self.counter_reset_hint = CounterResetHint::Gauge;
        }
    }

    /// Turns the sign of all counts and of the sum; the result is a gauge.
    pub fn negate(&mut self) {
        self.mul(-1.0);
    }

    fn for_each_number(&mut self, new: impl Fn(f64) -> f64) {
        let scalars = [&mut self.zero_count, &mut self.count, &mut self.sum];
        let buckets = self
            .positive
            .buckets
            .iter_mut()
            .chain(&mut self.negative.buckets);
        for number in scalars.into_iter().chain(buckets) {
            *number = new(*number);
        }
    }
}

/// Adds the buckets of `other` after those at its beginning that `skip` leaves out.
fn add_side(
    side: &mut Side<f64>,
    other: &Side<f64>,
    sign: fn(f64) -> f64,
    skip: impl Fn(i32) -> bool,
) {
    let added: Vec<(i32, f64)> = indexed_after(other.indexed(), skip)
        .map(|(index, count)| (index, sign(count)))
        .collect();
    add_indexed(&mut side.spans, &mut side.buckets, &added);
}

/// The buckets after those at the beginning that `skip` leaves out.
pub(super) fn indexed_after<C: Lane>(
    buckets: impl Iterator<Item = (i32, C)>,
    skip: impl Fn(i32) -> bool,
) -> impl Iterator<Item = (i32, C)> {
    buckets.skip_while(move |&(index, _)| skip(index))
}
