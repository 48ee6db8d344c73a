//! Arithmetic and comparisons where native histograms are among the values.

use std::sync::Arc;

use tsdb_core::histogram::{IncompatibleSchemas, Reconciled, Trim};
use tsdb_core::{CounterResetHint, FloatHistogram};

use super::Arithmetic;
use super::binary::{compare, compute};
use super::binary_remarks::{Remark, Remarks};
use crate::ast::BinaryOp;
use crate::functions::native_histogram::{Annotation, HistogramOperation};
use crate::vector::{Bits, Column, Sample};

/// What becomes of a pair of values.
struct Outcome {
    value: Sample,
    /// False when a comparison does not hold.
    keep: bool,
    remark: Option<Remark>,
}

impl Outcome {
    fn keep(value: Sample) -> Self {
        Self {
            value,
            keep: true,
            remark: None,
        }
    }

    fn histogram(h: FloatHistogram) -> Self {
        Self::keep(Sample::Histogram(Arc::new(h)))
    }
}

impl Arithmetic {
    /// As [`apply`](Self::apply), value by value.
    pub(super) fn apply_to_each(
        self,
        l: &Column,
        r: &Column,
        out: &mut Column,
        remarks: &mut Remarks,
    ) -> Bits {
        let both = std::mem::take(&mut out.present);
        let mut failed = Bits::none(l.values.len());
        out.reset(l.values.len());
        for k in both.iter() {
            let (Some(left), Some(right)) = (l.sample(k), r.sample(k)) else {
                continue;
            };
            let outcome = match self.pair(&left, &right) {
                Ok(outcome) => outcome,
                Err(remark) => {
                    remarks.note(k, remark);
                    failed.set(k);
                    continue;
                }
            };
            if let Some(remark) = outcome.remark {
                remarks.note(k, remark);
            }
            if self.return_bool {
                out.set(k, f64::from(u8::from(outcome.keep)));
            } else if outcome.keep {
                out.set_sample(k, outcome.value);
            }
        }
        failed
    }

    fn pair(self, left: &Sample, right: &Sample) -> Result<Outcome, Remark> {
        use Sample::{Float, Histogram};
        match (left, right) {
            (Float(l), Float(r)) => self.floats(*l, *r),
            (Float(l), Histogram(r)) if self.op == BinaryOp::Mul => {
                Ok(Outcome::histogram(changed(r, |h| h.mul(*l))))
            }
            (Float(_), Histogram(_)) => Err(Remark::IncompatibleTypes("float", "histogram")),
            (Histogram(l), Float(r)) => match self.op {
                BinaryOp::Mul => Ok(Outcome::histogram(changed(l, |h| h.mul(*r)))),
                BinaryOp::Div => Ok(Outcome::histogram(changed(l, |h| h.div(*r)))),
                BinaryOp::TrimUpper => Ok(Outcome::histogram(l.trimmed(*r, Trim::Upper))),
                BinaryOp::TrimLower => Ok(Outcome::histogram(l.trimmed(*r, Trim::Lower))),
                _ => Err(Remark::IncompatibleTypes("histogram", "float")),
            },
            (Histogram(l), Histogram(r)) => self.histograms(l, r),
        }
    }

    fn floats(self, l: f64, r: f64) -> Result<Outcome, Remark> {
        match self.op {
            BinaryOp::TrimLower | BinaryOp::TrimUpper => {
                Err(Remark::IncompatibleTypes("float", "float"))
            }
            _ if self.is_comparison() => Ok(Outcome {
                keep: compare(self.op)(l, r),
                ..Outcome::keep(Sample::Float(l))
            }),
            _ => Ok(Outcome::keep(Sample::Float(compute(self.op)(l, r)))),
        }
    }

    fn histograms(
        self,
        l: &Arc<FloatHistogram>,
        r: &Arc<FloatHistogram>,
    ) -> Result<Outcome, Remark> {
        let compared = |keep| Outcome {
            keep,
            ..Outcome::keep(Sample::Histogram(Arc::clone(l)))
        };
        match self.op {
            BinaryOp::Add => {
                let mut sum = (**l).clone();
                let remark = remark_on(sum.add(r), HistogramOperation::Add)?;
                sum.compact(0);
                Ok(Outcome {
                    remark,
                    ..Outcome::histogram(sum)
                })
            }
            BinaryOp::Sub => {
                let mut difference = (**l).clone();
                let remark = remark_on(difference.sub(r), HistogramOperation::Sub)?;
                difference.counter_reset_hint = CounterResetHint::Gauge;
                difference.compact(0);
                Ok(Outcome {
                    remark,
                    ..Outcome::histogram(difference)
                })
            }
            BinaryOp::Eq => Ok(compared(l == r)),
            BinaryOp::Ne => Ok(compared(l != r)),
            _ => Err(Remark::IncompatibleTypes("histogram", "histogram")),
        }
    }
}

fn changed(h: &FloatHistogram, change: impl Fn(&mut FloatHistogram)) -> FloatHistogram {
    let mut h = h.clone();
    change(&mut h);
    h.compact(0);
    h
}

/// A collision of counter resets takes the result away, as in the reference.
fn remark_on(
    done: Result<Reconciled, IncompatibleSchemas>,
    operation: HistogramOperation,
) -> Result<Option<Remark>, Remark> {
    let reconciled = done.map_err(|IncompatibleSchemas| Remark::IncompatibleBuckets)?;
    if reconciled.counter_reset_collision {
        let collision = Annotation::HistogramCounterResetCollision(operation);
        return Err(Remark::Native(collision));
    }
    let bounds = Annotation::MismatchedCustomBuckets(operation);
    Ok(reconciled.custom_bounds.then_some(Remark::Native(bounds)))
}
