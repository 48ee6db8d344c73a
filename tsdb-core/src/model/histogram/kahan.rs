//! Sums of many histograms that keep what rounding takes.
//!
//! Beside the sum stands a second histogram with what was lost, bucket for bucket (Neumaier's variant of Kahan summation).

use super::arithmetic::{IncompatibleSchemas, Reconciled, indexed_after};
use super::custom::{add_on_common_bounds, common_bounds};
use super::merge::{Lane, add_indexed};
use super::reduce::reduced_buckets;
use super::scale::exponential_bound;
use super::{FloatHistogram, Side, Span};

/// A sum and what rounding took from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Compensated {
    pub(super) sum: f64,
    pub(super) lost: f64,
}

impl Compensated {
    pub(super) fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        if sum.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - sum) + value;
        } else {
            self.lost += (value - sum) + self.sum;
        }
        self.sum = sum;
    }
}

impl Lane for Compensated {
    const EMPTY: Self = Self {
        sum: 0.0,
        lost: 0.0,
    };

    fn join(&mut self, other: Self) {
        self.add(other.sum);
        if other.lost != 0.0 {
            self.add(other.lost);
        }
    }

    fn is_empty(&self) -> bool {
        self.sum == 0.0 && self.lost == 0.0
    }
}

impl Side<f64> {
    /// The buckets with what each lost; 0 where `lost` says nothing.
    pub(super) fn indexed_with_lost(&self, lost: &[f64]) -> Side<Compensated> {
        let lost = lost.iter().copied().chain(std::iter::repeat(0.0));
        let buckets = self.buckets.iter().zip(lost);
        Side {
            spans: self.spans.clone(),
            buckets: buckets
                .map(|(&sum, lost)| Compensated { sum, lost })
                .collect(),
        }
    }
}

impl Side<Compensated> {
    /// The sums alone.
    pub(super) fn without_lost(self) -> Side<f64> {
        Side {
            spans: self.spans,
            buckets: self.buckets.iter().map(|bucket| bucket.sum).collect(),
        }
    }

    /// Puts the sums and what they lost apart.
    pub(super) fn split_into(self, sums: &mut Side<f64>, lost: &mut Side<f64>) {
        lost.buckets.clear();
        lost.buckets
            .extend(self.buckets.iter().map(|bucket| bucket.lost));
        lost.spans.clone_from(&self.spans);
        *sums = self.without_lost();
    }
}

impl FloatHistogram {
    /// Adds `other` and gathers in `lost` what rounding takes: `None` before the first addition, afterwards what the last one
    /// left there. `lost` is itself a histogram; [adding](Self::add) it to the final sum completes the latter.
    ///
    /// # Errors
    /// [`IncompatibleSchemas`]; nothing is changed then.
    pub fn kahan_add(
        &mut self,
        other: &Self,
        lost: &mut Option<Self>,
    ) -> Result<Reconciled, IncompatibleSchemas> {
        let mut reconciled = self.join_hints(other)?;
        let lost = lost.get_or_insert_with(|| self.nothing_lost());
        if !self.uses_custom_buckets() {
            let zero = self.reconcile_zero_buckets(other, Some(lost));
            add_scalar(&mut self.zero_count, &mut lost.zero_count, zero);
        }
        let scalar = |sum| Compensated { sum, lost: 0.0 };
        add_scalar(&mut self.count, &mut lost.count, scalar(other.count));
        add_scalar(&mut self.sum, &mut lost.sum, scalar(other.sum));

        let mut positive = self.positive.indexed_with_lost(&lost.positive.buckets);
        let other_positive = other.positive.indexed_with_lost(&[]);
        if self.uses_custom_buckets() {
            if self.custom_values == other.custom_values {
                let added: Vec<_> = other_positive.indexed().collect();
                add_indexed(&mut positive.spans, &mut positive.buckets, &added);
            } else {
                reconciled.custom_bounds = true;
                let bounds = common_bounds(&self.custom_values, &other.custom_values);
                positive = add_on_common_bounds(
                    (&positive, &self.custom_values),
                    (&other.positive, &other.custom_values),
                    &bounds,
                    |v| v,
                );
                lost.custom_values = bounds.clone();
                self.custom_values = bounds;
            }
            positive.split_into(&mut self.positive, &mut lost.positive);
            return Ok(reconciled);
        }

        let mut negative = self.negative.indexed_with_lost(&lost.negative.buckets);
        let mut sides = [
            (&mut positive, other_positive),
            (&mut negative, other.negative.indexed_with_lost(&[])),
        ];
        let schema = self.schema.min(other.schema);
        for (side, added) in &mut sides {
            reduce(&mut side.spans, &mut side.buckets, self.schema, schema);
            reduce(&mut added.spans, &mut added.buckets, other.schema, schema);
            let threshold = self.zero_threshold;
            let in_zero_bucket = |index| exponential_bound(index, schema) <= threshold;
            let added: Vec<_> = indexed_after(added.indexed(), in_zero_bucket).collect();
            add_indexed(&mut side.spans, &mut side.buckets, &added);
        }
        self.schema = schema;
        lost.schema = schema;
        lost.zero_threshold = self.zero_threshold;
        positive.split_into(&mut self.positive, &mut lost.positive);
        negative.split_into(&mut self.negative, &mut lost.negative);
        Ok(reconciled)
    }

    /// The histogram of the same layout in which nothing is lost yet.
    fn nothing_lost(&self) -> Self {
        let zeros = |side: &Side<f64>| Side {
            spans: side.spans.clone(),
            buckets: vec![0.0; side.buckets.len()],
        };
        Self {
            zero_count: 0.0,
            count: 0.0,
            sum: 0.0,
            positive: zeros(&self.positive),
            negative: zeros(&self.negative),
            custom_values: self.custom_values.clone(),
            ..*self
        }
    }
}

fn add_scalar(sum: &mut f64, lost: &mut f64, added: Compensated) {
    let mut total = Compensated {
        sum: *sum,
        lost: *lost,
    };
    total.join(added);
    (*sum, *lost) = (total.sum, total.lost);
}

fn reduce(spans: &mut Vec<Span>, buckets: &mut Vec<Compensated>, from: i32, to: i32) {
    if to < from {
        (*spans, *buckets) = reduced_buckets(spans, buckets, from, to);
    }
}
