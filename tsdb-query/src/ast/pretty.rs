//! Expressions over several lines, as Prometheus's `format_query` breaks them.

use std::fmt::{self, Write};

use super::expr::{Aggregate, Binary, Call, Expr};
use super::print::{AggregateHead, BinaryHead, SubquerySuffix, is_power_of_infinity};

/// What is longer than this goes over several lines.
const MAX_LINE: usize = 100;

impl Expr {
    /// The expression over several lines where one would be too long.
    #[must_use]
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = write_pretty(&mut out, self, 0);
        out
    }
}

struct Indent(usize);

impl fmt::Display for Indent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..self.0).try_for_each(|_| f.write_str("  "))
    }
}

/// Whether the expression is too long for a line. Stops printing as soon as it is.
fn is_long(expr: &Expr) -> bool {
    struct Room(usize);

    impl Write for Room {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            self.0 = self.0.checked_sub(s.len()).ok_or(fmt::Error)?;
            Ok(())
        }
    }

    write!(Room(MAX_LINE), "{expr}").is_err()
}

fn write_pretty(out: &mut String, expr: &Expr, level: usize) -> fmt::Result {
    if let Expr::Unary(unary) = expr {
        write!(out, "{}{}", Indent(level), unary.op.as_str())?;
        let start = out.len();
        write_pretty(out, &unary.expr, level)?;
        // The operand stands right after its sign.
        let spaces = out[start..].len() - out[start..].trim_start().len();
        out.replace_range(start..start + spaces, "");
        return Ok(());
    }
    if !is_long(expr) {
        return write!(out, "{}{expr}", Indent(level));
    }
    match expr {
        Expr::Call(call) => write_call(out, call, level),
        Expr::Aggregate(aggregate) => write_aggregate(out, aggregate, level),
        Expr::Binary(binary) => write_binary(out, binary, level),
        Expr::Subquery(subquery) => {
            write_pretty(out, &subquery.expr, level)?;
            write!(out, "{}", SubquerySuffix(subquery))
        }
        Expr::Paren(paren) => {
            writeln!(out, "{}(", Indent(level))?;
            write_pretty(out, &paren.expr, level + 1)?;
            write!(out, "\n{})", Indent(level))
        }
        // Nothing to break at.
        other => write!(out, "{}{other}", Indent(level)),
    }
}

fn write_call(out: &mut String, call: &Call, level: usize) -> fmt::Result {
    writeln!(out, "{}{}(", Indent(level), call.function.name)?;
    for (i, arg) in call.args.iter().enumerate() {
        if i > 0 {
            out.push_str(",\n");
        }
        write_pretty(out, arg, level + 1)?;
    }
    write!(out, "\n{})", Indent(level))
}

fn write_aggregate(out: &mut String, aggregate: &Aggregate, level: usize) -> fmt::Result {
    writeln!(out, "{}{}(", Indent(level), AggregateHead(aggregate))?;
    if let Some(param) = &aggregate.param {
        write_pretty(out, param, level + 1)?;
        out.push_str(",\n");
    }
    write_pretty(out, &aggregate.expr, level + 1)?;
    write!(out, "\n{})", Indent(level))
}

fn write_binary(out: &mut String, binary: &Binary, level: usize) -> fmt::Result {
    if is_power_of_infinity(binary) {
        write!(out, "{}Inf", Indent(level + 1))?;
    } else {
        write_pretty(out, &binary.lhs, level + 1)?;
    }
    writeln!(out, "\n{}{}", Indent(level), BinaryHead(binary))?;
    write_pretty(out, &binary.rhs, level + 1)
}
