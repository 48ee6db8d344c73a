//! The payload of a frame: what became of one batch, as sections.
//!
//! A section is a type, a length and a body, so that new kinds of samples come as new types of section. Drawn in
//! `docs/format/wal.md`.

use super::definitions::{DefinedLabels, DefinitionsBuilder, read_definitions};
use super::starts::{Starts, StartsBuilder};
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::codec::varint::{push_ivarint, push_uvarint, zigzag};
use crate::codec::{field, histogram, push_tombstone, read_tombstone};
use crate::model::{
    Exemplar, FieldValue, HistogramSample, Kind, Labels, MetricMetadata, MetricType, TimeUnit,
    Tombstone,
};

/// Series that are named from here on by number.
const SERIES: u8 = 1;
/// Float samples.
const FLOATS: u8 = 2;
/// Metadata of metric families.
const METADATA: u8 = 3;
/// Native histograms of integer counts.
const HISTOGRAMS: u8 = 4;
/// Native histograms of float counts.
const FLOAT_HISTOGRAMS: u8 = 5;
/// Start times of the samples of the section behind it.
const STARTS: u8 = 6;
/// Integers, booleans and strings.
const INTEGERS: u8 = 8;
const BOOLEANS: u8 = 9;
const STRINGS: u8 = 10;
/// Tombstones.
const TOMBSTONES: u8 = 12;
/// Exemplars.
const EXEMPLARS: u8 = 13;

/// The type of the section that samples of a kind stand in.
fn section_of(kind: Kind) -> u8 {
    match kind {
        Kind::Float => FLOATS,
        Kind::Histogram => HISTOGRAMS,
        Kind::FloatHistogram => FLOAT_HISTOGRAMS,
        Kind::Integer => INTEGERS,
        Kind::Boolean => BOOLEANS,
        Kind::String => STRINGS,
    }
}

/// Builds records in buffers that are kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct RecordBuilder {
    series: DefinitionsBuilder,
    /// Complete sections of samples, in the order in which they are to be applied.
    sections: Vec<u8>,
    /// Body of the section of samples that is added to.
    samples: Vec<u8>,
    /// Its type; nothing is added before `start_series`.
    section: u8,
    /// Number of samples in it, and their start times.
    samples_len: u64,
    starts: StartsBuilder,
    metadata: Vec<u8>,
    tombstones: Vec<u8>,
    exemplars: Vec<u8>,
    payload: Vec<u8>,
    /// The series that following samples belong to.
    current: u32,
    /// Series and time of the sample before.
    last_series: u32,
    last_t_ms: i64,
}

impl RecordBuilder {
    /// Starts a new record and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.series.clear();
        self.sections.clear();
        self.samples.clear();
        self.section = FLOATS;
        self.samples_len = 0;
        self.starts.clear();
        self.metadata.clear();
        self.tombstones.clear();
        self.exemplars.clear();
        self.payload.clear();
        self.current = 0;
        self.last_series = 0;
        self.last_t_ms = 0;
    }

    /// Says which label set `series` is inside this generation: its label pairs in order, each with a number that stands
    /// for it and as its part of the canonical bytes. A record's definitions are read before its samples, whatever the order
    /// of the calls.
    pub(crate) fn define_series<'a>(
        &mut self,
        series: u32,
        unit: TimeUnit,
        pairs: impl ExactSizeIterator<Item = (u32, &'a [u8])>,
    ) {
        self.series.define(series, unit, pairs);
    }

    /// The following samples belong to `series` and are of this kind.
    #[inline]
    pub(crate) fn start_series(&mut self, series: u32, kind: Kind) {
        self.current = series;
        if self.section != section_of(kind) {
            self.start_section(section_of(kind));
        }
    }

    /// Begins a section, so that samples of different kinds are read in the order in which they were added.
    fn start_section(&mut self, section: u8) {
        push_section(&mut self.sections, STARTS, self.starts.body());
        push_section(&mut self.sections, self.section, &self.samples);
        self.starts.clear();
        self.samples.clear();
        self.samples_len = 0;
        self.section = section;
        self.last_series = 0;
        self.last_t_ms = 0;
    }

    /// The sample that is added next has counted since `start_ms`; 0 for not known.
    pub(crate) fn start_time(&mut self, start_ms: i64) {
        if start_ms != 0 {
            self.starts.push(self.samples_len, start_ms);
        }
    }

    /// Adds a float sample, given as the bits of the double.
    #[inline]
    pub(crate) fn sample(&mut self, t_ms: i64, bits: u64) {
        let series = zigzag(i64::from(self.current) - i64::from(self.last_series));
        let time = zigzag(t_ms.wrapping_sub(self.last_t_ms));
        self.last_series = self.current;
        self.last_t_ms = t_ms;
        self.samples_len += 1;
        if series < 0x80 && time < 0x80 {
            // Nearly all: the next series of a sender at the same time. One copy of a known length.
            let [series, ..] = series.to_le_bytes();
            let [time, ..] = time.to_le_bytes();
            let [a, b, c, d, e, f, g, h] = bits.to_le_bytes();
            self.samples
                .extend_from_slice(&[series, time, a, b, c, d, e, f, g, h]);
        } else {
            push_uvarint(&mut self.samples, series);
            push_uvarint(&mut self.samples, time);
            self.samples.extend_from_slice(&bits.to_le_bytes());
        }
    }

    /// Adds a native histogram of the kind that was announced.
    pub(crate) fn histogram(&mut self, t_ms: i64, histogram: &HistogramSample) {
        debug_assert_eq!(self.section, section_of(histogram.kind()));
        self.push_series_and_time(t_ms);
        histogram::push_alone(&mut self.samples, histogram);
    }

    /// Adds a value of InfluxDB of the kind that was announced.
    pub(crate) fn field(&mut self, t_ms: i64, value: &FieldValue) {
        debug_assert_eq!(self.section, section_of(value.kind()));
        self.push_series_and_time(t_ms);
        field::push_alone(&mut self.samples, value);
    }

    fn push_series_and_time(&mut self, t_ms: i64) {
        let series = i64::from(self.current) - i64::from(self.last_series);
        push_ivarint(&mut self.samples, series);
        push_ivarint(&mut self.samples, t_ms.wrapping_sub(self.last_t_ms));
        self.last_series = self.current;
        self.last_t_ms = t_ms;
        self.samples_len += 1;
    }

    /// Adds metadata of a metric family.
    pub(crate) fn metadata(&mut self, metadata: &MetricMetadata) {
        self.metadata.push(metadata.kind as u8);
        for text in [&metadata.metric, &metadata.help, &metadata.unit] {
            push_bytes(&mut self.metadata, text.as_bytes());
        }
    }

    /// Adds an exemplar of the series with these labels; both label sets are in canonical bytes.
    pub(crate) fn exemplar(&mut self, series: &[u8], t_ms: i64, value: f64, labels: &[u8]) {
        push_bytes(&mut self.exemplars, series);
        push_ivarint(&mut self.exemplars, t_ms);
        self.exemplars.extend(value.to_bits().to_le_bytes());
        push_bytes(&mut self.exemplars, labels);
    }

    /// Adds a tombstone, which is for what stands in the log before this record and in it.
    pub(crate) fn tombstone(&mut self, tombstone: &Tombstone) {
        push_tombstone(&mut self.tombstones, tombstone);
    }

    /// Whether there is nothing to log.
    pub(crate) fn is_empty(&self) -> bool {
        self.series.body().is_empty()
            && self.sections.is_empty()
            && self.samples.is_empty()
            && self.metadata.is_empty()
            && self.tombstones.is_empty()
            && self.exemplars.is_empty()
    }

    /// The payload of what was added since [`Self::clear`].
    pub(crate) fn finish(&mut self) -> &[u8] {
        self.payload.clear();
        push_section(&mut self.payload, SERIES, self.series.body());
        self.payload.extend_from_slice(&self.sections);
        push_section(&mut self.payload, STARTS, self.starts.body());
        push_section(&mut self.payload, self.section, &self.samples);
        push_section(&mut self.payload, METADATA, &self.metadata);
        push_section(&mut self.payload, TOMBSTONES, &self.tombstones);
        push_section(&mut self.payload, EXEMPLARS, &self.exemplars);
        &self.payload
    }
}

fn push_section(out: &mut Vec<u8>, section: u8, body: &[u8]) {
    if !body.is_empty() {
        out.push(section);
        push_bytes(out, body);
    }
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_uvarint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// One thing that a record holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RecordItem<'a> {
    /// `series` is this label set from here on.
    Series {
        series: u32,
        unit: TimeUnit,
        labels: DefinedLabels<'a>,
    },
    /// A float sample, as the bits of the double; the start time is 0 for none.
    Sample {
        series: u32,
        t_ms: i64,
        start_ms: i64,
        bits: u64,
    },
    /// A native histogram, which need not be valid.
    Histogram {
        series: u32,
        t_ms: i64,
        start_ms: i64,
        histogram: HistogramSample,
    },
    /// A value of InfluxDB, which may be too long.
    Field {
        series: u32,
        t_ms: i64,
        value: FieldValue,
    },
    /// Metadata of a metric family.
    Metadata(MetricMetadata),
    /// An exemplar of the series with these labels.
    Exemplar { series: Labels, exemplar: Exemplar },
    /// A delete.
    Tombstone(Tombstone),
}

/// Reads a record in order: definitions, samples in the order in which they were applied, metadata, tombstones, exemplars.
/// Label sets are checked to be canonical and not empty.
///
/// # Errors
/// When the bytes are not a record. What was visited before is then the part of a record; a payload whose frame
/// verifies was written by this program, so only a version that knows more, or a bug, gets here.
pub(crate) fn read_record(
    payload: &[u8],
    mut visit: impl FnMut(RecordItem<'_>),
) -> Result<(), DecodeError> {
    let mut sections = Cursor::new(payload);
    let mut next_starts = Starts::default();
    while !sections.is_empty() {
        let kind = sections.u8()?;
        let len = sections.count(sections.remaining())?;
        let start = sections.at();
        let body = Cursor::new(sections.bytes(len)?);
        // Those of this section; the one after it has its own.
        let mut starts = std::mem::take(&mut next_starts);
        let read = match kind {
            SERIES => read_definitions(body, &mut visit),
            FLOATS => read_floats(body, &mut starts, &mut visit),
            METADATA => read_metadata(body, &mut visit),
            HISTOGRAMS => read_histograms(body, Kind::Histogram, &mut starts, &mut visit),
            FLOAT_HISTOGRAMS => {
                read_histograms(body, Kind::FloatHistogram, &mut starts, &mut visit)
            }
            STARTS => Starts::read(body).map(|read| next_starts = read),
            INTEGERS => read_fields(body, Kind::Integer, &mut visit),
            BOOLEANS => read_fields(body, Kind::Boolean, &mut visit),
            STRINGS => read_fields(body, Kind::String, &mut visit),
            TOMBSTONES => read_tombstones(body, &mut visit),
            EXEMPLARS => read_exemplars(body, &mut visit),
            _ => Err(body.error("unknown type of section")),
        };
        read.map_err(|e| DecodeError {
            what: e.what,
            at: start + e.at,
        })?;
        if !starts.is_done() {
            return Err(sections.error(TOO_MANY_STARTS));
        }
    }
    if !next_starts.is_done() {
        return Err(sections.error(TOO_MANY_STARTS));
    }
    Ok(())
}

const TOO_MANY_STARTS: &str = "start times of more samples than there are";

fn read_floats(
    mut body: Cursor<'_>,
    starts: &mut Starts,
    visit: &mut impl FnMut(RecordItem<'_>),
) -> Result<(), DecodeError> {
    let (mut series, mut t_ms) = (0, 0_i64);
    while !body.is_empty() {
        series = next_series(&mut body, series)?;
        t_ms = t_ms.wrapping_add(body.ivarint()?);
        let bits = body.u64()?;
        visit(RecordItem::Sample {
            series,
            t_ms,
            start_ms: starts.next(),
            bits,
        });
    }
    Ok(())
}

fn read_histograms(
    mut body: Cursor<'_>,
    kind: Kind,
    starts: &mut Starts,
    visit: &mut impl FnMut(RecordItem<'_>),
) -> Result<(), DecodeError> {
    let (mut series, mut t_ms) = (0, 0_i64);
    while !body.is_empty() {
        series = next_series(&mut body, series)?;
        t_ms = t_ms.wrapping_add(body.ivarint()?);
        let histogram = histogram::read_alone(kind, &mut body)?;
        visit(RecordItem::Histogram {
            series,
            t_ms,
            start_ms: starts.next(),
            histogram,
        });
    }
    Ok(())
}

fn read_fields(
    mut body: Cursor<'_>,
    kind: Kind,
    visit: &mut impl FnMut(RecordItem<'_>),
) -> Result<(), DecodeError> {
    let (mut series, mut t_ms) = (0, 0_i64);
    while !body.is_empty() {
        series = next_series(&mut body, series)?;
        t_ms = t_ms.wrapping_add(body.ivarint()?);
        let value = field::read_alone(kind, &mut body)?;
        visit(RecordItem::Field {
            series,
            t_ms,
            value,
        });
    }
    Ok(())
}

fn read_metadata(
    mut body: Cursor<'_>,
    visit: &mut impl FnMut(RecordItem<'_>),
) -> Result<(), DecodeError> {
    fn text(body: &mut Cursor<'_>) -> Result<String, DecodeError> {
        let len = body.count(body.remaining())?;
        body.str(len).map(str::to_owned)
    }
    while !body.is_empty() {
        visit(RecordItem::Metadata(MetricMetadata {
            kind: MetricType::from_u32(u32::from(body.u8()?)),
            metric: text(&mut body)?,
            help: text(&mut body)?,
            unit: text(&mut body)?,
        }));
    }
    Ok(())
}

fn read_tombstones(
    mut body: Cursor<'_>,
    visit: &mut impl FnMut(RecordItem<'_>),
) -> Result<(), DecodeError> {
    while !body.is_empty() {
        visit(RecordItem::Tombstone(read_tombstone(&mut body)?));
    }
    Ok(())
}

fn read_exemplars(
    mut body: Cursor<'_>,
    visit: &mut impl FnMut(RecordItem<'_>),
) -> Result<(), DecodeError> {
    while !body.is_empty() {
        let series = read_labels(&mut body)?;
        if series.is_empty() {
            return Err(body.error("an exemplar of no series"));
        }
        let t_ms = body.ivarint()?;
        let value = f64::from_bits(body.u64()?);
        let labels = read_labels(&mut body)?;
        visit(RecordItem::Exemplar {
            series,
            exemplar: Exemplar {
                labels,
                value,
                t_ms,
            },
        });
    }
    Ok(())
}

fn read_labels(body: &mut Cursor<'_>) -> Result<Labels, DecodeError> {
    let len = body.count(body.remaining())?;
    let canonical = body.bytes(len)?;
    Labels::from_canonical(canonical).map_err(|_| body.error("label set is not canonical"))
}

#[inline]
pub(super) fn next_series(body: &mut Cursor<'_>, before: u32) -> Result<u32, DecodeError> {
    let delta = body.ivarint()?;
    i64::from(before)
        .checked_add(delta)
        .and_then(|series| u32::try_from(series).ok())
        .ok_or_else(|| body.error("series number has more than 32 bits"))
}
