//! What is read of a request, in whichever encoding it comes.
//!
//! Resources, scopes and metrics are told one after the other, and of a metric one data point after the other, so that no
//! more of a request than a data point is decoded at once.

use std::borrow::Cow;

pub(super) use crate::ingest::buckets::Buckets;

/// Attributes of one thing. Clients have tens.
pub(super) const MAX_ATTRIBUTES: usize = 1024;

/// Buckets, bounds or quantiles of one data point. The store takes fewer; this bounds the memory.
pub(super) const MAX_NUMBERS: usize = 1 << 14;

/// Exemplars of one data point. SDKs keep tens.
pub(super) const MAX_EXEMPLARS: usize = 1024;

/// Bytes of a value that is an array or a map, in either encoding.
pub(super) const MAX_NESTED_BYTES: usize = 64 << 10;

/// Key and value of an attribute, the value as the text it is stored as.
pub(super) type Attribute<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The instrumentation scope of metrics.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) version: Cow<'a, str>,
    pub(super) schema_url: Cow<'a, str>,
    pub(super) attributes: Vec<Attribute<'a>>,
}

/// A metric without its data points.
#[derive(Debug, Default)]
pub(super) struct Metric<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) description: Cow<'a, str>,
    pub(super) unit: Cow<'a, str>,
    pub(super) kind: Kind,
    pub(super) temporality: Temporality,
}

/// What the data points of a metric are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// None that is known.
    #[default]
    Unknown,
    Gauge,
    Sum {
        monotonic: bool,
    },
    Histogram,
    ExponentialHistogram,
    Summary,
}

/// `AggregationTemporality`: since when sums and histograms count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Temporality {
    /// Not told.
    #[default]
    Unspecified,
    /// Since the data point before.
    Delta,
    /// Since the start.
    Cumulative,
}

impl Temporality {
    pub(super) fn from_number(n: u64) -> Self {
        match n {
            1 => Self::Delta,
            2 => Self::Cumulative,
            _ => Self::Unspecified,
        }
    }
}

/// A data point of any kind; what its kind does not have is left at its default.
#[derive(Debug, Default)]
pub(super) struct Point<'a> {
    pub(super) attributes: Vec<Attribute<'a>>,
    pub(super) start_ns: u64,
    pub(super) time_ns: u64,
    pub(super) flags: u64,
    /// Of a gauge or sum.
    pub(super) value: Option<f64>,
    pub(super) count: u64,
    pub(super) sum: Option<f64>,
    pub(super) bucket_counts: Vec<u64>,
    pub(super) explicit_bounds: Vec<f64>,
    pub(super) scale: i32,
    pub(super) zero_count: u64,
    pub(super) zero_threshold: f64,
    pub(super) positive: Buckets,
    pub(super) negative: Buckets,
    /// Quantile and value.
    pub(super) quantiles: Vec<(f64, f64)>,
    pub(super) exemplars: Vec<Exemplar<'a>>,
}

impl Point<'_> {
    /// Whether it says that there is no value, which ends the series.
    pub(super) fn is_stale(&self) -> bool {
        self.flags & 1 != 0
    }
}

/// An observation behind a data point.
#[derive(Debug, Default)]
pub(super) struct Exemplar<'a> {
    pub(super) time_ns: u64,
    pub(super) value: Option<f64>,
    /// In hexadecimal digits; empty where there is none.
    pub(super) trace_id: Cow<'a, str>,
    pub(super) span_id: Cow<'a, str>,
    pub(super) attributes: Vec<Attribute<'a>>,
}
