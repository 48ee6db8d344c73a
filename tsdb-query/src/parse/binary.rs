//! Binary operators with what stands between operator and right side: `bool`, `on`, `group_left`, `fill`.

use super::error::{Result, fail};
use super::expr::{between, precedence_to_the_right, unquoted};
use super::parser::{Parser, Tree};
use super::token::{Keyword, Kind};
use crate::ast::quote::Quoted;
use crate::ast::{Binary, BinaryOp, Expr, MatchCardinality, Span, VectorMatching};

impl Parser<'_> {
    /// `op … rhs`, with `lhs` read.
    pub(super) fn binary(&mut self, lhs: Tree, op: BinaryOp) -> Result<Tree> {
        let op_span = self.take()?.span;
        let return_bool = self.take_if(Kind::Keyword(Keyword::Bool))?;
        let matching = self.matching()?;
        let rhs = self.expr(precedence_to_the_right(op))?;
        self.joined(lhs, rhs, |lhs, rhs, span| Binary {
            op,
            lhs,
            rhs,
            return_bool,
            matching: Some(*matching),
            span,
            op_span,
        })
    }

    fn joined(
        &self,
        lhs: Tree,
        rhs: Tree,
        build: impl FnOnce(Box<Expr>, Box<Expr>, Span) -> Binary,
    ) -> Result<Tree> {
        let span = between(lhs.node.span(), rhs.node.span());
        let binary = build(lhs.node, rhs.node, span);
        if !self.options.experimental && fills(&binary) {
            return fail(
                span,
                "binop fill modifiers are experimental and not enabled",
            );
        }
        // A chain is as high as its highest operand makes it, however long it is.
        let left = match *binary.lhs {
            Expr::Binary(_) => lhs.height - 1,
            _ => lhs.height,
        };
        self.grow(Expr::Binary(binary), left.max(rhs.height), span)
    }

    fn matching(&mut self) -> Result<Box<VectorMatching>> {
        let mut matching = Box::new(VectorMatching {
            card: MatchCardinality::OneToOne,
            on: false,
            labels: Vec::new(),
            include: Vec::new(),
            fill_left: None,
            fill_right: None,
        });
        if let Kind::Keyword(word @ (Keyword::On | Keyword::Ignoring)) = self.token.kind {
            self.take()?;
            matching.on = word == Keyword::On;
            matching.labels = self.labels()?;
            let card = match self.token.kind {
                Kind::Keyword(Keyword::GroupLeft) => Some(MatchCardinality::ManyToOne),
                Kind::Keyword(Keyword::GroupRight) => Some(MatchCardinality::OneToMany),
                _ => None,
            };
            if let Some(card) = card {
                self.take()?;
                matching.card = card;
                if self.sees(Kind::LeftParen) {
                    matching.include = self.labels()?;
                }
            }
        }
        match self.token.kind {
            Kind::Keyword(Keyword::Fill) => {
                let value = self.fill_value()?;
                matching.fill_left = Some(value);
                matching.fill_right = Some(value);
            }
            Kind::Keyword(Keyword::FillLeft) => {
                matching.fill_left = Some(self.fill_value()?);
                if self.sees(Kind::Keyword(Keyword::FillRight)) {
                    matching.fill_right = Some(self.fill_value()?);
                }
            }
            Kind::Keyword(Keyword::FillRight) => {
                matching.fill_right = Some(self.fill_value()?);
                if self.sees(Kind::Keyword(Keyword::FillLeft)) {
                    matching.fill_left = Some(self.fill_value()?);
                }
            }
            _ => {}
        }
        Ok(matching)
    }

    /// `fill(x)`, `fill_left(x)` or `fill_right(x)`.
    fn fill_value(&mut self) -> Result<f64> {
        self.take()?;
        self.expect(Kind::LeftParen)?;
        let Some(number) = self.signed_number()? else {
            return self.unexpected();
        };
        self.expect(Kind::RightParen)?;
        Ok(number.value)
    }

    /// `(a, "b c", …)`
    pub(super) fn labels(&mut self) -> Result<Vec<String>> {
        const CONTEXT: &str = "grouping opts";
        let mut labels = Vec::new();
        if !self.take_if(Kind::LeftParen)? {
            return self.unexpected_in(CONTEXT, r#""(""#);
        }
        while !self.take_if(Kind::RightParen)? {
            let is_string = self.sees(Kind::String);
            if !is_string && !self.token.names_a_label() {
                return self.unexpected_in(CONTEXT, "label");
            }
            let token = self.take()?;
            let label = if is_string {
                unquoted(token)?
            } else {
                token.text.to_owned()
            };
            if label.is_empty() {
                return fail(
                    token.span,
                    format!("invalid label name for grouping: {}", Quoted(&label)),
                );
            }
            labels.push(label);
            if !self.take_if(Kind::Comma)? && !self.sees(Kind::RightParen) {
                return self.unexpected_in(CONTEXT, r#""," or ")""#);
            }
        }
        Ok(labels)
    }
}

fn fills(binary: &Binary) -> bool {
    let matching = binary.matching.as_ref();
    matching.is_some_and(|m| m.fill_left.is_some() || m.fill_right.is_some())
}
