//! Sizes as people write them: `512MiB`, `4GB`, `1.5TB`, `1073741824`. As in Prometheus's size flags `GB` is `GiB`.

/// What stands before the `B`, and its bytes.
const UNITS: [(&str, u64); 7] = [
    ("E", 1 << 60),
    ("P", 1 << 50),
    ("T", 1 << 40),
    ("G", 1 << 30),
    ("M", 1 << 20),
    ("K", 1 << 10),
    ("", 1),
];

/// Parses a number with or without a unit.
///
/// # Errors
/// What is wrong.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let bad = || format!("{text:?} is not a size: a number with B, KB, MB, GB, TB, PB or EB");
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let bytes = bytes_of(unit.trim_start()).ok_or_else(bad)?;
    let size = match number.parse::<u64>() {
        Ok(number) => number.checked_mul(bytes),
        Err(_) => {
            let size = number.parse::<f64>().map_err(|_| bad())? * bytes as f64;
            (size < u64::MAX as f64).then_some(size as u64)
        }
    };
    size.ok_or_else(|| format!("{text:?} is too large"))
}

fn bytes_of(unit: &str) -> Option<u64> {
    if unit.is_empty() {
        return Some(1);
    }
    let prefix = unit.strip_suffix('B')?;
    let prefix = match prefix.strip_suffix('i') {
        Some("") => return None,
        Some(prefix) => prefix,
        None => prefix,
    };
    let (_, bytes) = UNITS.iter().find(|(known, _)| *known == prefix)?;
    Some(*bytes)
}

/// The size in the largest unit that divides it.
pub(crate) fn format(bytes: u64) -> String {
    let unit = UNITS
        .iter()
        .find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit));
    unit.map_or_else(
        || "0B".to_owned(),
        |(prefix, unit)| format!("{}{prefix}B", bytes / unit),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_units() {
        for (text, bytes) in [
            ("0", 0),
            ("0B", 0),
            ("512MiB", 512 << 20),
            ("512MB", 512 << 20),
            ("1 GB", 1 << 30),
            ("1.5KB", 1536),
            ("15EB", 15 << 60),
            ("1073741824", 1 << 30),
            ("7B", 7),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in [
            "", "GB", "-1", "1XB", "1iB", "1K", "1.2.3KB", "16EB", "99.5EB",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["0B", "512MB", "1536B", "3GB"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }
}
