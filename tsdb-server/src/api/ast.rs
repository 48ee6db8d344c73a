//! The tree of a query as Prometheus's user interface reads it (`web/api/v1/translate_ast.go` says what is in it).
//!
//! The keys of an object are sorted, as Go writes maps. Each kind of node has its own function, so that a deep tree takes
//! little stack.

use tsdb_core::Matcher;
use tsdb_query::ast::{
    Aggregate, AtModifier, Binary, Call, Duration, Expr, MatchCardinality, RangeExtension,
    SelectorModifiers, Subquery, VectorMatching, VectorSelector,
};

use super::json::{array, string};

/// Writes a tree.
pub(super) fn write(out: &mut Vec<u8>, expr: &Expr) {
    match expr {
        Expr::Number(e) => literal(out, "numberLiteral", &go_float(e.value)),
        Expr::String(e) => literal(out, "stringLiteral", &e.value),
        Expr::Vector(e) => selector(out, e, None),
        Expr::Matrix(e) => selector(out, &e.selector, Some(&e.range)),
        Expr::Subquery(e) => subquery(out, e),
        Expr::Call(e) => call(out, e),
        Expr::Aggregate(e) => aggregate(out, e),
        Expr::Binary(_) => chain(out, expr),
        Expr::Unary(e) => {
            key(out, b'{', "expr");
            write(out, &e.expr);
            text(out, "op", e.op.as_str());
            end(out, "unaryExpr");
        }
        Expr::Paren(e) => {
            key(out, b'{', "expr");
            write(out, &e.expr);
            end(out, "parenExpr");
        }
        // The enum may grow; a kind of node that this file does not know is shown as nothing.
        _ => out.extend_from_slice(b"null"),
    }
}

/// `{"key":` or `,"key":`
fn key(out: &mut Vec<u8>, before: u8, key: &str) {
    out.push(before);
    string(out, key);
    out.push(b':');
}

fn raw(out: &mut Vec<u8>, name: &str, value: &str) {
    key(out, b',', name);
    out.extend_from_slice(value.as_bytes());
}

fn boolean(out: &mut Vec<u8>, name: &str, value: bool) {
    raw(out, name, if value { "true" } else { "false" });
}

fn text(out: &mut Vec<u8>, name: &str, value: &str) {
    key(out, b',', name);
    string(out, value);
}

fn texts(out: &mut Vec<u8>, name: &str, values: &[String]) {
    key(out, b',', name);
    array(out, values, |out, value| string(out, value));
}

/// `type` is the last key of most.
fn end(out: &mut Vec<u8>, kind: &str) {
    text(out, "type", kind);
    out.push(b'}');
}

/// As `strconv.FormatFloat(v, 'f', -1, 64)`.
fn go_float(v: f64) -> String {
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    v.to_string()
}

fn literal(out: &mut Vec<u8>, kind: &str, value: &str) {
    key(out, b'{', "type");
    string(out, kind);
    text(out, "val", value);
    out.push(b'}');
}

fn matcher(out: &mut Vec<u8>, m: &Matcher) {
    key(out, b'{', "name");
    string(out, m.name());
    text(out, "type", m.op().as_str());
    text(out, "value", m.value());
    out.push(b'}');
}

/// A duration that is arithmetic has no value before the query's times are known.
fn milliseconds(duration: Option<&Duration>) -> String {
    match duration {
        Some(Duration::Literal(ms)) => ms.to_string(),
        Some(Duration::Expr(_)) | None => "0".to_owned(),
    }
}

/// `startOrEnd`, what is in `between`, and `timestamp`.
fn at(out: &mut Vec<u8>, modifiers: &SelectorModifiers, between: impl FnOnce(&mut Vec<u8>)) {
    let (word, t_ms) = match modifiers.at {
        None => ("null", None),
        Some(AtModifier::Start) => ("\"start\"", None),
        Some(AtModifier::End) => ("\"end\"", None),
        Some(AtModifier::Timestamp(t_ms)) => ("null", Some(t_ms)),
    };
    raw(out, "startOrEnd", word);
    between(out);
    let t_ms = t_ms.map_or_else(|| "null".to_owned(), |t| t.to_string());
    raw(out, "timestamp", &t_ms);
}

fn selector(out: &mut Vec<u8>, e: &VectorSelector, range: Option<&Duration>) {
    let extended = |by| {
        if e.extension == Some(by) {
            "true"
        } else {
            "false"
        }
    };
    key(out, b'{', "anchored");
    out.extend_from_slice(extended(RangeExtension::Anchored).as_bytes());
    key(out, b',', "matchers");
    array(out, &e.matchers, matcher);
    text(out, "name", e.name.as_deref().unwrap_or(""));
    raw(out, "offset", &milliseconds(e.modifiers.offset.as_ref()));
    if range.is_some() {
        raw(out, "range", &milliseconds(range));
    }
    raw(out, "smoothed", extended(RangeExtension::Smoothed));
    at(out, &e.modifiers, |_| {});
    end(
        out,
        if range.is_some() {
            "matrixSelector"
        } else {
            "vectorSelector"
        },
    );
}

fn subquery(out: &mut Vec<u8>, e: &Subquery) {
    key(out, b'{', "expr");
    write(out, &e.expr);
    raw(out, "offset", &milliseconds(e.modifiers.offset.as_ref()));
    raw(out, "range", &milliseconds(Some(&e.range)));
    at(out, &e.modifiers, |out| {
        raw(out, "step", &milliseconds(e.step.as_ref()));
    });
    end(out, "subquery");
}

fn call(out: &mut Vec<u8>, e: &Call) {
    key(out, b'{', "args");
    array(out, &e.args, write);
    out.extend_from_slice(b",\"func\":");
    key(out, b'{', "argTypes");
    array(out, e.function.args, |out, ty| string(out, ty.as_str()));
    text(out, "name", e.function.name);
    text(out, "returnType", e.function.returns.as_str());
    raw(out, "variadic", &e.function.variadic.to_string());
    out.push(b'}');
    end(out, "call");
}

fn aggregate(out: &mut Vec<u8>, e: &Aggregate) {
    key(out, b'{', "expr");
    write(out, &e.expr);
    texts(out, "grouping", &e.grouping.labels);
    text(out, "op", e.op.as_str());
    key(out, b',', "param");
    match &e.param {
        Some(param) => write(out, param),
        None => out.extend_from_slice(b"null"),
    }
    text(out, "type", "aggregation");
    boolean(out, "without", e.grouping.without);
    out.push(b'}');
}

/// Operators from the last to the first, then what stands behind their left sides. A chain may be long: no recursion.
fn chain(out: &mut Vec<u8>, expr: &Expr) {
    let (first, links) = expr.chain();
    for link in links.iter().rev() {
        key(out, b'{', "bool");
        let is_bool: &[u8] = if link.binary.return_bool {
            b"true"
        } else {
            b"false"
        };
        out.extend_from_slice(is_bool);
        key(out, b',', "lhs");
    }
    write(out, first);
    for link in &links {
        after_lhs(out, link.binary);
    }
}

fn after_lhs(out: &mut Vec<u8>, e: &Binary) {
    key(out, b',', "matching");
    match &e.matching {
        Some(m) => matching(out, m),
        None => out.extend_from_slice(b"null"),
    }
    text(out, "op", e.op.as_str());
    key(out, b',', "rhs");
    write(out, &e.rhs);
    end(out, "binaryExpr");
}

fn matching(out: &mut Vec<u8>, m: &VectorMatching) {
    let card = match m.card {
        MatchCardinality::OneToOne => "one-to-one",
        MatchCardinality::ManyToOne => "many-to-one",
        MatchCardinality::OneToMany => "one-to-many",
        MatchCardinality::ManyToMany => "many-to-many",
    };
    // JSON has no number for the others.
    let fill = |v: Option<f64>| v.filter(|v| v.is_finite()).map(|v| v.to_string());
    let fill = |v| fill(v).unwrap_or_else(|| "null".to_owned());
    key(out, b'{', "card");
    string(out, card);
    out.extend_from_slice(b",\"fillValues\":{\"lhs\":");
    out.extend_from_slice(fill(m.fill_left).as_bytes());
    raw(out, "rhs", &fill(m.fill_right));
    out.push(b'}');
    texts(out, "include", &m.include);
    texts(out, "labels", &m.labels);
    boolean(out, "on", m.on);
    out.push(b'}');
}
