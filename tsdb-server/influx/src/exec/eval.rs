//! Expressions over values: arithmetic, comparisons, functions of one number.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::influxql::ast::{BinaryOp, Cast, Expr};
use crate::pattern::Pattern;
use crate::value::{FieldType, Value};

/// The compiled patterns of an expression.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns(HashMap<String, Pattern>);

impl Patterns {
    /// Compiles the patterns in `expr`.
    pub(super) fn of(expr: Option<&Expr>) -> Result<Self> {
        let mut patterns = HashMap::new();
        let mut fault = None;
        if let Some(expr) = expr {
            expr.walk(&mut |expr| {
                if let Expr::Regex(pattern) = expr {
                    match Pattern::new(pattern) {
                        Ok(compiled) => drop(patterns.insert(pattern.clone(), compiled)),
                        Err(e) => fault = Some(e),
                    }
                }
            });
        }
        match fault {
            Some(e) => Err(Error::query(e.to_string())),
            None => Ok(Self(patterns)),
        }
    }
}

/// Where the values of variables come from.
pub(super) trait Variables {
    /// The value of a field or a tag.
    fn get(&self, name: &str, cast: Option<Cast>) -> Value;

    /// The value of a function that was computed before; only the select list has such.
    fn call(&self, _expr: &Expr) -> Option<Value> {
        None
    }
}

/// The value of an expression. What has no value, such as a sum with text, is null.
pub(super) fn eval(expr: &Expr, variables: &impl Variables, patterns: &Patterns) -> Value {
    match expr {
        Expr::Var { name, cast } => converted(variables.get(name, *cast), *cast),
        Expr::Paren(inner) => eval(inner, variables, patterns),
        Expr::Number(number) => Value::Float(*number),
        Expr::Integer(number) | Expr::Duration(number) => Value::Integer(*number),
        Expr::String(text) => Value::text(text),
        Expr::Boolean(value) => Value::Boolean(*value),
        Expr::Binary { op, lhs, rhs } => {
            let left = eval(lhs, variables, patterns);
            if let Expr::Regex(pattern) = &**rhs {
                return matched(*op, &left, patterns.0.get(pattern));
            }
            if matches!(op, BinaryOp::And | BinaryOp::Or) {
                return logic(*op, &left, || eval(rhs, variables, patterns));
            }
            binary(*op, &left, &eval(rhs, variables, patterns))
        }
        Expr::Call { name, args } => variables.call(expr).unwrap_or_else(|| {
            let args: Vec<Value> = args
                .iter()
                .map(|arg| eval(arg, variables, patterns))
                .collect();
            super::math::call(name, &args)
        }),
        Expr::Distinct(_) | Expr::Wildcard(_) | Expr::Regex(_) => Value::Null,
    }
}

/// Whether a condition holds; null is no.
pub(super) fn holds(expr: &Expr, variables: &impl Variables, patterns: &Patterns) -> bool {
    eval(expr, variables, patterns) == Value::Boolean(true)
}

/// The value as the type that was asked for; null if it is not of a type that becomes one.
pub(super) fn converted(value: Value, cast: Option<Cast>) -> Value {
    let wanted = match cast {
        None | Some(Cast::Field | Cast::Tag) => return value,
        Some(Cast::Float) => FieldType::Float,
        Some(Cast::Integer) => FieldType::Integer,
        Some(Cast::String) => FieldType::String,
        Some(Cast::Boolean) => FieldType::Boolean,
    };
    match (wanted, value) {
        (FieldType::Float, Value::Integer(value)) => Value::Float(value as f64),
        (FieldType::Integer, Value::Float(value)) => Value::Integer(value as i64),
        (FieldType::Float, value @ Value::Float(_))
        | (FieldType::Integer, value @ Value::Integer(_))
        | (FieldType::Boolean, value @ Value::Boolean(_))
        | (FieldType::String, value @ Value::String(_)) => value,
        _ => Value::Null,
    }
}

fn matched(op: BinaryOp, value: &Value, pattern: Option<&Pattern>) -> Value {
    let (Value::String(text), Some(pattern)) = (value, pattern) else {
        return Value::Null;
    };
    Value::Boolean(pattern.is_match(text) == (op == BinaryOp::EqRegex))
}

fn logic(op: BinaryOp, left: &Value, right: impl FnOnce() -> Value) -> Value {
    let is_true = |value: &Value| *value == Value::Boolean(true);
    Value::Boolean(match op {
        BinaryOp::And => is_true(left) && is_true(&right()),
        _ => is_true(left) || is_true(&right()),
    })
}

/// The value of an operator; null if one side is null or the types do not go together.
pub(super) fn binary(op: BinaryOp, left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Integer(a), Value::Integer(b)) => integers(op, *a, *b),
        (Value::Float(_) | Value::Integer(_), Value::Float(_) | Value::Integer(_)) => {
            match (left.as_f64(), right.as_f64()) {
                (Some(a), Some(b)) => floats(op, a, b),
                _ => Value::Null,
            }
        }
        (Value::String(a), Value::String(b)) => match op {
            BinaryOp::Eq => Value::Boolean(a == b),
            BinaryOp::NotEq => Value::Boolean(a != b),
            _ => Value::Null,
        },
        (Value::Boolean(a), Value::Boolean(b)) => match op {
            BinaryOp::Eq => Value::Boolean(a == b),
            BinaryOp::NotEq => Value::Boolean(a != b),
            BinaryOp::BitAnd => Value::Boolean(a & b),
            BinaryOp::BitOr => Value::Boolean(a | b),
            BinaryOp::BitXor => Value::Boolean(a ^ b),
            _ => Value::Null,
        },
        _ => Value::Null,
    }
}

/// Whole numbers wrap around; their quotient is a float, and 0 where the divisor is.
fn integers(op: BinaryOp, a: i64, b: i64) -> Value {
    match op {
        BinaryOp::Add => Value::Integer(a.wrapping_add(b)),
        BinaryOp::Sub => Value::Integer(a.wrapping_sub(b)),
        BinaryOp::Mul => Value::Integer(a.wrapping_mul(b)),
        BinaryOp::Div if b == 0 => Value::Float(0.0),
        BinaryOp::Div => Value::Float(a as f64 / b as f64),
        BinaryOp::Mod if b == 0 => Value::Integer(0),
        BinaryOp::Mod => Value::Integer(a.wrapping_rem(b)),
        BinaryOp::BitAnd => Value::Integer(a & b),
        BinaryOp::BitOr => Value::Integer(a | b),
        BinaryOp::BitXor => Value::Integer(a ^ b),
        _ => compared(op, a.cmp(&b)),
    }
}

fn floats(op: BinaryOp, a: f64, b: f64) -> Value {
    match op {
        BinaryOp::Add => Value::Float(a + b),
        BinaryOp::Sub => Value::Float(a - b),
        BinaryOp::Mul => Value::Float(a * b),
        BinaryOp::Div if b == 0.0 => Value::Float(0.0),
        BinaryOp::Div => Value::Float(a / b),
        BinaryOp::Mod if b == 0.0 => Value::Float(0.0),
        BinaryOp::Mod => Value::Float(a % b),
        BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor => Value::Null,
        _ => match a.partial_cmp(&b) {
            Some(order) => compared(op, order),
            None => Value::Boolean(op == BinaryOp::NotEq),
        },
    }
}

fn compared(op: BinaryOp, order: std::cmp::Ordering) -> Value {
    Value::Boolean(match op {
        BinaryOp::Eq => order.is_eq(),
        BinaryOp::NotEq => order.is_ne(),
        BinaryOp::Less => order.is_lt(),
        BinaryOp::LessEq => order.is_le(),
        BinaryOp::Greater => order.is_gt(),
        BinaryOp::GreaterEq => order.is_ge(),
        _ => return Value::Null,
    })
}
