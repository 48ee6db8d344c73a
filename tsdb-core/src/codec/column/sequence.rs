//! A column of integers as they are: timestamps (most often a line, or a line with jitter), or InfluxDB's integers and
//! booleans.

use super::integers::{self, IntegersPlan};
use super::streams::{Streams, StreamsReader};
use super::{MAX_VALUES, check_count};
use crate::codec::DecodeError;

/// Appends a column of integers in any order; the reader has to know their number. No bytes are written for none.
///
/// # Panics
/// For more than [`MAX_VALUES`] integers.
pub(crate) fn encode_integers(integers: &[i64], out: &mut Streams) {
    assert!(
        integers.len() <= MAX_VALUES,
        "a column of too many integers"
    );
    if !integers.is_empty() {
        IntegersPlan::new(integers, None).encode(out);
    }
}

/// Reads a column of `count` integers and appends them to `out`. After an error `out` may hold some of them.
///
/// # Errors
/// For bytes that hold no such column, and for more than [`MAX_VALUES`] integers.
pub(crate) fn decode_integers(
    from: &mut StreamsReader<'_>,
    count: usize,
    out: &mut Vec<i64>,
) -> Result<(), DecodeError> {
    check_count(from, count)?;
    integers::decode(from, count, out, |integer| integer)
}

/// Moves past a column of `count` integers.
///
/// # Errors
/// As [`decode_integers`]; some damage that decoding finds is not seen.
pub(crate) fn skip_integers(from: &mut StreamsReader<'_>, count: usize) -> Result<(), DecodeError> {
    check_count(from, count)?;
    integers::skip(from, count)
}
