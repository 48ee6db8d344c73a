//! Answers in JSON, byte for byte as Prometheus writes them.
//!
//! Written by hand because the format is not what a derived serializer gives: values are strings in Go's shortest form,
//! timestamps are seconds with three decimals or none, labels of series are escaped less than other strings (Prometheus
//! writes them with jsoniter's `WriteString` and everything else with `encoding/json`'s HTML-safe rules).

use std::ops::Range;

use super::json_histogram;
use tsdb_core::Labels;
use tsdb_query::{QueryValue, VectorSample};

/// Writes `items` between brackets with commas between them.
pub(crate) fn array<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// A string under `encoding/json`'s rules: `<`, `>`, `&`, U+2028 and U+2029 are escaped, so that the document may
/// stand in HTML.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    escaped(out, text, true);
}

/// A label name or value of a series: only what JSON demands is escaped.
fn label_string(out: &mut Vec<u8>, text: &str) {
    escaped(out, text, false);
}

fn escaped(out: &mut Vec<u8>, text: &str, html: bool) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut plain = 0; // start of what needs no escape
    let bytes = text.as_bytes();
    for (i, c) in text.char_indices() {
        let escape: &[u8] = match c {
            '"' => b"\\\"",
            '\\' => b"\\\\",
            '\n' => b"\\n",
            '\r' => b"\\r",
            '\t' => b"\\t",
            '\u{2028}' if html => b"\\u2028",
            '\u{2029}' if html => b"\\u2029",
            '<' | '>' | '&' if html => b"",
            '\0'..='\x1f' => b"",
            _ => continue,
        };
        out.extend_from_slice(bytes.get(plain..i).unwrap_or_default());
        if escape.is_empty() {
            let c = c as usize & 0x7f; // one of the ASCII characters above
            out.extend_from_slice(b"\\u00");
            out.extend([HEX[c >> 4], HEX[c & 15]]);
        } else {
            out.extend_from_slice(escape);
        }
        plain = i + c.len_utf8();
    }
    out.extend_from_slice(bytes.get(plain..).unwrap_or_default());
    out.push(b'"');
}

/// Milliseconds as seconds: no fraction for whole seconds, three decimals otherwise.
pub(super) fn timestamp(out: &mut Vec<u8>, t_ms: i64) {
    if t_ms < 0 {
        out.push(b'-');
    }
    let ms = t_ms.unsigned_abs();
    let mut buffer = itoa::Buffer::new();
    out.extend_from_slice(buffer.format(ms / 1000).as_bytes());
    let fraction = ms % 1000;
    if fraction != 0 {
        out.push(b'.');
        for digit in [fraction / 100, fraction / 10 % 10, fraction % 10] {
            out.push(b'0' + digit as u8);
        }
    }
}

/// A value as a string.
pub(crate) fn value(out: &mut Vec<u8>, value: f64) {
    out.push(b'"');
    float(out, value, PLAIN);
    out.push(b'"');
}

/// The magnitudes that Prometheus, as JavaScript, writes without an exponent.
pub(crate) const PLAIN: Range<f64> = 1e-6..1e21;

/// The shortest decimal that reads back as the same float, with an exponent unless its magnitude is in `plain`.
pub(crate) fn float(out: &mut Vec<u8>, value: f64, plain: Range<f64>) {
    use std::io::Write;
    let magnitude = value.abs();
    // Writing to a vector cannot fail.
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if magnitude != 0.0 && !plain.contains(&magnitude) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        let _ = write!(out, "{mantissa}e{sign}{digits:0>2}"); // Go writes at least two digits
    } else if magnitude < 1e15
        && value.trunc() == value
        && (value != 0.0 || value.is_sign_positive())
    {
        // Whole numbers are most of what there is.
        let mut buffer = itoa::Buffer::new();
        out.extend_from_slice(buffer.format(value as i64).as_bytes());
    } else {
        let _ = write!(out, "{value}");
    }
}

/// A time with its value.
pub(super) fn point(out: &mut Vec<u8>, t_ms: i64, v: f64) {
    out.push(b'[');
    timestamp(out, t_ms);
    out.push(b',');
    value(out, v);
    out.push(b']');
}

/// A label set as an object.
pub(crate) fn labels(out: &mut Vec<u8>, labels: &Labels) {
    out.push(b'{');
    for (i, (name, value)) in labels.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        label_string(out, name);
        out.push(b':');
        label_string(out, value);
    }
    out.push(b'}');
}

pub(crate) fn vector_sample(out: &mut Vec<u8>, sample: &VectorSample) {
    out.extend_from_slice(b"{\"metric\":");
    labels(out, &sample.labels);
    match &sample.histogram {
        Some(h) => {
            out.extend_from_slice(b",\"histogram\":");
            json_histogram::point(out, sample.t_ms, h);
        }
        None => {
            out.extend_from_slice(b",\"value\":");
            point(out, sample.t_ms, sample.value);
        }
    }
    out.push(b'}');
}

/// Begins the answer to a query: `resultType` and `result`, in this order, since readers that stream need the type first.
pub(crate) fn begin_query(out: &mut Vec<u8>, result_type: &str) {
    out.extend_from_slice(SUCCESS);
    out.extend_from_slice(b"{\"resultType\":\"");
    out.extend_from_slice(result_type.as_bytes());
    out.extend_from_slice(b"\",\"result\":");
}

/// The answer to a query up to the end of its value, which is none that is written in pieces: a matrix here has no series.
///
/// # Errors
/// When the value is of another kind.
pub(crate) fn query_value(out: &mut Vec<u8>, value: &QueryValue) -> Result<(), &'static str> {
    match value {
        QueryValue::Scalar { t_ms, value } => {
            begin_query(out, "scalar");
            point(out, *t_ms, *value);
        }
        QueryValue::String { t_ms, value } => {
            begin_query(out, "string");
            out.push(b'[');
            timestamp(out, *t_ms);
            out.push(b',');
            string(out, value);
            out.push(b']');
        }
        QueryValue::Matrix(_) => {
            begin_query(out, "matrix");
            out.extend_from_slice(b"[]");
        }
        _ => return Err("a kind of value that the API does not know"),
    }
    Ok(())
}

/// What stands behind the value of a query: `extras`, which are finished JSON under their names, and annotations.
pub(crate) fn end_query(
    out: &mut Vec<u8>,
    extras: &[(&str, Option<String>)],
    warnings: &[String],
    infos: &[String],
) {
    for (name, extra) in extras {
        if let Some(extra) = extra {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            out.extend_from_slice(extra.as_bytes());
        }
    }
    out.push(b'}');
    end(out, warnings, infos);
}

const SUCCESS: &[u8] = b"{\"status\":\"success\",\"data\":";

/// `{"status":"success","data":…}`
pub(crate) fn success(data: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    success_with(&[], &[], data)
}

/// The same with `warnings` and `infos`, which are left out when empty.
pub(crate) fn success_with(
    warnings: &[String],
    infos: &[String],
    data: impl FnOnce(&mut Vec<u8>),
) -> Vec<u8> {
    let mut out = SUCCESS.to_vec();
    data(&mut out);
    end(&mut out, warnings, infos);
    out
}

/// Annotations and the end of an answer.
fn end(out: &mut Vec<u8>, warnings: &[String], infos: &[String]) {
    for (name, kind, texts) in [("warnings", "warning", warnings), ("infos", "info", infos)] {
        if !texts.is_empty() {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            let (given, omitted) = texts.split_at(texts.len().min(MAX_ANNOTATIONS));
            let rest = (!omitted.is_empty())
                .then(|| format!("{} more {kind} annotations omitted", omitted.len()));
            array(out, given.iter().chain(&rest), |out, text| {
                string(out, text);
            });
        }
    }
    out.push(b'}');
}

/// How many warnings, and how many infos, an answer has.
const MAX_ANNOTATIONS: usize = 10;

/// `{"status":"error",…}`
pub(crate) fn error(kind: &str, message: &str) -> Vec<u8> {
    let mut out = b"{\"status\":\"error\",\"errorType\":\"".to_vec();
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"error\":");
    string(&mut out, message);
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_written_as_go_writes_them() {
        for (v, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (1e-6, "0.000001"),
            (9.99e-7, "9.99e-07"),
            (1e-9, "1e-09"),
            (5e-324, "5e-324"),
            (1e15, "1000000000000000"),
            (123_456_789_012_345_680.0, "123456789012345680"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(text(|out| value(out, v)), format!("\"{expected}\""));
        }
    }

    #[test]
    fn timestamps_have_three_decimals_or_none() {
        for (t_ms, expected) in [
            (1_435_781_451_781, "1435781451.781"),
            (1_435_781_451_000, "1435781451"),
            (1_500, "1.500"),
            (7, "0.007"),
            (-1_050, "-1.050"),
            (0, "0"),
            (i64::MIN, "-9223372036854775.808"),
        ] {
            assert_eq!(text(|out| timestamp(out, t_ms)), expected);
        }
    }

    #[test]
    fn labels_are_escaped_less_than_other_strings() {
        let odd = "a\"\\\n\r\t\x01<&>\u{2028}é";
        assert_eq!(
            text(|out| string(out, odd)),
            r#""a\"\\\n\r\t\u0001\u003c\u0026\u003e\u2028é""#
        );
        assert_eq!(
            text(|out| label_string(out, odd)),
            "\"a\\\"\\\\\\n\\r\\t\\u0001<&>\u{2028}é\""
        );
    }

    #[test]
    fn an_empty_answer_has_arrays_and_no_warnings() {
        let mut out = Vec::new();
        query_value(&mut out, &QueryValue::Matrix(Vec::new())).unwrap();
        let extras = [("stats", None), ("x", Some("{}".to_owned()))];
        end_query(&mut out, &extras, &[], &["i".to_owned()]);
        assert_eq!(
            out,
            br#"{"status":"success","data":{"resultType":"matrix","result":[],"x":{}},"infos":["i"]}"#
        );
    }

    #[test]
    fn an_answer_has_ten_annotations_of_a_kind() {
        let texts: Vec<String> = (0..12).map(|i| i.to_string()).collect();
        let out = success_with(&texts, &texts[..10], |out| out.push(b'1'));
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains(r#""9","2 more warning annotations omitted"],"infos""#));
        assert!(out.ends_with(r#""8","9"]}"#));
    }

    proptest! {
        #[test]
        fn values_read_back_bit_for_bit(bits in any::<u64>()) {
            let v = f64::from_bits(bits);
            let written = text(|out| value(out, v));
            let back: f64 = written.trim_matches('"').parse().unwrap();
            prop_assert!(v.is_nan() && back.is_nan() || back.to_bits() == bits, "{written}");
        }

        #[test]
        fn strings_read_back(s in ".*") {
            for written in [text(|out| string(out, &s)), text(|out| label_string(out, &s))] {
                prop_assert_eq!(&serde_json::from_str::<String>(&written).unwrap(), &s);
            }
        }
    }
}
