//! The native histograms of a group of `sum` or `avg`.

use std::sync::Arc;

use tsdb_core::FloatHistogram;
use tsdb_core::histogram::IncompatibleSchemas;

use super::Context;
use super::context::Held;
use crate::ast::Span;
use crate::error::QueryError;
use crate::functions::native_histogram::{Annotated, Annotation, HistogramMean, HistogramSum};
use crate::vector::{Bits, Column, weight};

/// What the histograms of a group have come to so far, step by step. A group of floats has none of this.
pub(super) struct GroupHistograms {
    steps: Vec<Step>,
    mean: bool,
}

#[derive(Clone, Default)]
struct Step {
    has_float: bool,
    has_histogram: bool,
    /// Buckets of different kinds have met: the rest is not looked at.
    incompatible: bool,
    /// None while there is no histogram, and when a float came first: then there is no result anyway.
    value: Option<Accumulator>,
}

#[derive(Clone)]
enum Accumulator {
    Sum(HistogramSum),
    Mean(HistogramMean),
}

impl Accumulator {
    fn new(first: &FloatHistogram, mean: bool) -> Self {
        if mean {
            Self::Mean(HistogramMean::new(first))
        } else {
            Self::Sum(HistogramSum::new(first))
        }
    }

    fn add(&mut self, h: &FloatHistogram) -> Result<(), IncompatibleSchemas> {
        match self {
            Self::Sum(sum) => sum.add(h),
            Self::Mean(mean) => mean.add(h),
        }
    }

    fn finish(self) -> Annotated<FloatHistogram> {
        match self {
            Self::Sum(sum) => sum.finish(),
            Self::Mean(mean) => mean.finish(),
        }
    }
}

impl GroupHistograms {
    /// For a group that has had floats alone, at the steps `present`.
    pub(super) fn new(len: usize, present: &Bits, mean: bool) -> Self {
        let mut steps = vec![Step::default(); len];
        for k in present.iter() {
            steps[k].has_float = true;
        }
        Self { steps, mean }
    }

    /// Takes the column of a series; `present` are the steps at which the group had a sample before. Whether its buckets are of
    /// another kind than those before somewhere.
    pub(super) fn add(
        &mut self,
        column: &Column,
        present: &Bits,
        held: &mut Held<'_>,
    ) -> Result<bool, QueryError> {
        let mut incompatible = false;
        for k in column.present.iter() {
            let step = &mut self.steps[k];
            if step.incompatible {
                continue;
            }
            let Some(h) = column.histogram(k) else {
                step.has_float = true;
                continue;
            };
            step.has_histogram = true;
            match &mut step.value {
                Some(value) => {
                    step.incompatible = value.add(h).is_err();
                    incompatible |= step.incompatible;
                }
                None if !present.get(k) => {
                    held.add(weight(h))?;
                    step.value = Some(Accumulator::new(h, self.mean));
                }
                None => {}
            }
        }
        Ok(incompatible)
    }

    /// Puts the results into the column of the group's floats, and takes out the steps that have none.
    pub(super) fn finish(self, column: &mut Column, span: Span, cx: &Context) {
        let mut annotations = cx.annotations.borrow_mut();
        for (k, step) in self.steps.into_iter().enumerate() {
            if !step.has_histogram {
                continue;
            }
            let mixed = step.has_float;
            if mixed {
                annotations.mixed_in_aggregation(span);
            }
            let usable = !mixed && !step.incompatible;
            if !usable {
                column.present.clear(k);
            }
            let Some(value) = step.value else { continue };
            let mut result = value.finish();
            for annotation in result.annotations {
                // That bounds differ is told when they meet, the rest with the result.
                if usable || matches!(annotation, Annotation::MismatchedCustomBuckets(_)) {
                    annotations.native(annotation, "", span);
                }
            }
            if usable {
                result.value.compact(0);
                column.set_histogram(k, Arc::new(result.value));
            }
        }
    }
}
