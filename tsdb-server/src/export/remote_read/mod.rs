//! Prometheus remote read: what selectors select, as protobuf messages.
//!
//! ```text
//! ReadRequest   1 queries*  2 accepted_response_types* (0 SAMPLES, 1 STREAMED_XOR_CHUNKS)
//! Query         1 start (int64, ms)  2 end (int64, ms)  3 matchers*  4 hints
//! LabelMatcher  1 type (0 =, 1 !=, 2 =~, 3 !~)  2 name  3 value
//! ReadHints     1 step  2 func  3 start (int64, ms)  4 end (int64, ms)  5 grouping*  6 by  7 range
//! ```
//! * The answer has the first form of the list that is known, and samples when there is no list.
//! * External labels are part of every series that is answered, unless it has a label of that name, and asking for them
//!   with `=` finds all series.
//! * The queries are answered one after the other, each from a snapshot of its own: what is held is the list of series of
//!   one of them, and what of its answer is not sent yet.
//! * Errors are plain text, as those of remote write.

mod block;
mod chunks;
mod external_labels;
mod message;
mod request;
mod samples;

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use tsdb_core::{Db, Reservation, Series};

use super::series::reserve;
use crate::error::{ApiError, ErrorKind};
use crate::ingest::{WriteError, body};
use crate::state::AppState;
use external_labels::ExternalLabels;
use request::{Form, Query, ReadRequest};

#[cfg(fuzzing)]
pub(crate) use request::fuzz as fuzz_request;

/// `POST /api/v1/read`
pub(crate) async fn read(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match answer(&state, &headers, body).await {
        Ok(response) => response,
        Err(e) => e.into_response(),
    }
}

async fn answer(state: &AppState, headers: &HeaderMap, body: Body) -> Result<Response, WriteError> {
    let begun = Instant::now();
    state.store()?;
    let body = body::collect(state, headers, body).await?;
    let limit = state.shared.config.max_decoded_bytes;
    let shared = Arc::clone(&state.shared);
    // Not on the async threads: the regexes of the matchers are compiled.
    let decoded = state.shared.reads.run(move || {
        body::snappy(&body.bytes, limit, &shared.buffers, |message| {
            ReadRequest::decode(message, shared.config.load.read_max_queries)
        })
    });
    let request = decoded.await??;
    let form = request.form()?;
    let external = ExternalLabels::new(&state.reloaded().settings.global.external_labels);
    let mut queries = request.queries;
    for query in &mut queries {
        external.take_out(&mut query.matchers);
    }
    let asked = Asked {
        queries,
        external,
        deadline: begun + state.shared.config.query_timeout,
    };
    match form {
        Form::Samples => samples::answer(state, asked).await,
        Form::Chunks => Ok(chunks::answer(state, asked).await?),
    }
}

/// What is to be answered.
struct Asked {
    queries: Vec<Query>,
    external: ExternalLabels,
    deadline: Instant,
}

/// A query with what it selects, in the order of the labels that are answered.
struct Selected {
    labels_only: bool,
    series: Vec<Series>,
    _share: Reservation,
}

impl Asked {
    /// What a query selects.
    fn select(&self, db: &Db, query: &Query) -> Result<Selected, ApiError> {
        check(self.deadline)?;
        let snapshot = db.snapshot(&[&query.matchers])?;
        let mut series = snapshot.select(&query.matchers, query.range)?;
        let share = reserve(db, &series)?;
        self.external.sort(db.memory(), &mut series)?;
        Ok(Selected {
            labels_only: query.labels_only,
            series,
            _share: share,
        })
    }
}

/// Whether there is time left.
///
/// # Errors
/// 503 when there is none.
fn check(deadline: Instant) -> Result<(), ApiError> {
    if Instant::now() > deadline {
        return Err(ApiError::new(
            ErrorKind::Retry,
            "remote read timed out (--query.timeout)",
        ));
    }
    Ok(())
}
