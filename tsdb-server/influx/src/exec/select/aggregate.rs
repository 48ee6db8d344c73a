//! Points of each interval into one point or several.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::call::{Call, Point};
use super::function::Function;
use super::plan::Plan;
use super::source::Table;
use crate::value::Value;

/// The points of a function for the points of its input, which are in the order of the answer.
pub(super) fn points(
    call: &Call,
    plan: &Plan,
    tables: &[Table],
    input: &[Point],
    range: (i64, i64),
) -> Vec<Point> {
    if call.function == Function::Integral {
        return super::transform::integral(call, plan, input, range);
    }
    let start_of = |point: &Point| match &plan.interval {
        Some(interval) => interval.start(point.t_ns),
        None => range.0,
    };
    let mut out = Vec::new();
    for points in input.chunk_by(|a, b| start_of(a) == start_of(b)) {
        let Some(first) = points.first() else {
            continue;
        };
        // The earliest time there is stands for no time at all.
        let start = Some(start_of(first)).filter(|start| *start != crate::MIN_TIME_NS);
        let keeps_time = match call.function {
            Function::Top | Function::Bottom => true,
            _ => plan.interval.is_none() && plan.is_selector(),
        };
        for mut point in reduce(call, tables, points) {
            if !keeps_time {
                point.t_ns = start.unwrap_or(0);
            }
            out.push(point);
        }
    }
    out
}

/// The points that a function makes of those of one interval.
fn reduce(call: &Call, tables: &[Table], points: &[Point]) -> Vec<Point> {
    let value = |value: Value| vec![Point::new(0, value)];
    match call.function {
        Function::Count => value(Value::Integer(points.len() as i64)),
        Function::Sum => value(sum(points)),
        Function::Mean => value(Value::Float(mean(points))),
        Function::Median => value(median(points)),
        Function::Mode => value(mode(points)),
        Function::Spread => value(spread(points)),
        Function::Stddev => value(stddev(points)),
        Function::Min => best(points, |a, b| {
            compare(&a.value, &b.value).then(a.t_ns.cmp(&b.t_ns))
        }),
        Function::Max => best(points, |a, b| {
            compare(&b.value, &a.value).then(a.t_ns.cmp(&b.t_ns))
        }),
        Function::First => best(points, |a, b| {
            a.t_ns.cmp(&b.t_ns).then(compare(&b.value, &a.value))
        }),
        Function::Last => best(points, |a, b| {
            b.t_ns.cmp(&a.t_ns).then(compare(&b.value, &a.value))
        }),
        Function::Percentile => percentile(points, call.percentile),
        Function::Distinct => distinct(points),
        Function::Top | Function::Bottom => top(call, tables, points),
        _ => Vec::new(),
    }
}

/// The order of two values of a type; floats that are no numbers come last.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        _ => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => a
                .partial_cmp(&b)
                .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())),
            _ => Ordering::Equal,
        },
    }
}

/// The least point in this order; the first of equal ones.
fn best(points: &[Point], order: impl Fn(&Point, &Point) -> Ordering) -> Vec<Point> {
    let best = points.iter().min_by(|a, b| order(a, b));
    best.cloned().into_iter().collect()
}

fn numbers(points: &[Point]) -> impl Iterator<Item = f64> {
    points.iter().filter_map(|point| point.value.as_f64())
}

fn sum(points: &[Point]) -> Value {
    let is_integer = |point: &Point| matches!(point.value, Value::Integer(_));
    if !points.iter().all(is_integer) {
        return Value::Float(numbers(points).sum());
    }
    Value::Integer(points.iter().fold(0_i64, |sum, point| match point.value {
        Value::Integer(value) => sum.wrapping_add(value),
        _ => sum,
    }))
}

fn mean(points: &[Point]) -> f64 {
    numbers(points).sum::<f64>() / points.len() as f64
}

fn sorted(points: &[Point]) -> Vec<&Point> {
    let mut sorted: Vec<&Point> = points.iter().collect();
    sorted.sort_by(|a, b| compare(&a.value, &b.value));
    sorted
}

fn median(points: &[Point]) -> Value {
    let sorted = sorted(points);
    let middle = sorted.len() / 2;
    let at = |index: usize| sorted.get(index).and_then(|point| point.value.as_f64());
    let upper = at(middle);
    let median = if sorted.len().is_multiple_of(2) {
        match (middle.checked_sub(1).and_then(at), upper) {
            (Some(low), Some(high)) => Some(low + (high - low) / 2.0),
            _ => None,
        }
    } else {
        upper
    };
    median.map_or(Value::Null, Value::Float)
}

/// The most frequent value; of equally frequent ones that which came first, and the least where none is there twice.
fn mode(points: &[Point]) -> Value {
    let sorted = sorted(points);
    let groups = sorted.chunk_by(|a, b| compare(&a.value, &b.value).is_eq());
    let earliest = |group: &[&Point]| group.iter().map(|point| point.t_ns).min();
    let best = groups.min_by(|a, b| {
        let frequency = b.len().cmp(&a.len());
        frequency.then_with(|| match a.len() {
            1 => Ordering::Equal,
            _ => earliest(a).cmp(&earliest(b)),
        })
    });
    let value = best.and_then(|group| group.first());
    value.map_or(Value::Null, |point| point.value.clone())
}

fn spread(points: &[Point]) -> Value {
    let least = points.iter().min_by(|a, b| compare(&a.value, &b.value));
    let greatest = points.iter().max_by(|a, b| compare(&a.value, &b.value));
    match (
        least.map(|point| &point.value),
        greatest.map(|point| &point.value),
    ) {
        (Some(Value::Integer(least)), Some(Value::Integer(greatest))) => {
            Value::Integer(greatest.wrapping_sub(*least))
        }
        (Some(least), Some(greatest)) => match (least.as_f64(), greatest.as_f64()) {
            (Some(least), Some(greatest)) => Value::Float(greatest - least),
            _ => Value::Null,
        },
        _ => Value::Null,
    }
}

/// The deviation of a sample; none for a single value.
fn stddev(points: &[Point]) -> Value {
    if points.len() < 2 {
        return Value::Null;
    }
    // The mean point by point, as InfluxDB computes it.
    let (mut mean, mut count) = (0.0, 0.0);
    for value in numbers(points).filter(|value| !value.is_nan()) {
        count += 1.0;
        mean += (value - mean) / count;
    }
    let squares: f64 = numbers(points).map(|value| (value - mean).powi(2)).sum();
    Value::Float((squares / (points.len() - 1) as f64).sqrt())
}

/// The point below which that part of the points lies; none where the part is too small.
fn percentile(points: &[Point], percentile: f64) -> Vec<Point> {
    let sorted = sorted(points);
    let place = (sorted.len() as f64 * percentile / 100.0 + 0.5).floor() - 1.0;
    if !(0.0..sorted.len() as f64).contains(&place) {
        return Vec::new();
    }
    let point = sorted.get(place as usize);
    point.map(|&point| point.clone()).into_iter().collect()
}

/// Each value once, in the order in which they come.
fn distinct(points: &[Point]) -> Vec<Point> {
    let sorted = sorted(points);
    let groups = sorted.chunk_by(|a, b| compare(&a.value, &b.value).is_eq());
    let first = |group: &[&Point]| {
        group
            .iter()
            .min_by_key(|point| point.t_ns)
            .copied()
            .cloned()
    };
    let mut points: Vec<Point> = groups.filter_map(first).collect();
    points.sort_by(|a, b| a.t_ns.cmp(&b.t_ns).then(compare(&a.value, &b.value)));
    let points = points.into_iter().map(|point| Point::new(0, point.value));
    points.collect()
}

/// The greatest or least points, by time. With tags only one for each of their values.
fn top(call: &Call, tables: &[Table], points: &[Point]) -> Vec<Point> {
    let order = |a: &&Point, b: &&Point| {
        let values = compare(&a.value, &b.value);
        let values = if call.function == Function::Top {
            values.reverse()
        } else {
            values
        };
        values.then(a.t_ns.cmp(&b.t_ns))
    };
    let mut sorted: Vec<&Point> = points.iter().collect();
    sorted.sort_by(order);
    if !call.tags.is_empty() {
        let mut seen = HashSet::new();
        sorted.retain(|point| seen.insert(tags_of(call, tables, point)));
    }
    sorted.truncate(call.n);
    sorted.sort_by_key(|point| point.t_ns);
    sorted.into_iter().cloned().collect()
}

fn tags_of(call: &Call, tables: &[Table], point: &Point) -> Vec<String> {
    let tags = call.tags.iter().map(|variable| {
        let value = point.row.and_then(|(table, row)| {
            let column = tables.get(table)?.columns.get(*variable)?;
            Some(column.get(row))
        });
        match value {
            Some(Value::String(text)) => text.to_string(),
            other => format!("{other:?}"),
        }
    });
    tags.collect()
}
