//! A function of the select list: its arguments checked, and its points over a group.

use std::collections::BTreeMap;

use super::function::{Function, Shape};
use super::plan::Plan;
use super::source::Table;
use super::{Context, aggregate, fill, transform};
use crate::error::{Error, Result};
use crate::exec::time::Interval;
use crate::influxql::ast::{Expr, Fill};
use crate::influxql::format_duration;
use crate::value::{FieldType, Value};

/// A value at a time, and the row it comes from, if it is one row's.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) t_ns: i64,
    pub(super) value: Value,
    /// The number of the table and the row in it.
    pub(super) row: Option<(usize, usize)>,
}

impl Point {
    pub(super) fn new(t_ns: i64, value: Value) -> Self {
        Self {
            t_ns,
            value,
            row: None,
        }
    }
}

/// A function with its arguments.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) function: Function,
    pub(super) input: Input,
    /// The number of points of `top`, `bottom` and `moving_average`.
    pub(super) n: usize,
    /// The percentile.
    pub(super) percentile: f64,
    /// The unit of time, in nanoseconds.
    pub(super) unit_ns: i64,
    /// The tags of `top` and `bottom`: variables.
    pub(super) tags: Vec<usize>,
}

/// What a function works on.
#[derive(Clone, Debug)]
pub(super) enum Input {
    /// A variable of the plan.
    Variable(usize),
    /// The points of another function.
    Call(Box<Call>),
}

const SECOND_NS: i64 = 1_000_000_000;

impl Call {
    /// Reads the arguments of a call.
    pub(super) fn new(plan: &mut Plan, expr: &Expr, inherits: bool) -> Result<Self> {
        let Expr::Call { name, args } = expr else {
            return Err(Error::query(format!("invalid expression: {expr}")));
        };
        let function = Function::named(name);
        let function =
            function.ok_or_else(|| Error::query(format!("undefined function {name}()")))?;
        check_number(function, args)?;
        let Some((first, rest)) = args.split_first() else {
            return Err(Error::query(format!("expected field argument in {name}()")));
        };
        let mut call = Self {
            function,
            input: input(plan, function, first, inherits)?,
            n: 0,
            percentile: 0.0,
            unit_ns: default_unit(function, plan),
            tags: Vec::new(),
        };
        call.read_arguments(plan, rest)?;
        Ok(call)
    }

    fn read_arguments(&mut self, plan: &mut Plan, args: &[Expr]) -> Result<()> {
        let name = self.function.name();
        match self.function {
            Function::Percentile => {
                self.percentile = match args {
                    [Expr::Integer(n)] => *n as f64,
                    [Expr::Number(n)] => *n,
                    _ => return Err(Error::query("expected float argument in percentile()")),
                };
            }
            Function::Derivative
            | Function::NonNegativeDerivative
            | Function::Elapsed
            | Function::Integral => match args {
                [] => {}
                [Expr::Duration(unit_ns)] if *unit_ns > 0 => self.unit_ns = *unit_ns,
                [Expr::Duration(unit_ns)] => {
                    let unit = format_duration(*unit_ns);
                    return Err(Error::query(format!(
                        "duration argument must be positive, got {unit}"
                    )));
                }
                _ if self.function == Function::Integral => {
                    return Err(Error::query("second argument must be a duration"));
                }
                _ => {
                    return Err(Error::query(format!(
                        "second argument to {name} must be a duration"
                    )));
                }
            },
            Function::MovingAverage => match args {
                [Expr::Integer(n)] if *n > 1 => self.n = usize::try_from(*n).unwrap_or(usize::MAX),
                [Expr::Integer(n)] => {
                    return Err(Error::query(format!(
                        "moving_average window must be greater than 1, got {n}"
                    )));
                }
                _ => {
                    return Err(Error::query(
                        "second argument for moving_average must be an integer",
                    ));
                }
            },
            Function::Top | Function::Bottom => {
                let Some((last, tags)) = args.split_last() else {
                    return Ok(());
                };
                let Expr::Integer(n) = last else {
                    return Err(Error::query(format!(
                        "expected integer as last argument in {name}(), found {last}"
                    )));
                };
                if *n <= 0 {
                    return Err(Error::query(format!(
                        "limit ({n}) in {name} function must be at least 1"
                    )));
                }
                self.n = usize::try_from(*n).unwrap_or(usize::MAX);
                for tag in tags {
                    let Expr::Var { name: tag, cast } = tag else {
                        return Err(Error::query(format!(
                            "only fields or tags are allowed in {name}(), found {tag}"
                        )));
                    };
                    self.tags.push(plan.variable(tag, *cast));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Refuses fields of a type that the functions do not take.
    pub(super) fn check_types(
        &self,
        plan: &Plan,
        types: &BTreeMap<String, FieldType>,
    ) -> Result<FieldType> {
        let field_type = match &self.input {
            Input::Call(call) => call.check_types(plan, types)?,
            Input::Variable(variable) => {
                let name = plan.variables.get(*variable).map(|variable| &variable.name);
                let known = name.and_then(|name| types.get(name));
                // One that nobody has gives nothing, whatever the function.
                let Some(field_type) = known else {
                    return Ok(FieldType::Float);
                };
                *field_type
            }
        };
        if !self.function.takes(field_type) {
            let name = self.function.name();
            return Err(Error::query(format!(
                "unsupported {name} iterator type: *query.{field_type}InterruptIterator"
            )));
        }
        Ok(self.function.gives(field_type))
    }

    /// Nanoseconds of intervals before the range that the function looks at.
    pub(super) fn extra_ns(&self, interval: Option<&Interval>) -> i64 {
        let (Some(interval), Input::Call(inner)) = (interval, &self.input) else {
            return 0;
        };
        // One interval, also for an average over more of them: as InfluxDB does.
        let own = match self.function.shape() {
            Shape::Transformation if self.function != Function::CumulativeSum => interval.every_ns,
            _ => 0,
        };
        own.saturating_add(inner.extra_ns(Some(interval)))
    }

    /// The points of the function over a group, in the order of the answer, in a range of time.
    pub(super) fn points(
        &self,
        context: Context<'_>,
        plan: &Plan,
        tables: &[Table],
        range: (i64, i64),
    ) -> Result<Vec<Point>> {
        match self.function.shape() {
            Shape::Transformation => {
                let points = match &self.input {
                    Input::Variable(variable) => merged(plan, tables, *variable, range),
                    Input::Call(inner) => {
                        let inner_range = self.widened(plan, range);
                        inner.points(context, plan, tables, inner_range)?
                    }
                };
                Ok(transform::points(self, &points))
            }
            _ => {
                let points = match &self.input {
                    Input::Variable(variable) => merged(plan, tables, *variable, range),
                    // count(distinct(field))
                    Input::Call(inner) => inner.points(context, plan, tables, range)?,
                };
                let points = aggregate::points(self, plan, tables, &points, range);
                if plan.fill == Fill::None || plan.interval.is_none() || self.gives_several() {
                    return Ok(points);
                }
                fill::points(context, plan, self.function, points, range)
            }
        }
    }

    /// Whether an interval may have several points, so that there is nothing to fill.
    fn gives_several(&self) -> bool {
        self.function.shape() == Shape::Several || self.function == Function::Integral
    }

    /// The range with the intervals that the function looks at beside it.
    fn widened(&self, plan: &Plan, (min, max): (i64, i64)) -> (i64, i64) {
        let Some(interval) = &plan.interval else {
            return (min, max);
        };
        let inner = match &self.input {
            Input::Call(inner) => inner.extra_ns(Some(interval)),
            Input::Variable(_) => 0,
        };
        let own = self.extra_ns(Some(interval)).saturating_sub(inner);
        if plan.descending {
            return (min, max.saturating_add(own).min(crate::MAX_TIME_NS));
        }
        if min == crate::MIN_TIME_NS {
            return (min, max);
        }
        (min.saturating_sub(own).max(crate::MIN_TIME_NS), max)
    }
}

/// The values of a variable in all tables, by time in the order of the answer.
fn merged(plan: &Plan, tables: &[Table], variable: usize, (min, max): (i64, i64)) -> Vec<Point> {
    let mut points = Vec::new();
    for (number, table) in tables.iter().enumerate() {
        let Some(column) = table.columns.get(variable) else {
            continue;
        };
        let Some(super::source::Column::Values(_)) = table.columns.get(variable) else {
            continue;
        };
        let cast = plan
            .variables
            .get(variable)
            .and_then(|variable| variable.cast);
        for (row, t_ns) in table.times.iter().enumerate() {
            if !table.is_answer && !(min..=max).contains(t_ns) {
                continue;
            }
            let value = crate::exec::eval::converted(column.get(row).clone(), cast);
            if !value.is_null() {
                points.push(Point {
                    t_ns: *t_ns,
                    value,
                    row: Some((number, row)),
                });
            }
        }
    }
    if tables.len() > 1 {
        points.sort_by_key(|point| point.t_ns);
    }
    if plan.descending {
        points.reverse();
    }
    points
}

/// The unit where none is given: a second, of `elapsed` a nanosecond, of the derivative of intervals an interval.
fn default_unit(function: Function, plan: &Plan) -> i64 {
    match (function, &plan.interval) {
        (Function::Elapsed, _) => 1,
        (Function::Derivative | Function::NonNegativeDerivative, Some(interval)) => {
            interval.every_ns
        }
        _ => SECOND_NS,
    }
}

fn check_number(function: Function, args: &[Expr]) -> Result<()> {
    let name = function.name();
    let got = args.len();
    let (min, max) = match function {
        Function::Percentile | Function::MovingAverage => (2, 2),
        Function::Derivative
        | Function::NonNegativeDerivative
        | Function::Elapsed
        | Function::Integral => (1, 2),
        Function::Top | Function::Bottom => (2, usize::MAX),
        _ => (1, 1),
    };
    if (min..=max).contains(&got) {
        return Ok(());
    }
    Err(Error::query(match function {
        Function::Distinct if got == 0 => {
            "distinct function requires at least one argument".to_owned()
        }
        Function::Distinct => "distinct function can only have one argument".to_owned(),
        _ if max == usize::MAX => {
            format!("invalid number of arguments for {name}, expected at least {min}, got {got}")
        }
        _ if min == max => {
            format!("invalid number of arguments for {name}, expected {min}, got {got}")
        }
        _ => format!(
            "invalid number of arguments for {name}, expected at least {min} but no more than {max}, got {got}"
        ),
    }))
}

/// The first argument.
fn input(plan: &mut Plan, function: Function, expr: &Expr, inherits: bool) -> Result<Input> {
    let name = function.name();
    let is_transformation = function.shape() == Shape::Transformation;
    match expr {
        Expr::Var { name: field, cast } => {
            if is_transformation && plan.interval.is_some() && !inherits {
                return Err(Error::query(format!(
                    "aggregate function required inside the call to {name}"
                )));
            }
            Ok(Input::Variable(plan.variable(field, *cast)))
        }
        Expr::Distinct(field) if function == Function::Count => {
            let inner = Expr::Call {
                name: "distinct".to_owned(),
                args: vec![Expr::var(field)],
            };
            Ok(Input::Call(Box::new(Call::new(plan, &inner, inherits)?)))
        }
        Expr::Call { name: inner, .. } if function == Function::Count && inner == "distinct" => {
            Ok(Input::Call(Box::new(Call::new(plan, expr, inherits)?)))
        }
        Expr::Call { .. } if is_transformation => {
            if plan.interval.is_none() {
                return Err(Error::query(format!(
                    "{name} aggregate requires a GROUP BY interval"
                )));
            }
            Ok(Input::Call(Box::new(Call::new(plan, expr, inherits)?)))
        }
        _ => Err(Error::query(format!("expected field argument in {name}()"))),
    }
}
