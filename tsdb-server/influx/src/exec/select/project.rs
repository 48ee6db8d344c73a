//! Rows of the answer from the points of the functions, or from the tables themselves.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::call::Point;
use super::plan::Plan;
use super::source::{Column, OfRow, Table};
use super::{Context, Rows};
use crate::error::Result;
use crate::exec::eval::{self, Patterns, Variables};
use crate::influxql::ast::{Cast, Expr, Fill};
use crate::value::Value;

/// The rows of a group in the order of the answer.
pub(super) fn rows(context: Context<'_>, plan: &Plan, tables: &[Table]) -> Result<Rows> {
    if plan.calls.is_empty() {
        return raw(context, plan, tables);
    }
    let mut lists = Vec::with_capacity(plan.calls.len());
    for (_, call) in &plan.calls {
        lists.push(call.points(context, plan, tables, plan.bounds.range())?);
    }
    match lists.as_slice() {
        [points] => single(context, plan, tables, points),
        _ => joined(context, plan, lists),
    }
}

/// Every row of the tables, by time.
fn raw(context: Context<'_>, plan: &Plan, tables: &[Table]) -> Result<Rows> {
    let mut places: Vec<(i64, usize, usize)> = Vec::new();
    for (number, table) in tables.iter().enumerate() {
        let rows = table.times.iter().enumerate();
        places.extend(rows.map(|(row, t_ns)| (*t_ns, number, row)));
    }
    let texts = leading_texts(plan, tables);
    places.sort_by(|a, b| {
        let of = |&(_, number, row): &(i64, usize, usize), variable: usize| {
            Some(tables.get(number)?.columns.get(variable)?.get(row))
        };
        let mut order = a.0.cmp(&b.0);
        for &variable in &texts {
            order = order.then_with(|| match (of(a, variable), of(b, variable)) {
                (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
                (a, b) => {
                    matches!(a, Some(Value::String(_))).cmp(&matches!(b, Some(Value::String(_))))
                }
            });
        }
        order
    });
    if plan.descending {
        places.reverse();
    }
    context.session.use_cells(places.len(), plan.fields.len())?;
    let rows = places.into_iter().enumerate();
    let rows = rows.map(|(done, (t_ns, number, row))| {
        context.session.check_row(done)?;
        let values = match tables.get(number) {
            Some(table) => columns(plan, &of_row(plan, table, row)),
            None => Vec::new(),
        };
        Ok((t_ns, values))
    });
    rows.collect()
}

/// The variables that order rows of one time: of those of the select list by name, the first ones that have only text.
fn leading_texts(plan: &Plan, tables: &[Table]) -> Vec<usize> {
    let mut selected: Vec<usize> = (0..plan.selected).collect();
    selected.sort_by_key(|&variable| plan.variables.get(variable).map(|variable| &variable.name));
    let is_text = |variable: &usize| {
        let columns = tables
            .iter()
            .filter_map(|table| table.columns.get(*variable));
        columns.into_iter().all(Column::is_text)
    };
    selected.into_iter().take_while(is_text).collect()
}

fn of_row<'a>(plan: &'a Plan, table: &'a Table, row: usize) -> OfRow<'a> {
    OfRow {
        plan,
        table,
        row,
        in_condition: false,
    }
}

/// The values of all columns.
fn columns(plan: &Plan, variables: &impl Variables) -> Vec<Value> {
    let patterns = Patterns::default();
    let values = plan.fields.iter().map(|field| {
        match eval::eval(&field.expr, variables, &patterns) {
            // JSON has no such number.
            Value::Float(value) if !value.is_finite() => Value::Null,
            value => value,
        }
    });
    values.collect()
}

/// The values of the functions at one time, and the row of a point that was chosen.
struct OfCalls<'a> {
    plan: &'a Plan,
    values: &'a [Value],
    row: Option<OfRow<'a>>,
}

impl Variables for OfCalls<'_> {
    fn get(&self, name: &str, cast: Option<Cast>) -> Value {
        self.row
            .as_ref()
            .map_or(Value::Null, |row| row.get(name, cast))
    }

    fn call(&self, expr: &Expr) -> Option<Value> {
        let place = self
            .plan
            .calls
            .iter()
            .position(|(known, _)| known == expr)?;
        self.values.get(place).cloned()
    }
}

/// A row for each point of the only function.
fn single(context: Context<'_>, plan: &Plan, tables: &[Table], points: &[Point]) -> Result<Rows> {
    context.session.use_cells(points.len(), plan.fields.len())?;
    let rows = points.iter().enumerate().map(|(done, point)| {
        context.session.check_row(done)?;
        let row = point
            .row
            .and_then(|(number, row)| Some(of_row(plan, tables.get(number)?, row)));
        let variables = OfCalls {
            plan,
            values: std::slice::from_ref(&point.value),
            row,
        };
        Ok((point.t_ns, columns(plan, &variables)))
    });
    rows.collect()
}

/// A row for each time that one of the functions has a point at.
fn joined(context: Context<'_>, plan: &Plan, lists: Vec<Vec<Point>>) -> Result<Rows> {
    let width = lists.len();
    let mut by_time: BTreeMap<i64, Vec<Option<Value>>> = BTreeMap::new();
    for (at, points) in lists.into_iter().enumerate() {
        for point in points {
            let values = match by_time.entry(point.t_ns) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    // As it is and as a row.
                    context.session.use_cells(1, width + plan.fields.len())?;
                    entry.insert(vec![None; width])
                }
            };
            if let Some(slot) = values.get_mut(at) {
                *slot = Some(point.value);
            }
        }
    }
    let mut times: Vec<(i64, Vec<Option<Value>>)> = by_time.into_iter().collect();
    if plan.descending {
        times.reverse();
    }
    let mut last = vec![Value::Null; width];
    let rows = times.into_iter().map(|(t_ns, found)| {
        // Each function is looked for among all.
        context.session.check()?;
        let values =
            found
                .into_iter()
                .zip(&mut last)
                .map(|(value, last)| match (value, plan.fill) {
                    (Some(value), _) => {
                        *last = value.clone();
                        value
                    }
                    (None, Fill::Number(number)) => Value::Float(number),
                    (None, Fill::Previous) => last.clone(),
                    (None, _) => Value::Null,
                });
        let values: Vec<Value> = values.collect();
        let variables = OfCalls {
            plan,
            values: &values,
            row: None,
        };
        Ok((t_ns, columns(plan, &variables)))
    });
    rows.collect()
}
