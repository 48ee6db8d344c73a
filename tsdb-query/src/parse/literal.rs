//! Numbers and durations: how far a literal reaches, and what it is worth.

use nom::bytes::complete::take_while1;
use nom::character::complete::{digit1, one_of};
use nom::combinator::{opt, recognize};
use nom::sequence::pair;
use nom::{IResult, Parser};

use super::token::Kind;
use crate::ast::quote::Quoted;

/// What the literal at the start of `text` is, and how many bytes it takes.
///
/// # Errors
/// How many bytes were read when it proved to be neither number nor duration.
pub(super) fn scan(text: &str) -> Result<(Kind, usize), usize> {
    let read = match scan_number(text.as_bytes()) {
        Ok(len) => return Ok((Kind::Number, len)),
        Err(read) => read,
    };
    scan_duration(text, read).map(|len| (Kind::Duration, len))
}

fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// Where a number ends. What follows it must not be a letter, digit or underscore.
fn scan_number(text: &[u8]) -> Result<usize, usize> {
    let at = |i: usize| text.get(i).copied().unwrap_or(0);
    if at(0) == b'0' && matches!(at(1), b'x' | b'X') {
        let digits = |b: &&u8| b.is_ascii_hexdigit() || **b == b'_';
        let end = 2 + text[2..].iter().take_while(digits).count();
        return if is_word(text.get(end)) || at(end) == b'.' {
            Err(end)
        } else {
            Ok(end)
        };
    }
    let mut end = usize::from(at(0) == b'.');
    let (mut dot, mut exponent) = (false, false);
    loop {
        let read = end + 1;
        match at(end) {
            b'0'..=b'9' => end = read,
            b'.' if dot => return Err(read),
            b'.' if matches!(at(read), b'.' | b'_') => return Err(read + 1),
            b'.' => {
                dot = true;
                end = read;
            }
            b'e' | b'E' if exponent => return Err(read),
            b'e' | b'E' => {
                exponent = true;
                end = read + usize::from(matches!(at(read), b'+' | b'-'));
                if matches!(at(end), b'.' | b'_' | b'e' | b'E') || end >= text.len() {
                    return Err((end + 1).min(text.len()));
                }
            }
            b'_' => {
                if matches!(at(read), b'.' | b'_' | b'e' | b'E') || read >= text.len() {
                    return Err((read + 1).min(text.len()));
                }
                end = read;
            }
            _ => break,
        }
    }
    if is_word(text.get(end)) {
        Err(end)
    } else {
        Ok(end)
    }
}

/// Where a duration ends whose first digits, `read` bytes of them, were read.
fn scan_duration(text: &str, read: usize) -> Result<usize, usize> {
    let unit = |units: &'static str, from: usize| -> Option<usize> {
        let parsed: IResult<&str, &str, ()> =
            recognize(pair(one_of(units), opt(one_of("s")))).parse(text.get(from..)?);
        parsed.ok().map(|(_, unit)| from + unit.len())
    };
    let mut end = unit("smhdwy", read).ok_or(read)?;
    while let Ok((_, digits)) = digits(text.get(end..).unwrap_or_default()) {
        end += digits.len();
        // Years come first or not at all.
        end = unit("smhdw", end).ok_or(end)?;
    }
    if is_word(text.as_bytes().get(end)) {
        Err(end + 1)
    } else {
        Ok(end)
    }
}

fn digits(text: &str) -> IResult<&str, &str, ()> {
    digit1(text)
}

/// The value of a number.
///
/// # Errors
/// The text of the error.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let error = |what| {
        Err(format!(
            "error parsing number: strconv.ParseFloat: parsing {}: {what}",
            Quoted(text)
        ))
    };
    if text.ends_with('_') {
        return error("invalid syntax");
    }
    let plain = text.replace('_', "");
    if let Some(hex) = plain
        .strip_prefix("0x")
        .or_else(|| plain.strip_prefix("0X"))
    {
        return match i64::from_str_radix(hex, 16) {
            Ok(value) => Ok(value as f64),
            Err(_) => error("invalid syntax"),
        };
    }
    // As in Go, a leading zero makes an octal number of octal digits.
    let is_octal = plain.len() > 1 && plain.starts_with('0');
    if is_octal && let Ok(value) = i64::from_str_radix(&plain, 8) {
        return Ok(value as f64);
    }
    match plain.parse::<f64>() {
        Ok(value) if value.is_infinite() && plain.starts_with(|c: char| !c.is_alphabetic()) => {
            error("value out of range")
        }
        Ok(value) => Ok(value),
        Err(_) => error("invalid syntax"),
    }
}

/// Units from large to small, in milliseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The longest duration of Go, in milliseconds: 2⁶³ - 1 nanoseconds.
const MAX_MS: u64 = (i64::MAX / 1_000_000) as u64;

/// A duration, in milliseconds: numbers with units, from large to small, each unit once.
///
/// # Errors
/// The text of the error.
pub(super) fn duration_ms(text: &str) -> Result<u64, String> {
    let invalid = || format!("not a valid duration string: {}", Quoted(text));
    let mut sum = 0u64;
    let mut units = UNITS.iter();
    let mut rest = text;
    while !rest.is_empty() {
        let (after, (digits, name)) = part(rest).map_err(|_| invalid())?;
        let count: u64 = digits.parse().map_err(|_| invalid())?;
        if UNITS.iter().all(|(unit, _)| *unit != name) {
            return Err(format!(
                "unknown unit {} in duration {}",
                Quoted(name),
                Quoted(text)
            ));
        }
        let (_, unit_ms) = units.find(|(unit, _)| *unit == name).ok_or_else(invalid)?;
        sum = count
            .checked_mul(*unit_ms)
            .and_then(|ms| sum.checked_add(ms))
            .filter(|&ms| ms <= MAX_MS)
            .ok_or("duration out of range")?;
        rest = after;
    }
    Ok(sum)
}

fn part(text: &str) -> IResult<&str, (&str, &str), ()> {
    pair(digit1, take_while1(|c: char| !c.is_ascii_digit())).parse(text)
}

/// Milliseconds as seconds, rounded as Go does it.
pub(super) fn seconds(ms: u64) -> f64 {
    (ms / 1_000) as f64 + (ms % 1_000 * 1_000_000) as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_form() {
        for (text, value) in [
            ("1", 1.0),
            ("1.5", 1.5),
            (".5", 0.5),
            ("1.", 1.0),
            ("1e3", 1000.0),
            ("1.5E-3", 0.0015),
            ("1_000_000", 1e6),
            ("0x1F", 31.0),
            ("0X_ff", 255.0),
            ("010", 8.0),
            ("09", 9.0),
            ("00.5", 0.5),
            ("9223372036854775808", 9_223_372_036_854_775_808.0),
        ] {
            assert_eq!(scan(text), Ok((Kind::Number, text.len())), "{text}");
            assert_eq!(number(text), Ok(value), "{text}");
        }
        assert_eq!(number("Inf"), Ok(f64::INFINITY));
        assert!(number("NaN").unwrap().is_nan());
        for text in ["1e999", "1_", "0x", "0xffffffffffffffff", ".1.5"] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn malformed_literals_end_where_go_stops() {
        for (text, read) in [
            ("1a", 1),
            ("1.5.3", 4),
            ("1..2", 3),
            ("1__0", 3),
            ("1e", 2),
            ("1ee", 3),
            ("5mx", 3),
            ("1h5", 3),
            ("1h5y", 3),
        ] {
            assert_eq!(scan(text), Err(read), "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, ms) in [
            ("0s", 0),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1y2w3d4h5m6s7ms", 33_019_506_007),
            ("100ms", 100),
        ] {
            assert_eq!(scan(text), Ok((Kind::Duration, text.len())), "{text}");
            assert_eq!(duration_ms(text), Ok(ms), "{text}");
        }
        assert_eq!(
            duration_ms("5m1h"),
            Err("not a valid duration string: \"5m1h\"".into())
        );
        assert_eq!(
            duration_ms("5m5m"),
            Err("not a valid duration string: \"5m5m\"".into())
        );
        assert_eq!(
            duration_ms("5hs"),
            Err("unknown unit \"hs\" in duration \"5hs\"".into())
        );
        assert_eq!(
            duration_ms("1.5h"),
            Err("unknown unit \".\" in duration \"1.5h\"".into())
        );
        assert_eq!(duration_ms("300y"), Err("duration out of range".into()));
        assert_eq!(seconds(1_500), 1.5);
    }
}
