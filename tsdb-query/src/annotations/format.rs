//! Numbers in texts.

/// A number as Go's `%g` prints it.
pub(crate) fn format_g(v: f64) -> String {
    general(v, format!("{v:e}"), 6)
}

/// A number as Go's `%.2g` prints it.
pub(super) fn format_g2(v: f64) -> String {
    general(v, format!("{v:.1e}"), 2)
}

/// Lays out mantissa and exponent: with an exponent when it is below -4 or not below `digits`.
fn general(v: f64, scientific: String, digits: i32) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa = if mantissa.contains('.') {
        mantissa.trim_end_matches('0').trim_end_matches('.')
    } else {
        mantissa
    };
    if exponent < -4 || exponent >= digits {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let rounded: f64 = scientific.parse().unwrap_or(v);
    format!("{rounded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_go_prints_them() {
        for (v, text) in [
            (0.0, "0"),
            (1.1, "1.1"),
            (-1.0, "-1"),
            (0.00001, "1e-05"),
            (0.0001, "0.0001"),
            (123_456.0, "123456"),
            (1_234_567.0, "1.234567e+06"),
            (1e100, "1e+100"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(format_g(v), text);
        }
        for (v, text) in [
            (10.0, "10"),
            (100.0, "1e+02"),
            (0.012_34, "0.012"),
            (2.0, "2"),
        ] {
            assert_eq!(format_g2(v), text);
        }
    }
}
