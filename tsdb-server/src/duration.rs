//! Durations as Prometheus writes them: `15d`, `1h30m`, `5m`, `250ms`.

use std::time::Duration;

/// Units in the order in which they must stand, with their milliseconds. A week has 7 days, a year 365.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Parses a duration; each unit at most once, largest first, whole numbers. `0` needs no unit.
///
/// # Errors
/// What is wrong, in Prometheus's words.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let bad = || format!("not a valid duration string: {text:?}");
    match text {
        "0" => return Ok(Duration::ZERO),
        "" => return Err("empty duration string".to_owned()),
        _ => {}
    }
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let (number, tail) = rest.split_at(digits);
        let name_len = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (name, tail) = tail.split_at(name_len);
        let (_, unit_ms) = units.find(|(unit, _)| *unit == name).ok_or_else(bad)?;
        let number: u64 = number.parse().map_err(|_| bad())?;
        total_ms = number
            .checked_mul(*unit_ms)
            .and_then(|ms| total_ms.checked_add(ms))
            .filter(|ms| *ms <= i64::MAX as u64 / 1_000_000) // Go's durations are nanoseconds in an int64
            .ok_or("duration out of range")?;
        rest = tail;
    }
    Ok(Duration::from_millis(total_ms))
}

/// Prints a duration with the fewest units, as Prometheus does: `15d`, `1h30m`.
pub(crate) fn format(duration: Duration) -> String {
    let mut ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    for (unit, unit_ms) in UNITS {
        // Years and weeks are printed only when nothing is left over: nobody reads `2w1d` for 15 days.
        let exact = matches!(unit, "y" | "w");
        if ms >= unit_ms && (!exact || ms % unit_ms == 0) {
            out.push_str(&format!("{}{unit}", ms / unit_ms));
            ms %= unit_ms;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_prometheus_parses() {
        for (text, ms) in [
            ("0", 0),
            ("15d", 15 * 86_400_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            (
                "1y2w3d4h5m6s7ms",
                365 * 86_400_000 + 17 * 86_400_000 + 14_706_007,
            ),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in [
            "",
            "5",
            "m5",
            "1m1h",
            "1m1m",
            "-5m",
            "1.5h",
            "5 m",
            "5x",
            "99999999y",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn prints_like_prometheus() {
        for (text, printed) in [
            ("15d", "15d"),
            ("0", "0s"),
            ("90m", "1h30m"),
            ("14d", "2w"),
            ("365d", "1y"),
        ] {
            assert_eq!(format(parse(text).unwrap()), printed);
        }
    }
}
