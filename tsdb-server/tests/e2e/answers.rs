//! Answers of two servers to the same query, side by side.

use std::collections::BTreeMap;

use serde_json::Value;

/// How far two values may be apart, relative to the larger: sums are rounded in another order.
const TOLERANCE: f64 = 1e-9;

/// The points of every series, by its labels.
type Answer = BTreeMap<String, Vec<(String, String)>>;

/// Reads `data` of a query: a scalar is one series without labels.
pub(crate) fn series(data: &Value) -> Answer {
    let point = |point: &Value| (point[0].to_string(), point[1].as_str().unwrap().to_owned());
    let result = &data["result"];
    if data["resultType"] == "scalar" {
        return BTreeMap::from([(String::new(), vec![point(result)])]);
    }
    let result = result.as_array().unwrap().iter();
    let series = result.map(|series| {
        // Keys of a JSON object are sorted here, so equal label sets print alike.
        let points = match series.get("values") {
            Some(values) => values.as_array().unwrap().iter().map(point).collect(),
            None => vec![point(&series["value"])],
        };
        (series["metric"].to_string(), points)
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
fn difference(ours: &[(String, String)], theirs: &[(String, String)]) -> Option<String> {
    let pairs = ours.iter().zip(theirs);
    let mut apart = pairs.filter(|(a, b)| a.0 != b.0 || !close(&a.1, &b.1));
    if let Some((a, b)) = apart.next() {
        return Some(format!("{a:?}, and Prometheus {b:?}"));
    }
    let (n, m) = (ours.len(), theirs.len());
    (n != m).then(|| format!("{n} points, and Prometheus {m}"))
}

fn close(ours: &str, theirs: &str) -> bool {
    if ours == theirs {
        return true; // NaN and the infinities too
    }
    let (a, b): (f64, f64) = (ours.parse().unwrap(), theirs.parse().unwrap());
    a.is_finite() && b.is_finite() && (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
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
        let none = series(&json!({"resultType": "vector", "result": []}));
        assert_eq!(differences(&none, &theirs).len(), 1);
        assert_eq!(differences(&theirs, &none).len(), 1);
    }
}
