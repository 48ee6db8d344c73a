//! The answers to the statements of a query, in the form the client asked for.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tsdb_influx::{Outcome, Precision};

/// How times are shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum Times {
    /// As text, RFC 3339.
    Text,
    /// As whole numbers of this unit.
    Number(Precision),
}

/// The answer to one statement.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) statement: usize,
    pub(super) result: Result<Outcome, String>,
}

/// A time as RFC 3339 with as many digits as it has.
pub(super) fn rfc3339(t_ns: i64, zone: &TimeZone) -> String {
    let Ok(timestamp) = Timestamp::from_nanosecond(t_ns.into()) else {
        return String::new(); // every time of 64 bits is one
    };
    let zoned = timestamp.to_zoned(zone.clone());
    let mut text = zoned.datetime().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let nanoseconds = t_ns.rem_euclid(1_000_000_000);
    if nanoseconds > 0 {
        let digits = format!("{nanoseconds:09}");
        let _ = write!(text, ".{}", digits.trim_end_matches('0')); // a string takes everything
    }
    let offset = zoned.offset().seconds();
    if offset == 0 {
        text.push('Z');
    } else {
        let sign = if offset < 0 { '-' } else { '+' };
        let minutes = offset.abs() / 60;
        let _ = write!(text, "{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    }
    text
}
