//! The samples of a series on their way into a batch.

use std::ops::Range;

use tsdb_core::{HistogramSample, SeriesBuilder};

use super::apply::{LeftOut, WriteError};
use super::histogram::{Unfit, histogram};
use super::label_set::LabelSet;
use super::proto::{Fields, ProtoError};
use super::remote_write::too_many;
use crate::config::RequestLimits;

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) t_ms: i64,
    /// When what is sampled began to count, 0 where the sender does not say.
    pub(super) start_ms: i64,
}

#[derive(Debug)]
struct Exemplar {
    t_ms: i64,
    value: f64,
    /// Where they are.
    labels: Range<usize>,
}

/// The samples of one series; the memory is used again for every series.
#[derive(Debug, Default)]
pub(super) struct Samples {
    /// Whether the protocol has start times.
    start_times: bool,
    floats: Vec<(Times, f64)>,
    histograms: Vec<(Times, HistogramSample)>,
    exemplars: Vec<Exemplar>,
    /// The labels of all of them, in canonical bytes.
    exemplar_labels: Vec<u8>,
    /// Histograms that are left out, and why the first is.
    unfit: u64,
    first_unfit: Option<Unfit>,
    /// Memory of all histograms of the request.
    histogram_bytes: usize,
}

impl Samples {
    /// Of a protocol that has start times.
    pub(super) fn with_start_times() -> Self {
        Self {
            start_times: true,
            ..Self::default()
        }
    }

    /// Begins the next series.
    pub(super) fn clear(&mut self) {
        self.floats.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.exemplar_labels.clear();
        self.unfit = 0;
        self.first_unfit = None;
    }

    /// Adds a float; `message` is the `Sample` of either protocol.
    ///
    /// # Errors
    /// 400 when it is none, 413 when there are too many.
    #[inline]
    pub(super) fn add_float(
        &mut self,
        message: &[u8],
        limits: RequestLimits,
    ) -> Result<(), WriteError> {
        if self.floats.len() >= limits.samples {
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
        limits: RequestLimits,
    ) -> Result<(), WriteError> {
        match histogram(message)? {
            Ok((times, histogram)) => {
                self.histogram_bytes += histogram.size_bytes();
                if self.histogram_bytes > limits.histogram_bytes {
                    return Err(too_many("histogram_bytes", limits.histogram_bytes));
                }
                self.histograms.push((times, histogram));
            }
            Err(unfit) => {
                self.unfit += 1;
                self.first_unfit.get_or_insert(unfit);
            }
        }
        Ok(())
    }

    /// Adds an exemplar with these labels. One whose labels are not valid is left out: it is an example, nothing more.
    ///
    /// # Errors
    /// 413 when there are too many.
    pub(super) fn add_exemplar(
        &mut self,
        t_ms: i64,
        value: f64,
        labels: &mut LabelSet<'_>,
        limits: RequestLimits,
    ) -> Result<(), WriteError> {
        if self.exemplars.len() >= limits.exemplars {
            return Err(too_many("exemplars", limits.exemplars));
        }
        if let Ok(canonical) = labels.canonical_of_any() {
            let start = self.exemplar_labels.len();
            self.exemplar_labels.extend_from_slice(canonical);
            if self.exemplar_labels.len() > limits.label_bytes {
                return Err(too_many("label_bytes", limits.label_bytes));
            }
            self.exemplars.push(Exemplar {
                t_ms,
                value,
                labels: start..self.exemplar_labels.len(),
            });
        }
        Ok(())
    }

    /// Floats and histograms that came, those included that are left out.
    pub(super) fn counts(&self) -> (usize, usize) {
        let histograms = self.histograms.len() + self.unfit as usize;
        (self.floats.len(), histograms)
    }

    /// Whether there is nothing to store.
    pub(super) fn is_empty(&self) -> bool {
        self.floats.is_empty() && self.histograms.is_empty() && self.exemplars.is_empty()
    }

    /// Whether nothing is left out.
    pub(super) fn all_fit(&self) -> bool {
        self.unfit == 0
    }

    /// Whether nothing came, not even a sample that is left out.
    pub(super) fn none_came(&self) -> bool {
        self.is_empty() && self.unfit == 0
    }

    /// Moves the samples to the series.
    #[inline]
    pub(super) fn push_to(&mut self, mut series: SeriesBuilder<'_>) {
        let start_times = self.start_times;
        let start_ms = |times: Times| if start_times { times.start_ms } else { 0 };
        for &(times, value) in &self.floats {
            series.sample_since(start_ms(times), times.t_ms, value);
        }
        for (times, histogram) in self.histograms.drain(..) {
            series.histogram_since(start_ms(times), times.t_ms, histogram);
        }
        for Exemplar {
            t_ms,
            value,
            labels,
        } in self.exemplars.drain(..)
        {
            let labels = self.exemplar_labels.get(labels).unwrap_or_default();
            let _ = series.exemplar(t_ms, value, labels); // they are canonical
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

/// Value and times; in 1.0 the start time is a field that is not known.
#[inline]
fn sample(message: &[u8]) -> Result<(Times, f64), ProtoError> {
    plain_sample(message).map_or_else(|| any_sample(message), Ok)
}

fn any_sample(message: &[u8]) -> Result<(Times, f64), ProtoError> {
    let (mut times, mut value) = (Times::default(), 0.0);
    for field in Fields::new(message) {
        match field? {
            (1, field) => value = field.double()?,
            (2, field) => times.t_ms = field.int64()?,
            (3, field) => times.start_ms = field.int64()?,
            _ => {}
        }
    }
    Ok((times, value))
}

/// Time and value, if the fields are one float as senders write it, without a start time, and nothing else.
#[inline]
pub(super) fn only_float(fields: &[u8]) -> Option<(i64, f64)> {
    const SAMPLE: u8 = 2 << 3 | 2;
    let (&[SAMPLE, len], message) = fields.split_first_chunk()? else {
        return None;
    };
    let (times, value) = plain_sample(message)?;
    (usize::from(len) == message.len()).then_some((times.t_ms, value))
}

/// The sample as senders write nearly all of them: the value, then a time of at most 63 bits, and nothing else.
#[inline]
fn plain_sample(message: &[u8]) -> Option<(Times, f64)> {
    const VALUE: u8 = 1 << 3 | 1;
    const TIME: u8 = 2 << 3;
    let (&[VALUE, a, b, c, d, e, f, g, h, TIME], time) = message.split_first_chunk()? else {
        return None;
    };
    let (last, before) = time.split_last()?;
    if before.len() > 8 || *last >= 0x80 || before.iter().any(|&byte| byte < 0x80) {
        return None;
    }
    let t_ms = time
        .iter()
        .rfold(0, |t_ms, &byte| t_ms << 7 | i64::from(byte & 0x7f));
    let times = Times { t_ms, start_ms: 0 };
    Some((times, f64::from_le_bytes([a, b, c, d, e, f, g, h])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(value: f64, times: &[(u8, i64)]) -> Vec<u8> {
        let mut bytes = vec![1 << 3 | 1];
        bytes.extend(value.to_le_bytes());
        for &(number, time) in times {
            let mut n = time.cast_unsigned();
            bytes.push(number << 3);
            while n >= 0x80 {
                bytes.push(n as u8 | 0x80);
                n >>= 7;
            }
            bytes.push(n as u8);
        }
        bytes
    }

    proptest! {
        #[test]
        fn both_ways_of_reading_agree(
            t_ms: i64,
            shift in 0u32..64,
            value: f64,
            further in prop::collection::vec((1u8..16, any::<i64>()), 0..3),
            cut in any::<prop::sample::Index>(),
        ) {
            let times = Times { t_ms: t_ms >> shift, start_ms: 0 };
            let plain = message(value, &[(2, times.t_ms)]);
            prop_assert_eq!(plain_sample(&plain).is_some(), times.t_ms >= 0);
            prop_assert_eq!(sample(&plain), Ok((times, value)));
            let mut bytes = [plain, message(value, &further).split_off(9)].concat();
            bytes.truncate(cut.index(bytes.len() + 1));
            if let Some(read) = plain_sample(&bytes) {
                prop_assert_eq!(any_sample(&bytes), Ok(read));
            }
        }
    }
}
