//! Type, help and unit of a metric, as its exporter tells them.

/// Type of a metric. The numbers are those of remote write 1.0 `MetricMetadata.MetricType` and of our formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MetricType {
    /// Not told.
    Unknown = 0,
    /// A value that only rises, or restarts at zero.
    Counter = 1,
    /// A value that rises and falls.
    Gauge = 2,
    /// A histogram.
    Histogram = 3,
    /// A histogram of current observations.
    GaugeHistogram = 4,
    /// Quantiles computed by the exporter.
    Summary = 5,
    /// Labels with the value 1.
    Info = 6,
    /// One series a state, each 0 or 1.
    Stateset = 7,
}

impl MetricType {
    /// The type with this number; unknown numbers are [`MetricType::Unknown`].
    #[must_use]
    pub const fn from_u32(n: u32) -> Self {
        match n {
            1 => Self::Counter,
            2 => Self::Gauge,
            3 => Self::Histogram,
            4 => Self::GaugeHistogram,
            5 => Self::Summary,
            6 => Self::Info,
            7 => Self::Stateset,
            _ => Self::Unknown,
        }
    }

    /// The name in Prometheus's API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::Stateset => "stateset",
        }
    }
}

/// Metadata of one metric family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricMetadata {
    /// Name of the metric family.
    pub metric: String,
    /// Its type.
    pub kind: MetricType,
    /// Its help text.
    pub help: String,
    /// Its unit; empty when not told.
    pub unit: String,
}

impl MetricMetadata {
    /// Bytes of its texts.
    pub(super) fn text_len(&self) -> usize {
        self.metric.len() + self.help.len() + self.unit.len()
    }
}
