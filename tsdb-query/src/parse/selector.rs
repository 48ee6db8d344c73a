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
        Matcher::new(op, &name, &unquoted(value)?)
            .or_else(|e| fail(between(label.span, value.span), e.to_string()))
    }
}
