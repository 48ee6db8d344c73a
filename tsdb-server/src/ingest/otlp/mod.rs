//! OpenTelemetry metrics over HTTP (OTLP 1.x): `ExportMetricsServiceRequest` in protobuf or JSON, compressed or not.
//!
//! ```text
//! protobuf ─┐
//!           ├─ model: resource, scope, metric, one data point at a time ─► translate ─► batch
//! json     ─┘              names, resource, histogram: the rules of Prometheus's receiver
//! ```
//! What is refused is counted and told by `partial_success`; the rest of the request is kept.

mod answer;
mod exemplars;
mod histogram;
mod json;
mod model;
mod names;
mod protobuf;
mod resource;
mod translate;
mod value;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use tsdb_core::{WriteReport, Writer};

use self::answer::Form;
use self::translate::{Told, Translator};
use super::apply::{self, WriteError};
use super::body;
use crate::config::Otlp;
use crate::encoding::Encoding;
use crate::state::{AppState, Shared};

/// `POST /api/v1/otlp/v1/metrics` and `/v1/metrics`.
pub(crate) async fn write(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let form = match Form::of(&headers) {
        Ok(form) => form,
        Err(e) => return e.into_response(),
    };
    match write_as(form, &state, &headers, body).await {
        Ok((report, told)) => form.applied(&report, &told),
        Err(e) => form.failed(&e),
    }
}

async fn write_as(
    form: Form,
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
) -> Result<(WriteReport, Told), WriteError> {
    let encoding = Encoding::of(headers)?;
    state.store()?; // before the body is collected
    let body = body::collect_write(state, headers, body).await?;
    let settings = state.reloaded().settings;
    apply::write(state, move |shared, writer| {
        let limit = shared.config.max_decoded_bytes;
        body::decompressed(encoding, &body.bytes, limit, &shared.budget, |message| {
            decode(form, message, &settings.otlp, shared, writer)
        })
    })
    .await
}

fn decode(
    form: Form,
    message: &[u8],
    settings: &Otlp,
    shared: &Shared,
    writer: &mut Writer,
) -> Result<Told, WriteError> {
    let lookback_ms = i64::try_from(shared.config.lookback_delta.as_millis()).unwrap_or(i64::MAX);
    let mut translator = Translator::new(settings, lookback_ms, shared.request_limits(), writer);
    match form {
        Form::Protobuf => protobuf::request(message, &mut translator)?,
        Form::Json => {
            let _memory = shared
                .budget
                .reserve(json::MEMORY_RATIO * message.len() as u64)?;
            json::request(message, &mut translator)?;
        }
    }
    Ok(translator.finish())
}

/// Decodes the bytes in both forms, under settings that the first of them chooses.
///
/// # Panics
/// When a decoder does, or a series that it made is not in canonical form.
#[cfg(fuzzing)]
pub(crate) fn fuzz(bytes: &[u8]) {
    let Some((&choice, message)) = bytes.split_first() else {
        return;
    };
    let settings = Otlp {
        convert_histograms_to_nhcb: choice & 1 != 0,
        promote_all_resource_attributes: choice & 2 != 0,
        promote_scope_metadata: choice & 4 != 0,
        ..Otlp::default()
    };
    let Ok(db) = tsdb_core::Db::in_memory(tsdb_core::Options::new()) else {
        return;
    };
    let limits = crate::config::RequestLimits::default();
    for decode in [protobuf::request, json::request] {
        let mut writer = db.writer();
        let mut translator = Translator::new(&settings, 300_000, limits, &mut writer);
        let _ = decode(message, &mut translator);
        for (labels, ..) in writer.entries() {
            assert!(tsdb_core::Labels::from_canonical(&labels).is_ok());
        }
    }
}
