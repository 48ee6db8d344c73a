//! Whether two trees mean the same query.

use tsdb_core::Matcher;

use super::expr::{
    Binary, Duration, DurationExpr, Expr, Number, SelectorModifiers, VectorMatching, VectorSelector,
};

impl Expr {
    /// Whether both are the same but for where they stand and for the order of matchers.
    ///
    /// NaN is the same as NaN, 0 is not the same as -0.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => same_number(a, b),
            (Self::String(a), Self::String(b)) => a.value == b.value,
            (Self::Vector(a), Self::Vector(b)) => same_selector(a, b),
            (Self::Matrix(a), Self::Matrix(b)) => {
                same_selector(&a.selector, &b.selector) && same_duration(&a.range, &b.range)
            }
            (Self::Subquery(a), Self::Subquery(b)) => {
                a.expr.same_as(&b.expr)
                    && same_duration(&a.range, &b.range)
                    && same_option(a.step.as_ref(), b.step.as_ref(), same_duration)
                    && same_modifiers(&a.modifiers, &b.modifiers)
            }
            (Self::Call(a), Self::Call(b)) => {
                a.function.name == b.function.name
                    && a.args.len() == b.args.len()
                    && a.args.iter().zip(&b.args).all(|(a, b)| a.same_as(b))
            }
            (Self::Aggregate(a), Self::Aggregate(b)) => {
                a.op == b.op
                    && a.grouping == b.grouping
                    && same_option(a.param.as_ref(), b.param.as_ref(), |a, b| a.same_as(b))
                    && a.expr.same_as(&b.expr)
            }
            (Self::Binary(_), Self::Binary(_)) => same_chain(self, other),
            (Self::Unary(a), Self::Unary(b)) => a.op == b.op && a.expr.same_as(&b.expr),
            (Self::Paren(a), Self::Paren(b)) => a.expr.same_as(&b.expr),
            _ => false,
        }
    }
}

fn same_option<T>(a: Option<&T>, b: Option<&T>, same: impl FnOnce(&T, &T) -> bool) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}

fn same_float(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

fn same_number(a: &Number, b: &Number) -> bool {
    same_float(a.value, b.value) && a.is_duration == b.is_duration
}

fn same_selector(a: &VectorSelector, b: &VectorSelector) -> bool {
    fn sorted(matchers: &[Matcher]) -> Vec<(&str, &str, &str)> {
        let mut sorted: Vec<_> = matchers
            .iter()
            .map(|m| (m.name(), m.op().as_str(), m.value()))
            .collect();
        sorted.sort_unstable();
        sorted
    }
    a.name == b.name
        && a.extension == b.extension
        && sorted(&a.matchers) == sorted(&b.matchers)
        && same_modifiers(&a.modifiers, &b.modifiers)
}

fn same_modifiers(a: &SelectorModifiers, b: &SelectorModifiers) -> bool {
    a.at == b.at && same_option(a.offset.as_ref(), b.offset.as_ref(), same_duration)
}

fn same_duration(a: &Duration, b: &Duration) -> bool {
    match (a, b) {
        (Duration::Literal(a), Duration::Literal(b)) => a == b,
        (Duration::Expr(a), Duration::Expr(b)) => same_duration_expr(a, b),
        _ => false,
    }
}

fn same_duration_expr(a: &DurationExpr, b: &DurationExpr) -> bool {
    use DurationExpr as D;
    match (a, b) {
        (D::Number(a), D::Number(b)) => same_number(a, b),
        (D::Step(_), D::Step(_)) | (D::Range(_), D::Range(_)) => true,
        (D::Unary(op, a, _), D::Unary(other, b, _)) => op == other && same_duration_expr(a, b),
        (D::Binary(op, a, b, _), D::Binary(other, c, d, _)) => {
            op == other && same_duration_expr(a, c) && same_duration_expr(b, d)
        }
        (D::Paren(a, _), D::Paren(b, _)) => same_duration_expr(a, b),
        _ => false,
    }
}

fn same_chain(a: &Expr, b: &Expr) -> bool {
    let ((a, links), (b, others)) = (a.chain(), b.chain());
    a.same_as(b)
        && links.len() == others.len()
        && links
            .iter()
            .zip(others)
            .all(|(a, b)| same_operator(a.binary, b.binary))
}

/// Whether both are the same but for their left sides.
fn same_operator(a: &Binary, b: &Binary) -> bool {
    a.op == b.op
        && a.return_bool == b.return_bool
        && same_option(a.matching.as_ref(), b.matching.as_ref(), same_matching)
        && a.rhs.same_as(&b.rhs)
}

fn same_matching(a: &VectorMatching, b: &VectorMatching) -> bool {
    let float = |a: &f64, b: &f64| same_float(*a, *b);
    a.card == b.card
        && a.on == b.on
        && a.labels == b.labels
        && a.include == b.include
        && same_option(a.fill_left.as_ref(), b.fill_left.as_ref(), float)
        && same_option(a.fill_right.as_ref(), b.fill_right.as_ref(), float)
}
