//! Names and units of OpenTelemetry as Prometheus's.
//!
//! The rules are those of `prometheus/otlptranslator` 1.0, which follows OpenTelemetry's "Prometheus and OpenMetrics
//! Compatibility". What they say for one name:
//!
//! | strategy | `http.server.duration`, `ms` | `jobs.done`, counter |
//! |---|---|---|
//! | `UnderscoreEscapingWithSuffixes` | `http_server_duration_milliseconds` | `jobs_done_total` |
//! | `UnderscoreEscapingWithoutSuffixes` | `http_server_duration` | `jobs_done` |
//! | `NoUTF8EscapingWithSuffixes` | `http.server.duration_milliseconds` | `jobs.done_total` |
//! | `NoTranslation` | `http.server.duration` | `jobs.done` |

use super::model::Kind;
use crate::config::{Otlp, TranslationStrategy};

/// Units with a name of their own; others stand for themselves.
fn unit_name(unit: &str) -> &str {
    match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "1" => "",
        "%" => "percent",
        unit => unit,
    }
}

/// Units after the slash, in the singular.
fn per_unit_name(unit: &str) -> &str {
    match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        unit => unit,
    }
}

/// What a unit appends to a name, before and after its slash; what stands in braces is a comment.
fn unit_suffixes(unit: &str) -> (String, String) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let named = |unit: &str| {
        let unit = unit.trim();
        (!unit.is_empty() && !unit.contains(['{', '}'])).then(|| unit.to_owned())
    };
    let main = named(main).map(|unit| unit_name(&unit).to_owned());
    let per = named(per).map(|unit| format!("per_{}", per_unit_name(&unit)));
    (main.unwrap_or_default(), per.unwrap_or_default())
}

/// Other characters become single underscores, of which none leads.
fn escaped_unit(unit: &str) -> String {
    let mut escaped = String::new();
    for c in unit.chars() {
        if is_plain(c) {
            escaped.push(c);
        } else if !escaped.ends_with('_') {
            escaped.push('_');
        }
    }
    escaped.strip_prefix('_').unwrap_or(&escaped).to_owned()
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

/// The unit of a metric's metadata.
pub(super) fn unit(unit: &str, strategy: TranslationStrategy) -> String {
    let (mut main, mut per) = unit_suffixes(unit);
    if strategy.escapes() {
        (main, per) = (escaped_unit(&main), escaped_unit(&per));
    }
    let joined = match (main.as_str(), per.as_str()) {
        ("", unit) | (unit, "") => unit.to_owned(),
        (main, per) => format!("{main}_{per}"),
    };
    let joined = joined.strip_prefix('_').unwrap_or(&joined);
    joined.strip_suffix('_').unwrap_or(joined).to_owned()
}

/// The name of a metric family.
///
/// # Errors
/// Why nothing is left of the name.
pub(super) fn metric(
    name: &str,
    unit: &str,
    kind: Kind,
    strategy: TranslationStrategy,
) -> Result<String, String> {
    let built = match (strategy.escapes(), strategy.adds_suffixes()) {
        (false, false) => name.to_owned(),
        (false, true) => suffixed(name, unit, kind),
        (true, false) => {
            let keep = |c: char| is_plain(c) || c == '_';
            not_a_digit_first(&joined(name.split(|c| !keep(c))))
        }
        (true, true) => escaped_and_suffixed(name, unit, kind),
    };
    if built.is_empty() {
        return Err(format!("nothing is left of the metric name {name:?}"));
    }
    if strategy.escapes() && built != name && built.chars().all(|c| c == '_') {
        return Err(format!(
            "only underscores are left of the metric name {name:?}"
        ));
    }
    Ok(built)
}

fn joined<'a>(tokens: impl Iterator<Item = &'a str>) -> String {
    let tokens: Vec<&str> = tokens.filter(|token| !token.is_empty()).collect();
    tokens.join("_")
}

fn not_a_digit_first(name: &str) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{name}")
    } else {
        name.to_owned()
    }
}

/// Whether a name ends with `_ratio`: some senders have the unit "1" for counters of things, so that it is for gauges only.
fn is_ratio(unit: &str, kind: Kind) -> bool {
    unit == "1" && kind == Kind::Gauge
}

fn is_counter(kind: Kind) -> bool {
    kind == Kind::Sum { monotonic: true }
}

/// A suffix that the name has as a word somewhere is not added again; `total` and `ratio` are moved to the end.
fn escaped_and_suffixed(name: &str, unit: &str, kind: Kind) -> String {
    let (main, per) = unit_suffixes(unit);
    let (main, per) = (escaped_unit(&main), escaped_unit(&per));
    let mut tokens: Vec<&str> = name
        .split(|c| !is_plain(c))
        .filter(|t| !t.is_empty())
        .collect();
    let mut main = if tokens.contains(&main.as_str()) {
        ""
    } else {
        &main
    };
    let mut per = if per == "per_" {
        ""
    } else {
        per.strip_suffix('_').unwrap_or(&per)
    };
    if tokens.contains(&per) {
        per = "";
    }
    if !per.is_empty() {
        main = main.strip_suffix('_').unwrap_or(main);
    }
    tokens.extend([main, per].iter().filter(|suffix| !suffix.is_empty()));
    for (suffix, has_it) in [("total", is_counter(kind)), ("ratio", is_ratio(unit, kind))] {
        if has_it {
            tokens.retain(|token| *token != suffix);
            tokens.push(suffix);
        }
    }
    not_a_digit_first(&tokens.join("_"))
}

/// Suffixes that the name ends with already come in their order.
fn suffixed(name: &str, unit: &str, kind: Kind) -> String {
    let (main, per) = unit_suffixes(unit);
    let mut name = name;
    let mut suffixes = Vec::new();
    for (suffix, has_it) in [
        ("ratio", is_ratio(unit, kind)),
        ("total", is_counter(kind)),
        (per.as_str(), !per.is_empty()),
    ] {
        if has_it {
            name = without_suffix(name, suffix);
            suffixes.push(suffix);
        }
    }
    if !main.is_empty() && !name.ends_with(&main) {
        suffixes.push(&main);
    }
    let mut built = name.to_owned();
    for suffix in suffixes.iter().rev() {
        built.push('_');
        built.push_str(suffix);
    }
    built
}

/// Takes the suffix away, and the delimiter before it.
fn without_suffix<'a>(name: &'a str, suffix: &str) -> &'a str {
    let Some(rest) = name.strip_suffix(suffix) else {
        return name;
    };
    let mut chars = rest.chars();
    match chars.next_back() {
        Some(_) if !chars.as_str().is_empty() => chars.as_str(),
        _ => name,
    }
}

/// The name of a label.
///
/// # Errors
/// Why nothing is left of the name.
pub(super) fn label(name: &str, settings: &Otlp) -> Result<String, String> {
    if name.is_empty() {
        return Err("the name of an attribute is empty".to_owned());
    }
    if !settings.translation_strategy.escapes() {
        return Ok(name.to_owned());
    }
    let is_reserved = name.starts_with("__") && name.ends_with("__") && name.len() > 4;
    let collapses = !settings.label_name_preserve_multiple_underscores && !is_reserved;
    let mut built = String::with_capacity(name.len());
    for c in name.chars() {
        let c = if c.is_ascii_alphanumeric() { c } else { '_' };
        if !(collapses && c == '_' && built.ends_with('_')) {
            built.push(c);
        }
    }
    if built.starts_with(|c: char| c.is_ascii_digit()) {
        built.insert_str(0, "key_");
    } else if settings.label_name_underscore_sanitization
        && built.starts_with('_')
        && !built.starts_with("__")
    {
        built.insert_str(0, "key");
    }
    if built != name && built.chars().all(|c| c == '_') {
        return Err(format!(
            "only underscores are left of the attribute name {name:?}"
        ));
    }
    Ok(built)
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
