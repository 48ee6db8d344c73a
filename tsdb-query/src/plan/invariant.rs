//! Which parts of a query are the same at every step.

use std::collections::HashMap;

use crate::ast::Expr;
use crate::functions::{Function, Kernel, Special};

/// For each node whether its value does not depend on the step. Nodes are told apart by where they are in memory.
pub(crate) struct Invariance(HashMap<*const Expr, bool>);

impl Invariance {
    pub(crate) fn of(expr: &Expr) -> Self {
        let mut this = Self(HashMap::new());
        this.visit(expr);
        this
    }

    /// Whether `expr`, a node of the tree this was made of, is the same at every step.
    pub(crate) fn holds(&self, expr: &Expr) -> bool {
        self.0
            .get(&std::ptr::from_ref(expr))
            .copied()
            .unwrap_or(false)
    }

    fn visit(&mut self, expr: &Expr) -> bool {
        let invariant = match expr {
            Expr::Number(_) | Expr::String(_) => true,
            Expr::Vector(e) => e.modifiers.at.is_some(),
            Expr::Matrix(e) => e.selector.modifiers.at.is_some(),
            Expr::Subquery(e) => {
                self.visit(&e.expr);
                e.modifiers.at.is_some()
            }
            Expr::Call(e) => {
                let args = e.args.iter().map(|arg| self.visit(arg));
                // All are visited.
                let args = args.fold(true, |all, one| all & one);
                args && !depends_on_step(e.function)
            }
            Expr::Aggregate(e) => {
                let param = e.param.as_ref().is_none_or(|param| self.visit(param));
                self.visit(&e.expr) & param
            }
            Expr::Binary(_) => {
                let (first, links) = expr.chain();
                let mut all = self.visit(first);
                for link in links {
                    all &= self.visit(&link.binary.rhs);
                    self.0.insert(std::ptr::from_ref(link.expr), all);
                }
                all
            }
            Expr::Unary(e) => self.visit(&e.expr),
            Expr::Paren(e) => self.visit(&e.expr),
        };
        self.0.insert(std::ptr::from_ref(expr), invariant);
        invariant
    }
}

/// Whether a function looks at the time of the step beside its arguments.
fn depends_on_step(function: &Function) -> bool {
    match function.kernel {
        Kernel::Clock(_) => true,
        Kernel::Special(special) => matches!(special, Special::Time | Special::Timestamp),
        _ => function.name == "predict_linear",
    }
}
