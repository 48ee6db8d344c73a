//! `/query`: statements of InfluxQL.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tsdb_influx::influxql::{self, Statement};
use tsdb_influx::{Error, Influx, Limits, Message, Precision, Session};

use super::answer::{Answered, Times};
use super::error::InfluxError;
use super::write::now_ns;
use super::{csv, json, params, permission};
use crate::api::params::Params;
use crate::auth::Scopes;
use crate::queries::End;
use crate::state::AppState;

/// Rows of a document when the answer is chunked, as in InfluxDB.
const CHUNK_SIZE: usize = 10_000;

/// Intervals of `GROUP BY time` that the statements of a request may make.
const MAX_BUCKETS: u64 = 2_000_000;

/// `GET|POST /query`
pub(crate) async fn query(State(state): State<AppState>, request: Request) -> Response {
    let method = request.method().clone();
    let scopes = request.extensions().get::<Scopes>().copied();
    let headers = request.headers().clone();
    match answer(&state, &method, scopes, &headers, request).await {
        Ok(response) => response,
        Err(e) => e.into_response(),
    }
}

async fn answer(
    state: &AppState,
    method: &Method,
    scopes: Option<Scopes>,
    headers: &HeaderMap,
    request: Request,
) -> Result<Response, InfluxError> {
    let params = params::collect(request, state).await?;
    let text = params.get("q");
    let text = text.ok_or_else(|| InfluxError::bad_request("missing required parameter \"q\""))?;
    let bound = params::bound(&params)?;
    // Not on the async threads: patterns are compiled.
    let parsed = state.shared.queries.run({
        let text = text.to_owned();
        let deadline = Instant::now() + state.shared.config.query_timeout;
        move || influxql::parse_until(&text, &bound, Some(deadline))
    });
    let statements = parsed.await?.map_err(|e| match e.is_late() {
        true => InfluxError::new(StatusCode::SERVICE_UNAVAILABLE, e.to_string()),
        false => InfluxError::bad_request(format!("error parsing query: {e}")),
    })?;
    let is_get = matches!(*method, Method::GET | Method::HEAD);
    // The route lets nobody through without.
    permission::check(&statements, scopes.unwrap_or(Scopes::NONE), is_get)?;
    let times = match params.get("epoch") {
        Some(unit) => Times::Number(Precision::from_name(unit)),
        None => Times::Text,
    };
    let accepts = headers
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("");
    let is_csv = ["application/csv", "text/csv"]
        .iter()
        .any(|csv| accepts.contains(csv));
    let is_set = |name| params.get(name) == Some("true");
    let chunk_size = params.get("chunk_size").and_then(|size| size.parse().ok());
    let chunk_size =
        is_set("chunked").then(|| chunk_size.filter(|size| *size > 0).unwrap_or(CHUNK_SIZE));
    let is_pretty = is_set("pretty");
    // Where the statements are executed: an answer may be long.
    let write = move |answers: &[Answered]| match is_csv {
        true => csv::document(answers, times),
        false => json::documents(answers, times, chunk_size, is_pretty),
    };
    let body = execute(state, &params, text, statements, is_get, write).await?;
    let content_type = match is_csv {
        true => "text/csv",
        false => "application/json",
    };
    Ok(([(header::CONTENT_TYPE, content_type)], body).into_response())
}

/// Executes the statements one after the other, up to the first that fails, and writes their answers.
async fn execute(
    state: &AppState,
    params: &Params,
    text: &str,
    statements: Vec<Statement>,
    is_get: bool,
    write: impl FnOnce(&[Answered]) -> Vec<u8> + Send + 'static,
) -> Result<Vec<u8>, InfluxError> {
    let influx = state.influx()?;
    let config = &state.shared.config;
    let begun = Instant::now();
    let deadline = begun + config.query_timeout;
    let shown = if text.to_ascii_lowercase().contains("password") {
        "[REDACTED]"
    } else {
        text
    };
    let listed = state.shared.running.add(shown, params.client);
    let limits = Limits {
        values: config.query_max_samples,
        buckets: MAX_BUCKETS,
    };
    let mut session = Session::new(params.get("db"), now_ns(Precision::Nanoseconds), limits);
    session.policy = params.get("rp").map(str::to_owned);
    session.deadline = Some(deadline);
    session.memory = Some(state.shared.budget.clone());
    session.cancel = Some(Arc::clone(&listed.query.cancel));
    let cancel = CancelOnDrop(Arc::clone(&listed.query.cancel));
    let slow = config.query_log_slower_than;
    let slow = (!slow.is_zero()).then_some(slow);

    let job = state.shared.queries.run(move || {
        listed.query.runs.store(true, Ordering::Relaxed);
        let (answers, end) = match run(&influx, &statements, &session, is_get) {
            Ok(answers) => answers,
            Err(e) => {
                listed.ended_as(End::Failed, Some(e.message.clone()), slow);
                return Err(e);
            }
        };
        let failed = answers
            .iter()
            .find_map(|answer| answer.result.as_ref().err());
        listed.ended_as(end, failed.cloned(), slow);
        Ok(write(&answers))
    });
    let body = tokio::select! {
        body = job => body??,
        // A statement that runs sees its deadline itself, and says so.
        () = tokio::time::sleep_until((deadline + Duration::from_secs(1)).into()) => {
            return Err(InfluxError::new(StatusCode::SERVICE_UNAVAILABLE, "query timed out in query queue"));
        }
        () = state.queries_canceled() => {
            return Err(InfluxError::new(StatusCode::SERVICE_UNAVAILABLE, "query interrupted"));
        }
    };
    drop(cancel);
    Ok(body)
}

/// Ends the statements when the client went away.
struct CancelOnDrop(Arc<std::sync::atomic::AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The answers, and how the first that failed did.
///
/// # Errors
/// When there was no memory for a statement: another time there may be.
fn run(
    influx: &Influx,
    statements: &[Statement],
    session: &Session,
    is_get: bool,
) -> Result<(Vec<Answered>, End), InfluxError> {
    let mut end = End::Answered;
    let mut answers = Vec::with_capacity(statements.len());
    for (number, statement) in statements.iter().enumerate() {
        let result = if end != End::Answered {
            Err(Error::Query("not executed".to_owned()))
        } else {
            influx.execute(statement, session)
        };
        let result = match result {
            Err(Error::Store(e)) if e.is_retryable() => return Err(Error::Store(e).into()),
            result => result,
        };
        if let (End::Answered, Err(e)) = (end, &result) {
            end = match e {
                Error::Timeout => End::TimedOut,
                Error::Canceled => End::Canceled,
                _ => End::Failed,
            };
        }
        let result = result.map(|mut outcome| {
            let changes = !matches!(statement, Statement::Select(_) | Statement::Show(_));
            if is_get && changes {
                outcome.messages.push(Message {
                    text: format!(
                        "deprecated use of '{statement}' in a read only context, please use a POST request instead"
                    ),
                });
            }
            outcome
        });
        answers.push(Answered {
            statement: number,
            result: result.map_err(|e| e.to_string()),
        });
    }
    Ok((answers, end))
}
