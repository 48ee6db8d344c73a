//! What a query selects is counted before anything is built on it: one that is too large ends before it costs much.

use crate::ast::{Expr, ValueType};
use crate::error::QueryError;
use crate::exec::Output;
use crate::vector::Grid;

use super::build::{Builder, strip};

impl Builder<'_> {
    /// Fails when the series of all selectors would take more memory than there may be. What is inside of subqueries is not
    /// foreseen, since its steps are not known yet.
    pub(super) fn foresee(&self, expr: &Expr, grid: Grid) -> Result<(), QueryError> {
        let mut bytes = 0;
        self.add_selectors(expr, grid, &mut bytes)
    }

    fn add_selectors(&self, expr: &Expr, grid: Grid, bytes: &mut u64) -> Result<(), QueryError> {
        let expr = strip(expr);
        let once = grid.steps > 1 && self.invariance.holds(expr);
        let grid = if once {
            Grid::instant(grid.start_ms)
        } else {
            grid
        };
        match expr {
            Expr::Number(_) | Expr::String(_) | Expr::Subquery(_) => {}
            Expr::Vector(e) => {
                let (reference, back_ms, ahead_ms) = self.reach_of(e, grid, Output::Value)?;
                let selection = self.selection(e, reference, back_ms, ahead_ms)?;
                self.cx.foresee_series(selection, bytes)?;
            }
            Expr::Matrix(e) => {
                let (reference, back_ms, ahead_ms) = self.reach_of_matrix(e, grid)?;
                let selection = self.selection(&e.selector, reference, back_ms, ahead_ms)?;
                self.cx.foresee_series(selection, bytes)?;
            }
            Expr::Call(e) => {
                let labels_only = e.function.name == "info";
                let args = if labels_only {
                    e.args.get(..1)
                } else {
                    Some(&e.args[..])
                };
                for arg in args.unwrap_or_default() {
                    self.add_selectors(arg, grid, bytes)?;
                }
            }
            Expr::Aggregate(e) => {
                self.add_selectors(&e.expr, grid, bytes)?;
                if let Some(param) = e
                    .param
                    .as_ref()
                    .filter(|p| p.value_type() == ValueType::Scalar)
                {
                    self.add_selectors(param, grid, bytes)?;
                }
            }
            Expr::Binary(_) => {
                let (first, links) = expr.chain();
                self.add_selectors(first, grid, bytes)?;
                for link in links {
                    self.add_selectors(&link.binary.rhs, grid, bytes)?;
                }
            }
            Expr::Unary(e) => self.add_selectors(&e.expr, grid, bytes)?,
            Expr::Paren(e) => self.add_selectors(&e.expr, grid, bytes)?,
        }
        Ok(())
    }
}
