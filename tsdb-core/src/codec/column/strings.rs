//! A column of strings: each different one once, in order of first appearance, and which of them each value is.
//!
//! ```text
//! symbols  │ different strings <uvarint> │ which each value is │ their lengths │ their bytes │
//! ```
//!
//! Both sequences are columns of integers; their noise stands in the other stream.

use std::sync::Arc;

use hashbrown::HashMap;

use super::sequence::{decode_integers, encode_integers, skip_integers};
use super::streams::{Streams, StreamsReader};
use super::{MAX_VALUES, check_count};
use crate::codec::DecodeError;
use crate::codec::varint::push_uvarint;

/// Appends a column of strings; the reader has to know their number. No bytes are written for none.
///
/// # Panics
/// For more than [`MAX_VALUES`] strings.
pub(crate) fn encode_strings(strings: &[&str], out: &mut Streams) {
    assert!(strings.len() <= MAX_VALUES, "a column of too many strings");
    if strings.is_empty() {
        return;
    }
    let mut numbers: HashMap<&str, i64, foldhash::fast::RandomState> = HashMap::default();
    let mut different = Vec::new();
    let mut which = Vec::with_capacity(strings.len());
    for &string in strings {
        let number = *numbers.entry(string).or_insert_with(|| {
            different.push(string);
            different.len() as i64 - 1
        });
        which.push(number);
    }
    let lengths: Vec<i64> = different.iter().map(|string| string.len() as i64).collect();
    push_uvarint(&mut out.symbols, different.len() as u64);
    encode_integers(&which, out);
    encode_integers(&lengths, out);
    for string in different {
        out.symbols.extend_from_slice(string.as_bytes());
    }
}

/// Reads a column of `count` strings. Equal ones are shared.
///
/// # Errors
/// For bytes that hold no such column, and for more than [`MAX_VALUES`] strings.
pub(crate) fn decode_strings(
    from: &mut StreamsReader<'_>,
    count: usize,
) -> Result<Vec<Arc<Box<str>>>, DecodeError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let number = different(from, count)?;
    let mut which = Vec::new();
    decode_integers(from, count, &mut which)?;
    let mut strings = Vec::with_capacity(number);
    for len in lengths(from, number)? {
        let text: Box<str> = from.symbols.str(len)?.into();
        strings.push(Arc::new(text));
    }
    let string = |number: &i64| {
        let number = usize::try_from(*number).ok()?;
        strings.get(number).cloned()
    };
    let all: Option<Vec<Arc<Box<str>>>> = which.iter().map(string).collect();
    all.ok_or_else(|| from.error("value is none of the strings of its column"))
}

/// Moves past a column of `count` strings.
///
/// # Errors
/// As [`decode_strings`]; some damage that decoding finds is not seen.
pub(crate) fn skip_strings(from: &mut StreamsReader<'_>, count: usize) -> Result<(), DecodeError> {
    if count == 0 {
        return Ok(());
    }
    let number = different(from, count)?;
    skip_integers(from, count)?;
    for len in lengths(from, number)? {
        from.symbols.bytes(len)?;
    }
    Ok(())
}

/// How many different strings there are.
fn different(from: &mut StreamsReader<'_>, count: usize) -> Result<usize, DecodeError> {
    check_count(from, count)?;
    from.symbols.count(count)
}

fn lengths(from: &mut StreamsReader<'_>, number: usize) -> Result<Vec<usize>, DecodeError> {
    let mut lengths = Vec::new();
    decode_integers(from, number, &mut lengths)?;
    let all: Option<Vec<usize>> = lengths
        .iter()
        .map(|&len| usize::try_from(len).ok())
        .collect();
    all.ok_or_else(|| from.error("string of a negative length"))
}
