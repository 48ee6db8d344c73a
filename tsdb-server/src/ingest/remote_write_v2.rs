//! Prometheus remote write 2.0: a snappy block with `io.prometheus.write.v2.Request`.
//!
//! ```text
//! Request     4 symbols*  5 timeseries*
//! TimeSeries  1 labels_refs* (uint32, name and value in turn)  2 samples*  3 histograms*
//!             4 exemplars*  5 metadata  6 created_timestamp (of drafts, as in Prometheus not used)
//! Exemplar    1 labels_refs*  2 value (double)  3 timestamp (int64, ms)
//! Sample      1 value (double)  2 timestamp (int64, ms)  3 start_timestamp (int64, ms, 0 for none)
//! Metadata    1 type (enum)  3 help_ref  4 unit_ref
//! ```
//! A series that was sent before is recognised by the bytes of its references, where the symbols are those of an earlier request or the
//! request has it twice. Else it is recognised by what the numbers stand for, which differ from request to request: each symbol of a
//! request is hashed once. Only the labels of other series are decoded.

use std::collections::HashSet;

use tsdb_core::{Encoding, KnownSeries, METRIC_NAME, MetricMetadata, MetricType, Part, Writer};

use super::apply::{LeftOut, WriteError};
use super::ha::Replicas;
use super::label_set::{LabelSet, MAX_LABELS};
use super::proto::{Field, Fields, ProtoError};
use super::remote_write::{check, too_many};
use super::samples::{Samples, only_float};
use crate::config::RequestLimits;

/// Decodes a `Request` into `writer`; what is not valid is left out and counted.
///
/// # Errors
/// 400 when the bytes are not such a message, 413 when it holds more than `limits`.
pub(super) fn decode(
    message: &[u8],
    limits: RequestLimits,
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
    // Senders put the symbols first; whatever has symbols elsewhere as well is read without the table.
    let (table, rest) = message.split_at(Fields::leading(message, 4)?);
    if !Fields::new(rest).any(|field| matches!(field, Ok((4, _)))) {
        writer.begin_symbols(table);
    }
    let mut request = Request {
        parts: Vec::new(),
        symbols,
        limits,
        refs: Vec::new(),
        labels: LabelSet::default(),
        samples: Samples::with_start_times(),
        families: HashSet::new(),
        last_metadata: None,
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
            check(&limits, writer)?;
        }
    }
    Ok(request.left_out)
}

/// A request that is being decoded.
struct Request<'a> {
    symbols: Vec<&'a [u8]>,
    /// What the writer recognises each symbol by, once that is needed.
    parts: Vec<Part>,
    limits: RequestLimits,
    /// Memory that is used again for every series: symbols of its names and values in turn.
    refs: Vec<u32>,
    labels: LabelSet<'a>,
    samples: Samples,
    /// Metric families whose metadata was told already: every series of a family repeats it.
    families: HashSet<&'a str>,
    /// Metric name and metadata of the series before.
    last_metadata: Option<(&'a [u8], &'a [u8])>,
    left_out: LeftOut,
}

impl<'a> Request<'a> {
    fn time_series(
        &mut self,
        message: &'a [u8],
        writer: &mut Writer,
        replicas: &mut Replicas<'_>,
    ) -> Result<(), WriteError> {
        // With replicas to elect from, all labels are read: the same are kept at one time and dropped at another.
        let are_read = replicas.are_told();
        let next = match are_read {
            true => None,
            false => writer.recognize_by_symbols(message),
        };
        let (mut known, len) = match next {
            Some((known, len)) => (Some(known), len),
            None => (None, Fields::leading(message, 1)?),
        };
        let (mut labels, rest) = message.split_at(len);
        if let Some(known) = known
            && let Some((t_ms, value)) = only_float(rest)
        {
            let mut series = writer.known_series(known).map_err(WriteError::too_large)?;
            series.sample(t_ms, value);
            return Ok(());
        }
        self.samples.clear();
        let mut metadata = None;
        for field in Fields::new(rest) {
            match field? {
                (1, _) => (known, labels) = (None, message),
                (2, field) => self.samples.add_float(field.bytes()?, self.limits)?,
                (3, field) => self.samples.add_histogram(field.bytes()?, self.limits)?,
                (4, field) => self.exemplar(field.bytes()?)?,
                (5, field) => metadata = Some(field.bytes()?),
                (6, field) => drop(field.int64()?),
                _ => {}
            }
        }
        let is_whole = self.samples.all_fit() && !self.samples.is_empty();
        if let (Some(known), None, true) = (known, metadata, is_whole) {
            let series = writer.known_series(known).map_err(WriteError::too_large)?;
            self.samples.push_to(series);
            return Ok(());
        }
        read_refs(labels, &mut self.refs)?;
        if let Some(metadata) = metadata {
            self.metadata(metadata, writer)?;
        }
        if are_read {
            read_labels(&self.refs, &self.symbols, &mut self.labels);
            if !replicas.keep(&mut self.labels)? {
                let (floats, histograms) = self.samples.counts();
                replicas.drop_samples(floats, histograms);
                return Ok(());
            }
        }
        let encoding = match known.map(Ok).or_else(|| self.recognize(writer)) {
            Some(Ok(found)) if is_whole => {
                if known.is_none() && labels.len() == len {
                    writer.expect_by_symbols(labels, found);
                }
                let series = writer.known_series(found).map_err(WriteError::too_large)?;
                self.samples.push_to(series);
                return Ok(());
            }
            Some(Err(unknown)) => Some(unknown),
            _ => None,
        };
        if !are_read {
            read_labels(&self.refs, &self.symbols, &mut self.labels);
        }
        self.samples
            .tell_left_out(&mut self.left_out, || self.labels.shown());
        let added = match self.labels.canonical() {
            Ok(_) if self.samples.none_came() => {
                Err("TimeSeries must contain at least one sample, histogram or exemplar".to_owned())
            }
            Ok(_) if self.samples.is_empty() => return Ok(()),
            Ok(canonical) => writer
                .series(encoding, canonical)
                .map_err(|e| e.to_string()),
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

    fn exemplar(&mut self, message: &'a [u8]) -> Result<(), WriteError> {
        let (mut value, mut t_ms) = (0.0, 0);
        let mut refs = Vec::new();
        for field in Fields::new(message) {
            match field? {
                (1, field) => push_refs(field, &mut refs)?,
                (2, field) => value = field.double()?,
                (3, field) => t_ms = field.int64()?,
                _ => {}
            }
        }
        let mut labels = LabelSet::default();
        read_labels(&refs, &self.symbols, &mut labels);
        self.samples
            .add_exemplar(t_ms, value, &mut labels, self.limits)
    }

    /// The series of `refs`, if it was sent before; nothing when they are not labels.
    fn recognize(&mut self, writer: &Writer) -> Option<Result<KnownSeries, Encoding>> {
        if self.parts.is_empty() {
            let symbols = self.symbols.iter();
            self.parts.extend(symbols.map(|symbol| writer.part(symbol)));
        }
        let parts = &self.parts;
        let there = |&symbol: &u32| (symbol as usize) < parts.len();
        let are_labels = self.refs.len().is_multiple_of(2) && self.refs.iter().all(there);
        let parts_of_refs = self.refs.iter().filter_map(|&n| parts.get(n as usize));
        are_labels.then(|| writer.recognize_parts(parts_of_refs))
    }

    /// The metric name of `refs`, empty if there is none.
    fn metric_name(&self) -> &'a [u8] {
        let (pairs, _) = self.refs.as_chunks();
        let is_name =
            |&&[name, _]: &&[u32; 2]| symbol(&self.symbols, name) == Some(METRIC_NAME.as_bytes());
        let found = pairs.iter().find(is_name);
        found
            .and_then(|&[_, value]| symbol(&self.symbols, value))
            .unwrap_or_default()
    }

    /// Tells the metadata of the metric family that the series belongs to.
    fn metadata(&mut self, message: &'a [u8], writer: &mut Writer) -> Result<(), WriteError> {
        let name = self.metric_name();
        if self.last_metadata.replace((name, message)) == Some((name, message)) {
            return Ok(());
        }
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
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let symbol = symbol(&self.symbols, number).unwrap_or_default();
            String::from_utf8_lossy(symbol).into_owned()
        };
        let family = family_of(std::str::from_utf8(name).unwrap_or_default(), kind);
        let says_nothing = kind == MetricType::Unknown && help == 0 && unit == 0;
        if says_nothing || family.is_empty() || !self.families.insert(family) {
            return Ok(());
        }
        if writer.metadata_entries().len() >= self.limits.metadata {
            return Err(too_many("metadata", self.limits.metadata));
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

/// Reads the numbers of symbols among the fields of a series.
fn read_refs(fields: &[u8], refs: &mut Vec<u32>) -> Result<(), ProtoError> {
    refs.clear();
    for field in Fields::new(fields) {
        if let (1, field) = field? {
            push_refs(field, refs)?;
        }
    }
    Ok(())
}

/// Adds numbers of symbols, which are labels, name and value in turn; those that would make too many labels are passed over.
fn push_refs(field: Field<'_>, refs: &mut Vec<u32>) -> Result<(), ProtoError> {
    field.each_varint(|number| {
        // One more than may be, so that they are refused.
        if refs.len() <= 2 * MAX_LABELS {
            // No request has so many symbols.
            refs.push(u32::try_from(number).unwrap_or(u32::MAX));
        }
    })
}

/// Reads the labels of `refs`.
fn read_labels<'a>(refs: &[u32], symbols: &[&'a [u8]], labels: &mut LabelSet<'a>) {
    labels.clear();
    let (pairs, rest) = refs.as_chunks();
    for &[name, value] in pairs {
        match (symbol(symbols, name), symbol(symbols, value)) {
            (Some(name), Some(value)) => labels.push(name, value),
            _ => labels.invalid("a label refers to a symbol that is not there"),
        }
    }
    if !rest.is_empty() {
        labels.invalid("a label has a name and no value");
    }
}

fn symbol<'a>(symbols: &[&'a [u8]], number: u32) -> Option<&'a [u8]> {
    symbols.get(number as usize).copied()
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
