//! Statements of a query into trees: recursive descent, one token of look-ahead.

mod clause;
mod expr;
mod params;
mod parser;
mod select;
mod show;
mod statement;

use std::fmt;

pub use params::{Param, Params};

use super::ast::Statement;
use parser::Parser;

/// The longest query, in bytes.
pub const MAX_QUERY_BYTES: usize = 1 << 20;

/// How deep an expression may nest.
pub const MAX_DEPTH: usize = 128;

/// Operators of an expression, at most.
pub const MAX_OPERATORS: usize = 1000;

/// Subqueries in subqueries, at most.
const MAX_SUBQUERIES: usize = 32;

/// Sources of a statement that selects, at most: each is looked up, also where it was named before.
const MAX_SOURCES: usize = 1000;

/// Regular expressions of a query: each takes a millisecond or two to compile.
const MAX_PATTERNS: usize = 1000;

/// Why a query does not parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    message: String,
}

impl ParseError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }

    /// `message` with the line and the column of the byte `at`, both counted from 1; `shift` moves the column.
    fn at(text: &str, at: usize, shift: isize, message: impl fmt::Display) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let column = column.saturating_add_signed(shift);
        Self::new(format!("{message} at line {line}, char {column}"))
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParseError {}

type Result<T> = std::result::Result<T, ParseError>;

/// Reads the statements of a query, separated by `;`. `params` are the values of `$name`.
///
/// # Errors
/// The first fault, in InfluxDB's words.
pub fn parse(query: &str, params: &Params) -> Result<Vec<Statement>> {
    if query.len() > MAX_QUERY_BYTES {
        return Err(ParseError::new(format!(
            "query is too long: {} bytes, at most {MAX_QUERY_BYTES} are allowed",
            query.len()
        )));
    }
    Parser::new(query, params).query()
}
