//! Field values: numbers, integers with an `i` or `u` behind, booleans, quoted strings.

use std::borrow::Cow;

use super::cursor::Cursor;
use super::dialect::Dialect;
use super::escape::{STRING, unescape};
use super::point::LineError;
use crate::value::FieldType;

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// A number.
    Float(f64),
    /// A number with an `i` behind it, or a `u` where the dialect has it.
    Integer(i64),
    /// `t`, `true`, `f`, `false` and their forms in capitals.
    Boolean(bool),
    /// Text in double quotes.
    String(Cow<'a, str>),
}

impl FieldValue<'_> {
    /// Its type.
    #[must_use]
    pub fn field_type(&self) -> FieldType {
        match self {
            Self::Float(_) => FieldType::Float,
            Self::Integer(_) => FieldType::Integer,
            Self::Boolean(_) => FieldType::Boolean,
            Self::String(_) => FieldType::String,
        }
    }
}

/// A number whose text is longer is parsed as a whole where InfluxDB would check it by digits alone; the answer is the same.
pub(super) fn number<'a>(
    cursor: &mut Cursor<'a>,
    dialect: Dialect,
) -> Result<FieldValue<'a>, LineError> {
    let start = cursor.at;
    while cursor.peek().is_some_and(|b| b != b',' && b != b' ') {
        cursor.at += 1;
    }
    let text = std::str::from_utf8(cursor.since(start)).map_err(|_| LineError::InvalidNumber)?;
    if let Some(digits) = text.strip_suffix('i') {
        return integer(digits);
    }
    if let Some(digits) = text.strip_suffix('u').filter(|_| dialect.unsigned) {
        return match digits.starts_with('-') {
            true => Err(LineError::InvalidNumber),
            false => integer(digits),
        };
    }
    if !is_float(text) {
        return Err(LineError::InvalidNumber);
    }
    // An exponent without digits is a number to the scanner, and none to the parser.
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(FieldValue::Float(value)),
        _ => Err(LineError::InvalidFloat),
    }
}

fn integer(digits: &str) -> Result<FieldValue<'static>, LineError> {
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return Err(LineError::InvalidNumber);
    }
    digits
        .parse()
        .map(FieldValue::Integer)
        .map_err(|_| LineError::IntegerOutOfRange(digits.to_owned()))
}

/// `[-]digits[.digits][e[±]digits]` with at least one digit before the exponent.
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_is_number = exponent.is_none_or(|exponent| {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        digits(unsigned)
    });
    digits(whole) && digits(fraction) && whole.len() + fraction.len() > 0 && exponent_is_number
}

pub(super) fn boolean<'a>(cursor: &mut Cursor<'a>) -> Result<FieldValue<'a>, LineError> {
    let start = cursor.at;
    cursor.at += 1;
    while cursor.peek().is_some_and(|b| b != b',' && b != b' ') {
        cursor.at += 1;
    }
    match cursor.since(start) {
        b"t" | b"T" | b"true" | b"True" | b"TRUE" => Ok(FieldValue::Boolean(true)),
        b"f" | b"F" | b"false" | b"False" | b"FALSE" => Ok(FieldValue::Boolean(false)),
        _ => Err(LineError::InvalidBoolean),
    }
}

/// A quoted string, from its opening quote to the next quote that is not escaped.
pub(super) fn string<'a>(cursor: &mut Cursor<'a>) -> Result<FieldValue<'a>, LineError> {
    cursor.at += 1;
    let start = cursor.at;
    loop {
        match cursor.peek() {
            None => return Err(LineError::UnbalancedQuotes),
            Some(b'\\') => cursor.at += 2,
            Some(b'"') => break,
            Some(_) => cursor.at += 1,
        }
    }
    let text = std::str::from_utf8(cursor.since(start)).map_err(|_| LineError::NotUtf8)?;
    cursor.at += 1;
    Ok(FieldValue::String(unescape(text, STRING)))
}
