//! Nodes of the tree.

use tsdb_core::Matcher;

/// A byte offset into the query.
pub type Position = u32;

/// The bytes `start..end` of the query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: Position,
    /// One past the last byte.
    pub end: Position,
}

/// Type of an expression's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// One number a step.
    Scalar,
    /// One sample a series and step.
    Vector,
    /// Samples of a window a series and step.
    Matrix,
    /// A string.
    String,
}

/// A PromQL expression.
#[derive(Clone)]
#[non_exhaustive]
pub enum Expr {
    /// A number literal (durations outside of ranges are numbers too).
    Number(Number),
    /// A string literal.
    String(StringLiteral),
    /// `name{matchers} offset … @ …`
    Vector(VectorSelector),
    /// `selector[range]`
    Matrix(MatrixSelector),
    /// `expr[range:step]`
    Subquery(Subquery),
    /// `function(args)`
    Call(Call),
    /// `sum by (…) (expr)`
    Aggregate(Aggregate),
    /// `lhs op rhs`
    Binary(Binary),
    /// `-expr`
    Unary(Unary),
    /// `(expr)`
    Paren(Paren),
}

/// A number literal.
#[derive(Clone, Debug)]
pub struct Number {
    /// Its value.
    pub value: f64,
    /// Whether it was written as a duration (`5m`): printed as one again.
    pub is_duration: bool,
    /// Where it stands.
    pub span: Span,
}

/// A string literal.
#[derive(Clone, Debug)]
pub struct StringLiteral {
    /// The string, escapes resolved.
    pub value: String,
    /// Where it stands.
    pub span: Span,
}

/// `@` of a selector or subquery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtModifier {
    /// `@ <seconds>`, in milliseconds.
    Timestamp(i64),
    /// `@ start()`
    Start,
    /// `@ end()`
    End,
}

/// A duration in a range, subquery or offset.
#[derive(Clone, Debug)]
pub enum Duration {
    /// A literal, in milliseconds.
    Literal(i64),
    /// Arithmetic that is resolved when the query's step and range are known.
    Expr(Box<DurationExpr>),
}

/// Arithmetic on durations, in seconds.
#[derive(Clone, Debug)]
pub enum DurationExpr {
    /// A number of seconds, or a duration.
    Number(Number),
    /// `step()`
    Step(Span),
    /// `range()`
    Range(Span),
    /// `-x` or `+x`
    Unary(UnaryOp, Box<DurationExpr>, Span),
    /// `x op y`
    Binary(DurationOp, Box<DurationExpr>, Box<DurationExpr>, Span),
    /// `(x)`
    Paren(Box<DurationExpr>, Span),
}

/// An operator of duration arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `min_of(a, b)`
    Min,
    /// `max_of(a, b)`
    Max,
}

/// `anchored` or `smoothed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeExtension {
    /// `anchored`
    Anchored,
    /// `smoothed`
    Smoothed,
}

/// `offset` and `@`.
#[derive(Clone, Debug, Default)]
pub struct SelectorModifiers {
    /// `offset`; `None` when absent. May be negative.
    pub offset: Option<Duration>,
    /// `@`
    pub at: Option<AtModifier>,
}

/// `name{matchers} offset … @ …`
#[derive(Clone, Debug)]
pub struct VectorSelector {
    /// The metric name, when it was written before the braces; a quoted name inside is a matcher alone, as in Prometheus.
    pub name: Option<String>,
    /// All matchers, the one for `__name__` of a name before the braces included: it comes last, as in Prometheus.
    pub matchers: Vec<Matcher>,
    /// `offset` and `@`.
    pub modifiers: SelectorModifiers,
    /// `anchored` or `smoothed`.
    pub extension: Option<RangeExtension>,
    /// Where it stands.
    pub span: Span,
}

/// `selector[range]`; the modifiers are those of the selector.
#[derive(Clone, Debug)]
pub struct MatrixSelector {
    /// The selector with its modifiers.
    pub selector: VectorSelector,
    /// The range.
    pub range: Duration,
    /// Where it stands, modifiers included.
    pub span: Span,
}

/// `expr[range:step] offset … @ …`
#[derive(Clone, Debug)]
pub struct Subquery {
    /// The inner expression.
    pub expr: Box<Expr>,
    /// The range.
    pub range: Duration,
    /// The step; `None` for the default interval.
    pub step: Option<Duration>,
    /// `offset` and `@`.
    pub modifiers: SelectorModifiers,
    /// Where it stands.
    pub span: Span,
}

/// A function call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Name of the function, as in the function table.
    pub function: &'static crate::functions::Function,
    /// The arguments.
    pub args: Vec<Expr>,
    /// Where it stands.
    pub span: Span,
}

/// Aggregation operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the operator of its name")]
pub enum AggregateOp {
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    Quantile,
    CountValues,
    Limitk,
    LimitRatio,
}

/// `by (…)` or `without (…)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    /// `without` instead of `by`.
    pub without: bool,
    /// The labels, as written.
    pub labels: Vec<String>,
}

/// An aggregation.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// The operator.
    pub op: AggregateOp,
    /// What is aggregated.
    pub expr: Box<Expr>,
    /// The parameter of `topk`, `quantile`, `count_values`, ….
    pub param: Option<Box<Expr>>,
    /// `by` or `without`; neither is `by ()`.
    pub grouping: Grouping,
    /// Where it stands.
    pub span: Span,
}

/// Binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the operator of its name")]
pub enum BinaryOp {
    Or,
    And,
    Unless,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// `</`
    TrimUpper,
    /// `>/`
    TrimLower,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Atan2,
    Pow,
}

/// How many series of one side meet one of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchCardinality {
    /// One to one.
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
    /// Set operators.
    ManyToMany,
}

/// How the series of two vectors meet.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorMatching {
    /// One to one, or many.
    pub card: MatchCardinality,
    /// `on` instead of `ignoring`; both empty and `false` when neither was written.
    pub on: bool,
    /// The labels of `on` or `ignoring`.
    pub labels: Vec<String>,
    /// The labels of `group_left` or `group_right`.
    pub include: Vec<String>,
    /// `fill` or `fill_left`.
    pub fill_left: Option<f64>,
    /// `fill` or `fill_right`.
    pub fill_right: Option<f64>,
}

/// `lhs op rhs`; with an operator on the left side it goes on with a [chain](Expr::chain).
#[derive(Debug)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Left side.
    pub lhs: Box<Expr>,
    /// Right side.
    pub rhs: Box<Expr>,
    /// `bool` of a comparison.
    pub return_bool: bool,
    /// `Some` when both sides are vectors.
    pub matching: Option<VectorMatching>,
    /// Where it stands.
    pub span: Span,
    /// Where the operator stands.
    pub op_span: Span,
}

/// `+` or `-` before an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `+`
    Plus,
    /// `-`
    Minus,
}

/// `-expr`
#[derive(Clone, Debug)]
pub struct Unary {
    /// The operator.
    pub op: UnaryOp,
    /// The operand.
    pub expr: Box<Expr>,
    /// Where it stands.
    pub span: Span,
}

/// `(expr)`
#[derive(Clone, Debug)]
pub struct Paren {
    /// The expression inside.
    pub expr: Box<Expr>,
    /// Where it stands.
    pub span: Span,
}

impl Expr {
    /// Where the expression stands in the query.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Number(e) => e.span,
            Self::String(e) => e.span,
            Self::Vector(e) => e.span,
            Self::Matrix(e) => e.span,
            Self::Subquery(e) => e.span,
            Self::Call(e) => e.span,
            Self::Aggregate(e) => e.span,
            Self::Binary(e) => e.span,
            Self::Unary(e) => e.span,
            Self::Paren(e) => e.span,
        }
    }

    /// Type of the expression's value, assuming that it was checked.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Number(_) => ValueType::Scalar,
            Self::String(_) => ValueType::String,
            Self::Vector(_) | Self::Aggregate(_) => ValueType::Vector,
            Self::Matrix(_) | Self::Subquery(_) => ValueType::Matrix,
            Self::Call(e) => e.function.returns,
            Self::Binary(e) => e.value_type(),
            Self::Unary(e) => e.expr.value_type(),
            Self::Paren(e) => e.expr.value_type(),
        }
    }
}
