//! Statements of a query into trees: recursive descent, one token of look-ahead.

mod clause;
mod expr;
mod params;
mod parser;
mod select;
mod show;
mod statement;

use std::fmt;
use std::time::Instant;

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

/// What the regular expressions of a query take compiled, in bytes, at most: as many as those of PromQL.
const MAX_PATTERN_BYTES: usize = 64 << 20;

/// Why a query does not parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    message: String,
    is_late: bool,
}

impl ParseError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            is_late: false,
        }
    }

    /// The deadline came before the end of the query.
    fn late() -> Self {
        Self {
            message: crate::Error::Timeout.to_string(),
            is_late: true,
        }
    }

    /// Whether nothing is wrong with the query but the time it took.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.is_late
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
    parse_until(query, params, None)
}

/// As [`parse`], up to a deadline: a thousand patterns take seconds to compile.
///
/// # Errors
/// As those of [`parse`]; one that [is late](ParseError::is_late) when the deadline came first.
pub fn parse_until(
    query: &str,
    params: &Params,
    deadline: Option<Instant>,
) -> Result<Vec<Statement>> {
    if query.len() > MAX_QUERY_BYTES {
        return Err(ParseError::new(format!(
            "query is too long: {} bytes, at most {MAX_QUERY_BYTES} are allowed",
            query.len()
        )));
    }
    Parser::new(query, params, deadline).query()
}
