//! Functions of native histograms.
//!
//! As the kernels of floats they know values and windows alone. What else a query is to be told comes as [`Annotation`]s, to
//! which the evaluator adds metric name and position. Semantics and order of operations are those of Prometheus 3.14
//! (`promql/functions.go`, `promql/quantile.go`).

mod extended;
mod over_time;
mod quantile;
mod rate;
mod statistics;
mod window;

pub(crate) use extended::{ExtendedWindow, interpolate_histograms};
pub(crate) use over_time::{
    HistogramMean, HistogramSum, avg_over_time, changes, resets, sum_over_time,
};
pub(crate) use quantile::{histogram_fraction, histogram_quantile};
pub(crate) use rate::{delta, idelta, increase, irate, rate};
pub(crate) use statistics::{
    histogram_avg, histogram_count, histogram_stddev, histogram_stdvar, histogram_sum,
};
pub(crate) use window::{
    HistogramWindow, Point, PointValue, by_time, start_time_overlap, start_time_reset,
};

/// Something the query is to be told, besides the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Annotation {
    /// Warning: the window has floats and histograms.
    MixedFloatsHistograms,
    /// Warning: a function of counters met a gauge.
    NativeHistogramNotCounter,
    /// Warning: a function of gauges met a counter.
    NativeHistogramNotGauge,
    /// Warning: exponential and custom buckets cannot be brought together.
    MixedExponentialCustomHistograms,
    /// Warning: some histograms say that there was a counter reset, some that there was none.
    HistogramCounterResetCollision(HistogramOperation),
    /// Warning: the time that a sample stands for overlaps with that of the sample before.
    StartTimeOverlap,
    /// Info: of different custom bounds only those that all have were kept.
    MismatchedCustomBuckets(HistogramOperation),
    /// Info: so many observations are NaN that the quantile is.
    QuantileNaNResult,
    /// Info: observations of NaN, taken for the largest, make the quantile higher.
    QuantileNaNSkew,
    /// Info: observations of NaN are in no fraction.
    FractionNaNs,
}

/// What was being done with histograms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum HistogramOperation {
    /// Addition.
    Add,
    /// Subtraction.
    Sub,
    /// An aggregation, over time or over series.
    Agg,
}

impl HistogramOperation {
    /// The word in the texts of annotations.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Add => "addition",
            Self::Sub => "subtraction",
            Self::Agg => "aggregation",
        }
    }
}

/// A result and what is to be told with it, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Annotated<T> {
    pub(crate) value: T,
    pub(crate) annotations: Vec<Annotation>,
}

impl<T> Annotated<T> {
    pub(crate) fn with(value: T, annotations: impl IntoIterator<Item = Annotation>) -> Self {
        let mut annotated = Self {
            value,
            annotations: Vec::new(),
        };
        annotations.into_iter().for_each(|a| annotated.tell(a));
        annotated
    }

    fn tell(&mut self, annotation: Annotation) {
        if !self.annotations.contains(&annotation) {
            self.annotations.push(annotation);
        }
    }
}

impl<T> From<T> for Annotated<T> {
    fn from(value: T) -> Self {
        Self {
            value,
            annotations: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
