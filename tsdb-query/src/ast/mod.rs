//! The syntax tree of PromQL.
//!
//! Every node carries the bytes of the query it was read from, so that errors and annotations can point there.
//! A tree prints as Prometheus prints it (`Display`, [`Expr::pretty`]), and what is printed reads as the same tree
//! ([`Expr::same_as`]).

mod chain;
mod expr;
mod names;
mod pretty;
mod print;
pub(crate) mod quote;
mod same;

pub use chain::Link;
pub use expr::{
    Aggregate, AggregateOp, AtModifier, Binary, BinaryOp, Call, Duration, DurationExpr, DurationOp,
    Expr, Grouping, MatchCardinality, MatrixSelector, Number, Paren, Position, RangeExtension,
    SelectorModifiers, Span, StringLiteral, Subquery, Unary, UnaryOp, ValueType, VectorMatching,
    VectorSelector,
};
