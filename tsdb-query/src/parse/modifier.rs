//! What is attached to the end of an operand: `[…]`, `offset`, `@`, `anchored`, `smoothed`, in any order.

use super::error::{Result, fail};
use super::expr::between;
use super::parser::{Parser, Tree};
use super::token::{Context, Keyword, Kind, Token};
use crate::ast::{
    AtModifier, Duration, Expr, MatrixSelector, RangeExtension, SelectorModifiers, Span, Subquery,
    VectorSelector,
};

/// Beyond ± 35 000 years a time in milliseconds and one in seconds no longer stand for each other exactly.
const MAX_TIME_MS: f64 = (1u64 << 50) as f64;

impl Parser<'_> {
    /// The operand with all that follows it.
    pub(super) fn modifiers(&mut self, mut tree: Tree) -> Result<Tree> {
        loop {
            match self.token.kind {
                Kind::LeftBracket => tree = self.brackets(tree)?,
                Kind::Keyword(Keyword::Offset) => self.offset(&mut tree.node)?,
                Kind::At => self.at(&mut tree.node)?,
                Kind::Keyword(Keyword::Anchored) => {
                    self.extension(&mut tree.node, RangeExtension::Anchored)?;
                }
                Kind::Keyword(Keyword::Smoothed) => {
                    self.extension(&mut tree.node, RangeExtension::Smoothed)?;
                }
                _ => return Ok(tree),
            }
        }
    }

    /// `[range]` or `[range:step]`
    fn brackets(&mut self, tree: Tree) -> Result<Tree> {
        const RANGE: &str = "subquery or range selector";
        let open = self.take()?;
        let range = self.positive_duration(RANGE)?;
        if self.sees(Kind::RightBracket) {
            let close = self.take()?;
            return self.matrix(tree, range, between(open.span, close.span));
        }
        if !self.take_if(Kind::Colon)? {
            return self.unexpected_in("subquery or range", r#"":" or "]""#);
        }
        let mut step = None;
        if !self.sees(Kind::RightBracket) {
            if !self.begins_a_duration() {
                return self.unexpected_in(
                    "subquery selector",
                    r#"number, duration, step(), range(), or "]""#,
                );
            }
            step = Some(self.positive_duration(RANGE)?);
            if !self.sees(Kind::RightBracket) {
                return self.unexpected_in("subquery selector", r#""]""#);
            }
        }
        self.take()?;
        let span = self.span_from(tree.node.span().start);
        let node = Expr::Subquery(Subquery {
            expr: tree.node,
            range,
            step,
            modifiers: SelectorModifiers::default(),
            span,
        });
        self.grow(node, tree.height, span)
    }

    fn matrix(&mut self, tree: Tree, range: Duration, brackets: Span) -> Result<Tree> {
        let Expr::Vector(selector) = *tree.node else {
            return fail(brackets, "ranges only allowed for vector selectors");
        };
        if selector.modifiers.offset.is_some() {
            return fail(brackets, "no offset modifiers allowed before range");
        }
        if selector.modifiers.at.is_some() {
            return fail(brackets, "no @ modifiers allowed before range");
        }
        let span = self.span_from(selector.span.start);
        Ok(Tree::leaf(Expr::Matrix(MatrixSelector {
            selector,
            range,
            span,
        })))
    }

    fn offset(&mut self, expr: &mut Expr) -> Result<()> {
        self.take()?;
        let offset = self.offset_duration()?;
        let before = expr.span();
        let Some((modifiers, span)) = modifiers_of(expr) else {
            return fail(
                before,
                "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            );
        };
        if modifiers.offset.is_some() {
            return fail(before, "offset may not be set multiple times");
        }
        // An offset of nothing counts as none.
        modifiers.offset = match offset {
            Duration::Literal(0) => None,
            offset => Some(offset),
        };
        span.end = self.last_end;
        Ok(())
    }

    fn at(&mut self, expr: &mut Expr) -> Result<()> {
        const CONTEXT: &str = "@";
        const EXPECTED: &str = "timestamp";
        self.take()?;
        let before = expr.span();
        let at = match self.token.kind {
            Kind::Context(word @ (Context::Start | Context::End)) => {
                self.take()?;
                if !self.take_if(Kind::LeftParen)? || !self.take_if(Kind::RightParen)? {
                    return self.unexpected_in(CONTEXT, EXPECTED);
                }
                if word == Context::Start {
                    AtModifier::Start
                } else {
                    AtModifier::End
                }
            }
            _ => match self.signed_number()? {
                Some(number) => AtModifier::Timestamp(timestamp_ms(number.value, before)?),
                None => return self.unexpected_in(CONTEXT, EXPECTED),
            },
        };
        let Some((modifiers, span)) = modifiers_of(expr) else {
            return fail(
                before,
                "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            );
        };
        if modifiers.at.is_some() {
            return fail(before, "@ <timestamp> may not be set multiple times");
        }
        modifiers.at = Some(at);
        span.end = self.last_end;
        Ok(())
    }

    fn extension(&mut self, expr: &mut Expr, extension: RangeExtension) -> Result<()> {
        let word: Token<'_> = self.take()?;
        let name = extension.as_str();
        let before = expr.span();
        if !self.options.experimental {
            return fail(
                before,
                format!("{name} modifier is experimental and not enabled"),
            );
        }
        let (selector, span) = match expr {
            Expr::Vector(VectorSelector {
                extension, span, ..
            }) => (extension, span),
            Expr::Matrix(MatrixSelector { selector, span, .. }) => (&mut selector.extension, span),
            Expr::Subquery(_) => {
                return fail(
                    before,
                    format!("{name} modifier is not supported for subqueries"),
                );
            }
            _ => return fail(before, format!("{name} modifier not implemented")),
        };
        if selector.is_some_and(|other| other != extension) {
            return fail(
                before,
                "anchored and smoothed modifiers cannot be used together",
            );
        }
        *selector = Some(extension);
        span.end = word.span.end;
        Ok(())
    }
}

/// The modifiers of what may have them, and the span that grows with them.
fn modifiers_of(expr: &mut Expr) -> Option<(&mut SelectorModifiers, &mut Span)> {
    match expr {
        Expr::Vector(e) => Some((&mut e.modifiers, &mut e.span)),
        Expr::Matrix(e) => Some((&mut e.selector.modifiers, &mut e.span)),
        Expr::Subquery(e) => Some((&mut e.modifiers, &mut e.span)),
        _ => None,
    }
}

fn timestamp_ms(seconds: f64, span: Span) -> Result<i64> {
    let ms = (seconds * 1e3).round();
    // Written so that NaN fails.
    if ms.abs() <= MAX_TIME_MS {
        return Ok(ms as i64);
    }
    let shown = if seconds.is_nan() {
        "NaN".to_owned()
    } else if seconds.is_infinite() {
        if seconds > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{seconds:.6}")
    };
    fail(
        span,
        format!("timestamp out of bounds for @ modifier: {shown}"),
    )
}
