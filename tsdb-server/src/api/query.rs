//! `query`, `query_range`, `query_exemplars`, `format_query`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use tsdb_query::ast::Expr;
use tsdb_query::{QueryError, QueryOptions, QueryResult, QueryValue, parse};

use super::{Json, ast, json, stats};
use crate::api::params::Params;
use crate::error::{ApiError, ErrorKind};
use crate::state::AppState;

/// When a query is evaluated.
#[derive(Clone, Copy, Debug)]
enum When {
    At(i64),
    Steps {
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    },
}

/// `GET|POST /api/v1/query`
pub(crate) async fn instant(
    State(state): State<AppState>,
    params: Params,
) -> Result<Json, ApiError> {
    let limit = params.limit()?;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let t_ms = params.time("time")?.unwrap_or(now_ms);
    evaluate(&state, &params, When::At(t_ms), limit).await
}

/// `GET|POST /api/v1/query_range`
pub(crate) async fn range(State(state): State<AppState>, params: Params) -> Result<Json, ApiError> {
    let limit = params.limit()?;
    let start_ms = params.required_time("start")?;
    let end_ms = params.required_time("end")?;
    if end_ms < start_ms {
        return Err(ApiError::invalid_parameter(
            "end",
            "end timestamp must not be before start time",
        ));
    }
    let step = params.step()?;
    // Whole steps, as Prometheus divides durations; the span may be larger than an i64.
    let span = (i128::from(end_ms) - i128::from(start_ms)) as f64 / 1000.0;
    let max = state.shared.config.query_max_points;
    if (span / step).floor() > max as f64 {
        return Err(ApiError::bad_data(format!(
            "exceeded maximum resolution of {} points per timeseries. Try decreasing the query resolution (?step=XX)",
            with_commas(max)
        )));
    }
    let step_ms = ((step * 1000.0) as i64).max(1); // a step below 1 ms would never end
    let when = When::Steps {
        start_ms,
        end_ms,
        step_ms,
    };
    evaluate(&state, &params, when, limit).await
}

/// `11,000`
fn with_commas(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Sets the flag when the handler is dropped: the client went away, or the server goes down.
#[derive(Debug)]
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn evaluate(
    state: &AppState,
    params: &Params,
    when: When,
    limit: Option<usize>,
) -> Result<Json, ApiError> {
    let begun = Instant::now();
    let timeout = params.timeout(state.shared.config.query_timeout)?;
    let deadline = begun + timeout;
    let query = params.get("query").unwrap_or("").to_owned();
    let listed = state.shared.running.add(&query, params.client);
    let entry = Arc::clone(&listed.query);
    let cancel = CancelOnDrop(Arc::clone(&entry.cancel));
    let options = QueryOptions {
        lookback_ms: params.lookback_ms()?,
        deadline: Some(deadline),
        cancel: Some(Arc::clone(&cancel.0)),
        progress: Some(Arc::clone(&entry.progress)),
        memory: Some(state.shared.budget.clone()),
        per_step_stats: params.get("stats") == Some("all"),
    };
    let slow = state.shared.config.query_log_slower_than;
    let slow = (!slow.is_zero()).then_some(slow);
    let with_stats = params.get("stats").is_some();
    let db = state.store()?;
    let engine = state.shared.engine.clone();

    let job = state.shared.queries.run(move || {
        let queued = begun.elapsed();
        listed.query.runs.store(true, Ordering::Relaxed);
        let result = match when {
            When::At(t_ms) => engine.instant(&db, &query, t_ms, &options),
            When::Steps {
                start_ms,
                end_ms,
                step_ms,
            } => engine.range(&db, &query, start_ms, end_ms, step_ms, &options),
        };
        listed.ended(&result, slow);
        let mut result = result?;
        truncate(&mut result, limit);
        let stats = with_stats.then(|| stats::json(&result.stats, queued));
        json::query(&result, stats.as_deref())
            .map_err(|what| ApiError::new(ErrorKind::Internal, what))
    });
    // The evaluation watches its deadline itself; waiting for a turn has to be watched here. The grace lets an
    // evaluation that sees its deadline say so itself.
    let answer = tokio::select! {
        answer = job => answer??,
        () = tokio::time::sleep_until((deadline + Duration::from_secs(1)).into()) => {
            if entry.runs.load(Ordering::Relaxed) {
                return Err(QueryError::Timeout.into());
            }
            return Err(ApiError::new(ErrorKind::Timeout, "query timed out in query queue"));
        }
        () = state.queries_canceled() => return Err(QueryError::Canceled.into()),
    };
    drop(cancel);
    Ok(Json(answer))
}

/// Cuts the value down to `limit` series, with a warning.
fn truncate(result: &mut QueryResult, limit: Option<usize>) {
    let Some(limit) = limit else { return };
    let cut = match &mut result.value {
        QueryValue::Vector(samples) if samples.len() > limit => {
            samples.truncate(limit);
            true
        }
        QueryValue::Matrix(series) if series.len() > limit => {
            series.truncate(limit);
            true
        }
        _ => false,
    };
    if cut {
        result.warnings.push(super::TRUNCATED.to_owned());
    }
}

/// `GET|POST /api/v1/query_exemplars`: there are no exemplars here; the answer is what a Prometheus without any gives,
/// so that Grafana does not take the data source for broken.
pub(crate) async fn exemplars(
    State(state): State<AppState>,
    params: Params,
) -> Result<Json, ApiError> {
    let range = params.time_range()?;
    if range.is_empty() {
        return Err(ApiError::bad_data(
            "end timestamp must not be before start timestamp",
        ));
    }
    let query = params.get("query").unwrap_or("");
    parse::parse(query, &state.shared.config.parse_options())
        .map_err(|e| ApiError::bad_data(e.to_string()))?;
    Ok(Json(json::success(|out| out.extend_from_slice(b"[]"))))
}

/// `GET|POST /api/v1/format_query`
pub(crate) async fn format(
    State(state): State<AppState>,
    params: Params,
) -> Result<Json, ApiError> {
    let text = parsed(&state, &params)?.pretty();
    Ok(Json(json::success(|out| json::string(out, &text))))
}

/// `GET|POST /api/v1/parse_query`
pub(crate) async fn parse_query(
    State(state): State<AppState>,
    params: Params,
) -> Result<Json, ApiError> {
    let expr = parsed(&state, &params)?;
    Ok(Json(json::success(|out| ast::write(out, &expr))))
}

/// The tree of `query`.
fn parsed(state: &AppState, params: &Params) -> Result<Expr, ApiError> {
    let query = params.get("query").unwrap_or("");
    parse::parse(query, &state.shared.config.parse_options())
        .map_err(|e| ApiError::invalid_parameter("query", e))
}
