//! Which series of the store a field of InfluxDB is.
//!
//! The field `usage` of measurement `cpu` in database `telegraf`, with its tags, is the series
//!
//! ```text
//! cpu_usage{db="telegraf", <tags>}
//! ```
//!
//! * `rp` is the retention policy; absent for `autogen`, the policy that a database has from the start.
//! * `__field__` is the field, and only there where another measurement and field of the database give the same metric
//!   name; the catalogue knows which (`docs/decisions/0064-influx-series.md`).
//! * A tag whose key is one of these labels' is stored with `tag_` before it, and so is one that looks as if it were.

use tsdb_core::METRIC_NAME;

/// The label of the database.
pub(crate) const DATABASE: &str = "db";
/// The label of the retention policy.
pub(crate) const POLICY: &str = "rp";
/// The label of the field, where the metric name does not tell.
pub(crate) const FIELD: &str = "__field__";
/// The policy that has no label.
pub(crate) const UNNAMED_POLICY: &str = "autogen";

const ESCAPE: &str = "tag_";

/// The metric name of a field.
pub(crate) fn metric_name(measurement: &str, field: &str) -> String {
    let mut name = String::with_capacity(measurement.len() + 1 + field.len());
    name.push_str(measurement);
    name.push('_');
    name.push_str(field);
    name
}

/// Whether the key, or what is left of it without `tag_` before it, is the name of a label with a meaning.
fn is_reserved(key: &str) -> bool {
    let mut key = key;
    while let Some(rest) = key.strip_prefix(ESCAPE) {
        key = rest;
    }
    matches!(key, METRIC_NAME | DATABASE | POLICY | FIELD)
}

/// The label of a tag.
pub(crate) fn label_of_tag(key: &str) -> std::borrow::Cow<'_, str> {
    if is_reserved(key) {
        return format!("{ESCAPE}{key}").into();
    }
    key.into()
}

/// The tag of a label; `None` for a label with another meaning.
pub(crate) fn tag_of_label(label: &str) -> Option<&str> {
    if is_reserved(label) {
        return label.strip_prefix(ESCAPE);
    }
    Some(label)
}

/// The value of the label of a policy.
pub(crate) fn label_of_policy(policy: &str) -> &str {
    if policy == UNNAMED_POLICY { "" } else { policy }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tags_come_back(prefix in "(tag_){0,3}", key in "db|rp|__name__|__field__|tag_|host|[a-z.]{1,5}") {
            let key = format!("{prefix}{key}");
            let label = label_of_tag(&key);
            prop_assert_eq!(tag_of_label(&label), Some(key.as_str()));
        }
    }

    #[test]
    fn labels_with_a_meaning_are_no_tags() {
        for label in [METRIC_NAME, DATABASE, POLICY, FIELD] {
            assert_eq!(tag_of_label(label), None);
            assert_eq!(label_of_tag(label), format!("tag_{label}"));
        }
    }
}
