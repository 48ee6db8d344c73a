//! VictoriaMetrics's JSON lines:
//! `{"metric":{"__name__":"up","job":"node"},"values":[1,0],"timestamps":[1700000000000,1700000015000]}`.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::json_number::{Column, Number};
use super::lines::{Line, Lines};
use super::sink::Sink;
use crate::ingest::{LabelSet, WriteError};

/// Samples of a series that go to the batch at once.
const PIECE: usize = 8_192;

/// A line: a series with some of its samples.
#[derive(Debug, Deserialize)]
struct Exported<'a> {
    #[serde(borrow)]
    metric: Metric<'a>,
    values: Column<Number>,
    timestamps: Column<i64>,
}

/// Labels in the order of the line, so that a name that stands twice is found.
#[derive(Debug)]
struct Metric<'a>(Vec<(Text<'a>, Text<'a>)>);

#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

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
    let (values, times) = (exported.values.0.len(), exported.timestamps.0.len());
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
        assert_eq!(exported.values.0.len(), exported.timestamps.0.len());
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
    let (times, values) = (&exported.timestamps.0, &exported.values.0);
    for (times, values) in times.chunks(PIECE).zip(values.chunks(PIECE)) {
        let place = || format!("line {number}");
        sink.add(&mut labels, 16 * times.len(), place, |series| {
            for (t_ms, Number(value)) in times.iter().zip(values) {
                series.sample(*t_ms, *value);
            }
        })?;
    }
    Ok(())
}
