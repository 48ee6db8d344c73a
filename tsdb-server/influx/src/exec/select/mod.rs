//! `SELECT`.
//!
//! ```text
//! statement ─ scope: sources, their fields and tags ─ expand: `*` and patterns ─ plan: functions, names, intervals, checks
//!   source: the series of the sources as tables of the variables, one group after the other
//!     call: functions over a group ─ fill: intervals without a value ─ project: rows of the answer
//! ```
//! A subquery is a source whose series are the rows of its answer.

mod aggregate;
mod call;
mod expand;
mod fill;
mod function;
mod plan;
mod project;
mod scope;
mod source;
mod transform;

use jiff::tz::TimeZone;

use super::condition::TimeBounds;
use super::outcome::{Outcome, Row};
use super::session::Session;
use super::time::Interval;
use crate::error::{Error, Result};
use crate::handle::Influx;
use crate::influxql::ast::Select;
use crate::store::Tags;
use crate::value::Value;
use plan::Plan;
use scope::Scope;

/// What a subquery takes over from the statement around it.
#[derive(Clone, Debug, Default)]
struct Outer {
    bounds: TimeBounds,
    interval: Option<Interval>,
    dimensions: Vec<String>,
    descending: bool,
    /// Whether there is a statement around it.
    is_subquery: bool,
}

/// Rows of a group: times in nanoseconds, and one value for each column.
type Rows = Vec<(i64, Vec<Value>)>;

/// A series of an answer.
#[derive(Clone, Debug)]
struct Answer {
    name: String,
    tags: Tags,
    rows: Rows,
}

/// What rows take in memory, and their text in the answer, in bytes.
fn bytes_of(rows: &Rows) -> u64 {
    let of_row = |(_, values): &(i64, Vec<Value>)| {
        let texts = values.iter().map(Value::text_bytes).sum::<usize>();
        (2 * (size_of::<(i64, Vec<Value>)>() + values.len() * size_of::<Value>()) + texts) as u64
    };
    rows.iter().map(of_row).sum()
}

impl Answer {
    /// Whether a column has text.
    fn has_text(&self, place: usize) -> bool {
        let mut values = self.rows.iter().filter_map(|(_, values)| values.get(place));
        values.any(|value| matches!(value, Value::String(_)))
    }
}

/// What the execution of a statement needs.
#[derive(Clone, Copy)]
struct Context<'a> {
    influx: &'a Influx,
    session: &'a Session,
}

pub(super) fn execute(influx: &Influx, select: &Select, session: &Session) -> Result<Outcome> {
    if select.into.is_some() {
        return Err(Error::query("INTO is not supported"));
    }
    let context = Context { influx, session };
    let (plan, answers) = run(context, select, &Outer::default())?;
    let mut columns = vec![plan.time_name.clone()];
    columns.extend(plan.fields.iter().map(|field| field.name.clone()));
    let zone = plan.zone.clone().unwrap_or(TimeZone::UTC);
    let rows = answers.into_iter().map(|answer| Row {
        name: Some(answer.name),
        tags: answer.tags,
        columns: columns.clone(),
        values: answer
            .rows
            .into_iter()
            .map(|(t_ns, values)| {
                let mut row = Vec::with_capacity(values.len() + 1);
                row.push(Value::Integer(t_ns));
                row.extend(values);
                row
            })
            .collect(),
        time: Some(zone.clone()),
    });
    Ok(Outcome {
        rows: rows.collect(),
        messages: Vec::new(),
    })
}

/// The plan of a statement and its answer, without series that have no rows.
fn run(context: Context<'_>, select: &Select, outer: &Outer) -> Result<(Plan, Vec<Answer>)> {
    let scope = Scope::new(context, select, outer)?;
    let plan = Plan::new(context, select, outer, &scope)?;
    let mut answers = Vec::new();
    for mut group in source::groups(context, scope, &plan)? {
        context.session.check()?;
        let tables = group.load(context, &plan)?;
        let mut rows = project::rows(context, &plan, &tables)?;
        plan.limit.apply(&mut rows);
        context.session.settle(bytes_of(&rows));
        if !rows.is_empty() {
            answers.push(Answer {
                name: group.name,
                tags: group.tags,
                rows,
            });
        }
    }
    Ok((plan, answers))
}
