//! The same query with `@` at all its selectors: its value may not depend on when it is evaluated.

use tsdb_query::ast::{AtModifier, Expr, SelectorModifiers};
use tsdb_query::functions::{Kernel, Special};
use tsdb_query::parse::{ParseOptions, parse};

/// The query pinned to `t_ms` and times at which it has the same value; `None` when it depends on the time in other ways.
pub(crate) fn pinned(query: &str, t_ms: i64) -> Option<(String, Vec<i64>)> {
    let mut expr = parse(query, &ParseOptions::default()).ok()?;
    if !pin(&mut expr, t_ms) {
        return None;
    }
    let times = if t_ms == 0 {
        vec![-1000, 0, 1000]
    } else {
        vec![-10 * t_ms, 0, t_ms / 5, t_ms, 10 * t_ms]
    };
    Some((expr.to_string(), times))
}

fn set(modifiers: &mut SelectorModifiers, t_ms: i64) {
    modifiers.at.get_or_insert(AtModifier::Timestamp(t_ms));
}

/// False when a function looks at the time.
fn pin(expr: &mut Expr, t_ms: i64) -> bool {
    match expr {
        Expr::Vector(e) => set(&mut e.modifiers, t_ms),
        Expr::Matrix(e) => set(&mut e.selector.modifiers, t_ms),
        // What is inside has the subquery's times.
        Expr::Subquery(e) => {
            set(&mut e.modifiers, t_ms);
            return !looks_at_time(&e.expr);
        }
        Expr::Call(e) => {
            return !time_function(e.function) && e.args.iter_mut().all(|arg| pin(arg, t_ms));
        }
        Expr::Aggregate(e) => {
            return pin(&mut e.expr, t_ms) && e.param.as_mut().is_none_or(|p| pin(p, t_ms));
        }
        Expr::Binary(e) => return pin(&mut e.lhs, t_ms) && pin(&mut e.rhs, t_ms),
        Expr::Unary(e) => return pin(&mut e.expr, t_ms),
        Expr::Paren(e) => return pin(&mut e.expr, t_ms),
        _ => {}
    }
    true
}

fn looks_at_time(expr: &Expr) -> bool {
    match expr {
        Expr::Call(e) => time_function(e.function) || e.args.iter().any(looks_at_time),
        Expr::Subquery(e) => looks_at_time(&e.expr),
        Expr::Aggregate(e) => {
            looks_at_time(&e.expr) || e.param.as_deref().is_some_and(looks_at_time)
        }
        Expr::Binary(e) => looks_at_time(&e.lhs) || looks_at_time(&e.rhs),
        Expr::Unary(e) => looks_at_time(&e.expr),
        Expr::Paren(e) => looks_at_time(&e.expr),
        _ => false,
    }
}

fn time_function(function: &tsdb_query::functions::Function) -> bool {
    use Special::{End, Range, Start, Step, Time, Timestamp};
    match function.kernel {
        Kernel::Clock(_) => true,
        Kernel::Special(special) => {
            matches!(special, End | Range | Start | Step | Time | Timestamp)
        }
        _ => function.name == "predict_linear",
    }
}
