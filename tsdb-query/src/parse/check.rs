//! Types and arguments: what the grammar cannot say. The order of the checks and their texts are those of Prometheus.

use std::collections::HashSet;

use tsdb_core::Matcher;

use super::error::{Result, fail};
use crate::ast::quote::Quoted;
use crate::ast::{
    Aggregate, AggregateOp, Binary, BinaryOp, Call, Expr, MatchCardinality, Span, ValueType,
    VectorMatching, VectorSelector,
};

/// Checks a tree, and settles how the sides of its binary operators match.
pub(super) fn check(expr: &mut Expr) -> Result<ValueType> {
    match expr {
        Expr::Number(_) | Expr::String(_) => {}
        Expr::Vector(selector) => {
            check_name(selector)?;
            check_not_empty(selector)?;
        }
        Expr::Matrix(matrix) => {
            check_name(&matrix.selector)?;
            check_not_empty(&matrix.selector)?;
        }
        Expr::Subquery(subquery) => {
            let found = check(&mut subquery.expr)?;
            if found != ValueType::Vector {
                return fail(
                    subquery.span,
                    format!(
                        "subquery is only allowed on instant vector, got {} instead",
                        found.as_str()
                    ),
                );
            }
        }
        Expr::Call(call) => check_call(call)?,
        Expr::Aggregate(aggregate) => check_aggregate(aggregate)?,
        Expr::Binary(binary) => return check_chain(binary),
        Expr::Unary(unary) => {
            let found = check(&mut unary.expr)?;
            if !is_number_or_vector(found) {
                return fail(
                    unary.span,
                    format!(
                        "unary expression only allowed on expressions of type scalar or instant vector, got {}",
                        Quoted(found.documented())
                    ),
                );
            }
            return Ok(found);
        }
        Expr::Paren(paren) => return check(&mut paren.expr),
    }
    Ok(expr.value_type())
}

fn is_number_or_vector(found: ValueType) -> bool {
    matches!(found, ValueType::Scalar | ValueType::Vector)
}

fn expect(expr: &mut Expr, want: ValueType, context: &str) -> Result<()> {
    let found = check(expr)?;
    expect_type(found, want, context, expr.span())
}

fn expect_type(found: ValueType, want: ValueType, context: &str, span: Span) -> Result<()> {
    if found == want {
        return Ok(());
    }
    fail(
        span,
        format!(
            "expected type {} in {context}, got {}",
            want.documented(),
            found.documented()
        ),
    )
}

/// A name before the braces forbids another one inside.
fn check_name(selector: &VectorSelector) -> Result<()> {
    let Some(name) = &selector.name else {
        return Ok(());
    };
    let inside = selector.matchers.split_last().map_or(&[][..], |(_, m)| m);
    match inside.iter().find(|m| m.name() == "__name__") {
        None => Ok(()),
        Some(matcher) => fail(
            selector.span,
            format!(
                "metric name must not be set twice: {} or {}",
                Quoted(name),
                Quoted(matcher.value())
            ),
        ),
    }
}

/// A selector that selects everything is most likely a slip.
fn check_not_empty(selector: &VectorSelector) -> Result<()> {
    if selector.matchers.iter().all(Matcher::matches_empty) {
        return fail(
            selector.span,
            "vector selector must contain at least one non-empty matcher",
        );
    }
    Ok(())
}

fn check_aggregate(aggregate: &mut Aggregate) -> Result<()> {
    expect(
        &mut aggregate.expr,
        ValueType::Vector,
        "aggregation expression",
    )?;
    let want = match aggregate.op {
        AggregateOp::CountValues => ValueType::String,
        _ => ValueType::Scalar,
    };
    match &mut aggregate.param {
        Some(param) => expect(param, want, "aggregation parameter"),
        None => Ok(()),
    }
}

/// An operator of a chain without its left side, which is checked by then.
struct Operator<'e> {
    op: BinaryOp,
    lhs_span: Span,
    rhs: &'e mut Expr,
    return_bool: bool,
    matching: &'e mut Option<VectorMatching>,
    span: Span,
    op_span: Span,
}

/// Operators from left to right, each after its operands.
fn check_chain(last: &mut Binary) -> Result<ValueType> {
    let mut operators = Vec::new();
    let mut next = last;
    let first = loop {
        operators.push(Operator {
            op: next.op,
            lhs_span: next.lhs.span(),
            rhs: &mut next.rhs,
            return_bool: next.return_bool,
            matching: &mut next.matching,
            span: next.span,
            op_span: next.op_span,
        });
        match &mut *next.lhs {
            Expr::Binary(inner) => next = inner,
            first => break first,
        }
    };
    let mut left = check(first)?;
    for operator in operators.into_iter().rev() {
        left = check_operator(operator, left)?;
    }
    Ok(left)
}

fn check_operator(binary: Operator<'_>, left: ValueType) -> Result<ValueType> {
    use ValueType::{Scalar, Vector};
    let right = check(binary.rhs)?;
    let op = binary.op;
    if binary.return_bool && !op.is_comparison() {
        return fail(
            binary.op_span,
            "bool modifier can only be used on comparison operators",
        );
    }
    if op.is_comparison() && !binary.return_bool && (left, right) == (Scalar, Scalar) {
        return fail(
            binary.op_span,
            "comparisons between scalars must use BOOL modifier",
        );
    }
    if let Some(matching) = binary.matching.as_ref().filter(|m| m.on) {
        // A set: both lists may be long.
        let include: HashSet<&String> = matching.include.iter().collect();
        if let Some(label) = matching.labels.iter().find(|l| include.contains(l)) {
            return fail(
                binary.op_span,
                format!(
                    "label {} must not occur in ON and GROUP clause at once",
                    Quoted(label)
                ),
            );
        }
    }
    for (span, found) in [(binary.lhs_span, left), (binary.rhs.span(), right)] {
        if !is_number_or_vector(found) {
            return fail(
                span,
                "binary expression must contain only scalar and instant vector types",
            );
        }
    }
    let between_vectors = (left, right) == (Vector, Vector);
    if let Some(matching) = binary.matching {
        let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
        if !between_vectors {
            if !matching.labels.is_empty() {
                return fail(
                    binary.span,
                    "vector matching only allowed between instant vectors",
                );
            }
            if fills {
                return fail(
                    binary.span,
                    "filling in missing series only allowed between instant vectors",
                );
            }
        } else if op.is_set() {
            if matching.card != MatchCardinality::OneToOne {
                return fail(
                    binary.span,
                    format!("no grouping allowed for {} operation", Quoted(op.as_str())),
                );
            }
            if fills {
                return fail(
                    binary.span,
                    "filling in missing series not allowed for set operators",
                );
            }
            matching.card = MatchCardinality::ManyToMany;
        }
    }
    if !between_vectors {
        *binary.matching = None;
        if op.is_set() {
            return fail(
                binary.span,
                format!(
                    "set operator {} not allowed in binary scalar expression",
                    Quoted(op.as_str())
                ),
            );
        }
    }
    Ok(if (left, right) == (Scalar, Scalar) {
        Scalar
    } else {
        Vector
    })
}

fn check_call(call: &mut Call) -> Result<()> {
    let function = call.function;
    let (name, given) = (Quoted(function.name), call.args.len());
    let wanted = function.args.len();
    let error = |wanted| {
        fail(
            call.span,
            format!("expected {wanted} argument(s) in call to {name}, got {given}"),
        )
    };
    if function.variadic == 0 {
        if given != wanted {
            return error(wanted.to_string());
        }
    } else {
        let least = wanted.saturating_sub(1);
        let most = usize::try_from(function.variadic).map(|more| least + more);
        if given < least {
            return error(format!("at least {least}"));
        }
        if let Some(most) = most.ok().filter(|&most| given > most) {
            return error(format!("at most {most}"));
        }
    }
    let context = format!("call to function {name}");
    let of_info = function.name == "info";
    if of_info && let Some(labels) = call.args.get(1) {
        check_info_labels(labels, &context, call.span)?;
    }
    for (i, arg) in call.args.iter_mut().enumerate() {
        let Some(&want) = function.args.get(i).or(function.args.last()) else {
            break;
        };
        if of_info && i == 1 {
            // Its labels only narrow down what is found otherwise: they may match everything.
            continue;
        }
        expect(arg, want, &context)?;
    }
    Ok(())
}

/// The second argument of `info` selects labels, not series.
fn check_info_labels(labels: &Expr, context: &str, call: Span) -> Result<()> {
    expect_type(labels.value_type(), ValueType::Vector, context, call)?;
    match labels {
        Expr::Vector(selector) if selector.name.is_none() => Ok(()),
        Expr::Vector(selector) => fail(
            selector.span,
            "expected label selectors only, got vector selector instead",
        ),
        other => fail(other.span(), "expected label selectors only"),
    }
}
