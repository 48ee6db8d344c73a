//! The protobuf encoding, read in place.
//!
//! ```text
//! ExportMetricsServiceRequest  1 resource_metrics*
//! ResourceMetrics              1 resource { 1 attributes* }  2 scope_metrics*
//! ScopeMetrics                 1 scope { 1 name  2 version  3 attributes* }  2 metrics*  3 schema_url
//! Metric                       1 name  2 description  3 unit
//!                              5 gauge  7 sum  9 histogram  10 exponential_histogram  11 summary
//!   of each of these           1 data_points*  2 aggregation_temporality (enum)  3 is_monotonic
//! KeyValue                     1 key  2 value
//! ```
//! (`opentelemetry/proto/metrics/v1/metrics.proto`, version 1.) Numbers of the fields of data points stand in [`point`].

use std::borrow::Cow;

use super::model::{
    Attribute, Buckets, Exemplar, Kind, MAX_ATTRIBUTES, MAX_EXEMPLARS, MAX_NUMBERS, Metric, Point,
    Scope, Temporality,
};
use super::translate::Translator;
use super::value;
use crate::ingest::apply::WriteError;
use crate::ingest::proto::{Field, Fields, ProtoError};

/// Tells the translator what an `ExportMetricsServiceRequest` holds.
///
/// # Errors
/// 400 when the bytes are not such a message, 413 when it holds too much.
pub(super) fn request(message: &[u8], translator: &mut Translator<'_>) -> Result<(), WriteError> {
    for field in Fields::new(message) {
        if let (1, field) = field? {
            resource_metrics(field.bytes()?, translator)?;
        }
    }
    Ok(())
}

/// What is above stands in fields of any order, so that each message is gone through twice.
fn resource_metrics(message: &[u8], translator: &mut Translator<'_>) -> Result<(), WriteError> {
    let mut attributes = Vec::new();
    for field in Fields::new(message) {
        if let (1, field) = field? {
            for field in Fields::new(field.bytes()?) {
                if let (1, field) = field? {
                    attribute(field, &mut attributes)?;
                }
            }
        }
    }
    translator.resource(&attributes)?;
    for field in Fields::new(message) {
        if let (2, field) = field? {
            scope_metrics(field.bytes()?, translator)?;
        }
    }
    translator.end_of_resource();
    Ok(())
}

fn scope_metrics(message: &[u8], translator: &mut Translator<'_>) -> Result<(), WriteError> {
    let mut scope = Scope::default();
    for field in Fields::new(message) {
        match field? {
            (1, field) => {
                for field in Fields::new(field.bytes()?) {
                    match field? {
                        (1, field) => scope.name = text(field)?,
                        (2, field) => scope.version = text(field)?,
                        (3, field) => attribute(field, &mut scope.attributes)?,
                        _ => {}
                    }
                }
            }
            (3, field) => scope.schema_url = text(field)?,
            _ => {}
        }
    }
    translator.scope(&scope)?;
    for field in Fields::new(message) {
        if let (2, field) = field? {
            metric(field.bytes()?, translator)?;
        }
    }
    Ok(())
}

fn metric(message: &[u8], translator: &mut Translator<'_>) -> Result<(), WriteError> {
    let mut metric = Metric::default();
    let mut data: &[u8] = &[];
    for field in Fields::new(message) {
        let (number, field) = field?;
        match number {
            1 => metric.name = text(field)?,
            2 => metric.description = text(field)?,
            3 => metric.unit = text(field)?,
            5 => (metric.kind, data) = (Kind::Gauge, field.bytes()?),
            7 => (metric.kind, data) = (Kind::Sum { monotonic: false }, field.bytes()?),
            9 => (metric.kind, data) = (Kind::Histogram, field.bytes()?),
            10 => (metric.kind, data) = (Kind::ExponentialHistogram, field.bytes()?),
            11 => (metric.kind, data) = (Kind::Summary, field.bytes()?),
            _ => {}
        }
    }
    for field in Fields::new(data) {
        match field? {
            (2, field) => metric.temporality = Temporality::from_number(field.uint64()?),
            (3, field) if metric.kind == (Kind::Sum { monotonic: false }) => {
                let monotonic = field.uint64()? != 0;
                metric.kind = Kind::Sum { monotonic };
            }
            _ => {}
        }
    }
    translator.metric(&metric)?;
    for field in Fields::new(data) {
        if let (1, field) = field? {
            translator.point(point(metric.kind, field.bytes()?)?)?;
        }
    }
    Ok(())
}

/// Reads a data point.
///
/// ```text
/// all                            2 start_time_unix_nano (fixed64)  3 time_unix_nano (fixed64)
/// NumberDataPoint                4 as_double  5 exemplars*  6 as_int (sfixed64)  7 attributes*  8 flags
/// HistogramDataPoint             4 count (fixed64)  5 sum  6 bucket_counts* (fixed64)  7 explicit_bounds* (double)
///                                8 exemplars*  9 attributes*  10 flags
/// ExponentialHistogramDataPoint  1 attributes*  4 count (fixed64)  5 sum  6 scale (sint32)  7 zero_count (fixed64)
///                                8 positive  9 negative  10 flags  11 exemplars*  14 zero_threshold
/// SummaryDataPoint               4 count (fixed64)  5 sum  6 quantile_values { 1 quantile  2 value }  7 attributes*  8 flags
/// ```
fn point(kind: Kind, message: &[u8]) -> Result<Point<'_>, ProtoError> {
    let mut point = Point::default();
    for field in Fields::new(message) {
        let (number, field) = field?;
        match (number, kind) {
            (2, _) => point.start_ns = field.fixed64()?,
            (3, _) => point.time_ns = field.fixed64()?,
            (_, Kind::Gauge | Kind::Sum { .. }) => number_field(&mut point, number, field)?,
            (_, Kind::Histogram) => histogram_field(&mut point, number, field)?,
            (_, Kind::ExponentialHistogram) => exponential_field(&mut point, number, field)?,
            (_, Kind::Summary) => summary_field(&mut point, number, field)?,
            (_, Kind::Unknown) => {}
        }
    }
    Ok(point)
}

fn number_field<'a>(
    point: &mut Point<'a>,
    number: u32,
    field: Field<'a>,
) -> Result<(), ProtoError> {
    match number {
        4 => point.value = Some(field.double()?),
        5 => exemplar(field, &mut point.exemplars)?,
        6 => point.value = Some(field.fixed64()?.cast_signed() as f64),
        7 => attribute(field, &mut point.attributes)?,
        8 => point.flags = field.uint64()?,
        _ => {}
    }
    Ok(())
}

fn histogram_field<'a>(
    point: &mut Point<'a>,
    number: u32,
    field: Field<'a>,
) -> Result<(), ProtoError> {
    match number {
        4 => point.count = field.fixed64()?,
        5 => point.sum = Some(field.double()?),
        6 => few(field, 8, point.bucket_counts.len())?
            .each_fixed64(|count| point.bucket_counts.push(count))?,
        7 => few(field, 8, point.explicit_bounds.len())?
            .each_double(|bound| point.explicit_bounds.push(bound))?,
        8 => exemplar(field, &mut point.exemplars)?,
        9 => attribute(field, &mut point.attributes)?,
        10 => point.flags = field.uint64()?,
        _ => {}
    }
    Ok(())
}

fn exponential_field<'a>(
    point: &mut Point<'a>,
    number: u32,
    field: Field<'a>,
) -> Result<(), ProtoError> {
    match number {
        1 => attribute(field, &mut point.attributes)?,
        4 => point.count = field.fixed64()?,
        5 => point.sum = Some(field.double()?),
        6 => point.scale = field.sint32()?,
        7 => point.zero_count = field.fixed64()?,
        8 => point.positive = buckets(field.bytes()?)?,
        9 => point.negative = buckets(field.bytes()?)?,
        10 => point.flags = field.uint64()?,
        11 => exemplar(field, &mut point.exemplars)?,
        14 => point.zero_threshold = field.double()?,
        _ => {}
    }
    Ok(())
}

/// `1 offset (sint32)  2 bucket_counts* (uint64)`
fn buckets(message: &[u8]) -> Result<Buckets, ProtoError> {
    let mut buckets = Buckets::default();
    for field in Fields::new(message) {
        match field? {
            (1, field) => buckets.offset = field.sint32()?,
            (2, field) => few(field, 1, buckets.counts.len())?
                .each_varint(|count| buckets.counts.push(count))?,
            _ => {}
        }
    }
    Ok(buckets)
}

fn summary_field<'a>(
    point: &mut Point<'a>,
    number: u32,
    field: Field<'a>,
) -> Result<(), ProtoError> {
    match number {
        4 => point.count = field.fixed64()?,
        5 => point.sum = Some(field.double()?),
        6 => {
            room(point.quantiles.len(), 1)?;
            let (mut quantile, mut value) = (0.0, 0.0);
            for field in Fields::new(field.bytes()?) {
                match field? {
                    (1, field) => quantile = field.double()?,
                    (2, field) => value = field.double()?,
                    _ => {}
                }
            }
            point.quantiles.push((quantile, value));
        }
        7 => attribute(field, &mut point.attributes)?,
        8 => point.flags = field.uint64()?,
        _ => {}
    }
    Ok(())
}

/// The numbers of a repeated field, each of at least `bytes` bytes; an error when there are too many with the `had` ones
/// before.
fn few(field: Field<'_>, bytes: usize, had: usize) -> Result<Field<'_>, ProtoError> {
    let more = match field {
        Field::Bytes(packed) => packed.len() / bytes,
        _ => 1,
    };
    room(had, more)?;
    Ok(field)
}

fn room(had: usize, more: usize) -> Result<(), ProtoError> {
    if had + more > MAX_NUMBERS {
        return Err(ProtoError("a data point has more than 16384 numbers"));
    }
    Ok(())
}

/// `2 time_unix_nano (fixed64)  3 as_double  4 span_id  5 trace_id  6 as_int (sfixed64)  7 filtered_attributes*`
fn exemplar<'a>(field: Field<'a>, exemplars: &mut Vec<Exemplar<'a>>) -> Result<(), ProtoError> {
    if exemplars.len() == MAX_EXEMPLARS {
        return Err(ProtoError("a data point has more than 1024 exemplars"));
    }
    let mut exemplar = Exemplar::default();
    for field in Fields::new(field.bytes()?) {
        match field? {
            (2, field) => exemplar.time_ns = field.fixed64()?,
            (3, field) => exemplar.value = Some(field.double()?),
            (4, field) => exemplar.span_id = hexadecimal(field.bytes()?)?,
            (5, field) => exemplar.trace_id = hexadecimal(field.bytes()?)?,
            (6, field) => exemplar.value = Some(field.fixed64()?.cast_signed() as f64),
            (7, field) => attribute(field, &mut exemplar.attributes)?,
            _ => {}
        }
    }
    exemplars.push(exemplar);
    Ok(())
}

/// An identifier; one of zeros is none.
fn hexadecimal(bytes: &[u8]) -> Result<Cow<'static, str>, ProtoError> {
    if bytes.len() > 16 {
        return Err(ProtoError("an identifier has more than 16 bytes"));
    }
    if bytes.iter().all(|&byte| byte == 0) {
        return Ok(Cow::Borrowed(""));
    }
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    Ok(Cow::Owned(digits.collect()))
}

fn attribute<'a>(field: Field<'a>, attributes: &mut Vec<Attribute<'a>>) -> Result<(), ProtoError> {
    if attributes.len() == MAX_ATTRIBUTES {
        return Err(ProtoError("there are more than 1024 attributes"));
    }
    attributes.push(value::key_value(field.bytes()?)?);
    Ok(())
}

fn text(field: Field<'_>) -> Result<Cow<'_, str>, ProtoError> {
    Ok(Cow::Borrowed(field.text()?))
}
