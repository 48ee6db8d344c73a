//! Errors of the API, each with a fixed type and status, and the one table from engine errors to them.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tsdb_query::QueryError;

use crate::api::json;
use crate::bridge::PoolError;

/// Prometheus's `errorType`, with the status it always has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// A parameter is wrong.
    BadData,
    /// The evaluation failed.
    Execution,
    /// The client went away.
    Canceled,
    /// The query took too long.
    Timeout,
    /// Our fault.
    Internal,
    /// There is no such thing.
    NotFound,
    /// The body is too large.
    TooLarge,
    /// The body comes too slowly.
    SlowBody,
    /// A feature that is switched off. Prometheus answers 500, and its clients know that.
    Unavailable,
    /// Not now: recovery, overload or a full disk. The same request may succeed later.
    Retry,
}

impl ErrorKind {
    fn name(self) -> &'static str {
        match self {
            Self::BadData | Self::TooLarge => "bad_data",
            Self::Execution => "execution",
            Self::Canceled => "canceled",
            Self::Timeout | Self::SlowBody => "timeout",
            Self::Internal => "internal",
            Self::NotFound => "not_found",
            Self::Unavailable | Self::Retry => "unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::BadData => StatusCode::BAD_REQUEST,
            Self::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Canceled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST), // nginx's "client closed request"
            Self::Timeout | Self::Retry => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal | Self::Unavailable => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

/// Seconds after which a refused request may come again.
pub(crate) const RETRY_AFTER_S: u64 = 5;

/// An error answer in JSON.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    pub(crate) fn bad_data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadData, message)
    }

    /// Prometheus's words for a parameter that does not parse.
    pub(crate) fn invalid_parameter(name: &str, reason: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {reason}"))
    }

    pub(crate) fn internal(e: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::Internal, e.to_string())
    }

    pub(crate) fn not_ready() -> Self {
        Self::new(ErrorKind::Retry, "the store is being recovered")
    }
}

impl From<PoolError> for ApiError {
    fn from(e: PoolError) -> Self {
        let kind = match e {
            PoolError::Full { .. } => ErrorKind::Retry,
            PoolError::Panicked => ErrorKind::Internal,
        };
        Self::new(kind, e.to_string())
    }
}

/// The table of query errors.
impl From<QueryError> for ApiError {
    fn from(e: QueryError) -> Self {
        let kind = match &e {
            QueryError::Parse(e) => return Self::invalid_parameter("query", e),
            QueryError::OutOfMemory { .. } => ErrorKind::Retry,
            QueryError::Timeout => ErrorKind::Timeout,
            QueryError::Canceled => ErrorKind::Canceled,
            QueryError::Storage(_) => ErrorKind::Internal,
            _ => ErrorKind::Execution,
        };
        if kind == ErrorKind::Internal {
            tracing::error!(error = %e, "query failed");
        }
        Self::new(kind, e.to_string())
    }
}

/// The table of engine errors.
impl From<tsdb_core::Error> for ApiError {
    fn from(e: tsdb_core::Error) -> Self {
        use tsdb_core::Error;
        let kind = match &e {
            Error::InvalidLabels(_) | Error::InvalidMatcher(_) => ErrorKind::BadData,
            Error::Closed => ErrorKind::Retry, // going down; a load balancer knows where else to ask
            e if e.is_retryable() => ErrorKind::Retry,
            _ => ErrorKind::Internal,
        };
        if kind == ErrorKind::Internal {
            tracing::error!(error = %e, "storage failed");
        }
        Self::new(kind, e.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json::error(self.kind.name(), &self.message);
        let mut response = json_answer(self.kind.status(), body);
        // Another time there may be less to do.
        if matches!(self.kind, ErrorKind::Retry | ErrorKind::Timeout) {
            retry_after(&mut response, RETRY_AFTER_S);
        }
        response
    }
}

/// An answer in JSON.
pub(crate) fn json_answer(status: StatusCode, body: impl Into<Body>) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (status, content_type, body.into()).into_response()
}

/// Says after how many seconds the same request may succeed.
pub(crate) fn retry_after(response: &mut Response, seconds: u64) {
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
}
