//! `/api/v1/export`: VictoriaMetrics's JSON lines.

use axum::extract::State;
use axum::response::Response;
use tsdb_core::{Db, Reservation, Series};

use super::exact;
use super::series::{Selection, for_each_piece, for_each_stretch};
use super::stream::{Output, answer};
use crate::api::{Params, json};
use crate::error::ApiError;
use crate::state::AppState;

/// `GET|POST /api/v1/export`. A line holds one series, or a part of a long one.
pub(crate) async fn export(
    State(state): State<AppState>,
    params: Params,
) -> Result<Response, ApiError> {
    let selection = Selection::of(&state, &params)?;
    let rows = match params.get("max_rows_per_line") {
        None => usize::MAX,
        Some(text) => match text.parse() {
            Ok(0) => usize::MAX, // no limit, as in VictoriaMetrics
            Ok(n) => n,
            Err(_) => {
                let reason = format!("{text:?} is not a whole number");
                return Err(ApiError::invalid_parameter("max_rows_per_line", reason));
            }
        },
    };
    if let Some(format) = params.get("format") {
        let reason = format!("{format:?} is not supported, only JSON lines without a format");
        return Err(ApiError::invalid_parameter("format", reason));
    }
    let content_type = "application/stream+json; charset=utf-8";
    let select = move |db: &Db| selection.series(db);
    let is_exact = matches!(params.get("exact"), Some("1" | "true"));
    let write = move |(series, _share): (Vec<Series>, Reservation), output: &mut Output| {
        for series in &series {
            if is_exact {
                for_each_stretch(series, |samples| {
                    exact::write(series, samples, rows, output)
                })?;
                continue;
            }
            for_each_piece(series, |times_ms, values| {
                for (times_ms, values) in times_ms.chunks(rows).zip(values.chunks(rows)) {
                    let out = &mut output.buffer;
                    out.extend_from_slice(b"{\"metric\":");
                    json::labels(out, series.labels());
                    out.extend_from_slice(b",\"values\":");
                    json::array(out, values, |out, value| number(out, *value));
                    out.extend_from_slice(b",\"timestamps\":");
                    json::array(out, times_ms, |out, t_ms| {
                        out.extend_from_slice(itoa::Buffer::new().format(*t_ms).as_bytes());
                    });
                    out.extend_from_slice(b"}\n");
                    output.send_if_large()?;
                }
                Ok(())
            })?;
        }
        Ok(())
    };
    answer(
        &state,
        |shared| &shared.streams,
        content_type,
        select,
        write,
    )
    .await
}

/// JSON has neither NaN nor infinities.
pub(super) fn number(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"null");
    } else if value.is_infinite() {
        let text: &[u8] = if value > 0.0 {
            b"\"Infinity\""
        } else {
            b"\"-Infinity\""
        };
        out.extend_from_slice(text);
    } else {
        json::float(out, value, json::PLAIN);
    }
}
