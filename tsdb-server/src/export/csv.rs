//! `/api/v1/export/csv`: one line a sample, with the columns that `format` names.

use std::borrow::Cow;

use axum::extract::State;
use axum::response::Response;
use tsdb_core::{Db, Labels, Reservation, Series};

use super::series::{Selection, for_each_piece};
use super::stream::{Output, answer};
use crate::api::{Params, json};
use crate::error::ApiError;
use crate::state::AppState;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    Value,
    Time(TimeForm),
    /// A label, the metric name among them.
    Label(String),
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeForm {
    Seconds,
    Milliseconds,
    Nanoseconds,
    Rfc3339,
}

/// `GET|POST /api/v1/export/csv`
pub(crate) async fn export(
    State(state): State<AppState>,
    params: Params,
) -> Result<Response, ApiError> {
    let selection = Selection::of(&state, &params)?;
    let fields = parse_format(params.get("format").unwrap_or(""))
        .map_err(|e| ApiError::invalid_parameter("format", e))?;
    let select = move |db: &Db| selection.series(db);
    let write = move |(series, _share): (Vec<Series>, Reservation), output: &mut Output| {
        for series in &series {
            for_each_piece(series, |times_ms, values| {
                for (t_ms, value) in times_ms.iter().zip(values) {
                    line(&mut output.buffer, &fields, series.labels(), *t_ms, *value);
                    output.send_if_large()?;
                }
                Ok(())
            })?;
        }
        Ok(())
    };
    let content_type = "text/csv; charset=utf-8";
    answer(
        &state,
        |shared| &shared.streams,
        content_type,
        select,
        write,
    )
    .await
}

fn parse_format(text: &str) -> Result<Vec<Field>, String> {
    if text.is_empty() {
        return Err(
            "name the columns, such as __name__,job,__value__,__timestamp__:unix_ms".to_owned(),
        );
    }
    let field = |name: &str| match name.split_once(':').unwrap_or((name, "")) {
        ("", _) => Err("a column has no name".to_owned()),
        ("__value__", "") => Ok(Field::Value),
        ("__timestamp__", form) => Ok(Field::Time(match form {
            "" | "unix_ms" => TimeForm::Milliseconds,
            "unix_s" => TimeForm::Seconds,
            "unix_ns" => TimeForm::Nanoseconds,
            "rfc3339" => TimeForm::Rfc3339,
            _ => {
                return Err(format!(
                    "{form:?} is not unix_s, unix_ms, unix_ns or rfc3339"
                ));
            }
        })),
        _ => Ok(Field::Label(name.to_owned())),
    };
    text.split(',').map(field).collect()
}

fn line(out: &mut Vec<u8>, fields: &[Field], labels: &Labels, t_ms: i64, value: f64) {
    for (i, field) in fields.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        match field {
            Field::Value => json::float(out, value, json::PLAIN),
            Field::Time(form) => out.extend_from_slice(form.write(t_ms).as_bytes()),
            Field::Label(name) => {
                let text = quoted_if_needed(labels.get(name).unwrap_or(""));
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
    out.push(b'\n');
}

impl TimeForm {
    fn write(self, t_ms: i64) -> String {
        match self {
            Self::Seconds => t_ms.div_euclid(1000).to_string(),
            Self::Milliseconds => t_ms.to_string(),
            Self::Nanoseconds => (i128::from(t_ms) * 1_000_000).to_string(),
            // Years of more than four digits have no such form.
            Self::Rfc3339 => jiff::Timestamp::from_millisecond(t_ms)
                .map_or_else(|_| t_ms.to_string(), |t| t.to_string()),
        }
    }
}

/// Quotes as RFC 4180 has them.
fn quoted_if_needed(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_and_written() {
        let format = "__name__,__timestamp__:rfc3339,a,__value__,b,__timestamp__:unix_s,__timestamp__:unix_ns";
        let fields = parse_format(format).unwrap();
        let labels = Labels::from_pairs([("__name__", "m"), ("a", "x,\"y\"")]).unwrap();
        let mut out = Vec::new();
        line(&mut out, &fields, &labels, 1_700_000_000_500, 1e-7);
        line(&mut out, &fields, &labels, -500, f64::NEG_INFINITY);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "m,2023-11-14T22:13:20.5Z,\"x,\"\"y\"\"\",1e-07,,1700000000,1700000000500000000\n\
             m,1969-12-31T23:59:59.5Z,\"x,\"\"y\"\"\",-Inf,,-1,-500000000\n"
        );
        for wrong in ["", "a,,b", "__timestamp__:unix"] {
            assert!(parse_format(wrong).is_err(), "{wrong}");
        }
    }
}
