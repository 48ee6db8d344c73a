//! `query`, `query_range`, `format_query`, `parse_query`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Response;
use tsdb_query::ast::Expr;
use tsdb_query::{
    MatrixSeries, QueryError, QueryOptions, QueryTime, QueryValue, VectorSample, parse,
};

use super::answer::{self, Answer};
use super::{Json, ast, explain, json, json_histogram, stats};
use crate::api::params::Params;
use crate::error::{ApiError, ErrorKind};
use crate::state::AppState;

/// `GET|POST /api/v1/query`
pub(crate) async fn instant(
    State(state): State<AppState>,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = params.limit()?;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let t_ms = params.time("time")?.unwrap_or(now_ms);
    evaluate(&state, &params, QueryTime::At(t_ms), limit).await
}

/// `GET|POST /api/v1/query_range`
pub(crate) async fn range(
    State(state): State<AppState>,
    params: Params,
) -> Result<Response, ApiError> {
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
    let time = QueryTime::Steps {
        start_ms,
        end_ms,
        step_ms,
    };
    evaluate(&state, &params, time, limit).await
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
pub(super) struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn evaluate(
    state: &AppState,
    params: &Params,
    time: QueryTime,
    limit: Option<usize>,
) -> Result<Response, ApiError> {
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
        explain: params.get("explain") == Some("true"),
    };
    let slow = state.shared.config.query_log_slower_than;
    let slow = (!slow.is_zero()).then_some(slow);
    let with_stats = params.get("stats").is_some();
    let db = state.store()?;
    let engine = state.shared.engine.clone();
    let budget = state.shared.budget.clone();

    let (mut answer, streamed) = Answer::new();
    let job = state.shared.queries.run(move || {
        let queued = begun.elapsed();
        listed.query.runs.store(true, Ordering::Relaxed);
        let mut matrix = Matrix::new(limit);
        let mut each = |series| matrix.add(&mut answer, &series);
        let result = engine.stream(&db, &query, time, &options, &mut each);
        listed.ended(&result, slow);
        let mut result = match result {
            Ok(result) => result,
            Err(e) => {
                answer.fail(&e);
                return Err(ApiError::from(e));
            }
        };
        if truncate(&mut result.value, limit) || matrix.is_cut() {
            result.warnings.push(super::TRUNCATED.to_owned());
        }
        if matrix.is_open() {
            answer.out.push(b']');
        } else if let QueryValue::Vector(samples) = &result.value {
            // It stays in memory while the client reads.
            let _held = budget.reserve(bytes_of(samples))?;
            if let Err(e) = write_vector(&mut answer, samples) {
                answer.fail(&e);
                return Err(e.into());
            }
        } else {
            json::query_value(&mut answer.out, &result.value)
                .map_err(|what| ApiError::new(ErrorKind::Internal, what))?;
        }
        let out = &mut answer.out;
        let stats = with_stats.then(|| stats::json(&result.stats, queued));
        let plan = options.explain.then(|| explain::json(&result.plan));
        let extras = [("stats", stats), ("explain", plan)];
        json::end_query(out, &extras, &result.warnings, &result.infos);
        Ok(answer.end())
    });
    // The evaluation watches its deadline itself; waiting for a turn has to be watched here. The grace lets an
    // evaluation that sees its deadline say so itself.
    tokio::select! {
        biased;
        Ok(body) = streamed => Ok(answer::response(body, cancel)),
        answer = job => Ok(answer::whole(answer??)),
        () = tokio::time::sleep_until((deadline + Duration::from_secs(1)).into()) => {
            if entry.runs.load(Ordering::Relaxed) {
                return Err(QueryError::Timeout.into());
            }
            Err(ApiError::new(ErrorKind::Timeout, "query timed out in query queue"))
        }
        () = state.queries_canceled() => Err(QueryError::Canceled.into()),
    }
}

/// Writes the series of a matrix as they come.
struct Matrix {
    series: usize,
    limit: usize,
}

impl Matrix {
    fn new(limit: Option<usize>) -> Self {
        Self {
            series: 0,
            limit: limit.unwrap_or(usize::MAX),
        }
    }

    fn add(&mut self, answer: &mut Answer, series: &MatrixSeries) -> Result<(), QueryError> {
        self.series += 1;
        if self.is_cut() {
            return Ok(());
        }
        if self.series == 1 {
            json::begin_query(&mut answer.out, "matrix");
            answer.out.push(b'[');
        } else {
            answer.out.push(b',');
        }
        write_series(answer, series)
    }

    /// Whether there are series, and their list is not closed yet.
    fn is_open(&self) -> bool {
        self.series > 0
    }

    /// Whether there were more than the limit.
    fn is_cut(&self) -> bool {
        self.series > self.limit
    }
}

/// Writes a series in pieces: there may be one alone, with millions of samples.
fn write_series(answer: &mut Answer, series: &MatrixSeries) -> Result<(), QueryError> {
    answer.out.extend_from_slice(b"{\"metric\":");
    json::labels(&mut answer.out, &series.labels);
    if !series.values.is_empty() {
        answer.out.extend_from_slice(b",\"values\":");
        let points = series.times_ms.iter().zip(&series.values);
        answer.array(points, |out, (&t_ms, &v)| json::point(out, t_ms, v))?;
    }
    if !series.histograms.is_empty() {
        answer.out.extend_from_slice(b",\"histograms\":");
        answer.array(&series.histograms, |out, (t_ms, h)| {
            json_histogram::point(out, *t_ms, h);
        })?;
    }
    answer.out.push(b'}');
    answer.flush()
}

/// What a vector takes in memory, in bytes.
fn bytes_of(samples: &[VectorSample]) -> u64 {
    let labels = samples.iter().map(|sample| sample.labels.as_bytes().len());
    (labels.sum::<usize>() + size_of_val(samples)) as u64
}

fn write_vector(answer: &mut Answer, samples: &[VectorSample]) -> Result<(), QueryError> {
    json::begin_query(&mut answer.out, "vector");
    answer.array(samples, json::vector_sample)
}

/// Cuts a vector down to `limit` series; whether there was something to cut.
fn truncate(value: &mut QueryValue, limit: Option<usize>) -> bool {
    match (value, limit) {
        (QueryValue::Vector(samples), Some(limit)) if samples.len() > limit => {
            samples.truncate(limit);
            true
        }
        _ => false,
    }
}

/// So many times the longest query an answer of `format_query` may be.
const MAX_GROWTH: usize = 8;

/// `GET|POST /api/v1/format_query`
pub(crate) async fn format(
    State(state): State<AppState>,
    params: Params,
) -> Result<Json, ApiError> {
    let max_len = state.shared.config.query_max_expression_bytes;
    let max_len = max_len.saturating_mul(MAX_GROWTH);
    parsed(&state, params, move |expr| {
        let Some(text) = expr.pretty(max_len) else {
            return Err(ApiError::new(
                ErrorKind::Execution,
                format!("formatted, the query is longer than {max_len} bytes"),
            ));
        };
        Ok(json::success(|out| json::string(out, &text)))
    })
    .await
}

/// `GET|POST /api/v1/parse_query`
pub(crate) async fn parse_query(
    State(state): State<AppState>,
    params: Params,
) -> Result<Json, ApiError> {
    parsed(&state, params, |expr| {
        Ok(json::success(|out| ast::write(out, expr)))
    })
    .await
}

/// Answers with the tree of `query`, off the async threads: patterns are compiled.
async fn parsed(
    state: &AppState,
    params: Params,
    answer: impl FnOnce(&Expr) -> Result<Vec<u8>, ApiError> + Send + 'static,
) -> Result<Json, ApiError> {
    let options = state.shared.config.parse_options();
    let job = state.shared.queries.run(move || {
        let query = params.get("query").unwrap_or("");
        let expr = parse::parse(query, &options);
        answer(&expr.map_err(|e| ApiError::invalid_parameter("query", e))?)
    });
    Ok(Json(job.await??))
}

#[cfg(test)]
mod tests {
    use tsdb_core::{FloatHistogram, Labels};

    use super::*;

    #[tokio::test]
    async fn histograms_stand_beside_the_numbers() {
        let mut series = MatrixSeries {
            labels: Labels::empty(),
            times_ms: Vec::new(),
            values: Vec::new(),
            histograms: vec![(1_500, Arc::new(FloatHistogram::default()))],
        };
        let histograms = r#""histograms":[[1.500,{"count":"0","sum":"0"}]]"#;
        let written = |series: &MatrixSeries| {
            let (mut answer, _) = Answer::new();
            write_series(&mut answer, series).unwrap();
            String::from_utf8(answer.out).unwrap()
        };
        assert_eq!(
            written(&series),
            format!(r#"{{"metric":{{}},{histograms}}}"#)
        );
        series.times_ms.push(1_000);
        series.values.push(2.0);
        assert_eq!(
            written(&series),
            format!(r#"{{"metric":{{}},"values":[[1,"2"]],{histograms}}}"#)
        );
    }
}
