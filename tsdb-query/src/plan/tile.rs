//! How many steps are evaluated at a time.

use crate::ast::Expr;
use crate::error::QueryError;
use crate::vector::Grid;

use super::build::Builder;

/// Steps that are evaluated at a time, unless windows reach much further: then what a tile reads anew would be most of it.
const TILE_STEPS: usize = 1024;

/// The longest tile there is: half a mebibyte a column.
const MAX_TILE_STEPS: usize = 64 * TILE_STEPS;

impl Builder<'_> {
    /// How many steps a tile has: enough that the windows of a tile do not reach much further back than the tile itself.
    pub(super) fn tile_steps(&self, expr: &Expr, grid: Grid) -> Result<usize, QueryError> {
        let reach_ms = self.reach(expr)?;
        let steps = usize::try_from(reach_ms / grid.step_ms).unwrap_or(usize::MAX);
        Ok(steps.clamp(TILE_STEPS, MAX_TILE_STEPS))
    }

    /// How far back ranges and subqueries look, added up where they nest.
    fn reach(&self, expr: &Expr) -> Result<i64, QueryError> {
        Ok(match expr {
            Expr::Number(_) | Expr::String(_) | Expr::Vector(_) => 0,
            Expr::Matrix(e) => self.times.positive(&e.range)?,
            Expr::Subquery(e) => {
                let range_ms = self.times.positive(&e.range)?;
                range_ms.saturating_add(self.reach(&e.expr)?)
            }
            Expr::Call(e) => {
                let mut most = 0;
                for arg in &e.args {
                    most = self.reach(arg)?.max(most);
                }
                most
            }
            Expr::Aggregate(e) => {
                let param = e.param.as_ref().map_or(Ok(0), |p| self.reach(p))?;
                self.reach(&e.expr)?.max(param)
            }
            Expr::Binary(_) => {
                let (first, links) = expr.chain();
                let mut most = self.reach(first)?;
                for link in links {
                    most = self.reach(&link.binary.rhs)?.max(most);
                }
                most
            }
            Expr::Unary(e) => self.reach(&e.expr)?,
            Expr::Paren(e) => self.reach(&e.expr)?,
        })
    }
}
