//! Answers in JSON, byte for byte as InfluxDB writes them.

use itoa::Buffer;
use jiff::tz::TimeZone;
use tsdb_influx::{Message, Row, Value};

use super::answer::{Answered, Times, rfc3339};
use crate::api::json::string;

/// All answers in one document, or in one for each `chunk_size` rows of a series.
pub(super) fn documents(
    answers: &[Answered],
    times: Times,
    chunk_size: Option<usize>,
    pretty: bool,
) -> Vec<u8> {
    let mut out = Vec::new();
    match chunk_size {
        None => document(&mut out, pretty, |out| {
            list(out, answers, |out, answer| whole(out, answer, times));
        }),
        Some(size) => {
            for answer in answers {
                chunks(&mut out, answer, times, size.max(1), pretty);
            }
        }
    }
    out
}

/// `{"results":[…]}` and a newline.
fn document(out: &mut Vec<u8>, pretty: bool, write: impl FnOnce(&mut Vec<u8>)) {
    let mut one = b"{\"results\":".to_vec();
    write(&mut one);
    one.push(b'}');
    if pretty {
        indent(&one, out);
    } else {
        out.extend_from_slice(&one);
    }
    out.push(b'\n');
}

fn list<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// Writes an answer; `rows` are written in the place of its series.
fn result(
    out: &mut Vec<u8>,
    answer: &Answered,
    rows: impl FnOnce(&mut Vec<u8>),
    messages: &[Message],
    partial: bool,
) {
    out.extend_from_slice(b"{\"statement_id\":");
    out.extend_from_slice(Buffer::new().format(answer.statement).as_bytes());
    rows(out);
    if !messages.is_empty() {
        out.extend_from_slice(b",\"messages\":");
        list(out, messages, |out, message| {
            out.extend_from_slice(b"{\"level\":\"warning\",\"text\":");
            string(out, &message.text);
            out.push(b'}');
        });
    }
    if partial {
        out.extend_from_slice(b",\"partial\":true");
    }
    if let Err(error) = &answer.result {
        out.extend_from_slice(b",\"error\":");
        string(out, error);
    }
    out.push(b'}');
}

fn whole(out: &mut Vec<u8>, answer: &Answered, times: Times) {
    let (rows, messages) = match &answer.result {
        Ok(outcome) => (outcome.rows.as_slice(), outcome.messages.as_slice()),
        Err(_) => (&[][..], &[][..]),
    };
    let series = |out: &mut Vec<u8>| {
        if !rows.is_empty() {
            out.extend_from_slice(b",\"series\":");
            list(out, rows, |out, row| {
                series(out, row, &row.values, false, times)
            });
        }
    };
    result(out, answer, series, messages, false);
}

/// A document for each part of each series. All but the last of an answer say that there is more.
fn chunks(out: &mut Vec<u8>, answer: &Answered, times: Times, size: usize, pretty: bool) {
    let (rows, messages) = match &answer.result {
        Ok(outcome) => (outcome.rows.as_slice(), outcome.messages.as_slice()),
        Err(_) => (&[][..], &[][..]),
    };
    let is_select = rows.iter().any(|row| row.time.is_some());
    if !is_select {
        document(out, pretty, |out| {
            list(out, &[answer], |out, answer| whole(out, answer, times))
        });
        return;
    }
    let mut parts = Vec::new();
    for row in rows {
        let last = row.values.len().div_ceil(size).saturating_sub(1);
        let numbered = row.values.chunks(size).enumerate();
        parts.extend(numbered.map(|(i, values)| (row, values, i < last)));
    }
    for (i, (row, values, row_goes_on)) in parts.iter().enumerate() {
        let rows = |out: &mut Vec<u8>| {
            out.extend_from_slice(b",\"series\":[");
            series(out, row, values, *row_goes_on, times);
            out.push(b']');
        };
        let goes_on = i + 1 < parts.len();
        document(out, pretty, |out| {
            out.push(b'[');
            result(out, answer, rows, messages, goes_on);
            out.push(b']');
        });
    }
}

fn series(out: &mut Vec<u8>, row: &Row, values: &[Vec<Value>], partial: bool, times: Times) {
    out.push(b'{');
    if let Some(name) = &row.name {
        out.extend_from_slice(b"\"name\":");
        string(out, name);
        out.push(b',');
    }
    if !row.tags.is_empty() {
        out.extend_from_slice(b"\"tags\":{");
        for (i, (key, value)) in row.tags.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            string(out, key);
            out.push(b':');
            string(out, value);
        }
        out.extend_from_slice(b"},");
    }
    out.extend_from_slice(b"\"columns\":");
    list(out, &row.columns, |out, column| string(out, column));
    if !values.is_empty() {
        out.extend_from_slice(b",\"values\":");
        list(out, values, |out, values| {
            out.push(b'[');
            for (i, v) in values.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                match (v, &row.time) {
                    (Value::Integer(t_ns), Some(zone)) if i == 0 => time(out, *t_ns, zone, times),
                    _ => value(out, v),
                }
            }
            out.push(b']');
        });
    }
    if partial {
        out.extend_from_slice(b",\"partial\":true");
    }
    out.push(b'}');
}

fn time(out: &mut Vec<u8>, t_ns: i64, zone: &TimeZone, times: Times) {
    match times {
        Times::Text => string(out, &rfc3339(t_ns, zone)),
        Times::Number(unit) => {
            let number = t_ns / unit.nanoseconds();
            out.extend_from_slice(Buffer::new().format(number).as_bytes());
        }
    }
}

fn value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Float(number) => out.extend_from_slice(float(*number).as_bytes()),
        Value::Integer(number) => out.extend_from_slice(Buffer::new().format(*number).as_bytes()),
        Value::Boolean(true) => out.extend_from_slice(b"true"),
        Value::Boolean(false) => out.extend_from_slice(b"false"),
        Value::String(text) => string(out, text),
    }
}

/// A number as Go's `encoding/json` writes it: with an exponent below 1e-6 and from 1e21 on.
pub(super) fn float(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        return if text.contains("e-") {
            text
        } else {
            text.replace('e', "e+")
        };
    }
    number.to_string()
}

/// Puts every item on a line of its own, four blanks further in than what it stands in.
fn indent(json: &[u8], out: &mut Vec<u8>) {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    let mut bytes = json.iter().copied().peekable();
    let line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', 4 * depth));
    };
    while let Some(byte) = bytes.next() {
        if in_string {
            out.push(byte);
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => {
                in_string = true;
                out.push(byte);
            }
            b'{' | b'[' => {
                out.push(byte);
                // Nothing stands between the signs of an empty list.
                if matches!(bytes.peek(), Some(b'}' | b']')) {
                    out.extend(bytes.next());
                } else {
                    depth += 1;
                    line(out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                line(out, depth);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            byte => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_go_s() {
        for (number, text) in [
            (0.0, "0"),
            (-0.5, "-0.5"),
            (100.0, "100"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e-7, "1.5e-7"),
            (1e-6, "0.000001"),
            (0.30000000000000004, "0.30000000000000004"),
        ] {
            assert_eq!(float(number), text);
        }
    }

    #[test]
    fn pretty_is_the_same_document() {
        let json = br#"{"a":[1,"b,{\"",{}],"c":[]}"#;
        let mut out = Vec::new();
        indent(json, &mut out);
        let expected = "{\n    \"a\": [\n        1,\n        \"b,{\\\"\",\n        {}\n    ],\n    \"c\": []\n}";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
