//! Applies a batch, waits until it is durable without keeping a thread, and says how it went.

use std::io;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;
use tsdb_core::{Commit, LabelError, RejectReason, Rejected, WriteReport, Writer};

use super::pace::after_wait;
use crate::bridge::PoolError;
use crate::error::{ApiError, ErrorKind, RETRY_AFTER_S, retry_after};
use crate::http::text_error;
use crate::state::{AppState, Shared};

/// A write that is answered with an error, in plain text as Prometheus's receiver does.
#[derive(Debug)]
pub(crate) struct WriteError {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl WriteError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// The batch does not take what the request holds.
    pub(crate) fn too_large(e: LabelError) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, e.to_string())
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Overload: senders of remote write try again on 503, and on 429 only if told to.
    pub(crate) fn retry(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }
}

impl From<ApiError> for WriteError {
    fn from(e: ApiError) -> Self {
        match e.kind {
            ErrorKind::BadData => Self::new(StatusCode::BAD_REQUEST, e.message),
            ErrorKind::Retry => Self::retry(e.message),
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, e.message),
        }
    }
}

/// Of a body that is read while it is applied.
impl From<io::Error> for WriteError {
    fn from(e: io::Error) -> Self {
        (&e).into()
    }
}

impl From<&io::Error> for WriteError {
    fn from(e: &io::Error) -> Self {
        let status = match e.kind() {
            io::ErrorKind::TimedOut => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, format!("cannot read the body: {e}"))
    }
}

impl From<PoolError> for WriteError {
    fn from(e: PoolError) -> Self {
        ApiError::from(e).into()
    }
}

impl From<tsdb_core::Error> for WriteError {
    fn from(e: tsdb_core::Error) -> Self {
        ApiError::from(e).into()
    }
}

impl IntoResponse for WriteError {
    fn into_response(self) -> Response {
        let retry = self.status == StatusCode::SERVICE_UNAVAILABLE;
        let mut response = text_error(self.status, self.message);
        if retry {
            retry_after(&mut response, RETRY_AFTER_S);
        }
        response
    }
}

/// What a decoder left out of a batch: how much of it, and the first reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Series with labels that are not valid.
    pub(crate) series: u64,
    /// Samples of a kind that is not supported.
    pub(crate) samples: u64,
    /// The first reason.
    pub(crate) first: Option<String>,
}

impl LeftOut {
    fn is_empty(&self) -> bool {
        self.series == 0 && self.samples == 0
    }

    pub(crate) fn series(&mut self, reason: impl FnOnce() -> String) {
        self.series += 1;
        self.first.get_or_insert_with(reason);
    }

    pub(crate) fn samples(&mut self, n: u64, reason: impl FnOnce() -> String) {
        self.samples += n;
        self.first.get_or_insert_with(reason);
    }
}

/// Fills a batch off the async threads, applies it and waits until it is durable.
///
/// # Errors
/// What `fill` says; when the batch cannot be applied or did not become durable.
pub(crate) async fn write<T: Send + 'static>(
    state: &AppState,
    fill: impl FnOnce(&Shared, &mut Writer) -> Result<T, WriteError> + Send + 'static,
) -> Result<(WriteReport, T), WriteError> {
    let db = state.store()?;
    let shared = Arc::clone(&state.shared);
    let submit = move || {
        let mut writer = db.writer();
        let filled = fill(&shared, &mut writer)?;
        let commit = if writer.is_empty() {
            None
        } else {
            Some(writer.submit()?)
        };
        Ok((commit, filled))
    };
    let answer = |submitted: Result<(Option<Commit>, T), WriteError>,
                  sender: oneshot::Sender<_>| {
        // Nobody listens when the client went away.
        let send = |result| drop(sender.send(result));
        match submitted {
            Ok((Some(commit), filled)) => commit.on_durable(move |result| {
                let written = result.map(|report| (report, filled));
                send(written.map_err(WriteError::from));
            }),
            Ok((None, filled)) => send(Ok((WriteReport::default(), filled))),
            Err(e) => send(Err(e)),
        }
    };
    after_wait(state.shared.writes.run_then(submit, answer).await).await?
}

/// Waits until the batch is durable; the log's thread wakes this task.
///
/// # Errors
/// When it did not become durable.
pub(crate) async fn durable(commit: Commit) -> Result<WriteReport, WriteError> {
    let (sender, receiver) = oneshot::channel();
    commit.on_durable(move |result| {
        let _ = sender.send(result); // nobody listens when the client went away
    });
    match receiver.await {
        Ok(result) => Ok(result?),
        Err(_) => Err(WriteError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the write-ahead log ended before the write was durable",
        )),
    }
}

/// The answer to a write of which `report` was applied and `left_out` was not.
pub(crate) fn answer(report: &WriteReport, left_out: &LeftOut) -> Response {
    let Some(text) = refusal(report, left_out) else {
        return StatusCode::NO_CONTENT.into_response();
    };
    if left_out.is_empty()
        && let Some(wait_s) = for_now(&report.rejected)
    {
        let mut response = text_error(StatusCode::TOO_MANY_REQUESTS, text);
        retry_after(&mut response, wait_s);
        return response;
    }
    text_error(StatusCode::BAD_REQUEST, text)
}

/// After how many seconds all that was refused is accepted: new series may come again in the next interval, while a retry
/// of anything else would be refused again.
pub(crate) fn for_now(rejected: &Rejected) -> Option<u64> {
    let mut counts = rejected.counts().peekable();
    counts.peek()?;
    counts
        .all(|(reason, _)| reason == RejectReason::NewSeriesLimit)
        .then(|| rejected.retry_after().as_secs() + 1)
}

/// The first reason, then the counts; `None` when nothing was refused.
pub(crate) fn refusal(report: &WriteReport, left_out: &LeftOut) -> Option<String> {
    let mut counts = counts(&report.rejected);
    if left_out.series > 0 {
        counts.push(format!("{} series with invalid labels", left_out.series));
    }
    if left_out.samples > 0 {
        counts.push(format!("{} native histograms", left_out.samples));
    }
    if counts.is_empty() {
        return None;
    }
    let first = match (report.rejected.first().first(), &left_out.first) {
        (Some(r), _) => format!("{}: series {:?}, timestamp {}", r.reason, r.labels, r.t_ms),
        (None, Some(reason)) => reason.clone(),
        (None, None) => "refused".to_owned(),
    };
    Some(format!(
        "{first}; refused: {}; accepted: {} samples{}",
        counts.join(", "),
        report.accepted,
        makers(&report.rejected)
    ))
}

/// Who made the most new series, where a limit of series refused samples.
fn makers(rejected: &Rejected) -> String {
    let named = rejected.series_makers().iter().map(|maker| {
        format!(
            "{:?} ({} and {} refused, by labels {})",
            maker.metric,
            maker.new,
            maker.refused,
            maker.labels.join(", ")
        )
    });
    let named: Vec<String> = named.collect();
    if named.is_empty() {
        return String::new();
    }
    format!("; most new series in this interval: {}", named.join(", "))
}

fn counts(rejected: &Rejected) -> Vec<String> {
    rejected
        .counts()
        .map(|(reason, n)| format!("{n} samples ({reason})"))
        .collect()
}
