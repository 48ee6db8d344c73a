//! `WHERE`: the range of time, and what is left of the condition without it.

use jiff::tz::TimeZone;

use super::time;
use crate::error::{Error, Result};
use crate::influxql::ast::{BinaryOp, Expr};

/// Times in nanoseconds that are asked for, both ends included; `None` where there is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeBounds {
    pub(crate) min: Option<i64>,
    pub(crate) max: Option<i64>,
}

impl TimeBounds {
    pub(crate) fn intersect(self, other: Self) -> Self {
        let tighter = |a: Option<i64>, b: Option<i64>, choose: fn(i64, i64) -> i64| match (a, b) {
            (Some(a), Some(b)) => Some(choose(a, b)),
            (a, b) => a.or(b),
        };
        Self {
            min: tighter(self.min, other.min, i64::max),
            max: tighter(self.max, other.max, i64::min),
        }
    }

    /// The range with InfluxDB's earliest and latest time where there is no bound.
    pub(crate) fn range(self) -> (i64, i64) {
        (
            self.min.unwrap_or(crate::MIN_TIME_NS),
            self.max.unwrap_or(crate::MAX_TIME_NS),
        )
    }
}

/// Takes the comparisons with `time` out of a condition.
pub(crate) fn split(
    condition: Option<&Expr>,
    now_ns: i64,
    zone: &TimeZone,
) -> Result<(TimeBounds, Option<Expr>)> {
    let clock = Clock { now_ns, zone };
    match condition {
        Some(condition) => clock.split(condition),
        None => Ok((TimeBounds::default(), None)),
    }
}

struct Clock<'a> {
    now_ns: i64,
    zone: &'a TimeZone,
}

impl Clock<'_> {
    fn split(&self, condition: &Expr) -> Result<(TimeBounds, Option<Expr>)> {
        match condition {
            Expr::Paren(inner) => {
                let (bounds, rest) = self.split(inner)?;
                Ok((bounds, rest.map(|rest| Expr::Paren(Box::new(rest)))))
            }
            Expr::Binary {
                op: op @ (BinaryOp::And | BinaryOp::Or),
                lhs,
                rhs,
            } => {
                let (left, lhs) = self.split(lhs)?;
                let (right, rhs) = self.split(rhs)?;
                let rest = match (lhs, rhs) {
                    (Some(lhs), Some(rhs)) => Some(Expr::Binary {
                        op: *op,
                        lhs: Box::new(lhs),
                        rhs: Box::new(rhs),
                    }),
                    (lhs, rhs) => lhs.or(rhs),
                };
                // As in InfluxDB 1.6, bounds hold for the whole condition wherever they stand.
                Ok((left.intersect(right), rest))
            }
            Expr::Binary { op, lhs, rhs } if lhs.is_time() => Ok((self.bounds(*op, rhs)?, None)),
            Expr::Binary { op, lhs, rhs } if rhs.is_time() => {
                let turned = match op {
                    BinaryOp::Less => BinaryOp::Greater,
                    BinaryOp::LessEq => BinaryOp::GreaterEq,
                    BinaryOp::Greater => BinaryOp::Less,
                    BinaryOp::GreaterEq => BinaryOp::LessEq,
                    other => *other,
                };
                Ok((self.bounds(turned, lhs)?, None))
            }
            Expr::Binary { .. } | Expr::Boolean(_) => {
                Ok((TimeBounds::default(), Some(condition.clone())))
            }
            other => Err(Error::query(format!(
                "invalid condition expression: {other}"
            ))),
        }
    }

    /// `time op value`
    fn bounds(&self, op: BinaryOp, value: &Expr) -> Result<TimeBounds> {
        let t_ns = self.time(value)?;
        let (min, max) = match op {
            BinaryOp::Eq => (Some(t_ns), Some(t_ns)),
            BinaryOp::Less => (None, Some(t_ns.saturating_sub(1))),
            BinaryOp::LessEq => (None, Some(t_ns)),
            BinaryOp::Greater => (Some(t_ns.saturating_add(1)), None),
            BinaryOp::GreaterEq => (Some(t_ns), None),
            other => {
                let sign = other.sign();
                return Err(Error::query(format!(
                    "invalid time comparison operator: {sign}"
                )));
            }
        };
        Ok(TimeBounds { min, max })
    }

    /// The time that an expression without variables means, in nanoseconds.
    fn time(&self, expr: &Expr) -> Result<i64> {
        let invalid = || {
            Error::query(format!(
                "invalid operation: time and {expr} are not compatible"
            ))
        };
        match expr {
            Expr::Paren(inner) => self.time(inner),
            Expr::Integer(nanoseconds) | Expr::Duration(nanoseconds) => Ok(*nanoseconds),
            Expr::Number(nanoseconds) => Ok(*nanoseconds as i64),
            Expr::String(text) => time::parse(text, self.zone).ok_or_else(|| {
                Error::query(
                    "invalid operation: time and *influxql.StringLiteral are not compatible",
                )
            }),
            Expr::Call { name, args } if name == "now" && args.is_empty() => Ok(self.now_ns),
            Expr::Binary {
                op: op @ (BinaryOp::Add | BinaryOp::Sub),
                lhs,
                rhs,
            } => {
                let (lhs, rhs) = (self.time(lhs)?, self.time(rhs)?);
                let sum = if *op == BinaryOp::Add {
                    lhs.checked_add(rhs)
                } else {
                    lhs.checked_sub(rhs)
                };
                sum.ok_or_else(invalid)
            }
            Expr::Binary { op, lhs, rhs } if matches!(op, BinaryOp::Mul | BinaryOp::Div) => {
                let (lhs, rhs) = (self.time(lhs)?, self.time(rhs)?);
                let product = if *op == BinaryOp::Mul {
                    lhs.checked_mul(rhs)
                } else {
                    lhs.checked_div(rhs)
                };
                product.ok_or_else(invalid)
            }
            _ => Err(invalid()),
        }
    }
}
