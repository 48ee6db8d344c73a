//! `limits` of the configuration file: how much is accepted.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tsdb_core::{LabelLimits, SeriesLimits};

use crate::duration;

/// How much is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Series that may be active at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    active_series: Option<u64>,
    /// New series in an interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_series: Option<u64>,
    #[serde(deserialize_with = "read_duration", serialize_with = "write_duration")]
    new_series_interval: Duration,
    labels: LabelKeys,
    pub(crate) request: RequestLimits,
}

impl Default for Limits {
    fn default() -> Self {
        let limits = SeriesLimits::default();
        Self {
            active_series: limits.active,
            new_series: limits.new,
            new_series_interval: limits.interval,
            labels: LabelKeys::default(),
            request: RequestLimits::default(),
        }
    }
}

impl Limits {
    /// For the store.
    pub(crate) fn of_series(&self) -> SeriesLimits {
        SeriesLimits {
            active: self.active_series,
            new: self.new_series,
            interval: self.new_series_interval,
            labels: LabelLimits {
                count: self.labels.count,
                name_bytes: self.labels.name_bytes,
                value_bytes: self.labels.value_bytes,
            },
        }
    }
}

/// What a series may be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LabelKeys {
    /// Labels of a series, the metric name included.
    #[serde(deserialize_with = "read_bound")]
    count: usize,
    #[serde(deserialize_with = "read_bound")]
    name_bytes: usize,
    #[serde(deserialize_with = "read_bound")]
    value_bytes: usize,
}

impl Default for LabelKeys {
    fn default() -> Self {
        Self {
            count: 512,
            name_bytes: 4 << 10,
            value_bytes: 32 << 10,
        }
    }
}

/// What one request to write may hold. On the wire a sample takes two bytes and an empty bucket one, in a batch sixteen and
/// eight, so the size of the body alone does not bound the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RequestLimits {
    /// Series, and also the resources, scopes and metrics that hold them, empty ones included.
    #[serde(deserialize_with = "read_bound")]
    pub(crate) series: usize,
    /// Samples, data points and lines.
    #[serde(deserialize_with = "read_bound")]
    pub(crate) samples: usize,
    #[serde(deserialize_with = "read_bound")]
    pub(crate) exemplars: usize,
    /// Labels of all series and exemplars, in bytes: many may share what is sent once.
    #[serde(deserialize_with = "read_bound")]
    pub(crate) label_bytes: usize,
    /// Memory of native histograms, in bytes.
    #[serde(deserialize_with = "read_bound")]
    pub(crate) histogram_bytes: usize,
    /// Metric families with metadata.
    #[serde(deserialize_with = "read_bound")]
    pub(crate) metadata: usize,
    /// Strings of remote write 2.0.
    #[serde(deserialize_with = "read_bound")]
    pub(crate) symbols: usize,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            series: 500_000,
            samples: 4_000_000,
            exemplars: 1_000_000,
            label_bytes: 128 << 20,
            histogram_bytes: 128 << 20,
            metadata: 100_000,
            symbols: 4_000_000,
        }
    }
}

fn read_bound<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    match usize::deserialize(from)? {
        0 => Err(serde::de::Error::custom("the limit must be positive")),
        limit => Ok(limit),
    }
}

fn read_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let duration =
        duration::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)?;
    match duration {
        Duration::ZERO => Err(serde::de::Error::custom("the interval must be positive")),
        duration => Ok(duration),
    }
}

fn write_duration<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&duration::format(*duration))
}
