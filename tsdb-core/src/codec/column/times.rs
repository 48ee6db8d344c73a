//! A column of timestamps: a sequence of integers, most often a line, or a line with jitter.

use super::integers::{self, IntegersPlan};
use super::streams::{Streams, StreamsReader};
use super::{MAX_VALUES, check_count};
use crate::codec::DecodeError;

/// Appends a column of timestamps in any order; the reader has to know their number. No bytes are written for none.
///
/// # Panics
/// For more than [`MAX_VALUES`] times.
pub(crate) fn encode_times(times: &[i64], out: &mut Streams) {
    assert!(times.len() <= MAX_VALUES, "a column of too many times");
    if !times.is_empty() {
        IntegersPlan::new(times, None).encode(out);
    }
}

/// Reads a column of `count` timestamps and appends them to `out`. After an error `out` may hold some of them.
///
/// # Errors
/// For bytes that hold no such column, and for more than [`MAX_VALUES`] times.
pub(crate) fn decode_times(
    from: &mut StreamsReader<'_>,
    count: usize,
    out: &mut Vec<i64>,
) -> Result<(), DecodeError> {
    check_count(from, count)?;
    integers::decode(from, count, out, |time| time)
}

/// Moves past a column of `count` timestamps.
///
/// # Errors
/// As [`decode_times`]; some damage that decoding finds is not seen.
pub(crate) fn skip_times(from: &mut StreamsReader<'_>, count: usize) -> Result<(), DecodeError> {
    check_count(from, count)?;
    integers::skip(from, count)
}
