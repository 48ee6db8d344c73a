//! The series of the sources in groups, and a group's series as tables.

use std::collections::BTreeMap;

use super::plan::{Plan, Variable};
use super::scope::{Scope, ScopeSource, StoredMeasurement};
use super::{Answer, Context};
use crate::error::Result;
use crate::exec::eval::{self, Variables};
use crate::exec::session::Session;
use crate::influxql::ast::{Cast, Expr};
use crate::mapping;
use crate::pattern::Pattern;
use crate::store::{self, TaggedSeries, Tags};
use crate::value::{FieldType, Value};

/// The series that make one series of the answer.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    /// The tags it is grouped by.
    pub(super) tags: Tags,
    series: Vec<SourceSeries>,
}

/// A series of a source.
#[derive(Debug)]
struct SourceSeries {
    tags: Tags,
    data: Data,
}

/// Its values, or where they are.
#[derive(Debug)]
enum Data {
    /// For each variable the place among the fields; `None` for a tag.
    Stored(TaggedSeries, std::rc::Rc<[Option<usize>]>),
    /// A subquery's rows; for each variable its column.
    Rows(Vec<(i64, Vec<Value>)>, std::rc::Rc<[Option<usize>]>),
}

/// Values of the plan's variables at times in nanoseconds, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) times: Vec<i64>,
    /// A column for each variable.
    pub(super) columns: Vec<Column>,
    /// Whether the rows are a subquery's: their times are those of its intervals, which begin before the range.
    pub(super) is_answer: bool,
}

/// The values of a variable.
#[derive(Debug)]
pub(super) enum Column {
    /// A tag has one value at all times.
    Constant(Value),
    Values(Vec<Value>),
}

impl Column {
    /// Whether all values are text, as far as there are any.
    pub(super) fn is_text(&self) -> bool {
        let is_text = |value: &Value| matches!(value, Value::String(_) | Value::Null);
        match self {
            Self::Constant(value) => is_text(value),
            Self::Values(values) => values.iter().all(is_text),
        }
    }

    pub(super) fn get(&self, row: usize) -> &Value {
        match self {
            Self::Constant(value) => value,
            Self::Values(values) => values.get(row).unwrap_or(&Value::Null),
        }
    }
}

/// The groups of a statement in the order of the answer, `SLIMIT` and `SOFFSET` applied.
pub(super) fn groups(context: Context<'_>, scope: Scope, plan: &Plan) -> Result<Vec<Group>> {
    let mut groups: BTreeMap<(String, Vec<String>), Vec<SourceSeries>> = BTreeMap::new();
    for source in scope.sources {
        let (name, series) = match source {
            ScopeSource::Measurement(measurement) => {
                let series = stored(context, plan, &measurement)?;
                (Some(measurement.name), series)
            }
            ScopeSource::Subquery(inner, answers) => {
                for (name, series) in rows(plan, &inner, answers) {
                    add(&mut groups, plan, name, series);
                }
                continue;
            }
        };
        for series in series {
            add(&mut groups, plan, name.clone().unwrap_or_default(), series);
        }
    }
    let groups = groups.into_iter().map(|((name, values), series)| Group {
        name,
        tags: plan.dimensions.iter().cloned().zip(values).collect(),
        series,
    });
    let mut groups: Vec<Group> = groups.collect();
    plan.series_limit.apply(&mut groups);
    let series = groups.iter().flat_map(|group| &group.series);
    let kept = series.map(SourceSeries::memory_bytes).sum();
    context.session.settle(kept);
    if plan.descending {
        groups.reverse();
    }
    Ok(groups)
}

fn add(
    groups: &mut BTreeMap<(String, Vec<String>), Vec<SourceSeries>>,
    plan: &Plan,
    name: String,
    series: SourceSeries,
) {
    let dimensions = plan.dimensions.iter();
    let values = dimensions.map(|key| tag(&series.tags, key).unwrap_or("").to_owned());
    groups
        .entry((name, values.collect()))
        .or_default()
        .push(series);
}

fn tag<'a>(tags: &'a Tags, key: &str) -> Option<&'a str> {
    let found = tags.iter().find(|(name, _)| name == key);
    found.map(|(_, value)| value.as_str())
}

/// The series of a measurement that may have rows.
fn stored(
    context: Context<'_>,
    plan: &Plan,
    measurement: &StoredMeasurement,
) -> Result<Vec<SourceSeries>> {
    context.session.check()?;
    // Once for all fields: patterns are compiled.
    let mut of_tags = Vec::new();
    if let Some(condition) = &plan.condition {
        push_down(condition, measurement, &mut of_tags)?;
    }
    let mut fields = Vec::new();
    let mut places = Vec::new();
    for variable in &plan.variables {
        let known = match variable.cast {
            Some(Cast::Tag) => None,
            _ => measurement.fields.get(&variable.name),
        };
        let known = known.filter(|field| becomes(field.field_type, variable.cast));
        let Some(field) = known else {
            places.push(None);
            continue;
        };
        let mut matchers = measurement.matchers_of(&variable.name, *field)?;
        matchers.extend(of_tags.iter().cloned());
        places.push(Some(fields.len()));
        fields.push(matchers);
    }
    // Tags alone make no rows.
    if places.iter().take(plan.selected).all(Option::is_none) {
        return Ok(Vec::new());
    }
    let places: std::rc::Rc<[Option<usize>]> = places.into();
    let series = store::select(&context.influx.db, &fields, read_range(plan))?;
    context.session.use_values(series.len())?;
    let series = series.into_iter().filter_map(|series| {
        let tags = series.tags.clone();
        let of_tags = OfTags {
            tags: &tags,
            measurement,
        };
        let hopeless = plan
            .condition
            .as_ref()
            .is_some_and(|c| never_holds(c, &of_tags, plan));
        (!hopeless).then(|| SourceSeries {
            tags,
            data: Data::Stored(series, places.clone()),
        })
    });
    Ok(series.collect())
}

/// Whether a field has values of the type it is asked for.
fn becomes(field_type: FieldType, cast: Option<Cast>) -> bool {
    match cast {
        None | Some(Cast::Field | Cast::Tag) => true,
        Some(Cast::Float | Cast::Integer) => {
            matches!(field_type, FieldType::Float | FieldType::Integer)
        }
        Some(Cast::String) => field_type == FieldType::String,
        Some(Cast::Boolean) => field_type == FieldType::Boolean,
    }
}

/// The range of the plan with what its functions look at beside it.
fn read_range(plan: &Plan) -> (i64, i64) {
    let (min, max) = plan.bounds.range();
    if plan.descending {
        return (
            min,
            max.saturating_add(plan.extra_ns).min(crate::MAX_TIME_NS),
        );
    }
    (
        min.saturating_sub(plan.extra_ns).max(crate::MIN_TIME_NS),
        max,
    )
}

/// Adds to the matchers the comparisons of tags that hold for every row.
fn push_down(
    condition: &Expr,
    measurement: &StoredMeasurement,
    matchers: &mut Vec<tsdb_core::model::Matcher>,
) -> Result<()> {
    use crate::influxql::ast::BinaryOp;
    use tsdb_core::model::{MatchOp, Matcher};
    let Expr::Binary { op, lhs, rhs } = condition.bare() else {
        return Ok(());
    };
    if *op == BinaryOp::And {
        push_down(lhs, measurement, matchers)?;
        return push_down(rhs, measurement, matchers);
    }
    let Expr::Var { name, cast } = lhs.bare() else {
        return Ok(());
    };
    let is_tag = *cast == Some(Cast::Tag) || !measurement.fields.contains_key(name);
    if !is_tag || matches!(cast, Some(c) if *c != Cast::Tag) {
        return Ok(());
    }
    let label = mapping::label_of_tag(name);
    match (op, &**rhs) {
        (BinaryOp::Eq, Expr::String(value)) => {
            let matcher = Matcher::new(MatchOp::Equal, &label, value);
            matchers.push(matcher.map_err(|e| crate::Error::query(e.to_string()))?);
        }
        (BinaryOp::EqRegex, Expr::Regex(pattern)) => {
            matchers.push(Pattern::matcher(&label, pattern, true)?);
        }
        _ => {}
    }
    Ok(())
}

/// The tags of a series; its fields are not read yet.
struct OfTags<'a> {
    tags: &'a Tags,
    measurement: &'a StoredMeasurement,
}

impl OfTags<'_> {
    fn is_known(&self, expr: &Expr) -> bool {
        let mut known = true;
        expr.walk(&mut |expr| {
            if let Expr::Var { name, cast } = expr {
                known &= *cast == Some(Cast::Tag) || !self.measurement.fields.contains_key(name);
            }
        });
        known
    }
}

impl Variables for OfTags<'_> {
    fn get(&self, name: &str, _cast: Option<Cast>) -> Value {
        Value::text(tag(self.tags, name).unwrap_or(""))
    }
}

/// Whether the tags alone tell that the condition holds for no row.
fn never_holds(condition: &Expr, tags: &OfTags<'_>, plan: &Plan) -> bool {
    use crate::influxql::ast::BinaryOp;
    match condition {
        Expr::Paren(inner) => never_holds(inner, tags, plan),
        Expr::Binary {
            op: BinaryOp::And,
            lhs,
            rhs,
        } => never_holds(lhs, tags, plan) || never_holds(rhs, tags, plan),
        Expr::Binary {
            op: BinaryOp::Or,
            lhs,
            rhs,
        } => never_holds(lhs, tags, plan) && never_holds(rhs, tags, plan),
        other => tags.is_known(other) && !eval::holds(other, tags, &plan.patterns),
    }
}

/// The series of a subquery with their measurements.
fn rows(plan: &Plan, inner: &Plan, answers: Vec<Answer>) -> Vec<(String, SourceSeries)> {
    let column = |variable: &Variable| match variable.cast {
        Some(Cast::Tag) => None,
        _ => inner
            .fields
            .iter()
            .position(|field| field.name == variable.name),
    };
    let places: std::rc::Rc<[Option<usize>]> = plan.variables.iter().map(column).collect();
    let has_column = places.iter().take(plan.selected).any(Option::is_some);
    let answers = answers.into_iter().filter(|_| has_column);
    let series = answers.map(|answer| {
        let series = SourceSeries {
            tags: answer.tags,
            data: Data::Rows(answer.rows, places.clone()),
        };
        (answer.name, series)
    });
    series.collect()
}

impl Group {
    /// The tables of its series, without the rows for which the condition does not hold. Takes the series out.
    pub(super) fn load(&mut self, context: Context<'_>, plan: &Plan) -> Result<Vec<Table>> {
        let mut tables = Vec::new();
        for series in std::mem::take(&mut self.series) {
            let table = series.load(context, plan)?;
            if !table.times.is_empty() {
                tables.push(table);
            }
        }
        Ok(tables)
    }
}

impl SourceSeries {
    /// What it takes in memory before it is loaded, in bytes; rows of a subquery were counted when they were made.
    fn memory_bytes(&self) -> u64 {
        match &self.data {
            Data::Stored(series, _) => {
                let fields = series.fields.iter().flatten();
                fields.map(tsdb_core::Series::memory_bytes).sum()
            }
            Data::Rows(..) => 0,
        }
    }

    fn load(self, context: Context<'_>, plan: &Plan) -> Result<Table> {
        let range = read_range(plan);
        let is_answer = matches!(self.data, Data::Rows(..));
        let (times, fields, places) = match self.data {
            Data::Stored(series, places) => {
                let mut fields = Vec::with_capacity(series.fields.len());
                for field in &series.fields {
                    let points = match field {
                        Some(series) => store::read(series, range)?,
                        None => Vec::new(),
                    };
                    context.session.use_values(points.len())?;
                    let texts = points.iter().map(|(_, value)| value.text_bytes());
                    context.session.use_bytes(texts.sum::<usize>() as u64)?;
                    fields.push(points);
                }
                let (times, columns) = joined(context.session, fields)?;
                (times, columns, places)
            }
            Data::Rows(rows, places) => {
                let (times, columns) = columns_of(rows);
                (times, columns, places)
            }
        };
        let mut fields: Vec<Option<Vec<Value>>> = fields.into_iter().map(Some).collect();
        let mut last_use = vec![usize::MAX; fields.len()];
        for (variable, place) in places.iter().enumerate() {
            if let Some(slot) = place.and_then(|place| last_use.get_mut(place)) {
                *slot = variable;
            }
        }
        let mut columns = Vec::with_capacity(places.len());
        for (at, (variable, place)) in plan.variables.iter().zip(places.iter()).enumerate() {
            columns.push(match *place {
                // The column is copied only if another variable shows it too, in another type.
                Some(place) if last_use.get(place) == Some(&at) => Column::Values(
                    fields
                        .get_mut(place)
                        .and_then(Option::take)
                        .unwrap_or_default(),
                ),
                Some(place) => {
                    Column::Values(fields.get(place).cloned().flatten().unwrap_or_default())
                }
                None => Column::Constant(match tag(&self.tags, &variable.name) {
                    Some(value) if variable.cast.is_none_or(|c| c == Cast::Tag) => {
                        Value::text(value)
                    }
                    _ => Value::Null,
                }),
            });
        }
        let table = Table {
            times,
            columns,
            is_answer,
        };
        table.filtered(context.session, plan)
    }
}

/// Fields by time: every time that one of them has, and null where a field has none.
fn joined(
    session: &Session,
    fields: Vec<Vec<(i64, Value)>>,
) -> Result<(Vec<i64>, Vec<Vec<Value>>)> {
    let mut times: Vec<i64> = Vec::new();
    let same = fields.windows(2).all(|pair| {
        pair[0].len() == pair[1].len() && pair[0].iter().zip(&pair[1]).all(|(a, b)| a.0 == b.0)
    });
    if same {
        times.extend(fields.first().into_iter().flatten().map(|(t_ns, _)| *t_ns));
    } else {
        times.extend(fields.iter().flatten().map(|(t_ns, _)| *t_ns));
        times.sort_unstable();
        times.dedup();
        // Fields that have few of the times in common are mostly null.
        session.use_cells(times.len(), fields.len())?;
    }
    let columns = fields.into_iter().map(|points| {
        session.check()?;
        let mut points = points.into_iter().peekable();
        let values = times.iter().map(|t_ns| {
            let point = points.next_if(|(at, _)| at == t_ns);
            point.map_or(Value::Null, |(_, value)| value)
        });
        Ok(values.collect())
    });
    let columns = columns.collect::<Result<_>>()?;
    Ok((times, columns))
}

/// Rows as columns, by time.
fn columns_of(mut rows: Vec<(i64, Vec<Value>)>) -> (Vec<i64>, Vec<Vec<Value>>) {
    rows.sort_by_key(|(t_ns, _)| *t_ns);
    let width = rows.first().map_or(0, |(_, values)| values.len());
    let mut columns: Vec<Vec<Value>> = (0..width).map(|_| Vec::with_capacity(rows.len())).collect();
    let mut times = Vec::with_capacity(rows.len());
    for (t_ns, values) in rows {
        times.push(t_ns);
        for (column, value) in columns.iter_mut().zip(values) {
            column.push(value);
        }
    }
    (times, columns)
}

/// A row of a table.
pub(super) struct OfRow<'a> {
    pub(super) plan: &'a Plan,
    pub(super) table: &'a Table,
    pub(super) row: usize,
    /// Whether a tag that is absent is empty, as it is in conditions, or null, as it is in the answer.
    pub(super) in_condition: bool,
}

impl Variables for OfRow<'_> {
    fn get(&self, name: &str, cast: Option<Cast>) -> Value {
        let place = self.plan.place(name, cast);
        let column = place.and_then(|place| self.table.columns.get(place));
        match column {
            Some(Column::Constant(Value::Null)) if self.in_condition => Value::text(""),
            Some(column) => column.get(self.row).clone(),
            None => Value::Null,
        }
    }
}

impl Table {
    /// Without the rows for which the condition does not hold, or where none of the selected variables has a value that
    /// is a field's.
    fn filtered(mut self, session: &Session, plan: &Plan) -> Result<Self> {
        let keep: Vec<bool> = (0..self.times.len())
            .map(|row| {
                session.check_row(row)?;
                let has_field = self.columns.iter().take(plan.selected).any(|column| {
                    matches!(column, Column::Values(values) if values.get(row).is_some_and(|v| !v.is_null()))
                });
                let of_row = OfRow {
                    plan,
                    table: &self,
                    row,
                    in_condition: true,
                };
                let holds = |condition| eval::holds(condition, &of_row, &plan.patterns);
                Ok(has_field && plan.condition.as_ref().is_none_or(holds))
            })
            .collect::<Result<_>>()?;
        if keep.iter().all(|keep| *keep) {
            return Ok(self);
        }
        let mut kept = keep.iter();
        self.times.retain(|_| kept.next().copied().unwrap_or(false));
        for column in &mut self.columns {
            if let Column::Values(values) = column {
                let mut kept = keep.iter();
                values.retain(|_| kept.next().copied().unwrap_or(false));
            }
        }
        Ok(self)
    }
}
