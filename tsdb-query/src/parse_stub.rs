//! Stands in until the parser is here: its types only.

use std::fmt;

use crate::ast::{Expr, Span};

/// What the parser accepts.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ParseOptions {}

/// The text is not PromQL.
#[derive(Clone, Debug)]
pub struct ParseError {
    /// The whole text, position included.
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

/// Parses a query.
///
/// # Errors
/// Always, for now.
pub fn parse(_query: &str, _options: &ParseOptions) -> Result<Expr, ParseError> {
    Err(ParseError {
        message: "the parser is not here yet".into(),
        span: Span::default(),
    })
}
