//! Builds records.

use super::super::starts::StartsBuilder;
use super::definitions::DefinitionsBuilder;
use super::{EXEMPLARS, FLOATS, METADATA, SERIES, STARTS, TOMBSTONES, section_of};
use crate::codec::varint::{push_ivarint, push_uvarint, zigzag};
use crate::codec::{field, histogram, push_tombstone};
use crate::model::{FieldValue, HistogramSample, Kind, MetricMetadata, TimeUnit, Tombstone};

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
    /// for it and, to be asked where the record does not have it yet, as its part of the canonical bytes. A record's definitions are read before its samples, whatever the order
    /// of the calls.
    pub(crate) fn define_series<'a>(
        &mut self,
        series: u32,
        unit: TimeUnit,
        pairs: impl ExactSizeIterator<Item = (u32, impl FnOnce() -> &'a [u8])>,
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
