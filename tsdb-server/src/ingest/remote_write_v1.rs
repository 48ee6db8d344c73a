//! Prometheus remote write 1.0: a snappy block with `prometheus.WriteRequest`.
//!
//! ```text
//! WriteRequest   1 timeseries*  3 metadata*
//! TimeSeries     1 labels*  2 samples*  3 exemplars*  4 histograms*
//! Label          1 name     2 value
//! Exemplar       1 labels*  2 value (double)  3 timestamp (int64, ms)
//! Sample         1 value (double)  2 timestamp (int64, ms)
//! MetricMetadata 1 type (enum)  2 metric_family_name  4 help  5 unit
//! ```
//! The decoder reads in place and fills the batch directly; nothing is allocated a label or a float. The labels of a
//! series that was sent before are recognised as a whole and not decoded again.

use tsdb_core::{Encoding, KnownSeries, MetricMetadata, MetricType, Writer};

use super::apply::{LeftOut, WriteError};
use super::ha::Replicas;
use super::label_set::LabelSet;
use super::proto::{Fields, ProtoError};
use super::remote_write::{check, too_many};
use super::samples::{Samples, only_float};
use crate::config::RequestLimits;

/// Decodes a `WriteRequest` into `writer`; what is not valid is left out and counted.
///
/// # Errors
/// 400 when the bytes are not such a message, 413 when it holds more than `limits`.
pub(super) fn decode(
    message: &[u8],
    limits: RequestLimits,
    writer: &mut Writer,
    replicas: &mut Replicas<'_>,
) -> Result<LeftOut, WriteError> {
    let mut request = Request {
        limits,
        group: Vec::with_capacity(GROUP),
        labels: LabelSet::default(),
        samples: Samples::default(),
        left_out: LeftOut::default(),
    };
    let (mut series, mut families) = (0usize, 0usize);
    for field in Fields::new(message) {
        match field? {
            (1, field) => {
                series += 1;
                if series > limits.series {
                    return Err(too_many("series", limits.series));
                }
                request.group.push(field.bytes()?);
                if request.group.len() == GROUP {
                    request.group(writer, replicas)?;
                }
            }
            (3, field) => {
                families += 1;
                if families > limits.metadata {
                    return Err(too_many("metadata", limits.metadata));
                }
                metadata(field.bytes()?, writer, &mut request.left_out)?;
            }
            _ => {}
        }
    }
    request.group(writer, replicas)?;
    Ok(request.left_out)
}

/// So many series are looked up together where each is a surprise. A fuzzer makes short requests.
const GROUP: usize = if cfg!(fuzzing) { 2 } else { 64 };

/// A request that is being decoded.
struct Request<'a> {
    limits: RequestLimits,
    /// The series that were not read yet.
    group: Vec<&'a [u8]>,
    /// Memory that is used again for every series.
    labels: LabelSet<'a>,
    samples: Samples,
    left_out: LeftOut,
}

/// What is known of a series before its samples are read: length of the encoded labels at its beginning, and which series they are, as
/// far as it was asked for.
struct Found {
    len: usize,
    series: Option<Result<KnownSeries, Encoding>>,
}

impl<'a> Request<'a> {
    /// Reads the series of the group.
    fn group(
        &mut self,
        writer: &mut Writer,
        replicas: &mut Replicas<'_>,
    ) -> Result<(), WriteError> {
        let group = std::mem::take(&mut self.group);
        if writer.is_in_order() {
            for message in &group {
                let found = match writer.recognize_next(message) {
                    Some((known, len)) => Found {
                        len,
                        series: Some(Ok(known)),
                    },
                    // Senders put the labels first; whatever has labels elsewhere as well is read without recognition.
                    None => Found {
                        len: Fields::leading(message, 1)?,
                        series: None,
                    },
                };
                self.time_series(message, found, writer, replicas)?;
            }
        } else {
            let labels = |message: &&'a [u8]| {
                let len = Fields::leading(message, 1)?;
                Ok(message.get(..len).unwrap_or_default())
            };
            let encoded = group.iter().map(labels);
            let encoded = encoded.collect::<Result<Vec<&[u8]>, ProtoError>>()?;
            let mut series = Vec::with_capacity(encoded.len());
            writer.recognize_all(&encoded, &mut series);
            for ((message, labels), series) in group.iter().zip(encoded).zip(series) {
                let (len, series) = (labels.len(), Some(series));
                self.time_series(message, Found { len, series }, writer, replicas)?;
            }
        }
        self.group = group;
        self.group.clear();
        Ok(())
    }

    fn time_series(
        &mut self,
        message: &'a [u8],
        found: Found,
        writer: &mut Writer,
        replicas: &mut Replicas<'_>,
    ) -> Result<(), WriteError> {
        self.read_series(message, found, writer, replicas)?;
        check(&self.limits, writer)
    }

    fn read_series(
        &mut self,
        message: &'a [u8],
        found: Found,
        writer: &mut Writer,
        replicas: &mut Replicas<'_>,
    ) -> Result<(), WriteError> {
        let Found { len, mut series } = found;
        let (mut labels, rest) = message.split_at(len);
        let are_read = replicas.are_told();
        if let Some(Ok(known)) = series
            && !are_read
            && let Some((t_ms, value)) = only_float(rest)
        {
            let mut series = writer.known_series(known).map_err(WriteError::too_large)?;
            series.sample(t_ms, value);
            return Ok(());
        }
        let Self {
            limits,
            labels: set,
            samples,
            left_out,
            ..
        } = self;
        let limits = *limits;
        samples.clear();
        for field in Fields::new(rest) {
            match field? {
                (1, _) => (series, labels) = (None, message),
                (2, field) => samples.add_float(field.bytes()?, limits)?,
                (3, field) => exemplar(field.bytes()?, limits, samples)?,
                (4, field) => samples.add_histogram(field.bytes()?, limits)?,
                _ => {}
            }
        }
        // Before the series is recognised: the same labels are kept at one time and dropped at another.
        if are_read {
            set.clear();
            read_labels(labels, set)?;
            if !replicas.keep(set)? {
                let (floats, histograms) = samples.counts();
                replicas.drop_samples(floats, histograms);
                return Ok(());
            }
        }
        samples.tell_left_out(left_out, || {
            if are_read {
                return set.shown();
            }
            set.clear();
            match read_labels(labels, set) {
                Ok(()) => set.shown(),
                Err(_) => String::new(),
            }
        });
        let mut encoding = None;
        if !samples.is_empty() && labels.len() < message.len() {
            match series.unwrap_or_else(|| writer.recognize(labels)) {
                Ok(known) => {
                    samples.push_to(writer.known_series(known).map_err(WriteError::too_large)?);
                    return Ok(());
                }
                Err(unknown) => encoding = Some(unknown),
            }
        }

        if !are_read {
            set.clear();
            read_labels(labels, set)?;
        }
        let added = match set.canonical() {
            // Only what is left out.
            Ok(_) if samples.is_empty() => return Ok(()),
            Ok(canonical) => writer
                .series(encoding, canonical)
                .map_err(|e| e.to_string()),
            Err(reason) => Err(reason.to_owned()),
        };
        match added {
            Ok(series) => samples.push_to(series),
            Err(reason) => {
                left_out.series(|| format!("invalid labels: {reason}: series {}", set.shown()));
            }
        }
        Ok(())
    }
}

fn exemplar(
    message: &[u8],
    limits: RequestLimits,
    samples: &mut Samples,
) -> Result<(), WriteError> {
    let (mut value, mut t_ms) = (0.0, 0);
    for field in Fields::new(message) {
        match field? {
            (2, field) => value = field.double()?,
            (3, field) => t_ms = field.int64()?,
            _ => {}
        }
    }
    let mut labels = LabelSet::default();
    read_labels(message, &mut labels)?;
    samples.add_exemplar(t_ms, value, &mut labels, limits)
}

fn read_labels<'a>(labels: &'a [u8], set: &mut LabelSet<'a>) -> Result<(), ProtoError> {
    for field in Fields::new(labels) {
        if let (1, field) = field? {
            let (mut name, mut value): (&[u8], &[u8]) = (&[], &[]);
            for field in Fields::new(field.bytes()?) {
                match field? {
                    (1, field) => name = field.bytes()?,
                    (2, field) => value = field.bytes()?,
                    _ => {}
                }
            }
            set.push(name, value);
        }
    }
    Ok(())
}

fn metadata(message: &[u8], writer: &mut Writer, left_out: &mut LeftOut) -> Result<(), ProtoError> {
    let mut kind = MetricType::Unknown;
    let (mut metric, mut help, mut unit): (&[u8], &[u8], &[u8]) = (&[], &[], &[]);
    for field in Fields::new(message) {
        match field? {
            (1, field) => kind = MetricType::from_u32(u32::try_from(field.int64()?).unwrap_or(0)),
            (2, field) => metric = field.bytes()?,
            (4, field) => help = field.bytes()?,
            (5, field) => unit = field.bytes()?,
            _ => {}
        }
    }
    match std::str::from_utf8(metric) {
        Ok(metric) if !metric.is_empty() => {
            writer.metadata(MetricMetadata {
                metric: metric.to_owned(),
                kind,
                help: String::from_utf8_lossy(help).into_owned(),
                unit: String::from_utf8_lossy(unit).into_owned(),
            });
        }
        _ => {
            left_out.series(|| "invalid metadata: the metric name is empty or not UTF-8".to_owned())
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "remote_write_v1_tests.rs"]
mod tests;
