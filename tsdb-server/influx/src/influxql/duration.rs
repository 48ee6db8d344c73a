//! Durations as InfluxQL writes them: `1h30m`, `250ms`.

/// Units and their nanoseconds, the largest first.
const UNITS: [(&str, i64); 8] = [
    ("w", 7 * 86_400_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("u", 1_000),
    ("ns", 1),
];

/// The nanoseconds of a duration; `None` when it is none or does not fit.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    let mut total = 0_i64;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(letters)?;
        let unit = if unit == "µ" { "u" } else { unit };
        let (_, nanoseconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let part = number.parse::<i64>().ok()?.checked_mul(*nanoseconds)?;
        total = total.checked_add(part)?;
        rest = tail;
    }
    Some(total)
}

/// The duration in its largest unit that divides it.
pub(crate) fn format_duration(nanoseconds: i64) -> String {
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    let unit = UNITS.iter().find(|(_, unit)| nanoseconds % unit == 0);
    let (name, unit) = unit.unwrap_or(&("ns", 1));
    format!("{}{name}", nanoseconds / unit)
}
