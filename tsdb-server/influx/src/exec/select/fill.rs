//! Intervals without a value.

use super::Context;
use super::call::Point;
use super::function::Function;
use super::plan::Plan;
use super::transform::linear;
use crate::MIN_TIME_NS;
use crate::error::Result;
use crate::influxql::ast::Fill;
use crate::value::Value;

/// Puts a point into every interval of the range that has none. The points are in the order of the answer. A group
/// without any point stays empty.
pub(super) fn points(
    context: Context<'_>,
    plan: &Plan,
    function: Function,
    points: Vec<Point>,
    (min, max): (i64, i64),
) -> Result<Vec<Point>> {
    let (Some(interval), Some(first)) = (&plan.interval, points.first()) else {
        return Ok(points);
    };
    let oldest = points
        .iter()
        .map(|point| point.t_ns)
        .min()
        .unwrap_or(first.t_ns);
    // Without a lower bound the first point's interval is the first.
    let start = if min == MIN_TIME_NS {
        oldest
    } else {
        interval.start(min)
    };
    let end = interval.start(max);
    let buckets = (end.saturating_sub(start) / interval.every_ns).unsigned_abs() + 1;
    context.session.use_buckets(buckets)?;

    let mut starts = Vec::new();
    let mut at = start;
    while at <= end {
        starts.push(at);
        let next = interval.next(at);
        if next <= at {
            break;
        }
        at = next;
    }
    if plan.descending {
        starts.reverse();
    }
    let mut out = Vec::with_capacity(starts.len());
    let mut points = points.into_iter().peekable();
    let mut previous: Option<Point> = None;
    for start in starts {
        let comes = |point: &Point| {
            if plan.descending {
                point.t_ns >= start
            } else {
                point.t_ns <= start
            }
        };
        if let Some(point) = points.next_if(comes) {
            previous = Some(point.clone());
            out.push(point);
            continue;
        }
        let value = match plan.fill {
            Fill::Null if function == Function::Count => Value::Integer(0),
            Fill::Null | Fill::None => Value::Null,
            Fill::Number(number) => like(number, previous.as_ref().or(points.peek())),
            Fill::Previous => previous
                .as_ref()
                .map_or(Value::Null, |point| point.value.clone()),
            Fill::Linear => between(start, interval.every_ns, previous.as_ref(), points.peek()),
        };
        out.push(Point::new(start, value));
    }
    Ok(out)
}

/// A number of the type of a value.
fn like(number: f64, point: Option<&Point>) -> Value {
    match point.map(|point| &point.value) {
        Some(Value::Integer(_)) => Value::Integer(number as i64),
        _ => Value::Float(number),
    }
}

/// The value on the line between the points around, in intervals.
fn between(at: i64, every_ns: i64, before: Option<&Point>, after: Option<&Point>) -> Value {
    let (Some(before), Some(after)) = (before, after) else {
        return Value::Null;
    };
    let (Some(v0), Some(v1)) = (before.value.as_f64(), after.value.as_f64()) else {
        return Value::Null;
    };
    let number = |t_ns: i64| t_ns / every_ns;
    let value = linear(number(at), number(before.t_ns), number(after.t_ns), v0, v1);
    match before.value {
        Value::Integer(_) => Value::Integer(value as i64),
        _ => Value::Float(value),
    }
}
