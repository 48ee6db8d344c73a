//! Arithmetic and comparisons, and their form with a scalar on one side.

use super::binary_remarks::Remarks;
use super::merge::{Merge, MergeRule};
use super::operator::{BoxOperator, Sink, run_scalar};
use super::{Context, Operator, SeriesMeta};
use crate::ast::{BinaryOp, Span};
use crate::error::QueryError;
use crate::vector::{Bits, Column, Tile};

/// An operator on floats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arithmetic {
    pub(crate) op: BinaryOp,
    /// Comparisons give 0 or 1 instead of filtering.
    pub(crate) return_bool: bool,
    /// Where the whole operation stands.
    pub(crate) span: Span,
}

impl Arithmetic {
    /// Whether samples are filtered or turned to 0 and 1.
    pub(crate) fn is_comparison(self) -> bool {
        use BinaryOp::{Eq, Ge, Gt, Le, Lt, Ne};
        matches!(self.op, Eq | Ne | Lt | Le | Gt | Ge)
    }

    /// Whether the result is not the metric any more.
    pub(crate) fn drops_name(self) -> bool {
        use BinaryOp::{Add, Atan2, Div, Mod, Mul, Pow, Sub};
        self.return_bool || matches!(self.op, Add | Sub | Mul | Div | Mod | Pow | Atan2)
    }

    /// Of two scalars.
    pub(crate) fn scalar(self, l: f64, r: f64) -> f64 {
        if self.is_comparison() {
            f64::from(u8::from(compare(self.op)(l, r)))
        } else {
            compute(self.op)(l, r)
        }
    }

    /// Of two sides at the steps `out.present`: sets the values, takes out steps that a comparison filters, and those whose values
    /// the operator has no result for, which it returns.
    pub(crate) fn apply(
        self,
        l: &Column,
        r: &Column,
        out: &mut Column,
        remarks: &mut Remarks,
    ) -> Option<Bits> {
        out.forget_histograms();
        let is_trim = matches!(self.op, BinaryOp::TrimLower | BinaryOp::TrimUpper);
        if is_trim || l.has_histograms() || r.has_histograms() {
            return Some(self.apply_to_each(l, r, out, remarks));
        }
        self.apply_to_floats(&l.values, &r.values, out);
        None
    }

    fn apply_to_floats(self, l: &[f64], r: &[f64], out: &mut Column) {
        let pairs = || l.iter().zip(r);
        let values = &mut out.values;
        values.clear();
        // The operators of most queries as loops that the compiler can unroll.
        match self.op {
            BinaryOp::Add => values.extend(pairs().map(|(l, r)| l + r)),
            BinaryOp::Sub => values.extend(pairs().map(|(l, r)| l - r)),
            BinaryOp::Mul => values.extend(pairs().map(|(l, r)| l * r)),
            BinaryOp::Div => values.extend(pairs().map(|(l, r)| l / r)),
            _ if self.is_comparison() => {
                let compare = compare(self.op);
                if self.return_bool {
                    values.extend(pairs().map(|(&l, &r)| f64::from(u8::from(compare(l, r)))));
                } else {
                    values.extend_from_slice(l);
                    for k in 0..l.len() {
                        if !compare(l[k], r[k]) {
                            out.present.clear(k);
                        }
                    }
                }
            }
            _ => {
                let f = compute(self.op);
                values.extend(pairs().map(|(&l, &r)| f(l, r)));
            }
        }
    }
}

pub(super) fn compute(op: BinaryOp) -> fn(f64, f64) -> f64 {
    match op {
        BinaryOp::Add => |l, r| l + r,
        BinaryOp::Sub => |l, r| l - r,
        BinaryOp::Mul => |l, r| l * r,
        BinaryOp::Div => |l, r| l / r,
        BinaryOp::Mod => |l, r| l % r,
        BinaryOp::Pow => f64::powf,
        BinaryOp::Atan2 => f64::atan2,
        // Set operators and comparisons do not come here.
        _ => |_, _| f64::NAN,
    }
}

pub(super) fn compare(op: BinaryOp) -> fn(f64, f64) -> bool {
    match op {
        BinaryOp::Eq => |l, r| l == r,
        BinaryOp::Ne => |l, r| l != r,
        BinaryOp::Lt => |l, r| l < r,
        BinaryOp::Le => |l, r| l <= r,
        BinaryOp::Gt => |l, r| l > r,
        BinaryOp::Ge => |l, r| l >= r,
        _ => |_, _| false,
    }
}

/// `v op s`, `s op v`
pub(crate) struct VectorScalar {
    op: Arithmetic,
    vector: BoxOperator,
    scalar: BoxOperator,
    scalar_on_left: bool,
    merge: Merge,
}

impl VectorScalar {
    /// `series` are those of `vector`, named as the operator names them.
    pub(crate) fn new(
        op: Arithmetic,
        vector: BoxOperator,
        scalar: BoxOperator,
        scalar_on_left: bool,
        series: Vec<SeriesMeta>,
    ) -> Self {
        Self {
            op,
            vector,
            scalar,
            scalar_on_left,
            merge: Merge::new(series, MergeRule::Step),
        }
    }
}

impl Operator for VectorScalar {
    fn series(&self) -> &[SeriesMeta] {
        self.merge.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let _held = cx.hold(tile.len)?;
        let mut scalar = Column::default();
        run_scalar(self.scalar.as_mut(), cx, tile, &mut scalar)?;
        let (op, scalar_on_left) = (self.op, self.scalar_on_left);
        let mut merging = self.merge.begin(cx);
        let mut out = Column::default();
        let mut remarks = Remarks::default();
        self.vector.run(cx, tile, &mut |i, column| {
            out.present.copy_from(&column.present);
            if scalar_on_left {
                op.apply(&scalar, column, &mut out, &mut remarks);
                if op.is_comparison() && !op.return_bool {
                    // A filter gives the values of the vector.
                    out.values.copy_from_slice(&column.values);
                }
            } else {
                op.apply(column, &scalar, &mut out, &mut remarks);
            }
            merging.push(i, &mut out, sink)
        })?;
        remarks.tell(op, cx);
        merging.finish(sink)
    }
}

/// Steps at which both have a sample.
pub(crate) fn common(a: &Bits, b: &Bits, out: &mut Bits) {
    out.copy_from(a);
    out.and(b);
}
