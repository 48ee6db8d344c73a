//! Values of attributes as text: strings as they are, other scalars as Go writes them, bytes in base64, arrays and maps
//! in JSON (`pcommon.Value.AsString` of the OpenTelemetry Collector, which Prometheus uses).

use std::borrow::Cow;

use serde_json::Value;

use super::model::{Attribute, MAX_NESTED_BYTES};
use crate::ingest::proto::{Fields, ProtoError};

/// How deep arrays and maps nest.
pub(super) const MAX_DEPTH: usize = 16;

/// A `KeyValue`: `1 key  2 value`.
pub(super) fn key_value(message: &[u8]) -> Result<Attribute<'_>, ProtoError> {
    let (mut key, mut value) = ("", Cow::Borrowed(""));
    for field in Fields::new(message) {
        match field? {
            (1, field) => key = field.text()?,
            (2, field) => value = as_text(field.bytes()?)?,
            _ => {}
        }
    }
    Ok((Cow::Borrowed(key), value))
}

/// An `AnyValue` as text; a string is not copied.
fn as_text(message: &[u8]) -> Result<Cow<'_, str>, ProtoError> {
    let mut string = None;
    for field in Fields::new(message) {
        string = match field? {
            (1, field) => Some(field.text()?),
            (2..=7, _) => None,
            _ => string,
        };
    }
    if let Some(string) = string {
        return Ok(Cow::Borrowed(string));
    }
    if message.len() > MAX_NESTED_BYTES {
        return Err(ProtoError("an array or map has more than 64 KiB"));
    }
    Ok(Cow::Owned(text_of(any_value(message, 0)?)))
}

/// `1 string  2 bool  3 int (int64)  4 double  5 array { 1 values* }  6 map { 1 values* }  7 bytes`
fn any_value(message: &[u8], depth: usize) -> Result<Value, ProtoError> {
    if depth > MAX_DEPTH {
        return Err(ProtoError("an attribute nests deeper than 16"));
    }
    let mut value = Value::Null;
    for field in Fields::new(message) {
        value = match field? {
            (1, field) => Value::from(field.text()?),
            (2, field) => Value::from(field.uint64()? != 0),
            (3, field) => Value::from(field.int64()?),
            (4, field) => number(field.double()?),
            (5, field) => {
                let mut array = Vec::new();
                for field in Fields::new(field.bytes()?) {
                    if let (1, field) = field? {
                        array.push(any_value(field.bytes()?, depth + 1)?);
                    }
                }
                Value::from(array)
            }
            (6, field) => {
                let mut map = serde_json::Map::new();
                for field in Fields::new(field.bytes()?) {
                    if let (1, field) = field? {
                        let (key, value) = entry(field.bytes()?, depth + 1)?;
                        map.insert(key, value);
                    }
                }
                Value::from(map)
            }
            (7, field) => Value::from(base64(field.bytes()?)),
            _ => value,
        };
    }
    Ok(value)
}

fn entry(message: &[u8], depth: usize) -> Result<(String, Value), ProtoError> {
    let (mut key, mut value) = ("", Value::Null);
    for field in Fields::new(message) {
        match field? {
            (1, field) => key = field.text()?,
            (2, field) => value = any_value(field.bytes()?, depth)?,
            _ => {}
        }
    }
    Ok((key.to_owned(), value))
}

/// A number of JSON; what JSON has no number for as its name.
pub(super) fn number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or_else(|| Value::from(double(value)), Value::Number)
}

/// The text of a value.
pub(super) fn text_of(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        Value::Number(n) => match n.as_f64().filter(|_| n.is_f64()) {
            Some(value) => double(value),
            None => n.to_string(),
        },
        value => value.to_string(),
    }
}

/// A double as Go's JSON writes it: with an exponent below 10⁻⁶ and from 10²¹ on.
fn double(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else if size >= 1e21 {
        format!("{value:e}").replace('e', "e+")
    } else if size != 0.0 && size < 1e-6 {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .fold(0_u32, |bits, &b| bits << 8 | u32::from(b));
        let bits = bits << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place > three.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::wire::Message;

    fn text(value: Message) -> String {
        as_text(&value.0).unwrap().into_owned()
    }

    #[test]
    fn values_are_texts_as_those_of_the_collector() {
        let value = Message::default;
        assert_eq!(text(value()), "");
        assert_eq!(text(value().bytes(1, b"a b")), "a b");
        assert_eq!(text(value().varint(2, 1)), "true");
        assert_eq!(text(value().varint(3, (-5_i64).cast_unsigned())), "-5");
        for (double, says) in [
            (1.0, "1"),
            (0.25, "0.25"),
            (1e21, "1e+21"),
            (1e-7, "1e-7"),
            (1e20, "100000000000000000000"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(text(value().double(4, double)), says);
        }
        for (bytes, says) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(text(value().bytes(7, bytes.as_bytes())), says);
        }
        let array = value()
            .bytes(1, &value().bytes(1, b"x").0)
            .bytes(1, &value().varint(3, 2).0);
        assert_eq!(text(value().bytes(5, &array.0)), r#"["x",2]"#);
        let pair = |key: &str, v: Message| value().bytes(1, key.as_bytes()).bytes(2, &v.0).0;
        let map = value()
            .bytes(1, &pair("b", value().varint(2, 0)))
            .bytes(1, &pair("a", value().bytes(5, &array.0)));
        assert_eq!(text(value().bytes(6, &map.0)), r#"{"a":["x",2],"b":false}"#);
    }

    #[test]
    fn what_nests_too_deep_or_is_too_long_is_refused() {
        let mut deep = Message::default().varint(3, 1);
        for _ in 0..MAX_DEPTH {
            let array = Message::default().bytes(1, &deep.0);
            deep = Message::default().bytes(5, &array.0);
        }
        assert!(as_text(&deep.0).is_ok());
        let array = Message::default().bytes(1, &deep.0);
        assert!(as_text(&Message::default().bytes(5, &array.0).0).is_err());
        let long = Message::default().bytes(7, &vec![0; MAX_NESTED_BYTES]);
        assert!(as_text(&long.0).is_err());
    }
}
