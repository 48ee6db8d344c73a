//! Calendar functions of a time in seconds since the Unix epoch, always UTC.

const SECONDS_A_DAY: i64 = 86_400;

/// A day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Date {
    year: i64,
    /// 1 to 12.
    month: i64,
    /// 1 to 31.
    day: i64,
}

impl Date {
    /// The date that many days after 1970-01-01.
    ///
    /// Counts years from March, so that the leap day ends the year: 400 years have 146 097 days.
    fn from_days(days: i64) -> Self {
        let shifted = days + 719_468; // days from 0000-03-01 to 1970-01-01
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12 + 1;
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        Self { year, month, day }
    }

    fn is_leap_year(self) -> bool {
        self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
    }

    fn days_in_month(self) -> i64 {
        match self.month {
            4 | 6 | 9 | 11 => 30,
            2 => 28 + i64::from(self.is_leap_year()),
            _ => 31,
        }
    }

    /// 1 to 366.
    fn day_of_year(self) -> i64 {
        const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
        let before: i64 = (1..)
            .zip(BEFORE)
            .find(|&(month, _)| month == self.month)
            .map_or(0, |(_, days)| days);
        before + self.day + i64::from(self.month > 2 && self.is_leap_year())
    }
}

/// Applies `part` to the whole seconds. NaN and infinities have no date.
fn of(seconds: f64, part: fn(i64) -> i64) -> f64 {
    if seconds.is_finite() {
        // Cuts the fraction off; saturates far outside of any date.
        part(seconds as i64) as f64
    } else {
        f64::NAN
    }
}

fn date(seconds: i64) -> Date {
    Date::from_days(seconds.div_euclid(SECONDS_A_DAY))
}

/// `minute`: 0 to 59.
pub(super) fn minute(seconds: f64) -> f64 {
    of(seconds, |s| s.rem_euclid(3_600) / 60)
}

/// `hour`: 0 to 23.
pub(super) fn hour(seconds: f64) -> f64 {
    of(seconds, |s| s.rem_euclid(SECONDS_A_DAY) / 3_600)
}

/// `day_of_week`: 0 is Sunday.
pub(super) fn day_of_week(seconds: f64) -> f64 {
    // 1970-01-01 was a Thursday.
    of(seconds, |s| (s.div_euclid(SECONDS_A_DAY) + 4).rem_euclid(7))
}

/// `day_of_month`: 1 to 31.
pub(super) fn day_of_month(seconds: f64) -> f64 {
    of(seconds, |s| date(s).day)
}

/// `day_of_year`: 1 to 366.
pub(super) fn day_of_year(seconds: f64) -> f64 {
    of(seconds, |s| date(s).day_of_year())
}

/// `days_in_month`: 28 to 31.
pub(super) fn days_in_month(seconds: f64) -> f64 {
    of(seconds, |s| date(s).days_in_month())
}

/// `month`: 1 to 12.
pub(super) fn month(seconds: f64) -> f64 {
    of(seconds, |s| date(s).month)
}

/// `year`
pub(super) fn year(seconds: f64) -> f64 {
    of(seconds, |s| date(s).year)
}

/// A time in seconds as RFC 3339 writes it.
pub(crate) fn rfc3339(seconds: i64) -> String {
    let Date { year, month, day } = date(seconds);
    let in_day = seconds.rem_euclid(SECONDS_A_DAY);
    let (hour, minute, second) = (in_day / 3_600, in_day % 3_600 / 60, in_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_days() {
        assert_eq!(
            Date::from_days(0),
            Date {
                year: 1970,
                month: 1,
                day: 1
            }
        );
        assert_eq!(day_of_week(0.0), 4.0);
        // 2000-02-29 23:59:59.9, a leap day of a century.
        let t = 951_868_799.9;
        assert_eq!((year(t), month(t), day_of_month(t)), (2000.0, 2.0, 29.0));
        assert_eq!(
            (hour(t), minute(t), day_of_year(t), days_in_month(t)),
            (23.0, 59.0, 60.0, 29.0)
        );
        // 1900 had no leap day.
        assert_eq!(days_in_month(-2_206_310_400.0), 28.0);
        assert_eq!(hour(-1.0), 23.0);
        assert!(year(f64::NAN).is_nan());
    }

    proptest! {
        #[test]
        fn each_day_follows_the_one_before(days in -1_000_000i64..1_000_000) {
            let (today, next) = (Date::from_days(days), Date::from_days(days + 1));
            let expected = if today.day < today.days_in_month() {
                Date { day: today.day + 1, ..today }
            } else if today.month < 12 {
                Date { day: 1, month: today.month + 1, ..today }
            } else {
                Date { day: 1, month: 1, year: today.year + 1 }
            };
            prop_assert_eq!(next, expected);
            let rises = next.day_of_year() == today.day_of_year() + 1;
            prop_assert_eq!(rises, next.year == today.year);
        }
    }
}
