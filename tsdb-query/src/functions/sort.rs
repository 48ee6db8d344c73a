//! Orders of values and of label values.

use std::cmp::Ordering;

use tsdb_core::Labels;

/// Ascending, NaN before everything.
pub(crate) fn nan_first(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// Ascending, NaN after everything: the order of `sort`.
pub(crate) fn ascending(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Descending, NaN after everything: the order of `sort_desc`.
pub(crate) fn descending(a: f64, b: f64) -> Ordering {
    b.partial_cmp(&a)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// The order of `sort_by_label`: label by label in natural order, ties by the whole label set.
pub(crate) fn by_labels(a: &Labels, b: &Labels, names: &[&str]) -> Ordering {
    names
        .iter()
        .map(|name| natural(a.get(name).unwrap_or(""), b.get(name).unwrap_or("")))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.cmp(b))
}

/// Natural order: runs of ASCII digits compare as numbers, all else as text.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    while !rest_a.is_empty() && !rest_b.is_empty() {
        let (chunk_a, tail_a) = split_chunk(rest_a);
        let (chunk_b, tail_b) = split_chunk(rest_b);
        let order = if is_number(chunk_a) && is_number(chunk_b) {
            compare_numbers(chunk_a, chunk_b)
        } else {
            chunk_a.cmp(chunk_b)
        };
        if order.is_ne() {
            return order;
        }
        (rest_a, rest_b) = (tail_a, tail_b);
    }
    // Equal so far: the shorter first; `01` and `1` still need an order.
    rest_a.len().cmp(&rest_b.len()).then_with(|| a.cmp(b))
}

/// Splits off the longest prefix of digits, or of non-digits.
fn split_chunk(s: &str) -> (&str, &str) {
    let number = is_number(s);
    let end = s
        .bytes()
        .position(|b| b.is_ascii_digit() != number)
        .unwrap_or(s.len());
    s.split_at(end)
}

fn is_number(chunk: &str) -> bool {
    chunk.as_bytes().first().is_some_and(u8::is_ascii_digit)
}

/// Numbers of any length, without parsing them.
fn compare_numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nan_sorts_last_both_ways() {
        let mut values = [2.0, f64::NAN, 1.0];
        values.sort_by(|a, b| ascending(*a, *b));
        assert!(values[0] == 1.0 && values[1] == 2.0 && values[2].is_nan());
        values.sort_by(|a, b| descending(*a, *b));
        assert!(values[0] == 2.0 && values[1] == 1.0 && values[2].is_nan());
    }

    #[test]
    fn numbers_in_names_compare_as_numbers() {
        let mut names = ["cpu10", "cpu9", "cpu", "cpu010", "a", "cpu9b"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "cpu", "cpu9", "cpu9b", "cpu010", "cpu10"]);
        assert_eq!(natural("v18446744073709551616", "v2"), Ordering::Greater);
    }

    proptest! {
        #[test]
        fn natural_order_is_total(a in "[a0-9é]{0,6}", b in "[a0-9é]{0,6}", c in "[a0-9é]{0,6}") {
            prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
            prop_assert_eq!(natural(&a, &b).is_eq(), a == b);
            if natural(&a, &b).is_le() && natural(&b, &c).is_le() {
                prop_assert!(natural(&a, &c).is_le());
            }
        }
    }
}
