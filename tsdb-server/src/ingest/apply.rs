//! Applies a batch, waits until it is durable without keeping a thread, and says how it went.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;
use tsdb_core::{Commit, LabelError, Rejected, WriteReport};

use crate::bridge::PoolError;
use crate::error::{ApiError, ErrorKind, RETRY_AFTER_S};
use crate::http::text_error;

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
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
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
    pub(crate) fn series(&mut self, reason: impl FnOnce() -> String) {
        self.series += 1;
        self.first.get_or_insert_with(reason);
    }

    pub(crate) fn samples(&mut self, n: u64, reason: impl FnOnce() -> String) {
        self.samples += n;
        self.first.get_or_insert_with(reason);
    }
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
    match refusal(report, left_out) {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(text) => text_error(StatusCode::BAD_REQUEST, text),
    }
}

/// The first reason, then the counts; `None` when nothing was refused.
fn refusal(report: &WriteReport, left_out: &LeftOut) -> Option<String> {
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
        "{first}; refused: {}; accepted: {} samples",
        counts.join(", "),
        report.accepted
    ))
}

fn counts(rejected: &Rejected) -> Vec<String> {
    rejected
        .counts()
        .map(|(reason, n)| format!("{n} samples ({reason})"))
        .collect()
}
