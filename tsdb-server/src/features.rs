//! `--enable-feature`: Prometheus's names, so that its command lines go on to work.

use tsdb_query::EngineOptions;

/// What became of a name that was given to `--enable-feature`.
#[derive(Clone, Copy, Debug)]
enum Standing {
    /// It switches something.
    Switch(fn(&mut EngineOptions)),
    /// What it asks for is on without it.
    Default,
    /// Prometheus has it, this server does not.
    Absent,
}

use Standing::{Absent, Default, Switch};

/// The features of Prometheus 3.14, and those of earlier versions that are the rule by now.
const FEATURES: &[(&str, Standing)] = &[
    ("agent", Absent),
    ("auto-gomaxprocs", Default),
    ("auto-gomemlimit", Default),
    ("auto-reload-config", Absent),
    ("concurrent-rule-eval", Absent),
    ("created-timestamp-zero-ingestion", Absent),
    ("delayed-compaction", Absent),
    ("exemplar-storage", Absent),
    ("expand-external-labels", Default),
    ("extra-scrape-metrics", Absent),
    ("fast-startup", Absent),
    ("histograms-st-encoding", Absent),
    ("memory-snapshot-on-shutdown", Absent),
    ("metadata-wal-records", Absent),
    ("native-histograms", Default),
    ("new-service-discovery-manager", Default),
    ("no-default-scrape-port", Default),
    ("old-ui", Absent),
    ("otlp-deltatocumulative", Absent),
    ("otlp-native-delta-ingestion", Absent),
    ("promql-at-modifier", Default),
    ("promql-binop-fill-modifiers", Default),
    (
        "promql-delayed-name-removal",
        Switch(|options| options.delayed_name_removal = true),
    ),
    ("promql-duration-expr", Default),
    ("promql-experimental-functions", Default),
    ("promql-extended-range-selectors", Default),
    ("promql-negative-offset", Default),
    ("promql-per-step-stats", Default),
    ("remote-write-receiver", Default),
    ("search-api", Absent),
    ("st-storage", Default),
    ("st-synthesis", Absent),
    (
        "type-and-unit-labels",
        Switch(|options| options.type_and_unit_labels = true),
    ),
    (
        "use-start-timestamps",
        Switch(|options| options.use_start_timestamps = true),
    ),
    ("use-uncached-io", Absent),
    ("xor2-encoding", Absent),
];

fn standing(name: &str) -> Option<Standing> {
    FEATURES.iter().find(|f| f.0 == name).map(|f| f.1)
}

/// Switches what the names ask for.
pub(crate) fn apply(names: &[String], options: &mut EngineOptions) {
    for name in names {
        if let Some(Switch(switch)) = standing(name) {
            switch(options);
        }
    }
}

/// What there is to say of a name when the server starts. None of it is an error, as in Prometheus.
fn remark(name: &str) -> &'static str {
    match standing(name) {
        Some(Switch(_)) => "feature is enabled",
        Some(Default) => "feature is on by default",
        Some(Absent) => "feature is not available here and changes nothing",
        None => "unknown feature, ignored",
    }
}

/// Logs what became of each name.
pub(crate) fn log(names: &[String]) {
    for name in names.iter().filter(|name| !name.is_empty()) {
        match standing(name) {
            Some(Switch(_) | Default) => tracing::info!(feature = %name, "{}", remark(name)),
            Some(Absent) | None => tracing::warn!(feature = %name, "{}", remark(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_switched_known_or_ignored() {
        let names = |list: &[&str]| -> Vec<String> { list.iter().map(|n| (*n).into()).collect() };
        let mut options = EngineOptions::default();
        apply(&names(&["promql-at-modifier", "nosuch", ""]), &mut options);
        assert!(!options.delayed_name_removal);
        let all = [
            "promql-delayed-name-removal",
            "use-start-timestamps",
            "type-and-unit-labels",
        ];
        apply(&names(&all), &mut options);
        assert!(options.delayed_name_removal);
        assert!(options.use_start_timestamps);
        assert!(options.type_and_unit_labels);
        for (name, said) in [
            (all[0], "feature is enabled"),
            ("promql-per-step-stats", "feature is on by default"),
            (
                "st-synthesis",
                "feature is not available here and changes nothing",
            ),
            ("nosuch", "unknown feature, ignored"),
        ] {
            assert_eq!(remark(name), said);
        }
    }
}
