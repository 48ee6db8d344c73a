//! What an operator has to say of the values it met: of each step the last remark counts, as in the reference.

use super::{Arithmetic, Context};
use crate::functions::native_histogram::Annotation;

/// A remark on a pair of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    /// The operator has no meaning for values of these kinds.
    IncompatibleTypes(&'static str, &'static str),
    /// The histograms have buckets of different kinds.
    IncompatibleBuckets,
    /// The result is there, but.
    Native(Annotation),
}

/// The last remark of each step of a tile.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    steps: Vec<Option<Remark>>,
}

impl Remarks {
    pub(crate) fn note(&mut self, step: usize, remark: Remark) {
        if self.steps.len() <= step {
            self.steps.resize(step + 1, None);
        }
        self.steps[step] = Some(remark);
    }

    /// Ends the tile.
    pub(crate) fn tell(self, op: Arithmetic, cx: &Context) {
        let mut told = None;
        for remark in self.steps.into_iter().flatten() {
            if told == Some(remark) {
                continue;
            }
            told = Some(remark);
            let mut annotations = cx.annotations.borrow_mut();
            match remark {
                Remark::IncompatibleTypes(l, r) => {
                    annotations.incompatible_types(l, op.op, r, op.span);
                }
                Remark::IncompatibleBuckets => annotations.incompatible_buckets(op.op, op.span),
                Remark::Native(annotation) => annotations.native(annotation, "", op.span),
            }
        }
    }
}
