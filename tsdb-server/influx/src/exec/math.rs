//! Functions from numbers to a number.

use crate::value::Value;

/// Functions of one number, and of two.
const UNARY: [&str; 15] = [
    "abs", "acos", "asin", "atan", "ceil", "cos", "exp", "floor", "ln", "log10", "log2", "round",
    "sin", "sqrt", "tan",
];
const BINARY: [&str; 3] = ["atan2", "log", "pow"];

/// The number of arguments of a function; `None` when there is none of that name.
pub(super) fn arguments(name: &str) -> Option<usize> {
    if UNARY.contains(&name) {
        return Some(1);
    }
    BINARY.contains(&name).then_some(2)
}

/// The value of a function; null where it has none.
pub(super) fn call(name: &str, args: &[Value]) -> Value {
    match (name, args) {
        ("abs", [Value::Integer(n)]) => Value::Integer(n.wrapping_abs()),
        ("ceil" | "floor" | "round", [value @ Value::Integer(_)]) => value.clone(),
        ("pow", [Value::Integer(a), Value::Integer(b)]) => {
            Value::Integer((*a as f64).powf(*b as f64) as i64)
        }
        (_, [a]) => a.as_f64().map_or(Value::Null, |a| number(unary(name, a))),
        (_, [a, b]) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => number(binary(name, a, b)),
            _ => Value::Null,
        },
        _ => Value::Null,
    }
}

/// What is no number is null.
fn number(value: Option<f64>) -> Value {
    value
        .filter(|v| !v.is_nan())
        .map_or(Value::Null, Value::Float)
}

fn unary(name: &str, a: f64) -> Option<f64> {
    Some(match name {
        "abs" => a.abs(),
        "acos" => a.acos(),
        "asin" => a.asin(),
        "atan" => a.atan(),
        "ceil" => a.ceil(),
        "cos" => a.cos(),
        "exp" => a.exp(),
        "floor" => a.floor(),
        "ln" => a.ln(),
        "log10" => a.log10(),
        "log2" => a.log2(),
        "round" => a.round(),
        "sin" => a.sin(),
        "sqrt" => a.sqrt(),
        "tan" => a.tan(),
        _ => return None,
    })
}

fn binary(name: &str, a: f64, b: f64) -> Option<f64> {
    Some(match name {
        "atan2" => a.atan2(b),
        "log" => a.ln() / b.ln(),
        "pow" => a.powf(b),
        _ => return None,
    })
}
