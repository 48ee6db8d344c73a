//! Sizes in bytes as Prometheus writes them: `512MB`, `1GB`, `1.5TB`; powers of 1,024.

const UNITS: [(&str, u64); 7] = [
    ("EB", 1 << 60),
    ("PB", 1 << 50),
    ("TB", 1 << 40),
    ("GB", 1 << 30),
    ("MB", 1 << 20),
    ("KB", 1 << 10),
    ("B", 1),
];

/// Parses a size: a number and a unit, which is also understood as `KiB`, `MiB` and so on. `0` needs no unit.
///
/// # Errors
/// What is wrong.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    if text == "0" {
        return Ok(0);
    }
    let bad = || {
        format!(
            "not a valid size: {text:?}; expected a number and one of B, KB, MB, GB, TB, PB, EB"
        )
    };
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .ok_or_else(bad)?;
    let (number, unit) = text.split_at(digits);
    let unit = unit.replace('i', "");
    let (_, bytes) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(bad)?;
    let size = match number.parse::<u64>() {
        Ok(number) => number.checked_mul(*bytes).ok_or_else(bad)?,
        // Casts saturate, and what is beyond 64 bits was refused above for whole numbers.
        Err(_) => (number.parse::<f64>().map_err(|_| bad())? * *bytes as f64) as u64,
    };
    Ok(size)
}

/// The size in the largest unit that divides it.
pub(crate) fn format(bytes: u64) -> String {
    let unit = UNITS
        .iter()
        .find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit));
    unit.map_or_else(
        || "0B".to_owned(),
        |(name, unit)| format!("{}{name}", bytes / unit),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        for (text, bytes) in [
            ("0", 0),
            ("0B", 0),
            ("512MB", 512 << 20),
            ("512MiB", 512 << 20),
            ("1.5KB", 1536),
            ("16EB", 0),
        ] {
            match parse(text) {
                Ok(parsed) => assert_eq!(parsed, bytes, "{text}"),
                Err(_) => assert_eq!(text, "16EB"),
            }
        }
        for bad in ["", "5", "MB", "5XB", "-1B", "1.2.3KB", "1 MB"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for text in ["0B", "512MB", "1536B", "3GB"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }
}
