//! Times in statements and the intervals of `GROUP BY time`.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::{MAX_TIME_NS, MIN_TIME_NS};

/// A time as text: RFC 3339, or a date or a date with a time of day in the zone. In nanoseconds.
pub(crate) fn parse(text: &str, zone: &TimeZone) -> Option<i64> {
    let timestamp = if let Ok(timestamp) = text.parse::<Timestamp>() {
        timestamp
    } else if let Ok(moment) = text.parse::<DateTime>() {
        moment.to_zoned(zone.clone()).ok()?.timestamp()
    } else {
        let date = text.parse::<Date>().ok()?;
        date.to_zoned(zone.clone()).ok()?.timestamp()
    };
    i64::try_from(timestamp.as_nanosecond()).ok()
}

/// The intervals of `GROUP BY time(every, offset)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Interval {
    /// Nanoseconds, more than 0.
    pub(crate) every_ns: i64,
    pub(crate) offset_ns: i64,
    /// `None` for UTC.
    pub(crate) zone: Option<TimeZone>,
}

impl Interval {
    /// The start of the interval that a time lies in.
    pub(crate) fn start(&self, t_ns: i64) -> i64 {
        let local = t_ns.saturating_sub(self.offset_ns);
        let zone = self.zone_offset(local);
        let into = local.saturating_add(zone).rem_euclid(self.every_ns);
        if MIN_TIME_NS.saturating_add(into) >= local {
            return MIN_TIME_NS;
        }
        let mut start = local - into;
        // The clocks may have been changed since the start of the interval.
        let shift = zone - self.zone_offset(start);
        if shift != 0 && shift.abs() < self.every_ns {
            start += shift;
        }
        start.saturating_add(self.offset_ns)
    }

    /// The start of the interval after the one that starts at `start`.
    pub(crate) fn next(&self, start: i64) -> i64 {
        let next = start.saturating_add(self.every_ns);
        if self.zone.is_none() {
            return next.min(MAX_TIME_NS);
        }
        // An interval in which the clocks are set back is longer than the others, one where they go forward shorter.
        let shift = self.zone_offset(start.saturating_sub(self.offset_ns))
            - self.zone_offset(next.saturating_sub(self.offset_ns));
        if shift != 0 && shift.abs() < self.every_ns {
            return next.saturating_add(shift);
        }
        next
    }

    /// Nanoseconds that the zone is ahead of UTC.
    fn zone_offset(&self, t_ns: i64) -> i64 {
        let Some(zone) = &self.zone else { return 0 };
        let Ok(timestamp) = Timestamp::from_nanosecond(t_ns.into()) else {
            return 0;
        };
        i64::from(zone.to_offset(timestamp).seconds()) * 1_000_000_000
    }
}
