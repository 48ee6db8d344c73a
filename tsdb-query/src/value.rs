//! What a query answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tsdb_core::{FloatHistogram, Labels};

use crate::explain::PlanNode;

/// One sample of an instant vector.
#[derive(Clone, Debug)]
pub struct VectorSample {
    /// Labels of the series.
    pub labels: Labels,
    /// The time the query was evaluated at, in milliseconds.
    pub t_ms: i64,
    /// The value; NaN when it is a histogram.
    pub value: f64,
    /// The native histogram, when the value is one.
    pub histogram: Option<Arc<FloatHistogram>>,
}

/// One series of a matrix: `times_ms[i]` belongs to `values[i]`, times strictly rising. Native histograms stand beside the
/// numbers.
#[derive(Clone, Debug)]
pub struct MatrixSeries {
    /// Labels of the series.
    pub labels: Labels,
    /// Times in milliseconds: steps of a range query, times of the samples for a range selector.
    pub times_ms: Vec<i64>,
    /// The values.
    pub values: Vec<f64>,
    /// Native histograms with their times, strictly rising; none of the times is among `times_ms`.
    pub histograms: Vec<(i64, Arc<FloatHistogram>)>,
}

/// The value of a query, in the order in which Prometheus gives it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum QueryValue {
    /// A number.
    Scalar {
        /// The time the query was evaluated at, in milliseconds.
        t_ms: i64,
        /// The number.
        value: f64,
    },
    /// A string.
    String {
        /// The time the query was evaluated at, in milliseconds.
        t_ms: i64,
        /// The string.
        value: String,
    },
    /// The value of an instant query over series. The order counts for `sort`, `topk` and their like.
    Vector(Vec<VectorSample>),
    /// The value of a range query, or of a range selector in an instant query: in label order, no series empty.
    Matrix(Vec<MatrixSeries>),
}

/// Samples as Prometheus counts them in the statistics of a query; a native histogram counts by its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleCount {
    /// Samples that were looked at, once for each step that looks at them: `totalQueryableSamples`.
    pub queryable: u64,
    /// The same, but a sample that the windows of several steps share counts once: `samplesRead`.
    pub read: u64,
}

/// What a query cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// Samples that were read from the storage.
    pub samples_read: u64,
    /// The most values that were held in memory at once.
    pub peak_samples: u64,
    /// What Prometheus would say that it looked at.
    pub samples: SampleCount,
    /// The same for each step, with its time in milliseconds; empty unless
    /// [`QueryOptions::per_step_stats`](crate::QueryOptions::per_step_stats) asks for it.
    pub samples_per_step: Vec<(i64, SampleCount)>,
    /// The time it took to parse the query, to select its series and to plan.
    pub preparation: Duration,
    /// The time it took to evaluate it.
    pub evaluation: Duration,
}

/// What a query under way has cost so far; others may look while it is evaluated.
#[derive(Debug, Default)]
pub struct QueryProgress {
    samples_read: AtomicU64,
    bytes: AtomicU64,
}

impl QueryProgress {
    /// Samples that were read from the storage.
    #[must_use]
    pub fn samples_read(&self) -> u64 {
        self.samples_read.load(Ordering::Relaxed)
    }

    /// An estimate of the memory that it holds.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn set_samples_read(&self, samples: u64) {
        self.samples_read.store(samples, Ordering::Relaxed);
    }

    pub(crate) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }
}

/// A query's value with what was remarked on the way.
#[derive(Clone, Debug)]
pub struct QueryResult {
    /// The value.
    pub value: QueryValue,
    /// Warnings: the value may not be what was meant.
    pub warnings: Vec<String>,
    /// Hints of lesser weight.
    pub infos: Vec<String>,
    /// What it cost.
    pub stats: QueryStats,
    /// What each part of it cost; empty unless [`QueryOptions::explain`](crate::QueryOptions::explain) asks for it.
    pub plan: Vec<PlanNode>,
}
