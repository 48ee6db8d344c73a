//! Expressions as text again: what Prometheus calls an expression's `String()`. Reading it gives the same tree.

use std::fmt::{self, Display, Formatter, Write};

use tsdb_core::{MatchOp, Matcher};

use super::chain::Link;
use super::expr::{
    Aggregate, AtModifier, Binary, BinaryOp, Call, Duration, DurationExpr, DurationOp, Expr,
    MatchCardinality, MatrixSelector, Number, RangeExtension, SelectorModifiers, Subquery,
    VectorMatching, VectorSelector,
};
use super::quote::Quoted;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(e) => e.fmt(f),
            Self::String(e) => Quoted(&e.value).fmt(f),
            Self::Vector(e) => e.fmt(f),
            Self::Matrix(e) => e.fmt(f),
            Self::Subquery(e) => write!(f, "{}{}", e.expr, SubquerySuffix(e)),
            Self::Call(e) => e.fmt(f),
            Self::Aggregate(e) => e.fmt(f),
            Self::Binary(_) => write_chain(f, self),
            Self::Unary(e) => write!(f, "{}{}", e.op.as_str(), e.expr),
            Self::Paren(e) => write!(f, "({})", e.expr),
        }
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_duration {
            if self.value.is_sign_negative() {
                f.write_char('-')?;
            }
            return Milliseconds((self.value.abs() * 1e3).round() as u64).fmt(f);
        }
        write_float(f, self.value)
    }
}

/// A number without exponent, as short as it can be.
fn write_float(f: &mut Formatter<'_>, value: f64) -> fmt::Result {
    if value.is_infinite() {
        f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        // NaN is `NaN`.
        write!(f, "{value}")
    }
}

/// A duration without sign. Years and weeks only when nothing else remains: `90d` reads better than `12w6d`.
struct Milliseconds(u64);

impl Display for Milliseconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64, bool); 7] = [
            ("y", 365 * 86_400_000, true),
            ("w", 7 * 86_400_000, true),
            ("d", 86_400_000, false),
            ("h", 3_600_000, false),
            ("m", 60_000, false),
            ("s", 1_000, false),
            ("ms", 1, false),
        ];
        let mut rest = self.0;
        if rest == 0 {
            return f.write_str("0s");
        }
        for (name, unit_ms, alone) in UNITS {
            let (count, remainder) = (rest / unit_ms, rest % unit_ms);
            if count == 0 || alone && remainder != 0 {
                continue;
            }
            write!(f, "{count}{name}")?;
            rest = remainder;
        }
        Ok(())
    }
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(ms) => {
                if *ms < 0 {
                    f.write_char('-')?;
                }
                Milliseconds(ms.unsigned_abs()).fmt(f)
            }
            Self::Expr(e) => e.fmt(f),
        }
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Step(_) => f.write_str("step()"),
            Self::Range(_) => f.write_str("range()"),
            Self::Unary(op, e, _) => write!(f, "{}{e}", op.as_str()),
            Self::Binary(op @ (DurationOp::Min | DurationOp::Max), a, b, _) => {
                write!(f, "{}({a}, {b})", op.as_str())
            }
            Self::Binary(op, a, b, _) => write!(f, "{a} {} {b}", op.as_str()),
            Self::Paren(e, _) => write!(f, "({e})"),
        }
    }
}

impl RangeExtension {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anchored => "anchored",
            Self::Smoothed => "smoothed",
        }
    }
}

impl SelectorModifiers {
    fn write_at(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.at {
            None => Ok(()),
            Some(AtModifier::Start) => f.write_str(" @ start()"),
            Some(AtModifier::End) => f.write_str(" @ end()"),
            Some(AtModifier::Timestamp(ms)) => {
                let sign = if ms < 0 { "-" } else { "" };
                let ms = ms.unsigned_abs();
                write!(f, " @ {sign}{}.{:03}", ms / 1_000, ms % 1_000)
            }
        }
    }

    /// Writes `@`, the extension before or after it, and the offset. An offset that begins with a parenthesis would go
    /// on with an operator that follows: then it comes first.
    fn write(
        &self,
        f: &mut Formatter<'_>,
        extension: Option<RangeExtension>,
        extension_first: bool,
    ) -> fmt::Result {
        let offset_first = matches!(&self.offset, Some(Duration::Expr(e)) if begins_with_paren(e));
        if let Some(offset) = self.offset.as_ref().filter(|_| offset_first) {
            write!(f, " offset {offset}")?;
        }
        if !extension_first {
            self.write_at(f)?;
        }
        if let Some(extension) = extension {
            write!(f, " {}", extension.as_str())?;
        }
        if extension_first {
            self.write_at(f)?;
        }
        if let Some(offset) = self.offset.as_ref().filter(|_| !offset_first) {
            write!(f, " offset {offset}")?;
        }
        Ok(())
    }
}

fn begins_with_paren(duration: &DurationExpr) -> bool {
    match duration {
        DurationExpr::Paren(..) => true,
        DurationExpr::Binary(DurationOp::Min | DurationOp::Max, ..) => false,
        DurationExpr::Binary(_, left, ..) => begins_with_paren(left),
        _ => false,
    }
}

impl VectorSelector {
    /// The selector without its modifiers.
    fn write_series(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or_default();
        let is_name =
            |m: &&Matcher| m.name() == "__name__" && m.op() == MatchOp::Equal && m.value() == name;
        let mut matchers: Vec<String> = self
            .matchers
            .iter()
            .filter(|m| name.is_empty() || !is_name(m))
            .map(|m| format!("{}{}{}", Name(m.name()), m.op().as_str(), Quoted(m.value())))
            .collect();
        matchers.sort_unstable();
        f.write_str(name)?;
        if !matchers.is_empty() || name.is_empty() {
            write!(f, "{{{}}}", matchers.join(","))?;
        }
        Ok(())
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_series(f)?;
        self.modifiers.write(f, self.extension, false)
    }
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.selector.write_series(f)?;
        write!(f, "[{}]", self.range)?;
        let VectorSelector {
            modifiers,
            extension,
            ..
        } = &self.selector;
        modifiers.write(f, *extension, true)
    }
}

/// All of a subquery but its inner expression.
pub(super) struct SubquerySuffix<'e>(pub(super) &'e Subquery);

impl Display for SubquerySuffix<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "[{}:", self.0.range)?;
        if let Some(step) = &self.0.step {
            step.fmt(f)?;
        }
        f.write_char(']')?;
        self.0.modifiers.write(f, None, false)
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function.name)?;
        for (i, arg) in self.args.iter().enumerate() {
            write!(f, "{}{arg}", if i > 0 { ", " } else { "" })?;
        }
        f.write_char(')')
    }
}

/// An aggregation's operator with its grouping.
pub(super) struct AggregateHead<'e>(pub(super) &'e Aggregate);

impl Display for AggregateHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Aggregate { op, grouping, .. } = self.0;
        match (grouping.without, grouping.labels.is_empty()) {
            (true, _) => write!(f, "{op} without {} ", Names(&grouping.labels)),
            (false, false) => write!(f, "{op} by {} ", Names(&grouping.labels)),
            (false, true) => op.fmt(f),
        }
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", AggregateHead(self))?;
        if let Some(param) = &self.param {
            write!(f, "{param}, ")?;
        }
        write!(f, "{})", self.expr)
    }
}

/// A binary operator with all that stands up to its right side.
pub(super) struct BinaryHead<'e>(pub(super) &'e Binary);

impl Display for BinaryHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.op.fmt(f)?;
        if self.0.return_bool {
            f.write_str(" bool")?;
        }
        match &self.0.matching {
            None => Ok(()),
            Some(matching) => write_matching(f, matching),
        }
    }
}

fn write_matching(f: &mut Formatter<'_>, matching: &VectorMatching) -> fmt::Result {
    let group = match matching.card {
        MatchCardinality::ManyToOne => Some("group_left"),
        MatchCardinality::OneToMany => Some("group_right"),
        MatchCardinality::OneToOne | MatchCardinality::ManyToMany => None,
    };
    if matching.on || group.is_some() || !matching.labels.is_empty() {
        let word = if matching.on { "on" } else { "ignoring" };
        write!(f, " {word} {}", Names(&matching.labels))?;
    }
    if let Some(group) = group {
        write!(f, " {group} {}", Names(&matching.include))?;
    }
    match (matching.fill_left, matching.fill_right) {
        (Some(left), Some(right)) if left.to_bits() == right.to_bits() => {
            write!(f, " fill ({})", Short(left))
        }
        (left, right) => {
            if let Some(left) = left {
                write!(f, " fill_left ({})", Short(left))?;
            }
            if let Some(right) = right {
                write!(f, " fill_right ({})", Short(right))?;
            }
            Ok(())
        }
    }
}

/// Whether the left side is infinity: with its plus it would be a sign before the power.
fn is_power_of_infinity(binary: &Binary) -> bool {
    matches!(&*binary.lhs, Expr::Number(n) if binary.op == BinaryOp::Pow && n.value == f64::INFINITY)
}

fn write_chain(f: &mut Formatter<'_>, chain: &Expr) -> fmt::Result {
    let (first, links) = chain.chain();
    write_first(f, first, links.first())?;
    for link in links {
        write!(f, " {} {}", BinaryHead(link.binary), link.binary.rhs)?;
    }
    Ok(())
}

/// The first operand of a chain, before its first operator.
pub(super) fn write_first(
    out: &mut impl Write,
    first: &Expr,
    link: Option<&Link<'_>>,
) -> fmt::Result {
    match link {
        Some(link) if is_power_of_infinity(link.binary) => out.write_str("Inf"),
        _ => write!(out, "{first}"),
    }
}

/// A number as Go's `%v` writes it: with an exponent when it is very small or very large.
struct Short(f64);

impl Display for Short {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if self.0 == 0.0 || !self.0.is_finite() || (1e-4..1e21).contains(&size) {
            return write_float(f, self.0);
        }
        let text = format!("{:e}", self.0);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        match exponent.strip_prefix('-') {
            Some(digits) => write!(f, "{mantissa}e-{digits:0>2}"),
            None => write!(f, "{mantissa}e+{exponent:0>2}"),
        }
    }
}

/// The name of a label, quoted when it is no plain word.
struct Name<'e>(&'e str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plain = self.0.starts_with(|c: char| !c.is_ascii_digit())
            && self
                .0
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if plain {
            f.write_str(self.0)
        } else {
            Quoted(self.0).fmt(f)
        }
    }
}

/// `(a, b, …)`
struct Names<'e>(&'e [String]);

impl Display for Names<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('(')?;
        for (i, name) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            // The few words that the grammar does not take for labels here.
            let taken = ["without", "inf", "nan"];
            if taken.iter().any(|word| name.eq_ignore_ascii_case(word)) {
                Quoted(name).fmt(f)?;
            } else {
                Name(name).fmt(f)?;
            }
        }
        f.write_char(')')
    }
}
