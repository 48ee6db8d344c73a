//! Errors in InfluxDB's forms: `{"error":"…"}` of version 1, `{"code":"…","message":"…"}` of version 2.

use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tsdb_influx::Error;

use crate::api::json::string;
use crate::error::{ApiError, ErrorKind, RETRY_AFTER_S, json_answer, retry_after};
use crate::ingest::WriteError;

/// An error answer.
#[derive(Debug)]
pub(super) struct InfluxError {
    status: StatusCode,
    pub(super) message: String,
    /// Seconds that a sender should wait, if it may try again.
    wait_s: u64,
}

impl InfluxError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            wait_s: RETRY_AFTER_S,
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// What was refused is accepted after so many seconds.
    pub(super) fn try_again(message: impl Into<String>, wait_s: u64) -> Self {
        Self {
            wait_s,
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, message)
        }
    }

    /// The answer of version 2.
    pub(super) fn into_version_2(self) -> Response {
        let code = match self.status {
            StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE => "invalid",
            StatusCode::NOT_FOUND => "not found",
            StatusCode::PAYLOAD_TOO_LARGE => "request too large",
            StatusCode::SERVICE_UNAVAILABLE => "unavailable",
            StatusCode::TOO_MANY_REQUESTS => "too many requests",
            _ => "internal error",
        };
        let mut body = b"{\"code\":".to_vec();
        string(&mut body, code);
        body.extend_from_slice(b",\"message\":");
        string(&mut body, &self.message);
        body.extend_from_slice(b"}");
        self.answer(body)
    }

    fn answer(&self, body: Vec<u8>) -> Response {
        let mut response = json_answer(self.status, body);
        // A header takes no newlines, which the messages of several bad lines have.
        let one_line = self.message.replace(['\n', '\r'], " ");
        if let Ok(message) = HeaderValue::from_str(&one_line) {
            response.headers_mut().insert("x-influxdb-error", message);
        }
        if let StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS = self.status {
            retry_after(&mut response, self.wait_s);
        }
        response
    }
}

impl IntoResponse for InfluxError {
    fn into_response(self) -> Response {
        let mut body = b"{\"error\":".to_vec();
        string(&mut body, &self.message);
        body.extend_from_slice(b"}\n");
        self.answer(body)
    }
}

impl From<WriteError> for InfluxError {
    fn from(e: WriteError) -> Self {
        Self::new(e.status, e.message)
    }
}

impl From<ApiError> for InfluxError {
    fn from(e: ApiError) -> Self {
        let status = match e.kind {
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::SlowBody => StatusCode::REQUEST_TIMEOUT,
            _ => return WriteError::from(e).into(),
        };
        Self::new(status, e.message)
    }
}

impl From<crate::bridge::PoolError> for InfluxError {
    fn from(e: crate::bridge::PoolError) -> Self {
        ApiError::from(e).into()
    }
}

/// The errors of a write.
impl From<Error> for InfluxError {
    fn from(e: Error) -> Self {
        match e {
            Error::DatabaseNotFound(name) => Self::new(
                StatusCode::NOT_FOUND,
                format!("database not found: {name:?}"),
            ),
            // The client's fault, and yet 500: Telegraf and others know it so.
            Error::PolicyNotFound(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()),
            Error::Store(e) => ApiError::from(e).into(),
            Error::Catalog(_) => {
                tracing::error!(error = %e, "the catalogue of databases cannot be written");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, e.to_string())
            }
            e => Self::bad_request(e.to_string()),
        }
    }
}
