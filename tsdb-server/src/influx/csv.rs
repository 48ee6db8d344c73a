//! Answers as CSV: name, tags, then the columns of the series; a header wherever they change.

use tsdb_influx::{Row, Value};

use super::answer::{Answered, Times, rfc3339};
use super::json::float;

/// All answers in one document.
pub(super) fn document(answers: &[Answered], times: Times) -> Vec<u8> {
    let mut out = String::new();
    let mut header: Option<&[String]> = None;
    for answer in answers {
        match &answer.result {
            Err(error) => line(&mut out, ["error".to_owned(), error.clone()]),
            Ok(outcome) => {
                for row in &outcome.rows {
                    if header != Some(row.columns.as_slice()) {
                        if header.is_some() {
                            out.push('\n');
                        }
                        let columns = row.columns.iter().cloned();
                        line(
                            &mut out,
                            ["name".to_owned(), "tags".to_owned()]
                                .into_iter()
                                .chain(columns),
                        );
                        header = Some(&row.columns);
                    }
                    series(&mut out, row, times);
                }
            }
        }
    }
    out.into_bytes()
}

fn series(out: &mut String, row: &Row, times: Times) {
    let tags: Vec<String> = row
        .tags
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    for values in &row.values {
        let values = values
            .iter()
            .enumerate()
            .map(|(i, value)| match (value, &row.time, times) {
                (Value::Integer(t_ns), Some(zone), Times::Text) if i == 0 => rfc3339(*t_ns, zone),
                (Value::Integer(t_ns), Some(_), Times::Number(unit)) if i == 0 => {
                    (t_ns / unit.nanoseconds()).to_string()
                }
                _ => text(value),
            });
        let name = row.name.clone().unwrap_or_default();
        line(out, [name, tags.join(",")].into_iter().chain(values));
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Float(number) => float(*number),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(value) => value.to_string(),
        Value::String(text) => text.to_string(),
    }
}

fn line(out: &mut String, cells: impl IntoIterator<Item = String>) {
    for (i, cell) in cells.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        if cell.contains(['"', ',', '\n', '\r']) || cell.starts_with(' ') {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push('\n');
}
