//! Binary operators.

use crate::ast::{Binary, BinaryOp, Expr, Link, ValueType};
use crate::error::QueryError;
use crate::exec::{
    Arithmetic, BoxOperator, LastPairing, MatchLabels, Operator, Pieces, ScalarBinary, SetKind,
    SetOperation, VectorBinary, VectorScalar, drop_names,
};
use crate::vector::Grid;

use super::build::{Builder, unsupported};
use super::depth::MAX_LINKS;

/// A chain of so many links may repeat itself: what follows from the labels is kept from one link for the next.
const LONG_CHAIN: usize = 8;

/// An operator with the type of its value.
type Typed = (BoxOperator, ValueType);

impl Builder<'_> {
    /// A chain of operators, without recursion along it.
    pub(super) fn chain(&self, expr: &Expr, grid: Grid) -> Result<BoxOperator, QueryError> {
        let (mut first, mut links) = expr.chain();
        if grid.steps > 1 {
            // What the chain begins with may be the same at every step.
            let invariant = links.partition_point(|link| self.invariance.holds(link.expr));
            if let Some(last) = links.drain(..invariant).next_back() {
                first = last.expr;
            }
        }
        // All series are selected before any of them are matched: what is too much is found out first.
        let mut left = (self.build(first, grid)?, first.value_type());
        let mut sides = Vec::with_capacity(links.len());
        for link in &links {
            let rhs = &link.binary.rhs;
            sides.push((self.build(rhs, grid)?, rhs.value_type()));
        }
        let mut pieces = Pieces::default();
        let mut last = (links.len() >= LONG_CHAIN).then(LastPairing::default);
        for ((i, Link { binary, .. }), right) in links.iter().enumerate().zip(sides) {
            if i > 0 && i % MAX_LINKS == 0 {
                left.0 = pieces.cut(left.0);
            }
            left = self.binary(binary, left, right, &mut last)?;
            self.cx.check()?;
            self.cx.charge_operator()?;
        }
        Ok(pieces.end(left.0))
    }

    fn binary(
        &self,
        e: &Binary,
        left: Typed,
        right: Typed,
        last: &mut Option<LastPairing>,
    ) -> Result<Typed, QueryError> {
        let op = Arithmetic {
            op: e.op,
            return_bool: e.return_bool,
            span: e.span,
        };
        let (lhs, rhs) = (left.0, right.0);
        let (vector, scalar, scalar_on_left) = match (left.1, right.1) {
            (ValueType::Scalar, ValueType::Scalar) => {
                let operator = ScalarBinary::new(op, lhs, rhs);
                return Ok((Box::new(operator), ValueType::Scalar));
            }
            (ValueType::Scalar, _) => (rhs, lhs, true),
            (_, ValueType::Scalar) => (lhs, rhs, false),
            _ => return Ok((self.vectors(e, op, (lhs, rhs), last)?, ValueType::Vector)),
        };
        let series = if op.drops_name() {
            drop_names(vector.series(), self.cx.delayed_name_removal())
        } else {
            vector.series().to_vec()
        };
        self.cx.charge_results(&series)?;
        let operator = VectorScalar::new(op, vector, scalar, scalar_on_left, series);
        Ok((Box::new(operator), ValueType::Vector))
    }

    fn vectors(
        &self,
        e: &Binary,
        op: Arithmetic,
        (lhs, rhs): (BoxOperator, BoxOperator),
        last: &mut Option<LastPairing>,
    ) -> Result<BoxOperator, QueryError> {
        let Some(matching) = &e.matching else {
            return unsupported("vectors without matching", e.op_span);
        };
        let kind = match e.op {
            BinaryOp::And => SetKind::And,
            BinaryOp::Or => SetKind::Or,
            BinaryOp::Unless => SetKind::Unless,
            _ => {
                let operator = VectorBinary::new(op, (lhs, rhs), matching, self.cx, last)?;
                return Ok(Box::new(operator));
            }
        };
        let by = MatchLabels::new(&matching.labels, matching.on);
        let operator = SetOperation::new(kind, lhs, rhs, &by);
        self.cx.charge_results(operator.series())?;
        Ok(Box::new(operator))
    }
}
