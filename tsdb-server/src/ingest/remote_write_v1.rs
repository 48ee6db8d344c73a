//! Prometheus remote write 1.0: a snappy block with `prometheus.WriteRequest`.
//!
//! ```text
//! WriteRequest   1 timeseries*  3 metadata*
//! TimeSeries     1 labels*  2 samples*  3 exemplars* (left out: 1.0 senders do not depend on them)  4 histograms*
//! Label          1 name     2 value
//! Sample         1 value (double)  2 timestamp (int64, ms)
//! MetricMetadata 1 type (enum)  2 metric_family_name  4 help  5 unit
//! ```
//! The decoder reads in place and fills the batch directly; nothing is allocated a label or a sample. The labels of a
//! series that was sent before are recognised as a whole and not decoded again.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tsdb_core::{METRIC_NAME, MetricMetadata, MetricType, SeriesBuilder, WriteReport, Writer};

use super::apply::{self, LeftOut, WriteError};
use super::body;
use super::proto::{Fields, ProtoError};
use crate::state::AppState;

/// What one request may hold. A sample takes two bytes on the wire and sixteen in a batch, so the size of the body
/// alone does not bound the memory.
#[derive(Clone, Copy, Debug)]
struct Limits {
    series: usize,
    samples: usize,
    metadata: usize,
}

const LIMITS: Limits = Limits {
    series: 1_000_000,
    samples: 4_000_000,
    metadata: 100_000,
};

/// `POST /api/v1/write` and its aliases.
pub(crate) async fn write(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, WriteError> {
    check_headers(&headers)?;
    let db = state.store()?;
    let body = body::collect(&state, &headers, body).await?;
    let limit = state.shared.config.max_decoded_bytes;
    let shared = Arc::clone(&state.shared);
    let applied = state.shared.writes.run(move || {
        let mut writer = db.writer();
        let left_out = body::snappy(&body.bytes, limit, &shared.buffers, |message| {
            decode(message, LIMITS, &mut writer)
        })?;
        drop(body);
        let commit = if writer.is_empty() {
            None
        } else {
            Some(writer.submit()?)
        };
        Ok::<_, WriteError>((commit, left_out))
    });
    let (commit, left_out) = applied.await??;
    let report = match commit {
        Some(commit) => apply::durable(commit).await?,
        None => WriteReport::default(),
    };
    Ok(apply::answer(&report, &left_out).into_response())
}

/// Senders that name no type and no encoding mean this protocol; those that name another one get 415, which tells
/// Prometheus that version 2 is not understood here.
fn check_headers(headers: &HeaderMap) -> Result<(), WriteError> {
    let value = |name| {
        headers
            .get(name)
            .map_or("", |v: &axum::http::HeaderValue| v.to_str().unwrap_or("?"))
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
    for parameter in parts {
        if let Some((name, message)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("proto")
            && message.trim().trim_matches('"') != "prometheus.WriteRequest"
        {
            return unsupported(format!(
                "message {message:?} is not supported, only prometheus.WriteRequest"
            ));
        }
    }
    let encoding = value(header::CONTENT_ENCODING);
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("snappy") {
        return unsupported(format!("content encoding {encoding:?} is not snappy"));
    }
    Ok(())
}

impl From<ProtoError> for WriteError {
    fn from(e: ProtoError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, e.to_string())
    }
}

/// Decodes a `WriteRequest` into `writer`; series that are not valid are left out and counted.
///
/// # Errors
/// 400 when the bytes are not such a message, 413 when it holds more than `limits`.
fn decode(message: &[u8], limits: Limits, writer: &mut Writer) -> Result<LeftOut, WriteError> {
    let too_many = |what: &str, limit: usize| {
        WriteError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the request holds more than {limit} {what}"),
        )
    };
    let mut left_out = LeftOut::default();
    let mut scratch = Scratch::default();
    let mut series = 0usize;
    for field in Fields::new(message) {
        match field? {
            (1, field) => {
                series += 1;
                if series > limits.series {
                    return Err(too_many("series", limits.series));
                }
                scratch.clear();
                time_series(
                    field.bytes()?,
                    limits.samples,
                    &mut scratch,
                    writer,
                    &mut left_out,
                )?;
                if writer.samples_len() > limits.samples {
                    return Err(too_many("samples", limits.samples));
                }
            }
            (3, field) => {
                if writer.metadata_entries().len() >= limits.metadata {
                    return Err(too_many("metadata entries", limits.metadata));
                }
                metadata(field.bytes()?, writer, &mut left_out)?;
            }
            _ => {}
        }
    }
    Ok(left_out)
}

/// Memory that is used again for every series.
#[derive(Debug, Default)]
struct Scratch<'a> {
    labels: Vec<(&'a str, &'a str)>,
    samples: Vec<(i64, f64)>,
    canonical: Vec<u8>,
}

impl Scratch<'_> {
    fn clear(&mut self) {
        self.labels.clear();
        self.samples.clear();
        self.canonical.clear();
    }
}

fn time_series<'a>(
    message: &'a [u8],
    max_samples: usize,
    scratch: &mut Scratch<'a>,
    writer: &mut Writer,
    left_out: &mut LeftOut,
) -> Result<(), WriteError> {
    // Senders put the labels first; whatever has labels elsewhere as well is read without recognition.
    let (mut labels, rest) = Fields::split_leading(message, 1)?;
    let mut histograms = 0u64;
    for field in Fields::new(rest) {
        match field? {
            (1, _) => labels = message,
            (2, field) => {
                if scratch.samples.len() > max_samples {
                    return Err(WriteError::new(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        format!("the request holds more than {max_samples} samples"),
                    ));
                }
                scratch.samples.push(sample(field.bytes()?)?);
            }
            (4, field) => {
                field.bytes()?;
                histograms += 1;
            }
            _ => {}
        }
    }
    let mut encoding = None;
    if histograms == 0 && !scratch.samples.is_empty() && labels.len() < message.len() {
        match writer.recognize(labels) {
            Ok(Ok(series)) => {
                push_samples(series, &scratch.samples);
                return Ok(());
            }
            Ok(Err(unknown)) => encoding = Some(unknown),
            Err(e) => {
                return Err(WriteError::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    e.to_string(),
                ));
            }
        }
    }

    let mut invalid: Option<&'static str> = None;
    for field in Fields::new(labels) {
        if let (1, field) = field? {
            match label(field.bytes()?)? {
                Ok(pair) => scratch.labels.push(pair),
                Err(reason) => invalid = invalid.or(Some(reason)),
            }
        }
    }
    if let Some(reason) = invalid.or_else(|| canonical(scratch).err()) {
        left_out.series(|| {
            format!(
                "invalid labels: {reason}: series {}",
                shown(&scratch.labels)
            )
        });
        return Ok(());
    }
    if histograms > 0 {
        left_out.samples(histograms, || {
            format!(
                "native histograms are not supported: series {}",
                shown(&scratch.labels)
            )
        });
    }
    if scratch.samples.is_empty() {
        return Ok(()); // exemplars or histograms only
    }
    match writer.series(encoding, &scratch.canonical) {
        Ok(series) => push_samples(series, &scratch.samples),
        Err(e) => {
            left_out.series(|| format!("invalid labels: {e}: series {}", shown(&scratch.labels)))
        }
    }
    Ok(())
}

#[inline]
fn push_samples(mut series: SeriesBuilder<'_>, samples: &[(i64, f64)]) {
    for &(t_ms, value) in samples {
        series.sample(t_ms, value);
    }
}

/// A label, or why it is not valid.
fn label(message: &[u8]) -> Result<Result<(&str, &str), &'static str>, ProtoError> {
    let (mut name, mut value): (&[u8], &[u8]) = (&[], &[]);
    for field in Fields::new(message) {
        match field? {
            (1, field) => name = field.bytes()?,
            (2, field) => value = field.bytes()?,
            _ => {}
        }
    }
    Ok(
        match (std::str::from_utf8(name), std::str::from_utf8(value)) {
            (Ok(""), _) => Err("a label name is empty"),
            (Ok(name), Ok(value)) => Ok((name, value)),
            _ => Err("a label is not UTF-8"),
        },
    )
}

#[inline]
fn sample(message: &[u8]) -> Result<(i64, f64), ProtoError> {
    let (mut t_ms, mut value) = (0, 0.0);
    for field in Fields::new(message) {
        match field? {
            (1, field) => value = field.double()?,
            (2, field) => t_ms = field.int64()?,
            _ => {}
        }
    }
    Ok((t_ms, value))
}

/// Sorts the labels if the sender did not, checks them as Prometheus's receiver does, and encodes them.
fn canonical(scratch: &mut Scratch<'_>) -> Result<(), &'static str> {
    let labels = &mut scratch.labels;
    if !labels.is_sorted() {
        labels.sort_unstable();
    }
    let mut last = "";
    let mut named = false;
    for &(name, value) in labels.iter() {
        if name == last {
            return Err("a label name stands twice");
        }
        last = name;
        if value.is_empty() {
            continue; // the same as no label
        }
        named |= name == METRIC_NAME;
        for text in [name, value] {
            uvarint(&mut scratch.canonical, text.len());
            scratch.canonical.extend_from_slice(text.as_bytes());
        }
    }
    if named {
        Ok(())
    } else {
        Err("there is no metric name")
    }
}

fn uvarint(out: &mut Vec<u8>, mut n: usize) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Labels for an error text, cut where they get long.
fn shown(labels: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .take(30)
        .map(|(n, v)| format!("{n}={v:?}"))
        .collect();
    let text: String = format!("{{{}}}", pairs.join(", "));
    match text.char_indices().nth(500) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
        None => text,
    }
}

fn metadata(message: &[u8], writer: &mut Writer, left_out: &mut LeftOut) -> Result<(), ProtoError> {
    let mut kind = MetricType::Unknown;
    let (mut metric, mut help, mut unit): (&[u8], &[u8], &[u8]) = (&[], &[], &[]);
    for field in Fields::new(message) {
        match field? {
            (1, field) => kind = MetricType::from_u32(u32::try_from(field.int64()?).unwrap_or(0)),
            (2, field) => metric = field.bytes()?,
            (4, field) => help = field.bytes()?,
            (5, field) => unit = field.bytes()?,
            _ => {}
        }
    }
    match std::str::from_utf8(metric) {
        Ok(metric) if !metric.is_empty() => {
            writer.metadata(MetricMetadata {
                metric: metric.to_owned(),
                kind,
                help: String::from_utf8_lossy(help).into_owned(),
                unit: String::from_utf8_lossy(unit).into_owned(),
            });
        }
        _ => {
            left_out.series(|| "invalid metadata: the metric name is empty or not UTF-8".to_owned())
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "remote_write_v1_tests.rs"]
mod tests;
