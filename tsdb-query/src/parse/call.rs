//! Function calls and argument lists.

use super::error::{Result, fail};
use super::expr::LOWEST;
use super::parser::{Parser, Tree};
use super::token::{Kind, Token};
use crate::ast::quote::Quoted;
use crate::ast::{Call, Expr};
use crate::functions;

impl Parser<'_> {
    /// A call whose name was taken.
    pub(super) fn call(&mut self, name: Token<'_>) -> Result<Tree> {
        let args = self.args()?;
        self.call_of(name, args)
    }

    fn call_of(&self, name: Token<'_>, args: Vec<Tree>) -> Result<Tree> {
        let span = self.span_from(name.span.start);
        let Some(function) = functions::lookup(name.text) else {
            return fail(
                name.span,
                format!("unknown function with name {}", Quoted(name.text)),
            );
        };
        if function.experimental && !self.options.experimental {
            return fail(
                name.span,
                format!("function {} is not enabled", Quoted(name.text)),
            );
        }
        let height = args.iter().map(|arg| arg.height).max().unwrap_or(0);
        let node = Expr::Call(Call {
            function,
            args: args.into_iter().map(|arg| *arg.node).collect(),
            span,
        });
        self.grow(node, height, span)
    }

    /// `(expr, …)`
    pub(super) fn args(&mut self) -> Result<Vec<Tree>> {
        self.expect(Kind::LeftParen)?;
        let mut args = Vec::new();
        if self.take_if(Kind::RightParen)? {
            return Ok(args);
        }
        loop {
            args.push(self.expr(LOWEST)?);
            if !self.sees(Kind::Comma) {
                self.expect(Kind::RightParen)?;
                return Ok(args);
            }
            let comma = self.take()?;
            if !self.token.begins_an_expression() {
                return fail(
                    comma.span,
                    "trailing commas not allowed in function call args",
                );
            }
        }
    }
}
