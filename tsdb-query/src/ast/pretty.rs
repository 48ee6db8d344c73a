//! Expressions over several lines, as Prometheus's `format_query` breaks them.

use std::fmt::{self, Write};

use super::chain::Link;
use super::expr::{Aggregate, Call, Expr};
use super::print::{AggregateHead, BinaryHead, SubquerySuffix, write_first};

/// What is longer than this goes over several lines.
const MAX_LINE: usize = 100;

impl Expr {
    /// The expression over several lines where one would be too long; `None` when that takes more than `max_len` bytes: each
    /// line is indented by its depth, so that text can grow by its square.
    #[must_use]
    pub fn pretty(&self, max_len: usize) -> Option<String> {
        let mut out = Text::new(max_len);
        write_pretty(&mut out, self, 0).ok()?;
        Some(out.text)
    }
}

/// Text that refuses to grow beyond a length.
struct Text {
    text: String,
    max_len: usize,
}

impl Text {
    fn new(max_len: usize) -> Self {
        Self {
            text: String::new(),
            max_len,
        }
    }
}

impl Write for Text {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        if s.len() > self.max_len - self.text.len() {
            return Err(fmt::Error);
        }
        self.text.push_str(s);
        Ok(())
    }
}

struct Indent(usize);

impl fmt::Display for Indent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..self.0).try_for_each(|_| f.write_str("  "))
    }
}

/// The expression, if it fits on a line. Stops printing as soon as it does not.
fn on_a_line(expr: &Expr) -> Option<String> {
    let mut line = Text::new(MAX_LINE);
    write!(line, "{expr}").ok()?;
    Some(line.text)
}

fn write_pretty(out: &mut Text, expr: &Expr, level: usize) -> fmt::Result {
    if let Expr::Unary(unary) = expr {
        write!(out, "{}{}", Indent(level), unary.op.as_str())?;
        let start = out.text.len();
        write_pretty(out, &unary.expr, level)?;
        // The operand stands right after its sign.
        let operand = &out.text[start..];
        let spaces = operand.len() - operand.trim_start().len();
        out.text.replace_range(start..start + spaces, "");
        return Ok(());
    }
    if let Expr::Binary(_) = expr {
        return write_chain(out, expr, level);
    }
    if let Some(line) = on_a_line(expr) {
        return write!(out, "{}{line}", Indent(level));
    }
    match expr {
        Expr::Call(call) => write_call(out, call, level),
        Expr::Aggregate(aggregate) => write_aggregate(out, aggregate, level),
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

fn write_call(out: &mut Text, call: &Call, level: usize) -> fmt::Result {
    writeln!(out, "{}{}(", Indent(level), call.function.name)?;
    for (i, arg) in call.args.iter().enumerate() {
        if i > 0 {
            out.write_str(",\n")?;
        }
        write_pretty(out, arg, level + 1)?;
    }
    write!(out, "\n{})", Indent(level))
}

fn write_aggregate(out: &mut Text, aggregate: &Aggregate, level: usize) -> fmt::Result {
    writeln!(out, "{}{}(", Indent(level), AggregateHead(aggregate))?;
    if let Some(param) = &aggregate.param {
        write_pretty(out, param, level + 1)?;
        out.write_str(",\n")?;
    }
    write_pretty(out, &aggregate.expr, level + 1)?;
    write!(out, "\n{})", Indent(level))
}

/// A chain's operators stand between their sides, each side one level deeper: what comes first is the deepest.
fn write_chain(out: &mut Text, chain: &Expr, level: usize) -> fmt::Result {
    let (first, links) = chain.chain();
    let (line, done) = first_line(first, &links);
    let deepest = level + links.len() - done;
    match line {
        Some(line) => write!(out, "{}{line}", Indent(deepest))?,
        None => write_pretty(out, first, deepest)?,
    }
    for (link, above) in links.iter().zip(1..).skip(done) {
        let level = level + links.len() - above;
        writeln!(out, "\n{}{}", Indent(level), BinaryHead(link.binary))?;
        write_pretty(out, &link.binary.rhs, level + 1)?;
    }
    Ok(())
}

/// As much of a chain as fits on a line, and how many operators that is; no line when the first operand is too long.
fn first_line(first: &Expr, links: &[Link<'_>]) -> (Option<String>, usize) {
    let mut line = Text::new(MAX_LINE);
    if write_first(&mut line, first, links.first()).is_err() {
        return (None, 0);
    }
    for (i, link) in links.iter().enumerate() {
        let fits = line.text.len();
        let (head, rhs) = (BinaryHead(link.binary), &link.binary.rhs);
        if write!(line, " {head} {rhs}").is_err() {
            line.text.truncate(fits);
            return (Some(line.text), i);
        }
    }
    (Some(line.text), links.len())
}
