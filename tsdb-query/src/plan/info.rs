//! `info(v, {…})`: which info series there are, and at which time they are looked up.

use std::collections::HashSet;

use tsdb_core::{METRIC_NAME, MatchOp, Matcher};

use crate::ast::{Call, Expr, SelectorModifiers, Span};
use crate::error::QueryError;
use crate::exec::{
    BoxOperator, Detail, IDENTIFYING, InfoSelector, InstantSelect, Output, Reference, SeriesMeta,
    info,
};
use crate::vector::Grid;

use super::build::{Builder, strip, unsupported};

impl Builder<'_> {
    pub(super) fn info(&self, e: &Call, grid: Grid) -> Result<BoxOperator, QueryError> {
        let Some(first) = e.args.first() else {
            return unsupported("info without an argument", e.span);
        };
        let input = self.build(first, grid)?;
        let matchers = match e.args.get(1).map(strip) {
            None => vec![Matcher::equal(METRIC_NAME, "target_info")],
            Some(Expr::Vector(selector)) => selector.matchers.clone(),
            Some(other) => return unsupported("info with anything but a selector", other.span()),
        };
        let (mut names, data): (Vec<Matcher>, Vec<Matcher>) =
            matchers.into_iter().partition(|m| m.name() == METRIC_NAME);
        let says_which = |m: &Matcher| matches!(m.op(), MatchOp::Equal | MatchOp::Regex);
        if !names.is_empty() && !names.iter().any(says_which) {
            // Not everything that a name is told apart from is an info metric.
            let usual = Matcher::new(MatchOp::Regex, METRIC_NAME, ".+_info");
            names.extend(usual.ok());
        }
        let selector = InfoSelector { names, data };
        // Info series are not given labels of themselves.
        let ignored: Vec<bool> = input
            .series()
            .iter()
            .map(|s| is_info(&selector.names, s))
            .collect();
        let (at_ms, offset_ms) = self.selected_time(first)?.unwrap_or((None, 0));
        let reference = Reference {
            grid,
            at_ms,
            offset_ms,
        };
        let times = self.info_series(&selector, input.series(), &ignored, reference)?;
        let stored = info(input, times, &selector, &ignored, self.cx, grid)?;
        Ok(Box::new(stored))
    }

    /// The times of the samples of the info series that any of `series` may meet.
    fn info_series(
        &self,
        selector: &InfoSelector,
        series: &[SeriesMeta],
        ignored: &[bool],
        reference: Reference,
    ) -> Result<BoxOperator, QueryError> {
        let mut wanted: [HashSet<&str>; 2] = Default::default();
        for (s, _) in series.iter().zip(ignored).filter(|(_, ignored)| !**ignored) {
            for (values, label) in wanted.iter_mut().zip(IDENTIFYING) {
                values.extend(s.labels.get(label));
            }
        }
        let mut matchers = selector.data.clone();
        matchers.extend_from_slice(&selector.names);
        if selector.names.is_empty() {
            matchers.push(Matcher::equal(METRIC_NAME, "target_info"));
        }
        let lookback_ms = self.cx.lookback_ms();
        let range = reference.range(reference.grid.whole(), lookback_ms, 0);
        let mut readers = Vec::new();
        if wanted.iter().any(|values| !values.is_empty()) {
            readers = self.storage.select(&matchers, range)?;
        }
        readers.retain(|reader| {
            wanted.iter().zip(IDENTIFYING).all(|(values, label)| {
                values.is_empty() || values.contains(reader.labels().get(label).unwrap_or(""))
            })
        });
        let series = readers.iter().map(|r| r.labels().clone().into());
        Ok(Box::new(InstantSelect {
            series: series.collect(),
            readers: readers.into(),
            reference,
            output: Output::TimeOfFloat,
            detail: Detail::default(),
            span: Span::default(),
        }))
    }

    /// `@` and the sum of the offsets that the first selector inside of an expression is subject to.
    fn selected_time(&self, expr: &Expr) -> Result<Option<(Option<i64>, i64)>, QueryError> {
        let own = |modifiers: &SelectorModifiers| -> Result<(Option<i64>, i64), QueryError> {
            Ok((self.times.at(modifiers), self.times.offset(modifiers)?))
        };
        let first = |exprs: &mut dyn Iterator<Item = &Expr>| {
            for expr in exprs {
                if let Some(found) = self.selected_time(expr)? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        };
        match expr {
            Expr::Number(_) | Expr::String(_) => Ok(None),
            Expr::Vector(e) => own(&e.modifiers).map(Some),
            Expr::Matrix(e) => own(&e.selector.modifiers).map(Some),
            Expr::Subquery(e) => Ok(match self.selected_time(&e.expr)? {
                Some((None, inner)) => {
                    let (at, offset) = own(&e.modifiers)?;
                    Some((at, offset.saturating_add(inner)))
                }
                other => other,
            }),
            Expr::Call(e) => first(&mut e.args.iter()),
            Expr::Aggregate(e) => first(&mut e.param.as_deref().into_iter().chain([&*e.expr])),
            Expr::Binary(_) => {
                let (start, links) = expr.chain();
                let sides = links.iter().map(|link| &*link.binary.rhs);
                first(&mut std::iter::once(start).chain(sides))
            }
            Expr::Unary(e) => self.selected_time(&e.expr),
            Expr::Paren(e) => self.selected_time(&e.expr),
        }
    }
}

fn is_info(names: &[Matcher], series: &SeriesMeta) -> bool {
    let name = series.labels.metric_name();
    !names.is_empty() && names.iter().all(|m| m.matches(name))
}
