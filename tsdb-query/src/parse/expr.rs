//! Expressions: operators by precedence, signs, parentheses, literals, and which rule a word belongs to.

use super::error::{Result, fail};
use super::parser::{Parser, Tree};
use super::token::{Kind, Token};
use super::{literal, string};
use crate::ast::{BinaryOp, Expr, Number, Paren, Position, Span, StringLiteral, Unary, UnaryOp};

/// How strongly an operator binds.
pub(super) type Precedence = u8;

/// What every operator reaches.
pub(super) const LOWEST: Precedence = 1;
/// What only `^` reaches: the operand of a sign, which itself binds like `*`.
pub(super) const POWER: Precedence = 6;

pub(super) const fn precedence(op: BinaryOp) -> Precedence {
    use BinaryOp as B;
    match op {
        B::Or => LOWEST,
        B::And | B::Unless => 2,
        B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge | B::TrimUpper | B::TrimLower => 3,
        B::Add | B::Sub => 4,
        B::Mul | B::Div | B::Mod | B::Atan2 => 5,
        B::Pow => POWER,
    }
}

/// The least precedence inside the right operand: `^` alone groups to the right.
pub(super) const fn precedence_to_the_right(op: BinaryOp) -> Precedence {
    match op {
        BinaryOp::Pow => POWER,
        _ => precedence(op) + 1,
    }
}

/// `+` or `-` as a sign.
pub(super) fn sign(kind: Kind) -> Option<UnaryOp> {
    match kind {
        Kind::Binary(BinaryOp::Add) => Some(UnaryOp::Plus),
        Kind::Binary(BinaryOp::Sub) => Some(UnaryOp::Minus),
        _ => None,
    }
}

impl Parser<'_> {
    /// An expression whose operators bind at least as strongly as `least`. Chains of operators do not recurse.
    pub(super) fn expr(&mut self, least: Precedence) -> Result<Tree> {
        self.enter()?;
        let mut left = match sign(self.token.kind) {
            Some(op) => self.signed(op)?,
            None => self.operand()?,
        };
        while let Kind::Binary(op) = self.token.kind {
            if precedence(op) < least {
                break;
            }
            left = self.binary(left, op)?;
        }
        self.leave();
        Ok(left)
    }

    /// `-expr`; the sign of a number becomes part of it.
    fn signed(&mut self, op: UnaryOp) -> Result<Tree> {
        let start = self.take()?.span.start;
        let operand = self.expr(POWER)?;
        self.with_sign(op, start, operand)
    }

    fn with_sign(&self, op: UnaryOp, start: Position, mut operand: Tree) -> Result<Tree> {
        if let Expr::Number(number) = &mut *operand.node {
            if op == UnaryOp::Minus {
                number.value = -number.value;
            }
            number.span.start = start;
            return Ok(operand);
        }
        let span = self.span_from(start);
        let node = Expr::Unary(Unary {
            op,
            expr: operand.node,
            span,
        });
        self.grow(node, operand.height, span)
    }

    /// What stands between operators, with all that is attached to its end.
    fn operand(&mut self) -> Result<Tree> {
        let tree = match self.token.kind {
            Kind::LeftParen => self.paren(),
            _ if self.token.names_a_metric() => self.named(),
            _ => self.leaf(),
        };
        self.modifiers(tree?)
    }

    fn leaf(&mut self) -> Result<Tree> {
        Ok(Tree::leaf(match self.token.kind {
            Kind::Number | Kind::Duration => Expr::Number(self.number()?),
            Kind::String => self.string()?,
            Kind::LeftBrace => Expr::Vector(self.nameless_selector()?),
            _ => return self.unexpected(),
        }))
    }

    /// What begins with a word: a call, an aggregation, or the name of a metric.
    fn named(&mut self) -> Result<Tree> {
        let name = self.take()?;
        match (name.kind, self.token.kind) {
            (Kind::Identifier | Kind::Context(_), Kind::LeftParen) => self.call(name),
            (Kind::Aggregate(op), Kind::LeftParen) => self.aggregate(name, op),
            (Kind::Aggregate(op), kind) if super::aggregate::is_modifier(kind) => {
                self.aggregate(name, op)
            }
            _ => self.metric(name),
        }
    }

    fn metric(&mut self, name: Token<'_>) -> Result<Tree> {
        Ok(Tree::leaf(Expr::Vector(self.named_selector(name)?)))
    }

    fn paren(&mut self) -> Result<Tree> {
        let start = self.take()?.span.start;
        let inner = self.expr(LOWEST)?;
        self.expect(Kind::RightParen)?;
        self.in_parens(start, inner)
    }

    fn in_parens(&self, start: Position, inner: Tree) -> Result<Tree> {
        let span = self.span_from(start);
        let node = Expr::Paren(Paren {
            expr: inner.node,
            span,
        });
        self.grow(node, inner.height, span)
    }

    /// A number or a duration.
    pub(super) fn number(&mut self) -> Result<Number> {
        let token = self.take()?;
        let is_duration = token.kind == Kind::Duration;
        let value = if is_duration {
            literal::duration_ms(token.text).map(literal::seconds)
        } else {
            literal::number(token.text)
        };
        match value {
            Ok(value) => Ok(Number {
                value,
                is_duration,
                span: token.span,
            }),
            Err(message) => fail(token.span, message),
        }
    }

    /// A number or a duration with at most one sign.
    ///
    /// Anything else is `None`, with the sign taken.
    pub(super) fn signed_number(&mut self) -> Result<Option<Number>> {
        let start = self.token.span.start;
        let op = sign(self.token.kind);
        if op.is_some() {
            self.take()?;
        }
        if !matches!(self.token.kind, Kind::Number | Kind::Duration) {
            return Ok(None);
        }
        let mut number = self.number()?;
        number.span.start = start;
        if op == Some(UnaryOp::Minus) {
            number.value = -number.value;
        }
        Ok(Some(number))
    }

    fn string(&mut self) -> Result<Expr> {
        let token = self.take()?;
        Ok(Expr::String(StringLiteral {
            value: unquoted(token)?,
            span: token.span,
        }))
    }
}

/// What a string token stands for.
pub(super) fn unquoted(token: Token<'_>) -> Result<String> {
    string::unquote(token.text).or_else(|message| fail(token.span, message))
}

/// From the start of one to the end of the other.
pub(super) fn between(first: Span, last: Span) -> Span {
    Span {
        start: first.start,
        end: last.end,
    }
}
