//! Binary operators.

use crate::ast::{Binary, BinaryOp, ValueType};
use crate::error::QueryError;
use crate::exec::{
    Arithmetic, BoxOperator, GroupKeys, ScalarBinary, SetKind, SetOperation, VectorBinary,
    VectorScalar, drop_names,
};
use crate::vector::Grid;

use super::build::{Builder, unsupported};

impl Builder<'_> {
    pub(super) fn binary(&self, e: &Binary, grid: Grid) -> Result<BoxOperator, QueryError> {
        let op = Arithmetic {
            op: e.op,
            return_bool: e.return_bool,
            span: e.span,
        };
        let lhs = self.build(&e.lhs, grid)?;
        let rhs = self.build(&e.rhs, grid)?;
        let types = (e.lhs.value_type(), e.rhs.value_type());
        let (vector, scalar, scalar_on_left) = match types {
            (ValueType::Scalar, ValueType::Scalar) => {
                return Ok(Box::new(ScalarBinary::new(op, lhs, rhs)));
            }
            (ValueType::Scalar, _) => (rhs, lhs, true),
            (_, ValueType::Scalar) => (lhs, rhs, false),
            _ => return self.vectors(e, op, lhs, rhs),
        };
        let series = if op.drops_name() {
            drop_names(vector.series(), self.cx.delayed_name_removal())
        } else {
            vector.series().to_vec()
        };
        Ok(Box::new(VectorScalar::new(
            op,
            vector,
            scalar,
            scalar_on_left,
            series,
        )))
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
