//! What Datadog's agent and clients send, under `/datadog`, since `/api/v1/series` is Prometheus's.
//!
//! A metric keeps its name. Its host and device are labels, and so are its tags: `key:value` is a label, a tag without a
//! colon a label with the value `no_label_value`, as in VictoriaMetrics; values of one key are joined with `;`. Counts and rates
//! are what they are for the interval before their time, so that all metrics are gauges.

mod decode;

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde_json::json;
use tsdb_core::{METRIC_NAME, MetricMetadata, MetricType, WriteReport, Writer};

use super::apply::{self, LeftOut, WriteError};
use super::body;
use super::label_set::LabelSet;
use super::remote_write::{check, too_many};
use crate::config::RequestLimits;
use crate::encoding::Encoding;
use crate::error::{RETRY_AFTER_S, json_answer, retry_after};
use crate::state::AppState;

/// The value of a label that is a tag without a value.
const NO_VALUE: &str = "no_label_value";

/// What is no metric is accepted as its senders expect it.
pub(crate) async fn accepted() -> Response {
    json_answer(StatusCode::ACCEPTED, r#"{"status":"ok"}"#)
}

/// The same where another answer is expected.
pub(crate) async fn nothing() -> Response {
    json_answer(StatusCode::OK, "{}")
}

/// The key was checked already, where there are keys.
pub(crate) async fn valid() -> Response {
    json_answer(StatusCode::OK, r#"{"valid":true}"#)
}

/// Sketches and the points of distributions are refused: they would be metrics.
pub(crate) async fn distributions() -> Response {
    let reason =
        "sketches and distributions are not supported: send the histogram's aggregates as series";
    errors(StatusCode::BAD_REQUEST, reason, None)
}

/// `POST /datadog/api/v1/series`
pub(crate) async fn version_1(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    write(&state, &headers, body, r#"{"status":"ok"}"#).await
}

/// `POST /datadog/api/v2/series`
pub(crate) async fn version_2(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    write(&state, &headers, body, r#"{"errors":[]}"#).await
}

/// Both versions are understood at both paths.
async fn write(
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
    success: &'static str,
) -> Response {
    match write_as(state, headers, body).await {
        Ok((report, left_out)) => match apply::refusal(&report, &left_out) {
            None => json_answer(StatusCode::ACCEPTED, success),
            Some(reason) => match apply::for_now(&report.rejected) {
                Some(wait_s) if left_out == LeftOut::default() => {
                    errors(StatusCode::TOO_MANY_REQUESTS, &reason, Some(wait_s))
                }
                _ => errors(StatusCode::BAD_REQUEST, &reason, None),
            },
        },
        Err(e) => {
            let is_overload = e.status == StatusCode::SERVICE_UNAVAILABLE;
            errors(e.status, &e.message, is_overload.then_some(RETRY_AFTER_S))
        }
    }
}

async fn write_as(
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
) -> Result<(WriteReport, LeftOut), WriteError> {
    let encoding = Encoding::of(headers)?;
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.map_or("", |v| v.to_str().unwrap_or("?"));
    let is_protobuf = content_type.starts_with("application/x-protobuf");
    state.store()?; // before the body is collected
    let body = body::collect_write(state, headers, body).await?;
    apply::write(state, move |shared, writer| {
        let limit = shared.config.max_decoded_bytes;
        body::decompressed(encoding, &body.bytes, limit, &shared.budget, |message| {
            let mut sink = Sink::new(writer, shared.request_limits());
            if is_protobuf {
                decode::protobuf(message, &mut sink)?;
            } else {
                let memory = decode::JSON_MEMORY_RATIO * message.len() as u64;
                let _memory = shared.budget.reserve(memory)?;
                decode::json(message, &mut sink)?;
            }
            Ok(sink.left_out)
        })
    })
    .await
}

/// Decodes the bytes in both forms.
///
/// # Panics
/// When a decoder does, or a series that it made is not in canonical form.
#[cfg(fuzzing)]
pub(crate) fn fuzz(bytes: &[u8]) {
    let Ok(db) = tsdb_core::Db::in_memory(tsdb_core::Options::new()) else {
        return;
    };
    for decode in [decode::json, decode::protobuf] {
        let mut writer = db.writer();
        let mut sink = Sink::new(&mut writer, RequestLimits::default());
        let _ = decode(bytes, &mut sink);
        for (labels, ..) in writer.entries() {
            assert!(tsdb_core::Labels::from_canonical(&labels).is_ok());
        }
    }
}

/// One metric of a request.
#[derive(Debug, Default, PartialEq)]
struct Series {
    metric: String,
    unit: String,
    tags: Vec<String>,
    /// Host and device.
    resources: Vec<(String, String)>,
    /// Seconds since the Unix epoch, and values.
    points: Vec<(i64, f64)>,
}

/// Fills a batch.
#[derive(Debug)]
struct Sink<'w> {
    writer: &'w mut Writer,
    limits: RequestLimits,
    series: usize,
    left_out: LeftOut,
}

impl<'w> Sink<'w> {
    fn new(writer: &'w mut Writer, limits: RequestLimits) -> Self {
        Self {
            writer,
            limits,
            series: 0,
            left_out: LeftOut::default(),
        }
    }

    /// Adds a metric.
    ///
    /// # Errors
    /// 413 when the request holds too much.
    fn add(&mut self, series: &Series) -> Result<(), WriteError> {
        self.series += 1;
        if self.series > self.limits.series {
            return Err(too_many("series", self.limits.series));
        }
        let labels = labels_of(series);
        let mut set = LabelSet::default();
        for (name, value) in &labels {
            set.push(name.as_bytes(), value.as_bytes());
        }
        let added = match set.canonical() {
            Ok(canonical) => {
                let added = self.writer.series(None, canonical);
                added.map_err(|e| e.to_string())
            }
            Err(reason) => Err(reason.to_owned()),
        };
        match added {
            Ok(mut added) => {
                for &(t_s, value) in &series.points {
                    added.sample(t_s.saturating_mul(1000), value);
                }
            }
            Err(reason) => {
                let refuse = || format!("invalid labels: {reason}: series {}", set.shown());
                self.left_out.series(refuse);
                return Ok(());
            }
        }
        self.writer.metadata(MetricMetadata {
            metric: series.metric.clone(),
            kind: MetricType::Gauge,
            help: String::new(),
            unit: series.unit.clone(),
        });
        if self.writer.metadata_entries().len() > self.limits.metadata {
            return Err(too_many("metadata", self.limits.metadata));
        }
        check(&self.limits, self.writer)
    }
}

fn labels_of(series: &Series) -> BTreeMap<&str, String> {
    let tags = series
        .tags
        .iter()
        .map(|tag| tag.split_once(':').unwrap_or((tag, NO_VALUE)));
    let resources = series.resources.iter().map(|(k, v)| (&**k, &**v));
    let mut labels: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in resources.chain(tags) {
        match labels.get_mut(name) {
            Some(joined) if joined != value => {
                joined.push(';');
                joined.push_str(value);
            }
            Some(_) => {}
            None => {
                labels.insert(name, value.to_owned());
            }
        }
    }
    labels.insert(METRIC_NAME, series.metric.clone());
    labels
}

fn errors(status: StatusCode, reason: &str, retry_after_s: Option<u64>) -> Response {
    let mut response = json_answer(status, json!({"errors": [reason]}).to_string());
    if let Some(wait_s) = retry_after_s {
        retry_after(&mut response, wait_s);
    }
    response
}
