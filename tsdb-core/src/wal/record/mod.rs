//! The payload of a frame: what became of one batch, as sections.
//!
//! A section is a type, a length and a body, so that new kinds of samples come as new types of section. Drawn in
//! `docs/format/wal.md`.

mod build;
mod definitions;
mod read;

pub(crate) use build::RecordBuilder;
pub(crate) use definitions::DefinedSeries;
#[cfg(any(test, fuzzing))]
pub(crate) use definitions::PairNumbers;
pub(crate) use read::{read_definitions, read_record};

use crate::model::{
    Exemplar, FieldValue, HistogramSample, Kind, Labels, MetricMetadata, Tombstone,
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

/// One thing that a record holds beside the definitions of series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RecordItem {
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
