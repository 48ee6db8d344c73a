//! The parser of PromQL: the grammar of Prometheus 3.14, its checks and its error texts.
//!
//! A query goes through three steps: `lexer` cuts it into tokens, the rules (`expr`, `binary`, `aggregate`, `call`,
//! `selector`, `modifier`, `duration`) make a tree of them, `check` looks at the types. The first error ends it.
//!
//! A tree that comes out is no higher than [`ParseOptions::max_depth`]: whoever walks it may recurse, but for
//! [chains](Expr::chain) of operators.

mod aggregate;
mod binary;
mod call;
mod check;
mod duration;
mod error;
mod expr;
mod lexer;
mod literal;
mod modifier;
mod parser;
mod selector;
mod string;
mod token;

use tsdb_core::Matcher;

use crate::ast::{Expr, Span};
use parser::Parser;
use token::Kind;

pub use error::ParseError;
pub use selector::MAX_PATTERN_BYTES;

/// What the parser accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseOptions {
    /// Whether functions, aggregations and modifiers are accepted that Prometheus 3.14 calls experimental. Default true.
    pub experimental: bool,
    /// The longest query, in bytes; never more than 4 GiB. Default 1 MiB.
    pub max_len: usize,
    /// How deep expressions may nest, and how high their trees may grow; a chain of operators, however long, is one level.
    /// Default 512, for which half of a thread's usual stack of 2 MiB is enough.
    pub max_depth: usize,
    /// How many operands and arguments there may be in all, each pair of parentheses counted as well. Default 100,000.
    pub max_operands: usize,
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self {
            experimental: true,
            max_len: 1 << 20,
            max_depth: 512,
            max_operands: 100_000,
        }
    }
}

/// Parses and checks a query.
///
/// # Errors
/// [`ParseError`] when the text is not PromQL, or beyond the limits of `options`.
pub fn parse(query: &str, options: &ParseOptions) -> Result<Expr, ParseError> {
    run(query, options, |parser| {
        if parser.sees(Kind::End) {
            return error::fail(Span::default(), "no expression found in input");
        }
        let mut expr = *parser.expr(expr::LOWEST)?.node;
        parser.expect(Kind::End)?;
        check::check(&mut expr)?;
        Ok(expr)
    })
}

/// Parses a lone vector selector, such as a `match[]` of the API, into its matchers.
///
/// Unlike a query it may match everything: what that means is for the caller to say.
///
/// # Errors
/// [`ParseError`] when the text is no vector selector, or beyond the limits of `options`.
pub fn parse_selector(selector: &str, options: &ParseOptions) -> Result<Vec<Matcher>, ParseError> {
    run(selector, options, |parser| {
        let selector = if parser.sees(Kind::LeftBrace) {
            parser.nameless_selector()?
        } else if parser.token.names_a_metric() {
            let name = parser.take()?;
            parser.named_selector(name)?
        } else {
            return parser.unexpected();
        };
        parser.expect(Kind::End)?;
        Ok(selector.matchers)
    })
}

fn run<T>(
    query: &str,
    options: &ParseOptions,
    rule: impl FnOnce(&mut Parser<'_>) -> error::Result<T>,
) -> Result<T, ParseError> {
    let max_len = options.max_len.min(u32::MAX as usize);
    let result = if query.len() > max_len {
        error::fail(
            Span::default(),
            format!(
                "query of {} bytes is longer than the {max_len} allowed",
                query.len()
            ),
        )
    } else {
        Parser::new(query, options).and_then(|mut parser| rule(&mut parser))
    };
    result.map_err(|fail| fail.of_query(query))
}
