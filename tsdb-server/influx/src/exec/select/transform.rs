//! Functions from point to point: derivatives, differences, averages that move; and the integral.

use std::collections::VecDeque;

use super::call::{Call, Point};
use super::function::Function;
use super::plan::Plan;
use crate::value::Value;

/// The points of a transformation. Points without a value are passed over.
pub(super) fn points(call: &Call, input: &[Point]) -> Vec<Point> {
    let present = input.iter().filter(|point| !point.value.is_null());
    match call.function {
        Function::MovingAverage => moving_average(present, call.n),
        Function::CumulativeSum => cumulative_sum(present),
        _ => pairs(call, present),
    }
}

/// The functions of a point and the one before.
fn pairs<'a>(call: &Call, points: impl Iterator<Item = &'a Point>) -> Vec<Point> {
    let mut out = Vec::new();
    let mut previous: Option<&Point> = None;
    for point in points {
        let Some(before) = previous else {
            previous = Some(point);
            continue;
        };
        let elapsed_ns = point.t_ns.saturating_sub(before.t_ns);
        let is_derivative = matches!(
            call.function,
            Function::Derivative | Function::NonNegativeDerivative
        );
        // Of points at one time the first one counts.
        if elapsed_ns == 0 && call.function != Function::Elapsed {
            continue;
        }
        previous = Some(point);
        let value = if call.function == Function::Elapsed {
            Value::Integer(elapsed_ns / call.unit_ns)
        } else if is_derivative {
            // In descending order too, the later of two points in the answer is the minuend.
            derivative(before, point, elapsed_ns.abs() as f64 / call.unit_ns as f64)
        } else {
            difference(before, point)
        };
        let only_positive = matches!(
            call.function,
            Function::NonNegativeDerivative | Function::NonNegativeDifference
        );
        if only_positive && value.as_f64().is_some_and(|value| value < 0.0) {
            continue;
        }
        out.push(Point::new(point.t_ns, value));
    }
    out
}

fn derivative(before: &Point, point: &Point, units: f64) -> Value {
    let difference = match (&before.value, &point.value) {
        (Value::Integer(a), Value::Integer(b)) => b.wrapping_sub(*a) as f64,
        (a, b) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => b - a,
            _ => return Value::Null,
        },
    };
    Value::Float(difference / units)
}

fn difference(before: &Point, point: &Point) -> Value {
    match (&before.value, &point.value) {
        (Value::Integer(a), Value::Integer(b)) => Value::Integer(b.wrapping_sub(*a)),
        (a, b) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => Value::Float(b - a),
            _ => Value::Null,
        },
    }
}

fn moving_average<'a>(points: impl Iterator<Item = &'a Point>, n: usize) -> Vec<Point> {
    let mut out = Vec::new();
    let mut window: VecDeque<f64> = VecDeque::new();
    let mut sum = 0.0;
    for point in points {
        let Some(value) = point.value.as_f64() else {
            continue;
        };
        window.push_back(value);
        sum += value;
        if window.len() > n {
            sum -= window.pop_front().unwrap_or(0.0);
        }
        if window.len() == n {
            out.push(Point::new(point.t_ns, Value::Float(sum / n as f64)));
        }
    }
    out
}

fn cumulative_sum<'a>(points: impl Iterator<Item = &'a Point>) -> Vec<Point> {
    let mut sum = Value::Null;
    let points = points.map(|point| {
        sum = match (&sum, &point.value) {
            (Value::Null, value) => value.clone(),
            (Value::Integer(a), Value::Integer(b)) => Value::Integer(a.wrapping_add(*b)),
            (a, b) => Value::Float(a.as_f64().unwrap_or(0.0) + b.as_f64().unwrap_or(0.0)),
        };
        Point::new(point.t_ns, sum.clone())
    });
    points.collect()
}

/// The area under the line through the points, for each interval that the line crosses.
pub(super) fn integral(call: &Call, plan: &Plan, input: &[Point], range: (i64, i64)) -> Vec<Point> {
    let mut out: Vec<Point> = Vec::new();
    let unit = call.unit_ns as f64;
    let start_of = |t_ns: i64| match &plan.interval {
        Some(interval) => interval.start(t_ns),
        None => range.0,
    };
    let shown = |start: i64| {
        if start == crate::MIN_TIME_NS {
            0
        } else {
            start
        }
    };
    let mut previous: Option<(i64, f64)> = None;
    let mut window = None;
    let mut sum = 0.0;
    for point in input {
        let Some(value) = point.value.as_f64() else {
            continue;
        };
        let start = *window.get_or_insert_with(|| start_of(point.t_ns));
        let Some((before_ns, before)) = previous else {
            previous = Some((point.t_ns, value));
            continue;
        };
        // Of points at one time the last one counts.
        if before_ns == point.t_ns {
            previous = Some((point.t_ns, value));
            continue;
        }
        let (mut from_ns, mut from) = (before_ns, before);
        let here = start_of(point.t_ns);
        if here != start {
            // The interval ends between the two points: the line is cut there.
            let edge = match &plan.interval {
                Some(interval) if plan.descending => start.max(interval.next(here)),
                Some(interval) => interval.next(start).min(here.max(start)),
                None => here,
            };
            let edge = if plan.descending {
                edge
            } else {
                edge.max(from_ns)
            };
            if edge != from_ns {
                let cut = linear(edge, before_ns, point.t_ns, before, value);
                sum += 0.5 * (cut + from) * (edge - from_ns) as f64 / unit;
                (from_ns, from) = (edge, cut);
            }
            out.push(Point::new(shown(start), Value::Float(sum)));
            sum = 0.0;
            window = Some(here);
        }
        sum += 0.5 * (value + from) * (point.t_ns - from_ns) as f64 / unit;
        previous = Some((point.t_ns, value));
    }
    if let Some(start) = window {
        out.push(Point::new(shown(start), Value::Float(sum)));
    }
    out
}

/// The value at a time on the line between two points.
pub(super) fn linear(at: i64, t0: i64, t1: i64, v0: f64, v1: f64) -> f64 {
    let slope = (v1 - v0) / (t1 - t0) as f64;
    slope * (at - t0) as f64 + v0
}
