//! Prometheus remote write: which of the two protocols a request speaks, and the steps that they share.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tsdb_core::{WriteReport, Writer};

use super::apply::{self, LeftOut, WriteError};
use super::ha::{Dropped, Replicas};
use super::proto::ProtoError;
use super::{body, remote_write_v1, remote_write_v2};
use crate::config::RequestLimits;
use crate::state::AppState;

/// Whether a batch holds more samples, exemplars or labels than it may.
///
/// # Errors
/// 413 then.
pub(super) fn check(limits: &RequestLimits, writer: &Writer) -> Result<(), WriteError> {
    if writer.samples_len() > limits.samples {
        return Err(too_many("samples", limits.samples));
    }
    if writer.exemplars_len() > limits.exemplars {
        return Err(too_many("exemplars", limits.exemplars));
    }
    if writer.text_len() > limits.label_bytes {
        return Err(too_many("label_bytes", limits.label_bytes));
    }
    Ok(())
}

/// The refusal of a request that holds more than the limit of this key allows.
pub(crate) fn too_many(key: &str, limit: usize) -> WriteError {
    let what = key.replace('_', " ");
    WriteError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the request holds more than {limit} {what} (limits.request.{key})"),
    )
}

/// The protocols, by the message they send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    V1,
    V2,
}

impl Protocol {
    fn decode(
        self,
        message: &[u8],
        limits: RequestLimits,
        writer: &mut Writer,
        replicas: &mut Replicas<'_>,
    ) -> Result<LeftOut, WriteError> {
        match self {
            Self::V1 => remote_write_v1::decode(message, limits, writer, replicas),
            Self::V2 => remote_write_v2::decode(message, limits, writer, replicas),
        }
    }
}

/// `POST /api/v1/write` and its aliases.
pub(crate) async fn write(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let protocol = match negotiate(&headers) {
        Ok(protocol) => protocol,
        Err(e) => return e.into_response(),
    };
    let (mut response, written) = match write_as(protocol, &state, &headers, body).await {
        Ok(written) => (apply::answer(&written.report, &written.left_out), written),
        Err(e) => (e.into_response(), Written::default()),
    };
    if protocol == Protocol::V2 {
        tell_written(&mut response, &written);
    }
    response
}

/// What became of a request.
#[derive(Debug, Default)]
struct Written {
    report: WriteReport,
    left_out: LeftOut,
    dropped: Dropped,
}

async fn write_as(
    protocol: Protocol,
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
) -> Result<Written, WriteError> {
    state.store()?; // before the body is collected
    let body = body::collect_write(state, headers, body).await?;
    let (report, (left_out, dropped)) = apply::write(state, move |shared, writer| {
        let mut replicas = Replicas::new(shared.elections.as_ref());
        let limit = shared.config.max_decoded_bytes;
        let limits = shared.request_limits();
        let left_out = body::snappy(&body.bytes, limit, &shared.buffers, |message| {
            protocol.decode(message, limits, writer, &mut replicas)
        });
        replicas.save();
        Ok((left_out?, replicas.dropped))
    })
    .await?;
    Ok(Written {
        report,
        left_out,
        dropped,
    })
}

/// Version 2 demands these headers of every answer; a sender that misses them takes nothing for written. What is dropped
/// because another replica writes the same counts as written: it is acknowledged.
fn tell_written(response: &mut Response, written: &Written) {
    let Written {
        report, dropped, ..
    } = written;
    let histograms = report.accepted_histograms;
    for (name, n) in [
        (
            "x-prometheus-remote-write-samples-written",
            report.accepted - histograms + dropped.floats,
        ),
        (
            "x-prometheus-remote-write-histograms-written",
            histograms + dropped.histograms,
        ),
        (
            "x-prometheus-remote-write-exemplars-written",
            report.accepted_exemplars,
        ),
    ] {
        response.headers_mut().insert(name, HeaderValue::from(n));
    }
}

/// Senders that name no type and no encoding mean version 1; those that name a message that is not known get 415, after
/// which they may try another one.
fn negotiate(headers: &HeaderMap) -> Result<Protocol, WriteError> {
    let value = |name| {
        headers
            .get(name)
            .map_or("", |v: &HeaderValue| v.to_str().unwrap_or("?"))
    };
    let unsupported = |what: String| Err(WriteError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, what));

    let content_type = value(header::CONTENT_TYPE);
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or("");
    if !media_type.is_empty() && !media_type.eq_ignore_ascii_case("application/x-protobuf") {
        return unsupported(format!(
            "content type {media_type:?} is not application/x-protobuf"
        ));
    }
    let mut protocol = Protocol::V1;
    for parameter in parts {
        if let Some((name, message)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("proto")
        {
            protocol = match message.trim().trim_matches('"') {
                "prometheus.WriteRequest" => Protocol::V1,
                "io.prometheus.write.v2.Request" => Protocol::V2,
                message => {
                    return unsupported(format!(
                        "message {message:?} is not supported, only prometheus.WriteRequest and \
                         io.prometheus.write.v2.Request"
                    ));
                }
            };
        }
    }
    let encoding = value(header::CONTENT_ENCODING);
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("snappy") {
        return unsupported(format!("content encoding {encoding:?} is not snappy"));
    }
    Ok(protocol)
}

impl From<ProtoError> for WriteError {
    fn from(e: ProtoError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, e.to_string())
    }
}

/// Decodes a message as both versions do.
///
/// # Panics
/// When a decoder does, or a series that it made is not in canonical form.
#[cfg(fuzzing)]
pub(crate) fn fuzz(message: &[u8]) {
    let Ok(db) = tsdb_core::Db::in_memory(tsdb_core::Options::new()) else {
        return;
    };
    for protocol in [Protocol::V1, Protocol::V2] {
        let mut writer = db.writer();
        let limits = RequestLimits::default();
        let _ = protocol.decode(message, limits, &mut writer, &mut Replicas::new(None));
        for (labels, ..) in writer.entries() {
            assert!(tsdb_core::Labels::from_canonical(&labels).is_ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_is_that_of_the_headers() {
        let check = |content_type: &str, encoding: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
            headers.insert(header::CONTENT_ENCODING, encoding.parse().unwrap());
            negotiate(&headers).ok()
        };
        assert_eq!(negotiate(&HeaderMap::new()).ok(), Some(Protocol::V1));
        assert_eq!(check("", ""), Some(Protocol::V1));
        assert_eq!(
            check("application/x-protobuf", "snappy"),
            Some(Protocol::V1)
        );
        let v1 = "application/x-protobuf; proto=prometheus.WriteRequest";
        assert_eq!(check(v1, "snappy"), Some(Protocol::V1));
        let v2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
        assert_eq!(check(v2, "snappy"), Some(Protocol::V2));
        assert_eq!(check(v2, ""), Some(Protocol::V2));
        let v3 = "application/x-protobuf;proto=io.prometheus.write.v3.Request";
        assert_eq!(check(v3, "snappy"), None);
        assert_eq!(check("application/json", "snappy"), None);
        assert_eq!(check("application/x-protobuf", "zstd"), None);
        assert_eq!(check(v2, "zstd"), None);
    }
}
