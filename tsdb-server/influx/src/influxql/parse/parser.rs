//! The tokens of a query, and the small things that all statements are made of.

use std::time::Instant;

use super::super::ast::Statement;
use super::super::lexer::{self, Token};
use super::params::{Param, Params};
use super::{MAX_PATTERN_BYTES, MAX_PATTERNS, ParseError, Result};
use crate::pattern::Pattern;

/// A place in a query.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    text: &'a str,
    /// Where the next token or the blanks before it begin, in bytes.
    at: usize,
    params: &'a Params,
    /// How deep the present expression nests, and how many operators it has so far.
    pub(super) depth: usize,
    pub(super) operators: usize,
    /// How many subqueries the present one stands in.
    pub(super) subqueries: usize,
    /// Sources of the present statement so far.
    pub(super) sources: usize,
    /// Regular expressions so far, and the memory that they take compiled, in bytes.
    patterns: usize,
    pattern_bytes: usize,
    /// When to give up: patterns take their time.
    deadline: Option<Instant>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, params: &'a Params, deadline: Option<Instant>) -> Self {
        Self {
            text,
            at: 0,
            params,
            depth: 0,
            operators: 0,
            subqueries: 0,
            sources: 0,
            patterns: 0,
            pattern_bytes: 0,
            deadline,
        }
    }

    /// The statements up to the end.
    pub(super) fn query(mut self) -> Result<Vec<Statement>> {
        let mut statements = Vec::new();
        let mut separated = true;
        loop {
            if self.peek() == Token::Eof {
                return Ok(statements);
            }
            if self.take_sign(";") {
                separated = true;
                continue;
            }
            if !separated {
                return Err(self.expected(&[";"]));
            }
            statements.push(self.statement()?);
            separated = false;
        }
    }

    /// The next token and where it ends. A parameter is the token that its value is.
    fn look(&self) -> (Token, usize) {
        let start = lexer::skip_blanks(self.text, self.at);
        let (token, end) = lexer::token(self.text, start);
        let Token::Param(name) = &token else {
            return (token, end);
        };
        let token = match self.params.get(name) {
            Some(Param::String(text)) => Token::Str(text.clone()),
            Some(Param::Identifier(text)) => Token::Ident(text.clone()),
            Some(Param::Integer(number)) if *number >= 0 => Token::Integer(number.to_string()),
            Some(Param::Boolean(true)) => Token::Keyword("TRUE"),
            Some(Param::Boolean(false)) => Token::Keyword("FALSE"),
            // Those that no token can say: negative numbers, durations and patterns.
            _ => token,
        };
        (token, end)
    }

    pub(super) fn peek(&self) -> Token {
        self.look().0
    }

    pub(super) fn next(&mut self) -> Token {
        let (token, end) = self.look();
        self.at = end;
        token
    }

    /// The value of a parameter.
    pub(super) fn param(&self, name: &str) -> Option<&'a Param> {
        self.params.get(name)
    }

    /// The text that follows, blanks included.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// `found …, expected …` at the next token.
    pub(super) fn expected(&self, what: &[&str]) -> ParseError {
        let found = self.peek().shown();
        self.fault(format!("found {found}, expected {}", what.join(", ")))
    }

    /// A fault of the next token.
    pub(super) fn fault(&self, message: impl std::fmt::Display) -> ParseError {
        let at = lexer::skip_blanks(self.text, self.at);
        // InfluxDB's columns: one behind the end, and the one before a quote that is not closed.
        let shift = match lexer::token(self.text, at).0 {
            Token::Eof => 1,
            Token::BadString(_) => -1,
            _ => 0,
        };
        ParseError::at(self.text, at, shift, message)
    }

    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let (token, end) = self.look();
        let is = matches!(token, Token::Keyword(word) if word == keyword);
        if is {
            self.at = end;
        }
        is
    }

    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let (token, end) = self.look();
        let is = matches!(token, Token::Sign(found) if found == sign);
        if is {
            self.at = end;
        }
        is
    }

    pub(super) fn keyword(&mut self, keyword: &str) -> Result<()> {
        if self.take_keyword(keyword) {
            return Ok(());
        }
        Err(self.expected(&[keyword]))
    }

    pub(super) fn sign(&mut self, sign: &str) -> Result<()> {
        if self.take_sign(sign) {
            return Ok(());
        }
        Err(self.expected(&[sign]))
    }

    pub(super) fn ident(&mut self) -> Result<String> {
        let (token, end) = self.look();
        let Token::Ident(name) = token else {
            return Err(self.expected(&["identifier"]));
        };
        self.at = end;
        Ok(name)
    }

    pub(super) fn string(&mut self) -> Result<String> {
        let (token, end) = self.look();
        let Token::Str(text) = token else {
            return Err(self.expected(&["string"]));
        };
        self.at = end;
        Ok(text)
    }

    /// A whole number that is not negative.
    pub(super) fn integer(&mut self) -> Result<usize> {
        let (token, end) = self.look();
        let Token::Integer(digits) = token else {
            return Err(self.expected(&["integer"]));
        };
        let number = digits.parse();
        let number = number.map_err(|_| self.fault(format!("invalid integer {digits}")))?;
        self.at = end;
        Ok(number)
    }

    /// A duration in nanoseconds; `INF` is 0.
    pub(super) fn duration(&mut self) -> Result<i64> {
        if self.take_keyword("INF") {
            return Ok(0);
        }
        let (token, end) = self.look();
        let Token::Duration(text) = &token else {
            return Err(self.expected(&["duration"]));
        };
        let duration = super::super::duration::parse_duration(text);
        let duration = duration.ok_or_else(|| self.fault("invalid duration"))?;
        self.at = end;
        Ok(duration)
    }

    /// The pattern between slashes, if one comes next.
    pub(super) fn take_regex(&mut self) -> Result<Option<String>> {
        let start = lexer::skip_blanks(self.text, self.at);
        if !self.text.get(start..).unwrap_or("").starts_with('/') {
            let (token, end) = self.look();
            if let Token::Param(name) = &token
                && let Some(Param::Regex(pattern)) = self.params.get(name)
            {
                let pattern = pattern.clone();
                self.count_pattern(&pattern)?;
                self.at = end;
                return Ok(Some(pattern));
            }
            return Ok(None);
        }
        let Some((pattern, end)) = lexer::regex(self.text, start) else {
            return Err(self.fault("bad regex: "));
        };
        self.count_pattern(&pattern)?;
        self.at = end;
        Ok(Some(pattern))
    }

    /// Compiles a pattern to see that it is one, and what it takes when a statement keeps it.
    pub(super) fn count_pattern(&mut self, pattern: &str) -> Result<()> {
        if self.deadline.is_some_and(|end| Instant::now() >= end) {
            return Err(ParseError::late());
        }
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return Err(self.fault(format!("more than {MAX_PATTERNS} regular expressions")));
        }
        let compiled = Pattern::new(pattern).map_err(|e| self.fault(e))?;
        self.pattern_bytes += compiled.memory_bytes();
        if self.pattern_bytes > MAX_PATTERN_BYTES {
            return Err(self.fault(format!(
                "regular expressions take more than {MAX_PATTERN_BYTES} bytes together"
            )));
        }
        Ok(())
    }

    /// The pattern between slashes.
    pub(super) fn regex(&mut self) -> Result<String> {
        let regex = self.take_regex()?;
        regex.ok_or_else(|| self.expected(&["regex"]))
    }

    /// Goes to another place; for the few that need two tokens of look-ahead.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    pub(super) fn go_back(&mut self, place: usize) {
        self.at = place;
    }
}
