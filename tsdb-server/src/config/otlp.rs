//! The section `otlp` of the configuration file, with the keys of Prometheus's.

use serde::{Deserialize, Serialize};

/// How OpenTelemetry metrics become Prometheus series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Otlp {
    /// Resource attributes that become labels of every series.
    pub(crate) promote_resource_attributes: Vec<String>,
    /// All of them, but those to ignore.
    pub(crate) promote_all_resource_attributes: bool,
    pub(crate) ignore_resource_attributes: Vec<String>,
    pub(crate) translation_strategy: TranslationStrategy,
    /// Keeps `service.name`, `service.namespace` and `service.instance.id` in `target_info`.
    pub(crate) keep_identifying_resource_attributes: bool,
    /// Histograms with explicit bounds become native histograms with custom buckets.
    pub(crate) convert_histograms_to_nhcb: bool,
    /// Name, version, schema and attributes of the instrumentation scope become labels.
    pub(crate) promote_scope_metadata: bool,
    /// `key` before label names that begin with one underscore.
    pub(crate) label_name_underscore_sanitization: bool,
    pub(crate) label_name_preserve_multiple_underscores: bool,
}

impl Default for Otlp {
    fn default() -> Self {
        Self {
            promote_resource_attributes: Vec::new(),
            promote_all_resource_attributes: false,
            ignore_resource_attributes: Vec::new(),
            translation_strategy: TranslationStrategy::UnderscoreEscapingWithSuffixes,
            keep_identifying_resource_attributes: false,
            convert_histograms_to_nhcb: false,
            promote_scope_metadata: false,
            label_name_underscore_sanitization: true,
            label_name_preserve_multiple_underscores: true,
        }
    }
}

impl Otlp {
    /// Whether this resource attribute becomes a label of every series.
    pub(crate) fn promotes(&self, attribute: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name == attribute);
        if self.promote_all_resource_attributes {
            !named(&self.ignore_resource_attributes)
        } else {
            named(&self.promote_resource_attributes)
        }
    }

    /// What is contradictory, as Prometheus refuses it.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.promote_all_resource_attributes && !self.promote_resource_attributes.is_empty() {
            return Err(
                "otlp: promote_all_resource_attributes and promote_resource_attributes cannot be configured simultaneously",
            );
        }
        if !self.promote_all_resource_attributes && !self.ignore_resource_attributes.is_empty() {
            return Err("otlp: ignore_resource_attributes needs promote_all_resource_attributes");
        }
        Ok(())
    }
}

/// Prometheus's names for how names are translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TranslationStrategy {
    UnderscoreEscapingWithSuffixes,
    UnderscoreEscapingWithoutSuffixes,
    NoUTF8EscapingWithSuffixes,
    NoTranslation,
}

impl TranslationStrategy {
    /// Whether other characters than letters, digits, `_` and `:` are replaced.
    pub(crate) fn escapes(self) -> bool {
        matches!(
            self,
            Self::UnderscoreEscapingWithSuffixes | Self::UnderscoreEscapingWithoutSuffixes
        )
    }

    /// Whether unit and type are told by suffixes.
    pub(crate) fn adds_suffixes(self) -> bool {
        matches!(
            self,
            Self::UnderscoreEscapingWithSuffixes | Self::NoUTF8EscapingWithSuffixes
        )
    }
}
