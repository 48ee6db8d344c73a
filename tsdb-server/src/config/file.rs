//! The configuration file: what may change while the server runs. A setting is a flag or stands here, never both.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::limits::Limits;
use super::otlp::Otlp;
use super::retention::RetentionKeys;

/// The contents of the file; without a file the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub(crate) global: Global,
    pub(crate) limits: Limits,
    pub(crate) retention: RetentionKeys,
    pub(crate) otlp: Otlp,
}

/// What Prometheus has under the same key, where its clients look for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Global {
    /// Labels that tell this server from others where its data is read together with theirs.
    pub(crate) external_labels: BTreeMap<String, String>,
}

/// What is wrong with the file, and where.
#[derive(Debug)]
pub struct SettingsError {
    path: PathBuf,
    /// Line and column, from 1.
    at: Option<(u64, u64)>,
    reason: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for SettingsError {}

impl SettingsError {
    /// `at` are line and column, from 1.
    pub(crate) fn new(path: &Path, at: Option<(u64, u64)>, reason: String) -> Self {
        Self {
            path: path.to_owned(),
            at,
            reason,
        }
    }

    /// Parses YAML that was read from `path`.
    ///
    /// # Errors
    /// What is not understood, without the line that it stands in.
    pub(crate) fn parse<T: DeserializeOwned + Default>(path: &Path, text: &str) -> Result<T, Self> {
        parse(text).map_err(|(at, reason)| Self::new(path, at, reason))
    }
}

/// Parses YAML; an empty file is the default.
fn parse<T: DeserializeOwned + Default>(text: &str) -> Result<T, (Option<(u64, u64)>, String)> {
    // An empty file is null.
    let parsed: Option<T> = serde_saphyr::from_str(text).map_err(|e| {
        let e = e.without_snippet();
        let at = e.location().map(|at| (at.line(), at.column()));
        (at, explain(e))
    })?;
    Ok(parsed.unwrap_or_default())
}

impl Settings {
    /// Reads the file and takes in what the flags say of the retention.
    ///
    /// # Errors
    /// When it cannot be read, or says what is not understood or what a flag says too.
    pub(crate) fn read(
        path: &Path,
        time_flag: Option<Duration>,
        size_flag: Option<u64>,
    ) -> Result<Self, SettingsError> {
        let error = |at, reason| SettingsError::new(path, at, reason);
        let text = std::fs::read_to_string(path).map_err(|e| error(None, e.to_string()))?;
        let mut settings = Self::parse(&text).map_err(|(at, reason)| error(at, reason))?;
        settings
            .retention
            .complete(time_flag, size_flag)
            .map_err(|reason| error(None, reason))?;
        Ok(settings)
    }

    fn parse(text: &str) -> Result<Self, (Option<(u64, u64)>, String)> {
        let settings: Self = parse(text)?;
        for name in settings.global.external_labels.keys() {
            if name.is_empty() || name.starts_with("__") {
                let line = text
                    .lines()
                    .position(|line| line.trim_start().starts_with(name.as_str()));
                let at = line.map(|line| (line as u64 + 1, 1));
                return Err((at, format!("external_labels: {name:?} is not a label name")));
            }
        }
        if let Err(reason) = settings.otlp.check() {
            let line = text.lines().position(|line| line.starts_with("otlp:"));
            let at = line.map(|line| (line as u64 + 1, 1));
            return Err((at, reason.to_owned()));
        }
        Ok(settings)
    }

    /// What is in effect, as YAML.
    pub(crate) fn to_yaml(&self) -> String {
        serde_saphyr::to_string(self).unwrap_or_default()
    }
}

/// Says what is wrong; for a key that is not known the one that is nearest.
fn explain(error: &serde_saphyr::Error) -> String {
    let serde_saphyr::Error::SerdeUnknownField {
        field, expected, ..
    } = error
    else {
        return error.to_string();
    };
    let nearest = expected
        .iter()
        .map(|known| (strsim::jaro_winkler(field, known), known))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, known)) if likeness > 0.7 => {
            format!("unknown key {field:?}, perhaps {known:?} is meant")
        }
        _ => format!("unknown key {field:?}, known are {}", expected.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use tsdb_core::SeriesLimits;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let text = "global:\n  external_labels:\n    cluster: a\nlimits:\n  active_series: 10\n  new_series: 5\n  new_series_interval: 30s\n";
        let settings = Settings::parse(text).unwrap();
        assert_eq!(settings.global.external_labels["cluster"], "a");
        assert_eq!(
            settings.limits.of_series(),
            SeriesLimits {
                active: Some(10),
                new: Some(5),
                interval: Duration::from_secs(30),
                ..Settings::default().limits.of_series()
            }
        );
        assert_eq!(Settings::parse(&settings.to_yaml()).unwrap(), settings);
        for nothing in ["", "# nothing\n", "limits: {}\n", "global: {}\n"] {
            assert_eq!(
                Settings::parse(nothing).unwrap(),
                Settings::default(),
                "{nothing:?}"
            );
        }
        let default = Settings::default();
        assert_eq!(Settings::parse(&default.to_yaml()).unwrap(), default);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, line, says) in [
            ("\nlimts: {}\n", 2, "perhaps \"limits\" is meant"),
            (
                "limits:\n  active_serie: 1\n",
                2,
                "perhaps \"active_series\" is meant",
            ),
            ("limits:\n  zzz: 1\n", 2, "known are active_series"),
            ("limits:\n  new_series: many\n", 2, ""),
            ("limits:\n  new_series: -1\n", 2, ""),
            (
                "limits:\n  request:\n    serie: 1\n",
                3,
                "perhaps \"series\" is meant",
            ),
            ("limits:\n  labels:\n    count: 0\n", 3, "must be positive"),
            ("limits:\n  new_series_interval: 0\n", 2, "must be positive"),
            (
                "limits:\n  new_series_interval: 5x\n",
                2,
                "not a valid duration",
            ),
            (
                "global:\n  external_labels:\n    a: b\n    __x: c\n",
                4,
                "not a label name",
            ),
            (
                "otlp:\n  translation_strateg: NoTranslation\n",
                2,
                "perhaps \"translation_strategy\" is meant",
            ),
            ("otlp:\n  translation_strategy: All\n", 2, ""),
            (
                "\notlp:\n  promote_all_resource_attributes: true\n  promote_resource_attributes: [a]\n",
                2,
                "simultaneously",
            ),
            (
                "otlp:\n  ignore_resource_attributes: [a]\n",
                1,
                "needs promote_all",
            ),
            ("limits: [1\n", 0, ""),
        ] {
            let (at, reason) = Settings::parse(text).unwrap_err();
            assert!(
                line == 0 || at.is_some_and(|at| at.0 == line),
                "{text:?}: {at:?} {reason}"
            );
            assert!(reason.contains(says), "{text:?}: {reason}");
        }
    }
}
