//! The JSON encoding (ProtoJSON with hexadecimal trace identifiers): 64-bit integers are numbers or texts of them, doubles
//! that are no numbers are names, enumerations are numbers, unknown keys are ignored.
//!
//! Parts of a request are kept as text until it is their turn, so that no more of it than a data point is decoded at once.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::model::{
    self, Kind, MAX_ATTRIBUTES, MAX_EXEMPLARS, MAX_NESTED_BYTES, MAX_NUMBERS, Temporality,
};
use super::translate::Translator;
use super::value::{self, MAX_DEPTH};
use crate::ingest::apply::WriteError;
use crate::ingest::few::Few;

/// Memory of a piece that is kept as text for each of its bytes: `{},` is three bytes and sixteen.
pub(super) const MEMORY_RATIO: u64 = 6;

/// Tells the translator what an `ExportMetricsServiceRequest` holds.
///
/// # Errors
/// 400 when the text is not such a request, 413 when it holds too much.
pub(super) fn request(message: &[u8], translator: &mut Translator<'_>) -> Result<(), WriteError> {
    let request: Request<'_> = serde_json::from_slice(message).map_err(|e| invalid(&e))?;
    for piece in request.resource_metrics {
        resource_metrics(parse(piece)?, translator)?;
    }
    Ok(())
}

fn parse<'a, T: Deserialize<'a>>(piece: &'a RawValue) -> Result<T, WriteError> {
    serde_json::from_str(piece.get()).map_err(|e| {
        let begins: String = piece.get().chars().take(60).collect();
        WriteError::bad_request(format!("JSON: {e} of {begins:?}"))
    })
}

fn invalid(e: &serde_json::Error) -> WriteError {
    WriteError::bad_request(format!("JSON: {e}"))
}

fn resource_metrics(
    part: ResourceMetrics<'_>,
    translator: &mut Translator<'_>,
) -> Result<(), WriteError> {
    translator.resource(&attributes(part.resource.attributes)?)?;
    for piece in part.scope_metrics {
        scope_metrics(parse(piece)?, translator)?;
    }
    translator.end_of_resource();
    Ok(())
}

fn scope_metrics(
    part: ScopeMetrics<'_>,
    translator: &mut Translator<'_>,
) -> Result<(), WriteError> {
    translator.scope(&model::Scope {
        name: part.scope.name.into(),
        version: part.scope.version.into(),
        schema_url: part.schema_url.into(),
        attributes: attributes(part.scope.attributes)?,
    })?;
    for piece in part.metrics {
        metric(parse(piece)?, translator)?;
    }
    Ok(())
}

fn metric(part: Metric<'_>, translator: &mut Translator<'_>) -> Result<(), WriteError> {
    let (kind, data) = match part {
        Metric {
            gauge: Some(data), ..
        } => (Kind::Gauge, data),
        Metric {
            sum: Some(data), ..
        } => {
            let monotonic = data.is_monotonic;
            (Kind::Sum { monotonic }, data)
        }
        Metric {
            histogram: Some(data),
            ..
        } => (Kind::Histogram, data),
        Metric {
            exponential_histogram: Some(data),
            ..
        } => (Kind::ExponentialHistogram, data),
        Metric {
            summary: Some(data),
            ..
        } => (Kind::Summary, data),
        _ => (Kind::Unknown, Data::default()),
    };
    translator.metric(&model::Metric {
        name: part.name.into(),
        description: part.description.into(),
        unit: part.unit.into(),
        kind,
        temporality: data.aggregation_temporality.0,
    })?;
    for piece in data.data_points {
        let point: Point = parse(piece)?;
        translator.point(point.into_model()?)?;
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Request<'a> {
    #[serde(borrow)]
    resource_metrics: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ResourceMetrics<'a> {
    resource: Resource,
    #[serde(borrow)]
    scope_metrics: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource {
    attributes: Few<KeyValue, MAX_ATTRIBUTES>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ScopeMetrics<'a> {
    scope: Scope,
    schema_url: String,
    #[serde(borrow)]
    metrics: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Scope {
    name: String,
    version: String,
    attributes: Few<KeyValue, MAX_ATTRIBUTES>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metric<'a> {
    name: String,
    description: String,
    unit: String,
    #[serde(borrow)]
    gauge: Option<Data<'a>>,
    #[serde(borrow)]
    sum: Option<Data<'a>>,
    #[serde(borrow)]
    histogram: Option<Data<'a>>,
    #[serde(borrow)]
    exponential_histogram: Option<Data<'a>>,
    #[serde(borrow)]
    summary: Option<Data<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data<'a> {
    #[serde(borrow)]
    data_points: Vec<&'a RawValue>,
    aggregation_temporality: JsonTemporality,
    is_monotonic: bool,
}

/// By number; the names are those that some senders use against the specification.
#[derive(Default)]
struct JsonTemporality(Temporality);

impl<'de> Deserialize<'de> for JsonTemporality {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(match Scalar::deserialize(from)? {
            Scalar::Text(name) if name == "AGGREGATION_TEMPORALITY_DELTA" => Temporality::Delta,
            Scalar::Text(name) if name == "AGGREGATION_TEMPORALITY_CUMULATIVE" => {
                Temporality::Cumulative
            }
            Scalar::Number(n) => Temporality::from_number(n.as_u64().unwrap_or(0)),
            Scalar::Text(_) => Temporality::Unspecified,
        }))
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Point {
    attributes: Few<KeyValue, MAX_ATTRIBUTES>,
    start_time_unix_nano: Unsigned,
    time_unix_nano: Unsigned,
    flags: Unsigned,
    as_double: Option<Double>,
    as_int: Option<Signed>,
    count: Unsigned,
    sum: Option<Double>,
    bucket_counts: Few<Unsigned, MAX_NUMBERS>,
    explicit_bounds: Few<Double, MAX_NUMBERS>,
    scale: i32,
    zero_count: Unsigned,
    zero_threshold: Double,
    positive: Buckets,
    negative: Buckets,
    quantile_values: Few<Quantile, MAX_NUMBERS>,
    exemplars: Few<Exemplar, MAX_EXEMPLARS>,
}

impl Point {
    fn into_model(self) -> Result<model::Point<'static>, WriteError> {
        let int = self.as_int.map(|n| n.0 as f64);
        Ok(model::Point {
            attributes: attributes(self.attributes)?,
            start_ns: self.start_time_unix_nano.0,
            time_ns: self.time_unix_nano.0,
            flags: self.flags.0,
            value: self.as_double.map(|n| n.0).or(int),
            count: self.count.0,
            sum: self.sum.map(|n| n.0),
            bucket_counts: self.bucket_counts.0.into_iter().map(|n| n.0).collect(),
            explicit_bounds: self.explicit_bounds.0.into_iter().map(|n| n.0).collect(),
            scale: self.scale,
            zero_count: self.zero_count.0,
            zero_threshold: self.zero_threshold.0,
            positive: self.positive.into_model(),
            negative: self.negative.into_model(),
            quantiles: self
                .quantile_values
                .0
                .into_iter()
                .map(|q| (q.quantile.0, q.value.0))
                .collect(),
            exemplars: self
                .exemplars
                .0
                .into_iter()
                .map(Exemplar::into_model)
                .collect::<Result<_, _>>()?,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Exemplar {
    time_unix_nano: Unsigned,
    as_double: Option<Double>,
    as_int: Option<Signed>,
    trace_id: String,
    span_id: String,
    filtered_attributes: Few<KeyValue, MAX_ATTRIBUTES>,
}

impl Exemplar {
    fn into_model(self) -> Result<model::Exemplar<'static>, WriteError> {
        let int = self.as_int.map(|n| n.0 as f64);
        let identifier = |digits: String| match digits.trim_matches('0') {
            "" => Cow::Borrowed(""),
            _ => Cow::Owned(digits.to_ascii_lowercase()),
        };
        Ok(model::Exemplar {
            time_ns: self.time_unix_nano.0,
            value: self.as_double.map(|n| n.0).or(int),
            trace_id: identifier(self.trace_id),
            span_id: identifier(self.span_id),
            attributes: attributes(self.filtered_attributes)?,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Buckets {
    offset: i32,
    bucket_counts: Few<Unsigned, MAX_NUMBERS>,
}

impl Buckets {
    fn into_model(self) -> model::Buckets {
        model::Buckets {
            offset: self.offset,
            counts: self.bucket_counts.0.into_iter().map(|n| n.0).collect(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Quantile {
    quantile: Double,
    value: Double,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct KeyValue {
    key: String,
    value: AnyValue,
}

fn attributes<const N: usize>(
    pairs: Few<KeyValue, N>,
) -> Result<Vec<model::Attribute<'static>>, WriteError> {
    let pairs = pairs.0.into_iter().map(|pair| {
        let value = match pair.value.string_value {
            Some(text) => text,
            None => value::text_of(pair.value.into_value(0)?),
        };
        Ok((Cow::Owned(pair.key), Cow::Owned(value)))
    });
    pairs.collect()
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AnyValue {
    string_value: Option<String>,
    bool_value: Option<bool>,
    int_value: Option<Signed>,
    double_value: Option<Double>,
    array_value: Option<Box<RawValue>>,
    kvlist_value: Option<Box<RawValue>>,
    bytes_value: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Values<T> {
    values: Vec<T>,
}

impl AnyValue {
    fn into_value(self, depth: usize) -> Result<Value, WriteError> {
        if depth > MAX_DEPTH {
            return Err(WriteError::bad_request(
                "JSON: an attribute nests deeper than 16",
            ));
        }
        let too_long = |piece: &RawValue| piece.get().len() > MAX_NESTED_BYTES;
        if self.array_value.as_deref().is_some_and(too_long)
            || self.kvlist_value.as_deref().is_some_and(too_long)
        {
            return Err(WriteError::bad_request(
                "JSON: an array or map has more than 64 KiB",
            ));
        }
        Ok(match self {
            Self {
                string_value: Some(text),
                ..
            }
            | Self {
                bytes_value: Some(text),
                ..
            } => Value::from(text),
            Self {
                bool_value: Some(truth),
                ..
            } => Value::from(truth),
            Self {
                int_value: Some(n), ..
            } => Value::from(n.0),
            Self {
                double_value: Some(n),
                ..
            } => value::number(n.0),
            Self {
                array_value: Some(piece),
                ..
            } => {
                let array: Values<Self> = parse(&piece)?;
                let values = array.values.into_iter();
                let values = values.map(|value| value.into_value(depth + 1));
                Value::Array(values.collect::<Result<_, _>>()?)
            }
            Self {
                kvlist_value: Some(piece),
                ..
            } => {
                let map: Values<KeyValue> = parse(&piece)?;
                let pairs = map.values.into_iter();
                let pairs = pairs.map(|pair| Ok((pair.key, pair.value.into_value(depth + 1)?)));
                Value::Object(pairs.collect::<Result<_, WriteError>>()?)
            }
            _ => Value::Null,
        })
    }
}

/// A number, or the text of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Number(serde_json::Number),
    Text(String),
}

#[derive(Clone, Copy, Default)]
struct Unsigned(u64);

impl<'de> Deserialize<'de> for Unsigned {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let read = match Scalar::deserialize(from)? {
            Scalar::Number(n) => n.as_u64(),
            Scalar::Text(text) => text.parse().ok(),
        };
        let read = read.ok_or_else(|| D::Error::custom("not an unsigned integer of 64 bits"));
        read.map(Self)
    }
}

#[derive(Clone, Copy, Default)]
struct Signed(i64);

impl<'de> Deserialize<'de> for Signed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let read = match Scalar::deserialize(from)? {
            Scalar::Number(n) => n.as_i64(),
            Scalar::Text(text) => text.parse().ok(),
        };
        let read = read.ok_or_else(|| D::Error::custom("not an integer of 64 bits"));
        read.map(Self)
    }
}

#[derive(Clone, Copy, Default)]
struct Double(f64);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let read = match Scalar::deserialize(from)? {
            Scalar::Number(n) => n.as_f64(),
            // "NaN", "Infinity" and "-Infinity" too.
            Scalar::Text(text) => text.parse().ok(),
        };
        read.ok_or_else(|| D::Error::custom("not a number"))
            .map(Self)
    }
}
