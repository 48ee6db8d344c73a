//! A value that may be a number or a native histogram.

use std::sync::Arc;

use tsdb_core::FloatHistogram;

/// The value of a sample.
#[derive(Clone, Debug)]
pub(crate) enum Sample {
    /// A number.
    Float(f64),
    /// A native histogram, shared: operators that change it make a copy.
    Histogram(Arc<FloatHistogram>),
}

impl Sample {
    /// How much of the budget of samples it takes: a histogram as much as the numbers of the same size, as Prometheus counts.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Float(_) => 1,
            Self::Histogram(h) => weight(h),
        }
    }
}

/// How many samples a histogram counts for: its bytes and those of its time, by the size of a number with its time.
pub(crate) fn weight(h: &FloatHistogram) -> usize {
    (h.size_bytes() + 8) / 16
}
