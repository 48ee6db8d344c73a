//! Prometheus remote write 2.0: a snappy block with `io.prometheus.write.v2.Request`.
//!
//! ```text
//! Request     4 symbols*  5 timeseries*
//! TimeSeries  1 labels_refs* (uint32, name and value in turn)  2 samples*  3 histograms*
//!             4 exemplars* (not stored, and counted as not written)  5 metadata  6 created_timestamp (of drafts, as in Prometheus not used)
//! Sample      1 value (double)  2 timestamp (int64, ms)  3 start_timestamp (int64, ms, 0 for none)
//! Metadata    1 type (enum)  3 help_ref  4 unit_ref
//! ```
//! Numbers of symbols differ from request to request, so that labels are looked up by their canonical bytes.

use std::collections::HashSet;

use tsdb_core::{METRIC_NAME, MetricMetadata, MetricType, Writer};

use super::apply::{LeftOut, WriteError};
use super::ha::Replicas;
use super::label_set::LabelSet;
use super::proto::Fields;
use super::remote_write::{Limits, too_many};
use super::samples::Samples;

/// Decodes a `Request` into `writer`; what is not valid is left out and counted.
///
/// # Errors
/// 400 when the bytes are not such a message, 413 when it holds more than `limits`.
pub(super) fn decode(
    message: &[u8],
    limits: Limits,
    writer: &mut Writer,
    replicas: &mut Replicas<'_>,
) -> Result<LeftOut, WriteError> {
    let mut symbols = Vec::new();
    for field in Fields::new(message) {
        if let (4, field) = field? {
            if symbols.len() >= limits.symbols {
                return Err(too_many("symbols", limits.symbols));
            }
            symbols.push(field.bytes()?);
        }
    }
    let mut request = Request {
        symbols,
        limits,
        labels: LabelSet::default(),
        samples: Samples::with_start_times(),
        families: HashSet::new(),
        left_out: LeftOut::default(),
    };
    let mut series = 0usize;
    for field in Fields::new(message) {
        if let (5, field) = field? {
            series += 1;
            if series > limits.series {
                return Err(too_many("series", limits.series));
            }
            request.time_series(field.bytes()?, writer, replicas)?;
            if writer.samples_len() > limits.samples {
                return Err(too_many("samples", limits.samples));
            }
        }
    }
    Ok(request.left_out)
}

/// A request that is being decoded.
struct Request<'a> {
    symbols: Vec<&'a [u8]>,
    limits: Limits,
    /// Memory that is used again for every series.
    labels: LabelSet<'a>,
    samples: Samples,
    /// Metric families whose metadata was told already: every series of a family repeats it.
    families: HashSet<&'a str>,
    left_out: LeftOut,
}

impl<'a> Request<'a> {
    fn time_series(
        &mut self,
        message: &'a [u8],
        writer: &mut Writer,
        replicas: &mut Replicas<'_>,
    ) -> Result<(), WriteError> {
        self.labels.clear();
        self.samples.clear();
        let mut metadata = None;
        // The number of a name whose value is still to come.
        let mut name = None;
        for field in Fields::new(message) {
            match field? {
                (1, field) => {
                    let (symbols, labels) = (&self.symbols, &mut self.labels);
                    field.each_varint(|number| match name.take() {
                        None => name = Some(number),
                        Some(name) => match (symbol(symbols, name), symbol(symbols, number)) {
                            (Some(name), Some(value)) => labels.push(name, value),
                            _ => labels.invalid("a label refers to a symbol that is not there"),
                        },
                    })?;
                }
                (2, field) => self.samples.add_float(field.bytes()?, self.limits)?,
                (3, field) => self.samples.add_histogram(field.bytes()?, self.limits)?,
                (5, field) => metadata = Some(field.bytes()?),
                (6, field) => drop(field.int64()?),
                _ => {}
            }
        }
        if name.is_some() {
            self.labels.invalid("a label has a name and no value");
        }
        if let Some(metadata) = metadata {
            self.metadata(metadata, writer)?;
        }
        if !replicas.keep(&mut self.labels)? {
            let (floats, histograms) = self.samples.counts();
            replicas.drop_samples(floats, histograms);
            return Ok(());
        }
        self.samples
            .tell_left_out(&mut self.left_out, || self.labels.shown());
        let added = match self.labels.canonical() {
            Ok(_) if self.samples.none_came() => {
                Err("TimeSeries must contain at least one sample or histogram".to_owned())
            }
            Ok(_) if self.samples.is_empty() => return Ok(()),
            Ok(canonical) => writer.series(None, canonical).map_err(|e| e.to_string()),
            Err(reason) => Err(format!("invalid labels: {reason}")),
        };
        match added {
            Ok(series) => self.samples.push_to(series),
            Err(reason) => {
                let labels = &self.labels;
                self.left_out
                    .series(|| format!("{reason}: series {}", labels.shown()));
            }
        }
        Ok(())
    }

    /// Tells the metadata of the metric family that the series belongs to.
    fn metadata(&mut self, message: &'a [u8], writer: &mut Writer) -> Result<(), WriteError> {
        let mut kind = MetricType::Unknown;
        let (mut help, mut unit) = (0, 0);
        for field in Fields::new(message) {
            match field? {
                (1, field) => kind = kind_of(field.uint64()?),
                (3, field) => help = field.uint64()?,
                (4, field) => unit = field.uint64()?,
                _ => {}
            }
        }
        let text = |number| {
            let symbol = symbol(&self.symbols, number).unwrap_or_default();
            String::from_utf8_lossy(symbol).into_owned()
        };
        let family = family_of(self.labels.value_of(METRIC_NAME), kind);
        let says_nothing = kind == MetricType::Unknown && help == 0 && unit == 0;
        if says_nothing || family.is_empty() || !self.families.insert(family) {
            return Ok(());
        }
        if writer.metadata_entries().len() >= self.limits.metadata {
            return Err(too_many("metadata entries", self.limits.metadata));
        }
        writer.metadata(MetricMetadata {
            metric: family.to_owned(),
            kind,
            help: text(help),
            unit: text(unit),
        });
        Ok(())
    }
}

fn symbol<'a>(symbols: &[&'a [u8]], number: u64) -> Option<&'a [u8]> {
    symbols.get(usize::try_from(number).ok()?).copied()
}

/// The numbers are those of version 1.
fn kind_of(number: u64) -> MetricType {
    MetricType::from_u32(u32::try_from(number).unwrap_or(0))
}

/// The metric family that a series belongs to by its name: those of histograms and summaries have suffixes.
fn family_of(name: &str, kind: MetricType) -> &str {
    let suffixes: &[&str] = match kind {
        MetricType::Histogram => &["_bucket", "_count", "_sum"],
        MetricType::GaugeHistogram => &["_bucket", "_gcount", "_gsum"],
        MetricType::Summary => &["_count", "_sum"],
        _ => &[],
    };
    let stripped = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
    stripped.filter(|family| !family.is_empty()).unwrap_or(name)
}

#[cfg(test)]
#[path = "remote_write_v2_tests.rs"]
mod tests;
