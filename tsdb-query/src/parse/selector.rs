//! Vector selectors: names and matchers.

use tsdb_core::{MatchOp, Matcher};

use super::error::{Result, fail};
use super::expr::{between, unquoted};
use super::parser::Parser;
use super::token::{Kind, Token};
use crate::ast::{BinaryOp, SelectorModifiers, Span, VectorSelector};

/// The label that holds the name of the metric.
const NAME: &str = "__name__";

const CONTEXT: &str = "label matching";

/// How many different regular expressions a query may have: each takes a millisecond or two to compile.
const MAX_PATTERNS: usize = 1_000;

/// Memory that the compiled regular expressions of a query may take together, in bytes: one alone may take 10 MiB.
pub const MAX_PATTERN_BYTES: usize = 64 << 20;

fn selector(name: Option<String>, matchers: Vec<Matcher>, span: Span) -> VectorSelector {
    VectorSelector {
        name,
        matchers,
        modifiers: SelectorModifiers::default(),
        extension: None,
        span,
    }
}

impl Parser<'_> {
    /// A selector whose name was taken: `name` or `name{…}`.
    pub(super) fn named_selector(&mut self, name: Token<'_>) -> Result<VectorSelector> {
        let mut matchers = Vec::new();
        if self.sees(Kind::LeftBrace) {
            matchers = self.matchers()?;
        }
        matchers.push(Matcher::equal(NAME, name.text));
        let span = self.span_from(name.span.start);
        Ok(selector(Some(name.text.to_owned()), matchers, span))
    }

    /// `{…}`
    pub(super) fn nameless_selector(&mut self) -> Result<VectorSelector> {
        let start = self.token.span.start;
        let matchers = self.matchers()?;
        Ok(selector(None, matchers, self.span_from(start)))
    }

    fn matchers(&mut self) -> Result<Vec<Matcher>> {
        let mut matchers = Vec::new();
        self.expect(Kind::LeftBrace)?;
        while !self.take_if(Kind::RightBrace)? {
            matchers.push(self.matcher()?);
            if !self.take_if(Kind::Comma)? && !self.sees(Kind::RightBrace) {
                return self.unexpected_in(CONTEXT, r#""," or "}""#);
            }
        }
        Ok(matchers)
    }

    /// `label="value"`, or a lone string for the name of the metric.
    fn matcher(&mut self) -> Result<Matcher> {
        let is_string = self.sees(Kind::String);
        if !is_string && !self.sees(Kind::Identifier) {
            return self.unexpected_in(CONTEXT, r#"identifier or "}""#);
        }
        let label = self.take()?;
        let name = if is_string {
            unquoted(label)?
        } else {
            label.text.to_owned()
        };
        let op = match self.token.kind {
            Kind::Equal => MatchOp::Equal,
            Kind::Binary(BinaryOp::Ne) => MatchOp::NotEqual,
            Kind::Regex => MatchOp::Regex,
            Kind::NotRegex => MatchOp::NotRegex,
            _ if is_string => return Ok(Matcher::equal(NAME, &name)),
            _ => return self.unexpected_in(CONTEXT, "label matching operator"),
        };
        self.take()?;
        if !self.sees(Kind::String) {
            return self.unexpected_in(CONTEXT, "string");
        }
        let value = self.take()?;
        self.matcher_of(
            op,
            &name,
            &unquoted(value)?,
            between(label.span, value.span),
        )
    }

    /// A matcher; a pattern is compiled only once, however often it occurs, since that takes long.
    fn matcher_of(&mut self, op: MatchOp, name: &str, value: &str, span: Span) -> Result<Matcher> {
        let new = || Matcher::new(op, name, value).or_else(|e| fail(span, e.to_string()));
        if matches!(op, MatchOp::Equal | MatchOp::NotEqual) {
            return new();
        }
        let key = (op, name.to_owned(), value.to_owned());
        if let Some(known) = self.patterns.get(&key) {
            return Ok(known.clone());
        }
        if self.patterns.len() == MAX_PATTERNS {
            return fail(
                span,
                format!("expression has more than {MAX_PATTERNS} different regular expressions"),
            );
        }
        let matcher = new()?;
        self.pattern_bytes += matcher.pattern_bytes();
        if self.pattern_bytes > MAX_PATTERN_BYTES {
            return fail(
                span,
                format!(
                    "regular expressions of the query take more than {MAX_PATTERN_BYTES} bytes"
                ),
            );
        }
        self.patterns.insert(key, matcher.clone());
        Ok(matcher)
    }
}
