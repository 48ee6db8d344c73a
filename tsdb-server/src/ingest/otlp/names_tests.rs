use proptest::prelude::*;

use super::*;
use TranslationStrategy::{
    NoTranslation, NoUTF8EscapingWithSuffixes, UnderscoreEscapingWithSuffixes,
    UnderscoreEscapingWithoutSuffixes,
};

const COUNTER: Kind = Kind::Sum { monotonic: true };
const STRATEGIES: [TranslationStrategy; 4] = [
    UnderscoreEscapingWithSuffixes,
    UnderscoreEscapingWithoutSuffixes,
    NoUTF8EscapingWithSuffixes,
    NoTranslation,
];

#[test]
fn escaped_names_have_the_suffixes_of_unit_and_type() {
    for (name, unit, kind, says) in [
        (
            "system.io",
            "foo/bar",
            COUNTER,
            "system_io_foo_per_bar_total",
        ),
        (
            "http.server.duration",
            "s",
            Kind::Histogram,
            "http_server_duration_seconds",
        ),
        ("http_requests_total", "", COUNTER, "http_requests_total"),
        ("total.requests", "", COUNTER, "requests_total"),
        ("memory.usage", "By", Kind::Gauge, "memory_usage_bytes"),
        (
            "memory.usage.bytes",
            "By",
            Kind::Gauge,
            "memory_usage_bytes",
        ),
        ("speed", "m/s", Kind::Gauge, "speed_meters_per_second"),
        ("cpu.utilization", "1", Kind::Gauge, "cpu_utilization_ratio"),
        ("jobs", "1", COUNTER, "jobs_total"),
        ("jobs", "{job}", COUNTER, "jobs_total"),
        ("jobs", "{job}/s", Kind::Gauge, "jobs_per_second"),
        ("3.14 digits", "", Kind::Gauge, "_3_14_digits"),
        ("a__b..c", "", Kind::Gauge, "a_b_c"),
        ("unit", "°F", Kind::Gauge, "unit_F"),
        ("memory", "By/{x}", Kind::Gauge, "memory_bytes"),
        ("größe", "", Kind::Gauge, "gr_e"),
    ] {
        let built = metric(name, unit, kind, UnderscoreEscapingWithSuffixes);
        assert_eq!(built.as_deref(), Ok(says), "{name} {unit}");
    }
}

#[test]
fn other_strategies_leave_out_what_they_say() {
    let (name, unit) = ("http.server.duration", "ms");
    let build = |strategy| metric(name, unit, COUNTER, strategy).unwrap();
    assert_eq!(
        build(UnderscoreEscapingWithoutSuffixes),
        "http_server_duration"
    );
    assert_eq!(build(NoTranslation), "http.server.duration");
    assert_eq!(
        build(NoUTF8EscapingWithSuffixes),
        "http.server.duration_milliseconds_total"
    );
    for (name, unit, kind, says) in [
        ("a.total", "s", COUNTER, "a_seconds_total"),
        ("a_seconds", "s", Kind::Gauge, "a_seconds"),
        ("a", "By/s", Kind::Gauge, "a_bytes_per_second"),
        ("größe_ratio", "1", Kind::Gauge, "größe_ratio"),
        ("ratio", "1", Kind::Gauge, "ratio_ratio"),
    ] {
        let built = metric(name, unit, kind, NoUTF8EscapingWithSuffixes);
        assert_eq!(built.as_deref(), Ok(says), "{name} {unit}");
    }
    let kept = metric(
        "a__b.c-1",
        "",
        Kind::Gauge,
        UnderscoreEscapingWithoutSuffixes,
    );
    assert_eq!(kept.as_deref(), Ok("a__b_c_1"));
}

#[test]
fn names_of_which_nothing_is_left_are_refused() {
    for strategy in STRATEGIES {
        assert!(metric("", "", Kind::Gauge, strategy).is_err());
    }
    assert!(metric("日本", "", Kind::Gauge, UnderscoreEscapingWithSuffixes).is_err());
    assert!(metric("日本", "", Kind::Gauge, NoTranslation).is_ok());
    assert!(label("", &Otlp::default()).is_err());
    assert!(label("日本", &Otlp::default()).is_err());
}

#[test]
fn units_of_metadata() {
    for (given, says) in [
        ("s", "seconds"),
        ("By/s", "bytes_per_second"),
        ("1", ""),
        ("/s", "per_second"),
        ("{packets}", ""),
        ("°F", "F"),
    ] {
        assert_eq!(unit(given, UnderscoreEscapingWithSuffixes), says, "{given}");
    }
    assert_eq!(unit("°F", NoTranslation), "°F");
}

#[test]
fn labels_are_names_of_prometheus() {
    let mut settings = Otlp::default();
    for (name, says) in [
        ("http.method", "http_method"),
        ("a..b", "a__b"),
        ("0day", "key_0day"),
        ("_private", "key_private"),
        (".private", "key_private"),
        ("__reserved__", "__reserved__"),
        ("größe", "gr__e"),
    ] {
        assert_eq!(label(name, &settings).as_deref(), Ok(says), "{name}");
    }
    settings.label_name_preserve_multiple_underscores = false;
    settings.label_name_underscore_sanitization = false;
    assert_eq!(label("a..b", &settings).as_deref(), Ok("a_b"));
    assert_eq!(label("_private", &settings).as_deref(), Ok("_private"));
    assert_eq!(
        label("__reserved__", &settings).as_deref(),
        Ok("__reserved__")
    );
    settings.translation_strategy = NoTranslation;
    assert_eq!(
        label("http.method", &settings).as_deref(),
        Ok("http.method")
    );
}

proptest! {
    #[test]
    fn escaped_names_are_valid_and_stay_as_they_are(name in "[ -~ä_.]{0,12}", unit in "[a-z/{}%1°_]{0,5}") {
        for kind in [COUNTER, Kind::Gauge, Kind::Histogram] {
            if let Ok(built) = metric(&name, &unit, kind, UnderscoreEscapingWithSuffixes) {
                let first = built.chars().next().unwrap();
                prop_assert!(!first.is_ascii_digit());
                prop_assert!(built.chars().all(|c| is_plain(c) || c == '_'), "{}", built);
                // A name that has its suffixes gets them once; a unit may end with an underscore.
                let again = metric(&built, "", kind, UnderscoreEscapingWithSuffixes).unwrap();
                let single = built.replace("__", "_");
                prop_assert_eq!(again.trim_matches('_'), single.trim_matches('_'));
            }
            let _ = metric(&name, &unit, kind, NoUTF8EscapingWithSuffixes);
        }
        if let Ok(built) = label(&name, &Otlp::default()) {
            prop_assert!(built.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
            prop_assert!(!built.starts_with(|c: char| c.is_ascii_digit()));
        }
    }
}
