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

#[cfg(test)]
mod tests {
    use crate::config::RequestLimits;
    use proptest::prelude::*;
    use tsdb_core::{Db, Labels, Options, Writer};

    use super::*;
    use crate::ingest::wire::Message;

    fn series() -> impl Strategy<Value = Series> {
        let text = || "[a-z.:é]{1,9}";
        let resources = prop::collection::vec((text(), text()), 0..3);
        let points = prop::collection::vec((-(1_i64 << 40)..1 << 40, -1e9..1e9), 0..5);
        let tags = prop::collection::vec(text(), 0..4);
        (text(), "[a-z]{0,4}", tags, resources, points).prop_map(
            |(metric, unit, tags, resources, points)| Series {
                metric,
                unit,
                tags,
                resources,
                points,
            },
        )
    }

    fn json_of(series: &Series) -> String {
        let resources = series.resources.iter();
        let resources =
            resources.map(|(kind, name)| serde_json::json!({"type": kind, "name": name}));
        let points = series.points.iter();
        let points = points.map(|(t_s, v)| serde_json::json!({"timestamp": t_s, "value": v}));
        serde_json::json!({
            "metric": series.metric, "unit": series.unit, "type": 3, "tags": series.tags,
            "resources": resources.collect::<Vec<_>>(), "points": points.collect::<Vec<_>>(),
        })
        .to_string()
    }

    fn protobuf_of(series: &Series) -> Vec<u8> {
        let mut message = Message::default();
        for (kind, name) in &series.resources {
            let resource = Message::default().bytes(1, kind.as_bytes());
            message = message.bytes(1, &resource.bytes(2, name.as_bytes()).0);
        }
        message = message.bytes(2, series.metric.as_bytes());
        for tag in &series.tags {
            message = message.bytes(3, tag.as_bytes());
        }
        for (t_s, value) in &series.points {
            let point = Message::default().double(1, *value);
            message = message.bytes(4, &point.varint(2, t_s.cast_unsigned()).0);
        }
        message.varint(5, 3).bytes(6, series.unit.as_bytes()).0
    }

    type Decode = fn(&[u8], &mut Sink<'_>) -> Result<(), WriteError>;

    /// Labels and samples of the batch that a body makes.
    fn batch(decode: Decode, body: &[u8]) -> Result<Vec<String>, WriteError> {
        let db = Db::in_memory(Options::new()).unwrap();
        let mut writer: Writer = db.writer();
        let mut sink = Sink::new(&mut writer, RequestLimits::default());
        decode(body, &mut sink)?;
        let entries = writer.entries();
        Ok(entries
            .map(|(labels, times, values, ..)| {
                format!(
                    "{:?} {times:?} {values:?}",
                    Labels::from_canonical(&labels).unwrap()
                )
            })
            .collect())
    }

    proptest! {
        #[test]
        fn both_encodings_say_the_same(all in prop::collection::vec(series(), 0..4)) {
            let texts: Vec<String> = all.iter().map(json_of).collect();
            let text = format!("{{\"series\":[{}]}}", texts.join(","));
            let message = all.iter().fold(Message::default(), |message, series| message.bytes(1, &protobuf_of(series)));
            for (series, text) in all.iter().zip(&texts) {
                let read: JsonSeries = serde_json::from_str(text).unwrap();
                prop_assert_eq!(&read.into_series(), series);
                prop_assert_eq!(&metric_series(&protobuf_of(series)).unwrap(), series);
            }
            prop_assert_eq!(batch(json, text.as_bytes()).unwrap(), batch(protobuf, &message.0).unwrap());
        }

        #[test]
        fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            for decode in [json, protobuf] {
                if let Err(e) = batch(decode, &bytes) {
                    prop_assert!(e.status.is_client_error(), "{e:?}");
                }
            }
        }
    }
}
