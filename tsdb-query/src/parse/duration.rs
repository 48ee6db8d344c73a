//! Durations in ranges, steps and offsets: literals, or arithmetic on them.

use super::error::{Result, fail};
use super::expr::{LOWEST, POWER, Precedence, precedence, precedence_to_the_right, sign};
use super::parser::{Parser, Tree};
use super::token::{Context, Kind};
use crate::ast::{BinaryOp, Duration, DurationExpr, DurationOp, Number, Span, UnaryOp};

const EXPECTED: &str = "number, duration, step(), or range()";

/// 2⁶³ nanoseconds, in seconds: beyond that Prometheus cannot count.
const MAX_SECONDS: f64 = (1u64 << 63) as f64 / 1e9;

type Node = Tree<DurationExpr>;

impl Parser<'_> {
    /// Whether a duration begins with the token ahead.
    pub(super) fn begins_a_duration(&self) -> bool {
        sign(self.token.kind).is_some() || self.begins_an_operand()
    }

    fn begins_an_operand(&self) -> bool {
        match self.token.kind {
            Kind::Number | Kind::Duration | Kind::LeftParen => true,
            Kind::Context(word) => !matches!(word, Context::Start | Context::End),
            _ => false,
        }
    }

    /// A range or a step.
    pub(super) fn positive_duration(&mut self, context: &str) -> Result<Duration> {
        let duration = self.duration_expr(context, LOWEST)?.node;
        match milliseconds(&duration) {
            Some(ms) if ms > 0 => Ok(Duration::Literal(ms)),
            Some(_) => fail(span_of(&duration), "duration must be greater than 0"),
            None => Ok(Duration::Expr(duration)),
        }
    }

    /// What follows `offset`: one operand with its sign, so that `a offset 5m + b` adds `b`. But what begins with a
    /// parenthesis goes on as far as it is a duration, as in Prometheus.
    pub(super) fn offset_duration(&mut self) -> Result<Duration> {
        const CONTEXT: &str = "offset";
        let duration = match sign(self.token.kind) {
            Some(op) => {
                let start = self.take()?.span;
                let operand = self.duration_operand(CONTEXT)?;
                self.signed_duration(op, start, operand)?.node
            }
            None if self.sees(Kind::LeftParen) => self.duration_expr(CONTEXT, LOWEST)?.node,
            None => self.duration_operand(CONTEXT)?.node,
        };
        Ok(match milliseconds(&duration) {
            Some(ms) => Duration::Literal(ms),
            None => Duration::Expr(duration),
        })
    }

    fn duration_expr(&mut self, context: &str, least: Precedence) -> Result<Node> {
        self.enter()?;
        let mut left = match sign(self.token.kind) {
            Some(op) => {
                let start = self.take()?.span;
                let operand = self.duration_expr(context, POWER)?;
                self.signed_duration(op, start, operand)?
            }
            None => self.duration_operand(context)?,
        };
        while let Kind::Binary(op) = self.token.kind {
            let Some(duration_op) = arithmetic(op) else {
                break;
            };
            if precedence(op) < least {
                break;
            }
            let op_span = self.take()?.span;
            let right = self.duration_expr(context, precedence_to_the_right(op))?;
            if let DurationExpr::Number(Number { value: 0.0, .. }) = *right.node {
                match duration_op {
                    DurationOp::Div => return fail(op_span, "division by zero"),
                    DurationOp::Mod => return fail(op_span, "modulo by zero"),
                    _ => {}
                }
            }
            let span = Span {
                start: span_of(&left.node).start,
                end: span_of(&right.node).end,
            };
            left = self.duration_pair(duration_op, left, right, span)?;
        }
        self.leave();
        Ok(left)
    }

    fn duration_pair(&self, op: DurationOp, left: Node, right: Node, span: Span) -> Result<Node> {
        let node = DurationExpr::Binary(op, left.node, right.node, span);
        self.grow(node, left.height.max(right.height), span)
    }

    /// The sign of a number becomes part of it, and a plus says nothing.
    fn signed_duration(&self, op: UnaryOp, sign: Span, mut operand: Node) -> Result<Node> {
        if let DurationExpr::Number(number) = &mut *operand.node {
            if op == UnaryOp::Minus {
                number.value = -number.value;
            }
            number.span.start = sign.start;
            return Ok(operand);
        }
        if op == UnaryOp::Plus {
            return Ok(operand);
        }
        let span = Span {
            start: sign.start,
            end: span_of(&operand.node).end,
        };
        let node = DurationExpr::Unary(op, operand.node, span);
        self.grow(node, operand.height, span)
    }

    fn duration_operand(&mut self, context: &str) -> Result<Node> {
        let start = self.token.span.start;
        match self.token.kind {
            Kind::Number | Kind::Duration => {
                let number = self.number()?;
                if number.value.is_nan() || number.value.abs() > MAX_SECONDS {
                    return fail(number.span, "duration out of range");
                }
                Ok(Tree::leaf(DurationExpr::Number(number)))
            }
            Kind::LeftParen => {
                self.take()?;
                let inner = self.duration_expr(context, LOWEST)?;
                self.in_duration(context, Kind::RightParen)?;
                let span = self.span_from(start);
                let node = DurationExpr::Paren(inner.node, span);
                self.grow(node, inner.height, span)
            }
            Kind::Context(word @ (Context::Step | Context::Range)) => {
                self.take()?;
                self.in_duration(context, Kind::LeftParen)?;
                self.in_duration(context, Kind::RightParen)?;
                let span = self.span_from(start);
                Ok(Tree::leaf(match word {
                    Context::Step => DurationExpr::Step(span),
                    _ => DurationExpr::Range(span),
                }))
            }
            Kind::Context(word @ (Context::MinOf | Context::MaxOf)) => {
                self.take()?;
                self.in_duration(context, Kind::LeftParen)?;
                let left = self.duration_expr(context, LOWEST)?;
                self.in_duration(context, Kind::Comma)?;
                let right = self.duration_expr(context, LOWEST)?;
                self.in_duration(context, Kind::RightParen)?;
                let op = match word {
                    Context::MinOf => DurationOp::Min,
                    _ => DurationOp::Max,
                };
                self.duration_pair(op, left, right, self.span_from(start))
            }
            _ => self.unexpected_in(context, EXPECTED),
        }
    }

    fn in_duration(&mut self, context: &str, kind: Kind) -> Result<()> {
        if self.take_if(kind)? {
            Ok(())
        } else {
            self.unexpected_in(context, EXPECTED)
        }
    }
}

fn arithmetic(op: BinaryOp) -> Option<DurationOp> {
    match op {
        BinaryOp::Add => Some(DurationOp::Add),
        BinaryOp::Sub => Some(DurationOp::Sub),
        BinaryOp::Mul => Some(DurationOp::Mul),
        BinaryOp::Div => Some(DurationOp::Div),
        BinaryOp::Mod => Some(DurationOp::Mod),
        BinaryOp::Pow => Some(DurationOp::Pow),
        _ => None,
    }
}

fn span_of(duration: &DurationExpr) -> Span {
    match duration {
        DurationExpr::Number(number) => number.span,
        DurationExpr::Step(span)
        | DurationExpr::Range(span)
        | DurationExpr::Unary(_, _, span)
        | DurationExpr::Binary(_, _, _, span)
        | DurationExpr::Paren(_, span) => *span,
    }
}

/// The value of a literal, in parentheses or not; like Prometheus cut to whole milliseconds after rounding to nanoseconds.
fn milliseconds(duration: &DurationExpr) -> Option<i64> {
    match duration {
        DurationExpr::Number(number) => Some(((number.value * 1e9).round() / 1e6) as i64),
        DurationExpr::Paren(inner, _) => milliseconds(inner),
        _ => None,
    }
}
