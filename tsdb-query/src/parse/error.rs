//! Where and why a text is not PromQL.

use std::fmt;

use crate::ast::Span;

/// The text is not PromQL.
#[derive(Clone, Debug)]
pub struct ParseError {
    /// The whole text, position included: `1:5: parse error: …`.
    pub message: String,
    /// Where.
    pub span: Span,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParseError {}

/// An error before it knows the query: boxed, because results of the grammar are passed up through deep recursion.
#[derive(Debug)]
pub(super) struct Fail {
    message: String,
    span: Span,
}

pub(super) type Result<T> = std::result::Result<T, Box<Fail>>;

/// The error `message` at `span`.
pub(super) fn fail<T>(span: Span, message: impl Into<String>) -> Result<T> {
    Err(Box::new(Fail {
        message: message.into(),
        span,
    }))
}

impl Fail {
    /// The error of a user: with line and column, both counted from 1, the column in bytes.
    pub(super) fn of_query(self, query: &str) -> ParseError {
        let place = if query.is_empty() {
            "unknown position".to_owned()
        } else {
            let before = query
                .as_bytes()
                .get(..self.span.start as usize)
                .unwrap_or(query.as_bytes());
            let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
            let column = before.iter().rev().take_while(|&&b| b != b'\n').count() + 1;
            format!("{line}:{column}")
        };
        ParseError {
            message: format!("{place}: parse error: {}", self.message),
            span: self.span,
        }
    }
}
