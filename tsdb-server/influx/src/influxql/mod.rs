//! InfluxQL as text: statements into a tree and back.
//!
//! * [`parse`] reads the statements of a query. The words of its errors are InfluxDB's, with line and column.
//! * Every statement prints itself ([`Statement`] is `Display`), and what is printed parses to the same tree.
//! * Length and depth are bounded before anything recurses.

pub mod ast;
mod duration;
mod keyword;
mod lexer;
mod parse;
mod print;

pub use ast::Statement;
pub use parse::{
    MAX_DEPTH, MAX_OPERATORS, MAX_QUERY_BYTES, Param, Params, ParseError, parse, parse_until,
};

pub(crate) use duration::format_duration;

#[cfg(test)]
mod tests;
