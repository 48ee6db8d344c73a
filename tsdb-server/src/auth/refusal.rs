//! How a request is refused, in the form of its protocol.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Protocol;
use crate::error::RETRY_AFTER_S;
use crate::http::text_error;

/// Nobody known.
pub(super) fn unauthorized(protocol: Protocol) -> Response {
    let status = StatusCode::UNAUTHORIZED;
    let mut response = match protocol {
        Protocol::Prometheus => text_error(status, "Unauthorized"),
        Protocol::Influx1 => with_json(status, json!({ "error": "authorization failed" })),
        Protocol::Influx2 => {
            let body = json!({ "code": "unauthorized", "message": "unauthorized access" });
            with_json(status, body)
        }
        // What Datadog says of a wrong key.
        Protocol::Datadog => return forbidden(protocol),
    };
    let challenge = match protocol {
        Protocol::Influx1 | Protocol::Influx2 => "Basic realm=\"InfluxDB\"",
        _ => "Basic realm=\"tsdb\"",
    };
    let headers = response.headers_mut();
    headers.insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static(challenge),
    );
    response
}

/// Somebody who may not do this.
pub(super) fn forbidden(protocol: Protocol) -> Response {
    let status = StatusCode::FORBIDDEN;
    let reason = "the credentials have not the scope that this needs";
    match protocol {
        Protocol::Prometheus => text_error(status, format!("Forbidden: {reason}")),
        Protocol::Influx1 => with_json(status, json!({ "error": reason })),
        Protocol::Influx2 => with_json(status, json!({ "code": "forbidden", "message": reason })),
        Protocol::Datadog => with_json(status, json!({ "errors": ["Forbidden"] })),
    }
}

/// Too many passwords are being verified.
pub(super) fn busy(protocol: Protocol) -> Response {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let reason = "too many passwords are being verified, try again later";
    let mut response = match protocol {
        Protocol::Prometheus => text_error(status, reason),
        Protocol::Influx1 => with_json(status, json!({ "error": reason })),
        Protocol::Influx2 => with_json(status, json!({ "code": "unavailable", "message": reason })),
        Protocol::Datadog => with_json(status, json!({ "errors": [reason] })),
    };
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    response
}

fn with_json(status: StatusCode, body: serde_json::Value) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (status, content_type, format!("{body}\n")).into_response()
}
