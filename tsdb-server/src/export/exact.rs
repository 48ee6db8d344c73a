//! JSON lines that say all that a sample is: its kind, its time in the unit of its series, every bit of a float.

use std::ops::ControlFlow;

use tsdb_core::histogram::Side;
use tsdb_core::{FloatHistogram, Histogram, Sample, Samples, Series, TimeUnit, Value};

use super::json_lines::number;
use super::stream::{Cut, Output};
use crate::api::json;
use crate::json_kind::{JsonKind, NANOSECONDS};

/// A line is ended when it has so many bytes: a value may be long.
const LINE_BYTES: usize = 1 << 20;

/// Writes samples of a series, at most `rows` a line.
///
/// # Errors
/// When the client went away.
pub(super) fn write(
    series: &Series,
    samples: &Samples,
    rows: usize,
    output: &mut Output,
) -> Result<(), Cut> {
    let mut samples = samples.iter().peekable();
    while let Some(first) = samples.peek() {
        let Some(kind) = JsonKind::of(first.value) else {
            samples.next(); // of a kind that this format does not know
            continue;
        };
        let out = &mut output.buffer;
        let start = out.len();
        out.extend_from_slice(b"{\"metric\":");
        json::labels(out, series.labels());
        out.extend_from_slice(b",\"kind\":");
        json::string(out, kind.name());
        if series.unit() == TimeUnit::Nanoseconds {
            out.extend_from_slice(b",\"unit\":");
            json::string(out, NANOSECONDS);
        }
        out.extend_from_slice(b",\"values\":[");
        let mut times = Vec::new();
        let mut next = |out: &mut Vec<u8>| {
            let is_of_line = |sample: &Sample<'_>| JsonKind::of(sample.value) == Some(kind);
            let room = times.len() < rows && out.len() - start < LINE_BYTES;
            let Some(sample) = samples.next_if(|sample| room && is_of_line(sample)) else {
                return ControlFlow::Break(());
            };
            if !times.is_empty() {
                out.push(b',');
            }
            value(out, sample.value);
            times.push(sample.tick);
            ControlFlow::Continue(())
        };
        while next(out).is_continue() {}
        out.extend_from_slice(b"],\"timestamps\":");
        json::array(out, &times, |out, tick| integer(out, *tick));
        out.extend_from_slice(b"}\n");
        output.send_if_large()?;
    }
    Ok(())
}

fn integer(out: &mut Vec<u8>, n: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

fn value(out: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Float(value) => float(out, value),
        Value::Integer(value) => integer(out, value),
        Value::Boolean(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Value::String(text) => json::string(out, text),
        Value::Histogram(histogram) => of_integers(out, histogram),
        Value::FloatHistogram(histogram) => of_floats(out, histogram),
        _ => out.extend_from_slice(b"null"), // not reached: such a value begins no line
    }
}

/// A NaN with its bits.
fn float(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        json::string(out, &format!("NaN({:016x})", value.to_bits()));
    } else {
        number(out, value);
    }
}

fn of_integers(out: &mut Vec<u8>, histogram: &Histogram) {
    let h = histogram;
    begin(
        out,
        h.counter_reset_hint as u8,
        h.schema,
        h.zero_threshold,
        h.sum,
    );
    out.extend_from_slice(b",\"zero_count\":");
    integer(out, h.zero_count);
    out.extend_from_slice(b",\"count\":");
    integer(out, h.count);
    for (name, of) in [("positive", &h.positive), ("negative", &h.negative)] {
        side(out, name, of, |out, delta| integer(out, *delta));
    }
    end(out, &h.custom_values);
}

fn of_floats(out: &mut Vec<u8>, histogram: &FloatHistogram) {
    let h = histogram;
    begin(
        out,
        h.counter_reset_hint as u8,
        h.schema,
        h.zero_threshold,
        h.sum,
    );
    out.extend_from_slice(b",\"zero_count\":");
    float(out, h.zero_count);
    out.extend_from_slice(b",\"count\":");
    float(out, h.count);
    for (name, of) in [("positive", &h.positive), ("negative", &h.negative)] {
        side(out, name, of, |out, count| float(out, *count));
    }
    end(out, &h.custom_values);
}

fn begin(out: &mut Vec<u8>, hint: u8, schema: i32, zero_threshold: f64, sum: f64) {
    out.extend_from_slice(b"{\"hint\":");
    integer(out, hint);
    out.extend_from_slice(b",\"schema\":");
    integer(out, schema);
    out.extend_from_slice(b",\"zero_threshold\":");
    float(out, zero_threshold);
    out.extend_from_slice(b",\"sum\":");
    float(out, sum);
}

fn side<B>(out: &mut Vec<u8>, name: &str, side: &Side<B>, bucket: impl Fn(&mut Vec<u8>, &B)) {
    out.push(b',');
    json::string(out, name);
    out.extend_from_slice(b":{\"spans\":");
    json::array(out, &side.spans, |out, span| {
        out.push(b'[');
        integer(out, span.offset);
        out.push(b',');
        integer(out, span.length);
        out.push(b']');
    });
    out.extend_from_slice(b",\"buckets\":");
    json::array(out, &side.buckets, bucket);
    out.push(b'}');
}

fn end(out: &mut Vec<u8>, custom_values: &[f64]) {
    out.extend_from_slice(b",\"custom_values\":");
    json::array(out, custom_values, |out, bound| float(out, *bound));
    out.push(b'}');
}
