//! The endpoints of import.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};

use super::lines::Lines;
use super::text_lines::{self, MAX_LINE_BYTES, TextOptions};
use super::{body, json_lines};
use crate::api::Params;
use crate::ingest::WriteError;
use crate::state::AppState;
use crate::text::Format;

/// `POST /api/v1/import`: JSON lines. The type of the content is not looked at: curl says that everything is a form.
pub(crate) async fn json(
    State(state): State<AppState>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let params = Params::of_url(&uri);
    let extra = match extra_labels(&params) {
        Ok(extra) => extra,
        Err(e) => return e.into_response(),
    };
    let limit = state.shared.config.max_decoded_bytes;
    body::import(&state, &headers, body, move |body, sink| {
        json_lines::import(&mut Lines::new(body, limit), &extra, sink)
    })
    .await
}

/// `POST /api/v1/import/prometheus`: OpenMetrics if the type of the content says so, else Prometheus's text format.
pub(crate) async fn prometheus(
    State(state): State<AppState>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let options = match text_options(&Params::of_url(&uri), &headers) {
        Ok(options) => options,
        Err(e) => return e.into_response(),
    };
    body::import(&state, &headers, body, move |body, sink| {
        let mut lines = Lines::new(body, MAX_LINE_BYTES);
        text_lines::import(&mut lines, &options, sink, |_| ())
    })
    .await
}

fn text_options(params: &Params, headers: &HeaderMap) -> Result<TextOptions, WriteError> {
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.map_or("", |v| v.to_str().unwrap_or(""));
    let default_t_ms = match params.get("timestamp") {
        Some(text) => text.parse().map_err(|_| {
            WriteError::bad_request(format!(
                "invalid parameter \"timestamp\": {text:?} is not a whole number of milliseconds"
            ))
        })?,
        None => now_ms(),
    };
    Ok(TextOptions {
        format: Format::of_content_type(content_type),
        default_t_ms: Some(default_t_ms),
        extra_labels: extra_labels(params)?,
        strict: matches!(params.get("strict"), Some("1" | "true")),
    })
}

/// `extra_label=name=value`, any number of times.
fn extra_labels(params: &Params) -> Result<Vec<(String, String)>, WriteError> {
    let parse = |text: &str| match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(WriteError::bad_request(format!(
            "invalid parameter \"extra_label\": {text:?} is not name=value"
        ))),
    };
    params.all("extra_label").map(parse).collect()
}

pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}
