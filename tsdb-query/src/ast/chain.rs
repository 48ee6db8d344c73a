//! Chains of binary operators, such as `a + b - c`. They may be as long as a query, so that whoever walks a tree loops over
//! them; everything else nests no deeper than [`ParseOptions::max_depth`](crate::parse::ParseOptions::max_depth), and may be
//! walked by recursion.

use std::fmt;

use super::expr::{Binary, Expr, Number, Span, ValueType};

/// An operator of a chain.
#[derive(Clone, Copy, Debug)]
pub struct Link<'e> {
    /// The operator as an expression.
    pub expr: &'e Expr,
    /// The same.
    pub binary: &'e Binary,
}

impl Expr {
    /// The chain of binary operators that this expression is the end of: its first operand, and its operators from left to
    /// right. Of anything but a binary operator: itself and no operator. Parentheses end a chain.
    #[must_use]
    pub fn chain(&self) -> (&Self, Vec<Link<'_>>) {
        let mut links = Vec::new();
        let mut first = self;
        while let Self::Binary(binary) = first {
            links.push(Link {
                expr: first,
                binary,
            });
            first = &binary.lhs;
        }
        links.reverse();
        (first, links)
    }
}

impl Binary {
    /// Type of the value, assuming that it was checked: a vector when any operand of the chain is one.
    pub(super) fn value_type(&self) -> ValueType {
        let mut binary = self;
        loop {
            if binary.matching.is_some() || binary.rhs.value_type() != ValueType::Scalar {
                return ValueType::Vector;
            }
            match &*binary.lhs {
                Expr::Binary(inner) => binary = inner,
                first if first.value_type() == ValueType::Scalar => return ValueType::Scalar,
                _ => return ValueType::Vector,
            }
        }
    }

    /// A copy with another left side.
    fn with_lhs(&self, lhs: Expr) -> Self {
        Self {
            op: self.op,
            lhs: Box::new(lhs),
            rhs: self.rhs.clone(),
            return_bool: self.return_bool,
            matching: self.matching.clone(),
            span: self.span,
            op_span: self.op_span,
        }
    }
}

impl Clone for Binary {
    fn clone(&self) -> Self {
        let (first, links) = self.lhs.chain();
        let lhs = links.iter().fold(first.clone(), |lhs, link| {
            Expr::Binary(link.binary.with_lhs(lhs))
        });
        self.with_lhs(lhs)
    }
}

/// Takes the left side apart operator by operator.
impl Drop for Binary {
    fn drop(&mut self) {
        let take = |binary: &mut Self| std::mem::replace(&mut *binary.lhs, nothing());
        if !matches!(*self.lhs, Expr::Binary(_)) {
            return;
        }
        let mut next = take(self);
        while let Expr::Binary(mut binary) = next {
            next = take(&mut binary);
        }
    }
}

fn nothing() -> Expr {
    Expr::Number(Number {
        value: 0.0,
        is_duration: false,
        span: Span::default(),
    })
}

/// As the text of the expression.
impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}
