//! Answers of two servers to the same query, side by side.

use std::collections::BTreeMap;

use serde_json::Value;

/// How far two values may be apart, relative to the larger: sums are rounded in another order.
const TOLERANCE: f64 = 1e-9;

/// Time and value of a point; the value is a string, or the object of a native histogram.
pub(crate) type Point = (String, Value);

/// The points of every series, by its labels; native histograms behind the floats.
pub(crate) type Answer = BTreeMap<String, Vec<Point>>;

/// Reads `data` of a query: a scalar is one series without labels.
pub(crate) fn series(data: &Value) -> Answer {
    let point = |point: &Value| (point[0].to_string(), point[1].clone());
    let result = &data["result"];
    if data["resultType"] == "scalar" {
        return BTreeMap::from([(String::new(), vec![point(result)])]);
    }
    let result = result.as_array().unwrap().iter();
    let series = result.map(|series| {
        let many = ["values", "histograms"].into_iter();
        let many = many.filter_map(|key| series[key].as_array()).flatten();
        let one = ["value", "histogram"].into_iter();
        let one = one.filter_map(|key| series.get(key));
        // Keys of a JSON object are sorted here, so equal label sets print alike.
        (
            series["metric"].to_string(),
            many.chain(one).map(point).collect(),
        )
    });
    series.collect()
}

/// What differs, in a few words; empty when nothing does.
pub(crate) fn differences(ours: &Answer, theirs: &Answer) -> Vec<String> {
    let mut differences = Vec::new();
    for (labels, points) in theirs {
        match ours.get(labels) {
            None => differences.push(format!("missing {labels}")),
            Some(our_points) => {
                differences
                    .extend(difference(our_points, points).map(|d| format!("{labels}: {d}")));
            }
        }
    }
    let more = ours.keys().filter(|labels| !theirs.contains_key(*labels));
    differences.extend(more.map(|labels| format!("not expected {labels}")));
    differences
}

/// The first point that differs.
fn difference(ours: &[Point], theirs: &[Point]) -> Option<String> {
    let pairs = ours.iter().zip(theirs);
    let mut apart = pairs.filter(|(a, b)| a.0 != b.0 || !close(&a.1, &b.1));
    if let Some((a, b)) = apart.next() {
        return Some(format!("{a:?}, and Prometheus {b:?}"));
    }
    let (n, m) = (ours.len(), theirs.len());
    (n != m).then(|| format!("{n} points, and Prometheus {m}"))
}

fn close(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        _ if ours == theirs => true, // NaN and the infinities too
        (Value::String(a), Value::String(b)) => match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(a), Ok(b)) => {
                a.is_finite() && b.is_finite() && (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
            }
            _ => false,
        },
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let is_close = |(key, a)| b.get(key).is_some_and(|b| close(a, b));
            a.len() == b.len() && a.iter().all(is_close)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_found() {
        let answer = |values: Value| {
            series(
                &json!({"resultType": "matrix", "result": [{"metric": {"b": "1", "a": "2"}, "values": values}]}),
            )
        };
        let theirs = answer(json!([[1, "0.3"], [2, "NaN"]]));
        for same in [
            json!([[1, "0.3"], [2, "NaN"]]),
            json!([[1, "0.30000000000000004"], [2, "NaN"]]),
        ] {
            assert_eq!(differences(&answer(same), &theirs), [""; 0]);
        }
        for other in [
            json!([[1, "0.3001"], [2, "NaN"]]),
            json!([[1, "0.3"], [2, "0"]]),
            json!([[1.001, "0.3"], [2, "NaN"]]),
            json!([[1, "0.3"]]),
            json!([[1, "0.3"], [2, "NaN"], [3, "1"]]),
        ] {
            assert_eq!(
                differences(&answer(other.clone()), &theirs).len(),
                1,
                "{other}"
            );
        }
        let histogram = |sum: &str, boundary: &str| {
            let buckets = json!([[0, "1", boundary, "3"]]);
            series(
                &json!({"resultType": "vector", "result": [{"metric": {}, "histogram":
                    [1, {"count": "3", "sum": sum, "buckets": buckets}]}]}),
            )
        };
        let one = histogram("0.3", "2");
        for (other, n) in [
            (histogram("0.30000000000000004", "2"), 0),
            (histogram("0.4", "2"), 1),
            (histogram("0.3", "4"), 1),
        ] {
            assert_eq!(differences(&other, &one).len(), n, "{other:?}");
        }
        let none = series(&json!({"resultType": "vector", "result": []}));
        assert_eq!(differences(&none, &theirs).len(), 1);
        assert_eq!(differences(&theirs, &none).len(), 1);
    }
}
