//! Sizes as people write them: `512MiB`, `4GB`, `1073741824`.

/// Suffixes with their bytes. As in Prometheus's size flags a unit of letters alone is a power of 1024.
const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1 << 10),
    ("MB", 1 << 20),
    ("GB", 1 << 30),
    ("TB", 1 << 40),
    ("B", 1),
];

/// Parses a whole number with or without a unit.
///
/// # Errors
/// What is wrong.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let unit = UNITS
        .iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let (number, unit) = unit.unwrap_or((text, 1));
    let number: u64 = number
        .trim_end()
        .parse()
        .map_err(|_| format!("{text:?} is not a size: a whole number with B, KB, MB, GB or TB"))?;
    number
        .checked_mul(unit)
        .ok_or_else(|| format!("{text:?} is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_units() {
        for (text, bytes) in [
            ("0", 0),
            ("512MiB", 512 << 20),
            ("512MB", 512 << 20),
            ("1 GB", 1 << 30),
            ("7B", 7),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "GB", "-1", "1.5GB", "1XB", "99999999999TB"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
