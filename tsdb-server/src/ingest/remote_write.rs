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

/// Decodes a message as both versions do: by a store that was sent it before, and after it one that differs by a byte, and by one that was
/// sent nothing. What comes of it must be the same.
///
/// # Panics
/// When it is not, when a decoder does, or when a series that it made is not in canonical form.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(message: &[u8]) {
    let options = tsdb_core::Options::new().retention(None).future_limit(None);
    let mut other = message.to_vec();
    let sum: usize = message.iter().map(|&byte| usize::from(byte)).sum();
    if let Some(byte) = other.get_mut(sum % message.len().max(1)) {
        *byte ^= 1;
    }
    for protocol in [Protocol::V1, Protocol::V2] {
        let open = || tsdb_core::Db::in_memory(options.clone());
        let (Ok(known), Ok(plain)) = (open(), open()) else {
            return;
        };
        for message in [message, message, &other, message, message, &other, &other] {
            let decode = |writer: &mut Writer| {
                let limits = RequestLimits::default();
                protocol.decode(message, limits, writer, &mut Replicas::new(None))
            };
            let (mut recognised, mut decoded) = (known.writer(), plain.writer());
            match (decode(&mut recognised), decode(&mut decoded)) {
                (Ok(recognised), Ok(decoded)) => assert_eq!(recognised, decoded),
                (Err(_), Err(_)) => continue,
                // Labels that are recognised do not count.
                (Ok(_), Err(e)) => {
                    assert_eq!(e.status, StatusCode::PAYLOAD_TOO_LARGE);
                    continue;
                }
                (Err(e), Ok(_)) => panic!("only what was sent before is refused: {e:?}"),
            }
            assert_eq!(contents(&recognised), contents(&decoded));
            assert_eq!(recognised.metadata_entries(), decoded.metadata_entries());
            assert_eq!(recognised.exemplars_len(), decoded.exemplars_len());
            let _ = recognised.submit();
        }
    }
}

/// What a writer holds of each entry: canonical labels, times and bits of the floats, times of the histograms.
#[cfg(any(test, fuzzing))]
type Contents = Vec<(Vec<u8>, Vec<i64>, Vec<u64>, Vec<i64>)>;

#[cfg(any(test, fuzzing))]
fn contents(writer: &Writer) -> Contents {
    let entries = writer.entries().zip(writer.histograms());
    let entries = entries.map(|((labels, times, values), (_, histograms))| {
        assert!(tsdb_core::Labels::from_canonical(&labels).is_ok());
        let bits = values.iter().map(|value| value.to_bits()).collect();
        let histograms = histograms.iter().map(|h| h.t_ms).collect();
        (labels.into_owned(), times.to_vec(), bits, histograms)
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ingest::wire::{Message, encode, owned};

    /// A request of version 2 with two series, the symbols of which differ in one byte.
    fn request_v2(samples: &[(u64, f64)]) -> Vec<u8> {
        let mut request = Message::default();
        for symbol in ["", "__name__", "up", "job", "a", "b"] {
            request = request.bytes(4, symbol.as_bytes());
        }
        for &(t_ms, value) in samples {
            let sample = Message::default().double(1, value).varint(2, t_ms);
            for refs in [[1, 2, 3, 4], [1, 2, 3, 5]] {
                let series = Message::default().bytes(1, &refs).bytes(2, &sample.0);
                request = request.bytes(5, &series.0);
            }
        }
        request.0
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_was_sent_before_changes_nothing(
            samples in prop::collection::vec((1u64..1 << 40, any::<f64>()), 0..4),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let labels = |job| owned(&[("__name__", "up"), ("job", job)]);
            let floats: Vec<_> = samples.iter().map(|&(t, v)| (t.cast_signed(), v)).collect();
            let v1 = encode(&[(labels("a"), floats.clone()), (labels("b"), floats)], &[]);
            for mut message in [v1, request_v2(&samples)] {
                fuzz(&message); // neither is empty
                for (at, byte) in &damage {
                    let at = at.index(message.len());
                    message[at] = *byte;
                }
                fuzz(&message);
            }
        }
    }

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
