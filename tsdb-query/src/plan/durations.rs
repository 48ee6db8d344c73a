//! Durations and `@` in milliseconds, now that the times of the query are known.

use crate::ast::{AtModifier, Duration, DurationExpr, DurationOp, SelectorModifiers, UnaryOp};
use crate::error::QueryError;

/// The times of the whole query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueryTimes {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// 0 for an instant query.
    pub(crate) step_ms: i64,
}

impl QueryTimes {
    /// Those of an instant query.
    pub(crate) fn instant(t_ms: i64) -> Self {
        Self {
            start_ms: t_ms,
            end_ms: t_ms,
            step_ms: 0,
        }
    }

    /// `start()`
    pub(crate) fn start(&self) -> f64 {
        self.start_ms as f64 / 1000.0
    }

    /// `end()`
    pub(crate) fn end(&self) -> f64 {
        self.end_ms as f64 / 1000.0
    }

    /// `step()`
    pub(crate) fn step(&self) -> f64 {
        self.step_ms as f64 / 1000.0
    }

    /// `range()`
    pub(crate) fn range(&self) -> f64 {
        self.end_ms.saturating_sub(self.start_ms) as f64 / 1000.0
    }

    /// A range or step, which is positive.
    pub(crate) fn positive(&self, duration: &Duration) -> Result<i64, QueryError> {
        match duration {
            Duration::Literal(ms) => Ok(*ms),
            Duration::Expr(expr) => {
                let seconds = self.seconds(expr)?;
                if seconds <= 0.0 {
                    return fail("duration must be greater than 0");
                }
                milliseconds(seconds)
            }
        }
    }

    /// `offset` in milliseconds, 0 when there is none.
    pub(crate) fn offset(&self, modifiers: &SelectorModifiers) -> Result<i64, QueryError> {
        match &modifiers.offset {
            None => Ok(0),
            Some(Duration::Literal(ms)) => Ok(*ms),
            Some(Duration::Expr(expr)) => milliseconds(self.seconds(expr)?),
        }
    }

    /// `@` in milliseconds.
    pub(crate) fn at(&self, modifiers: &SelectorModifiers) -> Option<i64> {
        modifiers.at.map(|at| match at {
            AtModifier::Timestamp(ms) => ms,
            AtModifier::Start => self.start_ms,
            AtModifier::End => self.end_ms,
        })
    }

    fn seconds(&self, expr: &DurationExpr) -> Result<f64, QueryError> {
        Ok(match expr {
            DurationExpr::Number(number) => number.value,
            DurationExpr::Step(_) => self.step(),
            DurationExpr::Range(_) => self.range(),
            DurationExpr::Paren(inner, _) | DurationExpr::Unary(UnaryOp::Plus, inner, _) => {
                self.seconds(inner)?
            }
            DurationExpr::Unary(UnaryOp::Minus, inner, _) => -self.seconds(inner)?,
            DurationExpr::Binary(op, l, r, _) => {
                let (l, r) = (self.seconds(l)?, self.seconds(r)?);
                match op {
                    DurationOp::Add => l + r,
                    DurationOp::Sub => l - r,
                    DurationOp::Mul => l * r,
                    DurationOp::Div if r == 0.0 => return fail("division by zero"),
                    DurationOp::Div => l / r,
                    DurationOp::Mod if r == 0.0 => return fail("modulo by zero"),
                    DurationOp::Mod => l % r,
                    DurationOp::Pow => l.powf(r),
                    DurationOp::Min => l.min(r),
                    DurationOp::Max => l.max(r),
                }
            }
        })
    }
}

fn fail<T>(message: &str) -> Result<T, QueryError> {
    Err(QueryError::Execution(message.to_owned()))
}

fn milliseconds(seconds: f64) -> Result<i64, QueryError> {
    // As nanoseconds in 64 bits, as the reference keeps them. False for NaN.
    let in_range = seconds.abs() < i64::MAX as f64 / 1e9;
    if !in_range {
        return fail("duration is out of range");
    }
    Ok((seconds * 1000.0) as i64)
}
