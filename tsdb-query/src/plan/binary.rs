//! Binary operators.

use crate::ast::{Binary, BinaryOp, Expr, Link, ValueType};
use crate::error::QueryError;
use crate::exec::{
    Arithmetic, BoxOperator, GroupKeys, Pieces, ScalarBinary, SetKind, SetOperation, VectorBinary,
    VectorScalar, drop_names,
};
use crate::vector::Grid;

use super::build::{Builder, unsupported};
use super::depth::MAX_LINKS;

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
        for ((i, Link { binary, .. }), right) in links.iter().enumerate().zip(sides) {
            if i > 0 && i % MAX_LINKS == 0 {
                left.0 = pieces.cut(left.0);
            }
            left = self.binary(binary, left, right)?;
            self.cx.check()?;
            self.cx.charge_operator(left.0.series().len())?;
        }
        Ok(pieces.end(left.0))
    }

    fn binary(&self, e: &Binary, left: Typed, right: Typed) -> Result<Typed, QueryError> {
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
            _ => return Ok((self.vectors(e, op, lhs, rhs)?, ValueType::Vector)),
        };
        let series = if op.drops_name() {
            drop_names(vector.series(), self.cx.delayed_name_removal())
        } else {
            vector.series().to_vec()
        };
        let operator = VectorScalar::new(op, vector, scalar, scalar_on_left, series);
        Ok((Box::new(operator), ValueType::Vector))
    }

    fn vectors(
        &self,
        e: &Binary,
        op: Arithmetic,
        lhs: BoxOperator,
        rhs: BoxOperator,
    ) -> Result<BoxOperator, QueryError> {
        let Some(matching) = &e.matching else {
            return unsupported("vectors without matching", e.op_span);
        };
        let kind = match e.op {
            BinaryOp::And => SetKind::And,
            BinaryOp::Or => SetKind::Or,
            BinaryOp::Unless => SetKind::Unless,
            _ => {
                let operator = VectorBinary::new(op, lhs, rhs, matching, self.cx)?;
                return Ok(Box::new(operator));
            }
        };
        let keys = GroupKeys::new(&matching.labels, matching.on);
        Ok(Box::new(SetOperation::new(kind, lhs, rhs, keys)))
    }
}
