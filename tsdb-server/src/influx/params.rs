//! Parameters of InfluxDB's API, from the URL and the form.

use axum::extract::{FromRequest, Request};
use serde_json::Value;
use tsdb_influx::influxql::{Param, Params as Bound};

use super::error::InfluxError;
use crate::api::params::Params;
use crate::state::AppState;

/// Collects the parameters; an empty one is the same as none.
pub(super) async fn collect(request: Request, state: &AppState) -> Result<Params, InfluxError> {
    Params::from_request(request, state)
        .await
        .map_err(Into::into)
}

/// The values of `$name` in `params`, a JSON object.
pub(super) fn bound(params: &Params) -> Result<Bound, InfluxError> {
    let mut bound = Bound::default();
    let Some(text) = params.get("params") else {
        return Ok(bound);
    };
    let fault = |e: &dyn std::fmt::Display| {
        InfluxError::bad_request(format!("error parsing query parameters: {e}"))
    };
    let object: serde_json::Map<String, Value> =
        serde_json::from_str(text).map_err(|e| fault(&e))?;
    for (name, value) in object {
        let value = param(&value);
        let value = value.ok_or_else(|| fault(&format!("unable to bind parameter {name}")))?;
        bound.set(&name, value);
    }
    Ok(bound)
}

fn param(value: &Value) -> Option<Param> {
    match value {
        Value::String(text) => Some(Param::String(text.clone())),
        Value::Bool(value) => Some(Param::Boolean(*value)),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Some(Param::Integer(integer)),
            None => number.as_f64().map(Param::Number),
        },
        Value::Object(object) => {
            let (kind, value) = object.iter().next()?;
            let text = value.as_str();
            match (kind.as_str(), value) {
                ("duration", Value::String(text)) => Param::duration(text),
                ("duration", Value::Number(number)) => number.as_i64().map(Param::Duration),
                ("regex", _) => text.map(|text| Param::Regex(text.to_owned())),
                ("identifier", _) => text.map(|text| Param::Identifier(text.to_owned())),
                ("string", _) => text.map(|text| Param::String(text.to_owned())),
                ("float", _) => value.as_f64().map(Param::Number),
                ("integer", _) => value.as_i64().map(Param::Integer),
                _ => None,
            }
        }
        _ => None,
    }
}
