//! Escapes: a backslash has a meaning before certain characters only, elsewhere it stands for itself.

use std::borrow::Cow;

/// Takes the backslash off the characters of `special`.
pub(super) fn unescape<'a>(text: &'a str, special: &[char]) -> Cow<'a, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(next) if c == '\\' && special.contains(next) => {
                out.push(*next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Puts a backslash before the characters of `special`.
fn escape<'a>(text: &'a str, special: &[char]) -> Cow<'a, str> {
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 4);
    for c in text.chars() {
        if special.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
    Cow::Owned(out)
}

/// What is escaped in a measurement.
pub(super) const MEASUREMENT: &[char] = &[',', ' '];
/// What is escaped in tag keys, tag values and field keys.
pub(super) const KEY: &[char] = &[',', ' ', '='];
/// What is escaped in a quoted field value.
pub(super) const STRING: &[char] = &['"', '\\'];

/// `measurement,tag=value…` with escapes, as `SHOW SERIES` shows it.
pub(crate) fn escape_key<'a>(
    measurement: &str,
    tags: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut out = escape(measurement, MEASUREMENT).into_owned();
    for (key, value) in tags {
        out.push(',');
        out.push_str(&escape(key, KEY));
        out.push('=');
        out.push_str(&escape(value, KEY));
    }
    out
}
