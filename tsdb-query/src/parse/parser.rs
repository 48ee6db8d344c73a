//! The state that every rule of the grammar shares: the token ahead, the options, the depth.

use std::collections::HashMap;

use tsdb_core::{MatchOp, Matcher};

use super::ParseOptions;
use super::error::{Result, fail};
use super::lexer::Lexer;
use super::token::{Kind, Token};
use crate::ast::{Expr, Position, Span};

/// Reads a query by recursive descent with one token ahead. Each file of this room adds the rules of one construct.
///
/// Two numbers bound the recursion: `depth` grows with each rule that may contain itself, and the height of every tree is
/// counted as it grows. Both stay within [`ParseOptions::max_depth`], so that whoever walks a tree may recurse; a chain of
/// operators counts once.
pub(super) struct Parser<'q> {
    lexer: Lexer<'q>,
    pub(super) options: &'q ParseOptions,
    /// The token ahead.
    pub(super) token: Token<'q>,
    /// End of the last token that was taken.
    pub(super) last_end: Position,
    depth: usize,
    operands: usize,
    /// Matchers by regular expressions, by operator, label and pattern.
    pub(super) patterns: HashMap<(MatchOp, String, String), Matcher>,
    /// Memory of these.
    pub(super) pattern_bytes: usize,
    /// How many aggregations are open: their errors say so.
    pub(super) open_aggregations: usize,
}

/// A tree and its height. Boxed at once: the frames of the recursion stay small.
pub(super) struct Tree<T = Expr> {
    pub(super) node: Box<T>,
    pub(super) height: usize,
}

impl<T> Tree<T> {
    pub(super) fn leaf(node: T) -> Self {
        Self {
            node: Box::new(node),
            height: 1,
        }
    }
}

impl<'q> Parser<'q> {
    pub(super) fn new(query: &'q str, options: &'q ParseOptions) -> Result<Self> {
        let mut lexer = Lexer::new(query);
        let token = lexer.next()?;
        Ok(Self {
            lexer,
            options,
            token,
            last_end: 0,
            depth: 0,
            operands: 0,
            patterns: HashMap::new(),
            pattern_bytes: 0,
            open_aggregations: 0,
        })
    }

    /// Takes the token ahead.
    pub(super) fn take(&mut self) -> Result<Token<'q>> {
        let next = self.lexer.next()?;
        let taken = std::mem::replace(&mut self.token, next);
        self.last_end = taken.span.end;
        Ok(taken)
    }

    /// Whether the token ahead is of this kind.
    pub(super) fn sees(&self, kind: Kind) -> bool {
        self.token.kind == kind
    }

    /// Takes the token ahead if it is of this kind.
    pub(super) fn take_if(&mut self, kind: Kind) -> Result<bool> {
        if self.sees(kind) {
            self.take()?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Takes a token of this kind; anything else is unexpected.
    pub(super) fn expect(&mut self, kind: Kind) -> Result<Token<'q>> {
        if self.sees(kind) {
            self.take()
        } else {
            self.unexpected()
        }
    }

    /// The token ahead fits no rule.
    pub(super) fn unexpected<T>(&self) -> Result<T> {
        let context = if self.open_aggregations > 0 {
            "aggregation"
        } else {
            ""
        };
        self.unexpected_in(context, "")
    }

    /// The token ahead fits no rule of this construct.
    pub(super) fn unexpected_in<T>(&self, context: &str, expected: &str) -> Result<T> {
        let mut message = format!("unexpected {}", self.token.describe());
        if !context.is_empty() {
            message += " in ";
            message += context;
        }
        if !expected.is_empty() {
            message += ", expected ";
            message += expected;
        }
        fail(self.token.span, message)
    }

    /// From `start` to the end of the last token that was taken.
    pub(super) fn span_from(&self, start: Position) -> Span {
        Span {
            start,
            end: self.last_end,
        }
    }

    /// Goes one level deeper, to another operand, if it may.
    pub(super) fn enter(&mut self) -> Result<()> {
        if self.depth >= self.options.max_depth {
            return self.too_deep(self.token.span);
        }
        self.depth += 1;
        self.operands += 1;
        if self.operands > self.options.max_operands {
            return fail(
                self.token.span,
                format!(
                    "expression has more than {} operands",
                    self.options.max_operands
                ),
            );
        }
        Ok(())
    }

    /// Goes back one level. An error need not: it ends the parse.
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// The tree of a node over trees no higher than `height`.
    pub(super) fn grow<T>(&self, node: T, height: usize, span: Span) -> Result<Tree<T>> {
        if height >= self.options.max_depth {
            return self.too_deep(span);
        }
        Ok(Tree {
            node: Box::new(node),
            height: height + 1,
        })
    }

    fn too_deep<T>(&self, span: Span) -> Result<T> {
        fail(
            span,
            format!(
                "expression is nested more than {} levels deep",
                self.options.max_depth
            ),
        )
    }
}
