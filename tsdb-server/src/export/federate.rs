//! `/federate`: the newest sample of each selected series, for another Prometheus to scrape.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tsdb_core::{Columns, Db, Reservation, Series, TimeRange, is_stale};

use super::series::Selection;
use super::stream::{Cut, Output, answer};
use crate::api::Params;
use crate::error::{ApiError, ErrorKind};
use crate::http::text_error;
use crate::state::AppState;
use crate::text::UntypedWriter;

/// `GET /federate`. Without `match[]` the page is empty, as Prometheus's.
pub(crate) async fn federate(
    State(state): State<AppState>,
    headers: HeaderMap,
    params: Params,
) -> Response {
    let now_ms = crate::import::now_ms();
    let lookback = state.shared.config.lookback_delta.as_millis();
    let lookback_ms = i64::try_from(lookback).unwrap_or(i64::MAX);
    let range = TimeRange::new(now_ms.saturating_sub(lookback_ms), now_ms);
    let selection = Selection::new(&state, params.selectors(), range);
    let utf8_names = accepts_utf8_names(&headers);
    let content_type = match utf8_names {
        true => "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8",
        false => "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
    };
    let select = move |db: &Db| selection.series(db);
    let missing = missing(&state.reloaded().settings.global.external_labels);
    let write = move |(series, _share): (Vec<Series>, Reservation), output: &mut Output| {
        write(series, &missing, UntypedWriter::new(utf8_names), output)
    };
    match answer(
        &state,
        |shared| &shared.streams,
        content_type,
        select,
        write,
    )
    .await
    {
        Ok(response) => response,
        Err(e) => plain(e),
    }
}

/// Labels that every series gets which does not have them: without an empty `instance` the scraper would put in its own.
fn missing(external_labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut missing = external_labels.clone();
    missing.entry("instance".to_owned()).or_default();
    missing
}

/// Errors in plain text; an answer that may succeed later keeps its headers.
fn plain(e: ApiError) -> Response {
    match e.kind {
        ErrorKind::BadData => text_error(StatusCode::BAD_REQUEST, e.message),
        _ => e.into_response(),
    }
}

/// Whether the scraper understands names in quotes.
fn accepts_utf8_names(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .any(|part| part.trim().eq_ignore_ascii_case("escaping=allow-utf-8"))
}

fn write(
    mut series: Vec<Series>,
    missing: &BTreeMap<String, String>,
    mut writer: UntypedWriter,
    output: &mut Output,
) -> Result<(), Cut> {
    let pairs = missing.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    let missing: Vec<_> = pairs.collect();

    // By name alone: series of a name keep the order of their labels.
    series.sort_by(|a, b| a.labels().metric_name().cmp(b.labels().metric_name()));
    let mut columns = Columns::default();
    for series in &series {
        columns.clear();
        series.read_into(TimeRange::new(i64::MIN, i64::MAX), &mut columns)?;
        let last = columns.len().wrapping_sub(1);
        let (Some(&t_ms), Some(&value)) = (columns.times_ms.get(last), columns.values.get(last))
        else {
            continue;
        };
        // Prometheus leaves native histograms out of text as well.
        let is_histogram = columns.histograms.last().is_some_and(|(at, _)| *at == last);
        if is_histogram || is_stale(value) || series.labels().metric_name().is_empty() {
            continue;
        }
        let sample = (t_ms, value);
        writer.write(&mut output.buffer, series.labels(), &missing, sample);
        output.send_if_large()?;
    }
    Ok(())
}
