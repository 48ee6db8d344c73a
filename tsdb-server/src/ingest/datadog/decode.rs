//! The bodies of `series`: JSON of version 1 and 2, protobuf of version 2.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Series, Sink};
use crate::ingest::apply::WriteError;
use crate::ingest::few::Few;
use crate::ingest::proto::{Fields, ProtoError};

/// Tags or resources of one metric.
const MAX_TAGS: usize = 1024;

/// Points of one metric.
const MAX_POINTS: usize = 1 << 16;

/// Memory of a metric that is kept as text for each of its bytes: `{},` is three bytes and sixteen.
pub(super) const JSON_MEMORY_RATIO: u64 = 6;

/// Reads `{"series": […]}`, a metric at a time.
///
/// # Errors
/// 400 when the text is not such a request, 413 when it holds too much.
pub(super) fn json(message: &[u8], sink: &mut Sink<'_>) -> Result<(), WriteError> {
    let invalid = |e: serde_json::Error| WriteError::bad_request(format!("JSON: {e}"));
    let request: Request<'_> = serde_json::from_slice(message).map_err(invalid)?;
    for (i, piece) in request.series.into_iter().enumerate() {
        let series: JsonSeries = serde_json::from_str(piece.get())
            .map_err(|e| WriteError::bad_request(format!("JSON: series {i}: {e}")))?;
        sink.add(&series.into_series())?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    series: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JsonSeries {
    metric: String,
    unit: Option<String>,
    host: Option<String>,
    device: Option<String>,
    tags: Option<Few<String, MAX_TAGS>>,
    resources: Option<Few<Resource, MAX_TAGS>>,
    points: Few<Point, MAX_POINTS>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "type")]
    kind: String,
    name: String,
}

/// Version 1 has pairs, whose times may be fractions.
#[derive(Deserialize)]
#[serde(untagged)]
enum Point {
    Pair(f64, f64),
    Named { timestamp: i64, value: f64 },
}

impl JsonSeries {
    fn into_series(self) -> Series {
        let own = [("host", self.host), ("device", self.device)];
        let own = own
            .into_iter()
            .filter_map(|(kind, name)| Some((kind.to_owned(), name?)));
        let resources = self.resources.map_or_else(Vec::new, |few| few.0);
        let resources = resources.into_iter().map(|r| (r.kind, r.name));
        let points = self.points.0.into_iter().map(|point| match point {
            Point::Pair(t_s, value) => (t_s as i64, value),
            Point::Named { timestamp, value } => (timestamp, value),
        });
        Series {
            metric: self.metric,
            unit: self.unit.unwrap_or_default(),
            tags: self.tags.map_or_else(Vec::new, |few| few.0),
            resources: own.chain(resources).collect(),
            points: points.collect(),
        }
    }
}

/// Reads a `datadog.agentpayload.MetricPayload`.
///
/// ```text
/// MetricPayload  1 series*
/// MetricSeries   1 resources* { 1 type  2 name }  2 metric  3 tags*  4 points* { 1 value (double)  2 timestamp (int64, s) }
///                5 type (enum)  6 unit  7 source_type_name  8 interval
/// ```
///
/// # Errors
/// 400 when the bytes are not such a message, 413 when it holds too much.
pub(super) fn protobuf(message: &[u8], sink: &mut Sink<'_>) -> Result<(), WriteError> {
    for field in Fields::new(message) {
        if let (1, field) = field? {
            sink.add(&metric_series(field.bytes()?)?)?;
        }
    }
    Ok(())
}

fn metric_series(message: &[u8]) -> Result<Series, ProtoError> {
    let mut series = Series::default();
    for field in Fields::new(message) {
        let (number, field) = field?;
        match number {
            1 => series.resources.push(resource(field.bytes()?)?),
            2 => field.text()?.clone_into(&mut series.metric),
            3 => series.tags.push(field.text()?.to_owned()),
            4 => series.points.push(point(field.bytes()?)?),
            6 => field.text()?.clone_into(&mut series.unit),
            _ => {}
        }
        if series.resources.len() > MAX_TAGS || series.tags.len() > MAX_TAGS {
            return Err(ProtoError("a metric has more than 1024 tags or resources"));
        }
        if series.points.len() > MAX_POINTS {
            return Err(ProtoError("a metric has more than 65536 points"));
        }
    }
    Ok(series)
}

fn resource(message: &[u8]) -> Result<(String, String), ProtoError> {
    let (mut kind, mut name) = ("", "");
    for field in Fields::new(message) {
        match field? {
            (1, field) => kind = field.text()?,
            (2, field) => name = field.text()?,
            _ => {}
        }
    }
    Ok((kind.to_owned(), name.to_owned()))
}

fn point(message: &[u8]) -> Result<(i64, f64), ProtoError> {
    let (mut t_s, mut value) = (0, 0.0);
    for field in Fields::new(message) {
        match field? {
            (1, field) => value = field.double()?,
            (2, field) => t_s = field.int64()?,
            _ => {}
        }
    }
    Ok((t_s, value))
}
