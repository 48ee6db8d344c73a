//! The samples of a series on their way into a batch.

use tsdb_core::{HistogramSample, SeriesBuilder};

use super::apply::{LeftOut, WriteError};
use super::histogram::{Unfit, histogram};
use super::proto::{Fields, ProtoError};
use super::remote_write::{Limits, too_many};

/// The samples of one series; the memory is used again for every series.
#[derive(Debug, Default)]
pub(super) struct Samples {
    floats: Vec<(i64, f64)>,
    histograms: Vec<(i64, HistogramSample)>,
    /// Histograms that are left out, and why the first is.
    unfit: u64,
    first_unfit: Option<Unfit>,
    /// Memory of all histograms of the request.
    histogram_bytes: usize,
}

impl Samples {
    /// Begins the next series.
    pub(super) fn clear(&mut self) {
        self.floats.clear();
        self.histograms.clear();
        self.unfit = 0;
        self.first_unfit = None;
    }

    /// Adds a float; `message` is the `Sample` of either protocol.
    ///
    /// # Errors
    /// 400 when it is none, 413 when there are too many.
    #[inline]
    pub(super) fn add_float(&mut self, message: &[u8], limits: Limits) -> Result<(), WriteError> {
        if self.floats.len() > limits.samples {
            return Err(too_many("samples", limits.samples));
        }
        self.floats.push(sample(message)?);
        Ok(())
    }

    /// Adds a native histogram, if it is fit to be stored.
    ///
    /// # Errors
    /// 400 when it is none, 413 when all together take too much memory.
    pub(super) fn add_histogram(
        &mut self,
        message: &[u8],
        limits: Limits,
    ) -> Result<(), WriteError> {
        match histogram(message)? {
            Ok((t_ms, histogram)) => {
                self.histogram_bytes += histogram.size_bytes();
                if self.histogram_bytes > limits.histogram_bytes {
                    return Err(too_many(
                        "bytes of native histograms",
                        limits.histogram_bytes,
                    ));
                }
                self.histograms.push((t_ms, histogram));
            }
            Err(unfit) => {
                self.unfit += 1;
                self.first_unfit.get_or_insert(unfit);
            }
        }
        Ok(())
    }

    /// Whether there is nothing to store.
    pub(super) fn is_empty(&self) -> bool {
        self.floats.is_empty() && self.histograms.is_empty()
    }

    /// Whether nothing is left out.
    pub(super) fn all_fit(&self) -> bool {
        self.unfit == 0
    }

    /// Whether there was nothing at all, not even what is left out.
    pub(super) fn none_came(&self) -> bool {
        self.is_empty() && self.unfit == 0
    }

    /// Moves the samples to the series.
    #[inline]
    pub(super) fn push_to(&mut self, mut series: SeriesBuilder<'_>) {
        for &(t_ms, value) in &self.floats {
            series.sample(t_ms, value);
        }
        for (t_ms, histogram) in self.histograms.drain(..) {
            series.histogram(t_ms, histogram);
        }
    }

    /// Counts what is left out; `series` shows the labels.
    pub(super) fn tell_left_out(
        &mut self,
        left_out: &mut LeftOut,
        series: impl FnOnce() -> String,
    ) {
        if let Some(reason) = self.first_unfit.take() {
            left_out.samples(self.unfit, || format!("{reason}: series {}", series()));
        }
    }
}

/// Value and time, in both protocols; a start time (2.0) is not stored yet.
#[inline]
fn sample(message: &[u8]) -> Result<(i64, f64), ProtoError> {
    let (mut t_ms, mut value) = (0, 0.0);
    for field in Fields::new(message) {
        match field? {
            (1, field) => value = field.double()?,
            (2, field) => t_ms = field.int64()?,
            (3, field) => drop(field.int64()?),
            _ => {}
        }
    }
    Ok((t_ms, value))
}
