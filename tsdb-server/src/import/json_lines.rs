//! VictoriaMetrics's JSON lines:
//! `{"metric":{"__name__":"up","job":"node"},"values":[1,0],"timestamps":[1700000000000,1700000015000]}`, and with `kind` and `unit`
//! what those cannot say.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use tsdb_core::TimeUnit;

use super::json_number::Column;
use super::json_values::Values;
use super::lines::{Line, Lines};
use super::sink::Sink;
use crate::ingest::{LabelSet, MAX_LABELS, WriteError};
use crate::json_kind::{JsonKind, unit_from_name};

/// Samples of a series that go to the batch at once.
const PIECE: usize = 8_192;

/// What a byte of a line takes in memory at most: a value or time is of two bytes at least, with its comma.
const BYTES_PER_BYTE: usize = 8;

/// A line: a series with some of its samples, times in ticks of the unit.
#[derive(Debug, Default)]
struct Exported<'a> {
    metric: Metric<'a>,
    kind: JsonKind,
    unit: Option<TimeUnit>,
    values: Option<Values<'a>>,
    timestamps: Vec<i64>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Exported<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Line;
        impl<'de> Visitor<'de> for Line {
            type Value = Exported<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of metric, values and timestamps")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut line = Exported::default();
                let (mut metric, mut timestamps) = (None, None);
                while let Some(Text(key)) = map.next_key()? {
                    match &*key {
                        "metric" => metric = Some(map.next_value()?),
                        "kind" if line.values.is_some() => {
                            return Err(A::Error::custom("kind stands after the values"));
                        }
                        "kind" => {
                            let Text(name) = map.next_value()?;
                            let kind = JsonKind::from_name(&name);
                            let unknown = || format!("kind {name:?} is not known");
                            line.kind = kind.ok_or_else(|| A::Error::custom(unknown()))?;
                        }
                        "unit" => {
                            let Text(name) = map.next_value()?;
                            let unit = unit_from_name(&name);
                            let unknown = || format!("unit {name:?} is not known");
                            line.unit = Some(unit.ok_or_else(|| A::Error::custom(unknown()))?);
                        }
                        "values" => line.values = Some(Values::read(line.kind, &mut map)?),
                        "timestamps" => timestamps = Some(map.next_value::<Column<i64>>()?.0),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                line.metric = metric.ok_or_else(|| A::Error::missing_field("metric"))?;
                line.timestamps =
                    timestamps.ok_or_else(|| A::Error::missing_field("timestamps"))?;
                Ok(line)
            }
        }
        deserializer.deserialize_map(Line)
    }
}

/// Labels in the order of the line, so that a name that stands twice is found.
#[derive(Debug, Default)]
struct Metric<'a>(Vec<(Text<'a>, Text<'a>)>);

#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Metric<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Labels;
        impl<'de> Visitor<'de> for Labels {
            type Value = Metric<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut labels = Vec::new();
                while let Some(label) = map.next_entry()? {
                    if labels.len() >= MAX_LABELS {
                        return Err(A::Error::custom(format!("more than {MAX_LABELS} labels")));
                    }
                    labels.push(label);
                }
                Ok(Metric(labels))
            }
        }
        deserializer.deserialize_map(Labels)
    }
}

/// Reads lines into `sink`; every series gets `extra_labels` in place of its own of these names.
///
/// # Errors
/// When the stream cannot be read or a batch not be written. Lines that are wrong are counted.
pub(crate) fn import<R: Read>(
    lines: &mut Lines<R>,
    extra_labels: &[(String, String)],
    sink: &mut Sink,
) -> Result<(), WriteError> {
    let limit = lines.limit();
    let mut number = 0u64;
    while let Some(line) = lines.next()? {
        number += 1;
        let bytes = match line {
            Line::Whole(line) => line.len() * BYTES_PER_BYTE,
            Line::TooLong => 0,
        };
        let _memory = sink.reserve(bytes)?;
        let read = match line {
            Line::Whole(line) if line.trim_ascii().is_empty() => continue,
            Line::Whole(line) => parse(line),
            Line::TooLong => Err(format!("longer than {limit} bytes")),
        };
        match read {
            Ok(exported) => take(&exported, extra_labels, sink, number)?,
            Err(e) => sink.refuse("lines", 1, || format!("line {number}: {e}")),
        }
    }
    Ok(())
}

fn parse(line: &[u8]) -> Result<Exported<'_>, String> {
    let exported: Exported<'_> = serde_json::from_slice(line).map_err(|e| {
        // A line is all that serde_json sees, and its number would be 1.
        let text = e.to_string();
        text.replace(" at line 1 column ", ", column ")
    })?;
    let values = exported.values.as_ref();
    let values = values.map(Values::len).ok_or("missing field `values`")?;
    let times = exported.timestamps.len();
    if values != times {
        return Err(format!(
            "values has {values} entries, timestamps has {times}"
        ));
    }
    Ok(exported)
}

/// A line is an error, or as many values as times.
#[cfg(fuzzing)]
pub(crate) fn fuzz_line(line: &[u8]) {
    if let Ok(exported) = parse(line) {
        let values = exported.values.map(|values| values.len());
        assert_eq!(values, Some(exported.timestamps.len()));
    }
}

fn take(
    exported: &Exported<'_>,
    extra_labels: &[(String, String)],
    sink: &mut Sink,
    number: u64,
) -> Result<(), WriteError> {
    let mut labels = LabelSet::default();
    for (Text(name), Text(value)) in &exported.metric.0 {
        if extra_labels.iter().all(|(n, _)| n != name) {
            labels.push(name.as_bytes(), value.as_bytes());
        }
    }
    for (name, value) in extra_labels {
        labels.push(name.as_bytes(), value.as_bytes());
    }
    let Some(values) = &exported.values else {
        return Ok(()); // not reached: a line without values is refused
    };
    for (piece, times) in exported.timestamps.chunks(PIECE).enumerate() {
        let place = || format!("line {number}");
        let start = piece * PIECE;
        let size = values.bytes(start, times.len());
        sink.add(&mut labels, size, place, |series| {
            if let Some(unit) = exported.unit {
                series.unit(unit);
            }
            values.push_to(series, start, times);
        })?;
    }
    Ok(())
}
