//! Answers of OTLP/HTTP, in the encoding of the request.
//!
//! ```text
//! ExportMetricsServiceResponse  1 partial_success { 1 rejected_data_points (int64)  2 error_message }
//! google.rpc.Status             1 code (int32)  2 message
//! ```

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;
use tsdb_core::WriteReport;

use super::translate::Told;
use crate::error::{RETRY_AFTER_S, retry_after};
use crate::ingest::apply::{self, LeftOut, WriteError};

/// How a request is encoded, and with it the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Protobuf,
    Json,
}

impl Form {
    /// The form that the content type names.
    ///
    /// # Errors
    /// 415 when it names another one, or none.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, WriteError> {
        let value = headers.get(header::CONTENT_TYPE);
        let value = value.map_or("", |v| v.to_str().unwrap_or("?"));
        let media_type = value.split(';').next().unwrap_or("").trim();
        match media_type.to_ascii_lowercase().as_str() {
            "application/x-protobuf" => Ok(Self::Protobuf),
            "application/json" => Ok(Self::Json),
            _ => Err(WriteError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!(
                    "content type {media_type:?} is not application/x-protobuf or application/json"
                ),
            )),
        }
    }

    fn respond(self, status: StatusCode, body: Vec<u8>) -> Response {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let content_type = match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        };
        let content_type = HeaderValue::from_static(content_type);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        response
    }

    /// The answer to a request that was applied: 200, and 429 when all of it is accepted only later.
    pub(super) fn applied(self, report: &WriteReport, told: &Told) -> Response {
        let refused = report.rejected.total();
        let reasons = [
            told.first.clone(),
            apply::refusal(report, &LeftOut::default()),
        ];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        let message = reasons.join("; ");
        if told.left_out == 0
            && report.accepted == 0
            && let Some(wait_s) = apply::for_now(&report.rejected)
        {
            return self.status(StatusCode::TOO_MANY_REQUESTS, &message, Some(wait_s));
        }
        // The store counts samples, of which a histogram has many.
        let rejected = (told.left_out + refused).min(told.points);
        self.respond(StatusCode::OK, self.success(rejected, &message))
    }

    fn success(self, rejected: u64, message: &str) -> Vec<u8> {
        let complete = rejected == 0 && message.is_empty();
        match self {
            Self::Protobuf if complete => Vec::new(),
            Self::Json if complete => b"{}".to_vec(),
            Self::Protobuf => {
                let mut partial = Vec::new();
                varint_field(&mut partial, 1, rejected);
                bytes_field(&mut partial, 2, message.as_bytes());
                let mut body = Vec::new();
                bytes_field(&mut body, 1, &partial);
                body
            }
            Self::Json => {
                // 64-bit integers are texts in this encoding.
                let partial =
                    json!({"rejectedDataPoints": rejected.to_string(), "errorMessage": message});
                json!({"partialSuccess": partial}).to_string().into_bytes()
            }
        }
    }

    /// The answer to a request of which nothing was applied.
    pub(super) fn failed(self, e: &WriteError) -> Response {
        let wait_s = (e.status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_S);
        self.status(e.status, &e.message, wait_s)
    }

    fn status(self, status: StatusCode, message: &str, retry_after_s: Option<u64>) -> Response {
        let code = rpc_code(status);
        let body = match self {
            Self::Protobuf => {
                let mut body = Vec::new();
                varint_field(&mut body, 1, code);
                bytes_field(&mut body, 2, message.as_bytes());
                body
            }
            Self::Json => json!({"code": code, "message": message})
                .to_string()
                .into_bytes(),
        };
        let mut response = self.respond(status, body);
        if let Some(wait_s) = retry_after_s {
            retry_after(&mut response, wait_s);
        }
        response
    }
}

/// The `google.rpc.Code` that goes with a status.
fn rpc_code(status: StatusCode) -> u64 {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => 8, // RESOURCE_EXHAUSTED
        StatusCode::SERVICE_UNAVAILABLE => 14,                              // UNAVAILABLE
        status if status.is_client_error() => 3,                            // INVALID_ARGUMENT
        _ => 13,                                                            // INTERNAL
    }
}

fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn varint_field(out: &mut Vec<u8>, number: u64, n: u64) {
    varint(out, number << 3);
    varint(out, n);
}

fn bytes_field(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
