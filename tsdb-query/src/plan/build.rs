//! Operators of selectors and of the nodes that only pass on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use tsdb_core::SelectHints;

use crate::ast::{
    Expr, MatrixSelector, Paren, RangeExtension, Span, UnaryOp, ValueType, VectorSelector,
};
use crate::error::QueryError;
use crate::exec::{
    BoxOperator, Context, Detail, Empty, Explained, InstantSelect, Output, Reference, Samples,
    Scalar, ScalarSource, SelectToShare, SeriesMeta, SharedSelect, StepInvariant, Subquery,
    drop_names, relabel,
};
use crate::storage::{SeriesReader, Snapshot};
use crate::vector::Grid;

use super::QueryTimes;
use super::invariant::Invariance;
use super::looked_at::LookedAt;
use super::selectors::MatcherKey;
use super::statistics::Statistics;

/// Turns nodes into operators.
pub(super) struct Builder<'a> {
    /// What was selected so far: a selector may occur many times.
    pub(super) selections: RefCell<HashMap<SelectionKey<'a>, Rc<Selection>>>,
    /// The instant selectors that were built, for further occurrences.
    pub(super) selects: RefCell<HashMap<SelectKey, SelectToShare>>,
    pub(super) storage: &'a dyn Snapshot,
    pub(super) cx: &'a Context,
    pub(super) times: QueryTimes,
    pub(super) invariance: &'a Invariance,
    pub(super) statistics: &'a Statistics,
    pub(super) looked_at: &'a LookedAt,
    /// Step of a subquery without one.
    pub(super) subquery_step_ms: i64,
}

/// What tells selections apart: matchers, the first and last millisecond, the labels that are looked at.
type SelectionKey<'a> = (MatcherKey, i64, i64, Option<&'a [String]>);

/// What tells instant selectors of one selection apart.
type SelectKey = (*const Selection, Reference, Output, Detail);

/// What matchers select in a range of time.
pub(super) struct Selection {
    readers: Rc<[Arc<dyn SeriesReader>]>,
    series: Rc<[SeriesMeta]>,
    label_bytes: usize,
}

impl Selection {
    fn new(readers: Vec<Arc<dyn SeriesReader>>) -> Self {
        let series = readers.iter().map(|r| SeriesMeta::from(r.labels().clone()));
        Self {
            series: series.collect(),
            label_bytes: readers.iter().map(|r| r.labels().as_bytes().len()).sum(),
            readers: readers.into(),
        }
    }
}

/// A range vector: where its samples come from and over which windows it is cut.
pub(super) struct RangeVector {
    pub(super) samples: Samples,
    pub(super) series: Vec<SeriesMeta>,
    pub(super) reference: Reference,
    pub(super) range_ms: i64,
    pub(super) extension: Option<RangeExtension>,
    pub(super) span: Span,
}

/// The expression without parentheses around it.
pub(super) fn strip(mut expr: &Expr) -> &Expr {
    while let Expr::Paren(Paren { expr: inner, .. }) = expr {
        expr = inner;
    }
    expr
}

pub(super) fn unsupported<T>(feature: &str, span: Span) -> Result<T, QueryError> {
    Err(QueryError::Unsupported {
        feature: feature.to_owned(),
        span,
    })
}

/// Whether the series of a node are charged to the query where they are made: many of them, or long ones, are found out early.
fn pays_itself(expr: &Expr) -> bool {
    match expr {
        Expr::Vector(_) | Expr::Binary(_) => true,
        Expr::Call(e) => matches!(e.function.name, "label_replace" | "label_join"),
        _ => false,
    }
}

impl Builder<'_> {
    /// The operator that gives the value of `expr` at the steps of `grid`.
    pub(super) fn build(&self, expr: &Expr, grid: Grid) -> Result<BoxOperator, QueryError> {
        let expr = strip(expr);
        let begun = Instant::now();
        let node = self.cx.begin_node(expr);
        let once =
            grid.steps > 1 && self.invariance.holds(expr) && !matches!(expr, Expr::Number(_));
        let operator: BoxOperator = if grid.steps == 0 {
            Box::new(Empty)
        } else if once {
            let operator = self.build_node(expr, Grid::instant(grid.start_ms))?;
            Box::new(StepInvariant::new(operator))
        } else {
            self.build_node(expr, grid)?
        };
        self.cx.charge_operator()?;
        if !pays_itself(expr) {
            self.cx.charge_results(operator.series())?;
        }
        let Some(node) = node else {
            return Ok(operator);
        };
        self.cx
            .end_node(operator.series().len(), once, begun.elapsed());
        Ok(Box::new(Explained { operator, node }))
    }

    fn build_node(&self, expr: &Expr, grid: Grid) -> Result<BoxOperator, QueryError> {
        match expr {
            Expr::Number(e) => Ok(scalar(ScalarSource::Constant(e.value))),
            Expr::Vector(e) => self.select(e, grid, Output::Value),
            Expr::Call(e) => self.call(e, grid),
            Expr::Aggregate(e) => self.aggregate(e, grid),
            Expr::Binary(_) => self.chain(expr, grid),
            Expr::Unary(e) => {
                let input = self.build(&e.expr, grid)?;
                Ok(match (e.op, e.expr.value_type()) {
                    (UnaryOp::Plus, _) => input,
                    (UnaryOp::Minus, ValueType::Scalar) => scalar(ScalarSource::Negated(input)),
                    (UnaryOp::Minus, _) => {
                        let series = drop_names(input.series(), self.cx.delayed_name_removal());
                        relabel(input, series, true)
                    }
                })
            }
            Expr::Paren(e) => self.build(&e.expr, grid),
            Expr::String(_) | Expr::Matrix(_) | Expr::Subquery(_) => {
                unsupported("this type of value here", expr.span())
            }
        }
    }

    fn reference(
        &self,
        modifiers: &crate::ast::SelectorModifiers,
        grid: Grid,
    ) -> Result<Reference, QueryError> {
        Ok(Reference {
            grid,
            at_ms: self.times.at(modifiers),
            offset_ms: self.times.offset(modifiers)?,
        })
    }

    /// What a selector selects near the steps of a grid: how many series, and bytes of labels.
    pub(super) fn selection(
        &self,
        selector: &VectorSelector,
        reference: Reference,
        back_ms: i64,
        ahead_ms: i64,
    ) -> Result<(usize, usize), QueryError> {
        let selection = self.selected(selector, reference, back_ms, ahead_ms)?;
        Ok((selection.readers.len(), selection.label_bytes))
    }

    fn selected(
        &self,
        selector: &VectorSelector,
        reference: Reference,
        back_ms: i64,
        ahead_ms: i64,
    ) -> Result<Rc<Selection>, QueryError> {
        self.cx.check()?;
        let range = reference.range(reference.grid.whole(), back_ms, ahead_ms);
        let labels = self.looked_at.labels(selector);
        let key = MatcherKey::of(&selector.matchers);
        let key = (key, range.start_ms, range.end_ms, labels);
        if let Some(known) = self.selections.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let readers = if range.is_empty() {
            Vec::new()
        } else {
            let helpers = self.cx.idle_cores();
            let hints = SelectHints {
                threads: helpers.len() + 1,
                labels,
            };
            self.storage.select_with(&selector.matchers, range, hints)?
        };
        let selection = Rc::new(Selection::new(readers));
        let new = Rc::clone(&selection);
        self.selections.borrow_mut().insert(key, new);
        Ok(selection)
    }

    /// Charges the series of a selector to the query.
    fn pay_for(&self, selection: &Selection) -> Result<(), QueryError> {
        self.cx
            .charge_series(selection.readers.len(), selection.label_bytes)
    }

    /// The steps of an instant selector, and how far before and behind them it looks.
    pub(super) fn reach_of(
        &self,
        selector: &VectorSelector,
        grid: Grid,
        output: Output,
    ) -> Result<(Reference, i64, i64), QueryError> {
        let reference = self.reference(&selector.modifiers, grid)?;
        let lookback_ms = self.cx.lookback_ms();
        let ahead_ms = match output {
            Output::Value if selector.extension == Some(RangeExtension::Smoothed) => lookback_ms,
            _ => 0,
        };
        Ok((reference, lookback_ms, ahead_ms))
    }

    /// The same of a range selector.
    pub(super) fn reach_of_matrix(
        &self,
        e: &MatrixSelector,
        grid: Grid,
    ) -> Result<(Reference, i64, i64), QueryError> {
        let reference = self.reference(&e.selector.modifiers, grid)?;
        let range_ms = self.times.positive(&e.range)?;
        let lookback_ms = self.cx.lookback_ms();
        let (back_ms, ahead_ms) = match e.selector.extension {
            None => (0, 0),
            Some(RangeExtension::Anchored) => (lookback_ms, 0),
            Some(RangeExtension::Smoothed) => (lookback_ms, lookback_ms),
        };
        Ok((reference, range_ms.saturating_add(back_ms), ahead_ms))
    }

    /// An instant selector.
    pub(super) fn select(
        &self,
        selector: &VectorSelector,
        grid: Grid,
        output: Output,
    ) -> Result<BoxOperator, QueryError> {
        let (reference, back_ms, ahead_ms) = self.reach_of(selector, grid, output)?;
        let output = match (selector.extension, output) {
            (Some(RangeExtension::Smoothed), Output::Value) => Output::Smoothed,
            _ => output,
        };
        let detail = self.statistics.detail(selector);
        let selection = self.selected(selector, reference, back_ms, ahead_ms)?;
        let key = (Rc::as_ptr(&selection), reference, output, detail);
        // A smoothed one tells where it stands.
        let shares = output != Output::Smoothed;
        if shares && let Some(known) = self.selects.borrow().get(&key) {
            return Ok(Box::new(known.again()));
        }
        self.pay_for(&selection)?;
        let select = InstantSelect {
            readers: Rc::clone(&selection.readers),
            series: Rc::clone(&selection.series),
            reference,
            output,
            detail,
            span: selector.span,
        };
        if !shares {
            return Ok(Box::new(select));
        }
        let (first, next) = SharedSelect::new(select);
        self.selects.borrow_mut().insert(key, next);
        Ok(Box::new(first))
    }

    /// The argument of a function of range vectors.
    pub(super) fn range_vector(&self, expr: &Expr, grid: Grid) -> Result<RangeVector, QueryError> {
        match strip(expr) {
            Expr::Matrix(e) => {
                let (reference, back_ms, ahead_ms) = self.reach_of_matrix(e, grid)?;
                let range_ms = self.times.positive(&e.range)?;
                let selection = self.selected(&e.selector, reference, back_ms, ahead_ms)?;
                self.pay_for(&selection)?;
                Ok(RangeVector {
                    samples: Samples::Stored {
                        readers: Rc::clone(&selection.readers),
                        detail: self.statistics.detail(&e.selector),
                    },
                    series: selection.series.to_vec(),
                    reference,
                    range_ms,
                    extension: e.selector.extension,
                    span: e.span,
                })
            }
            Expr::Subquery(e) => {
                let reference = self.reference(&e.modifiers, grid)?;
                let range_ms = self.times.positive(&e.range)?;
                let step_ms = match &e.step {
                    Some(step) => self.times.positive(step)?,
                    None => self.subquery_step_ms,
                }
                .max(1);
                let range = reference.range(grid.whole(), range_ms, 0);
                // The first multiple of the step inside the left-open range.
                let before = range.start_ms.saturating_sub(1).div_euclid(step_ms);
                let start_ms = before.saturating_add(1).saturating_mul(step_ms);
                let inner = Grid::between(start_ms, range.end_ms, step_ms);
                let before = self.cx.operators();
                let input = self.build(&e.expr, inner)?;
                let operators = self.cx.operators() - before;
                let tile_steps = self.tile_steps(&e.expr, inner)?;
                Ok(RangeVector {
                    series: input.series().to_vec(),
                    samples: Samples::Subquery(Subquery::new(input, inner, tile_steps, operators)),
                    reference,
                    range_ms,
                    extension: None,
                    span: e.span,
                })
            }
            other => unsupported("a range vector of this kind", other.span()),
        }
    }
}

pub(super) fn scalar(source: ScalarSource) -> BoxOperator {
    Box::new(Scalar::new(source))
}
