//! Reading: Prometheus's HTTP API, parameter by parameter and byte by byte as its clients expect it.

pub(crate) mod admin;
mod answer;
mod ast;
pub(crate) mod exemplars;
mod explain;
pub(crate) mod json;
mod json_histogram;
pub(crate) mod labels;
pub(crate) mod metadata;
pub(crate) mod page;
pub(crate) mod params;
pub(crate) mod query;
pub(crate) mod running;
pub(crate) mod series;
mod stats;
pub(crate) mod status;

use axum::http::header;
use axum::response::{IntoResponse, Response};

use tsdb_core::Db;

pub(crate) use params::{Params, Selectors};

use crate::error::{ApiError, ErrorKind};
use crate::state::AppState;

/// Prometheus's words when `limit` cut an answer.
const TRUNCATED: &str = "results truncated due to limit";

/// A finished JSON document.
#[derive(Debug)]
pub(crate) struct Json(pub(crate) Vec<u8>);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

/// Runs a look-up in the store on the pool of queries, within the time that a query has.
async fn lookup(
    state: &AppState,
    job: impl FnOnce(&Db) -> Result<Vec<u8>, ApiError> + Send + 'static,
) -> Result<Json, ApiError> {
    let db = state.store()?;
    let job = state.shared.queries.run(move || job(&db));
    tokio::select! {
        answer = job => Ok(Json(answer??)),
        () = tokio::time::sleep(state.shared.config.query_timeout) => {
            Err(ApiError::new(ErrorKind::Retry, "the look-up timed out (--query.timeout)"))
        }
    }
}

/// Whether a look-up may find so many.
///
/// # Errors
/// 422 when it may not.
fn allow_results(found: usize, limit: usize) -> Result<(), ApiError> {
    if found > limit {
        let reason = format!(
            "more than {limit} results (--query.max-lookup-results): narrow match[] or the time down"
        );
        return Err(ApiError::new(ErrorKind::Execution, reason));
    }
    Ok(())
}

/// Cuts a list down to `limit`; the warning, if there was something to cut.
fn truncate<T>(items: &mut Vec<T>, limit: Option<usize>) -> Vec<String> {
    match limit {
        Some(limit) if items.len() > limit => {
            items.truncate(limit);
            vec![TRUNCATED.to_owned()]
        }
        _ => Vec::new(),
    }
}
