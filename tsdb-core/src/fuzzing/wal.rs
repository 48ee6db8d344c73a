//! The write-ahead log.

use std::path::Path;

use crate::codec::StoreIdentity;
use crate::io::{Fs as _, MemFs};
use crate::model::{
    Exemplar, FieldValue, HistogramSample, Kind, Matcher, MetricMetadata, TimeRange, TimeUnit,
    Tombstone,
};
use crate::progress::RecoveryProgress;
use crate::store::decode_contents;
use crate::wal::{self, Frames, PairNumbers, RecordBuilder, RecordItem};

/// What a record of the write-ahead log holds.
#[derive(Clone, Debug)]
pub enum WalItem {
    /// A series, the unit of its times, and its canonical labels.
    Series(u32, TimeUnit, Vec<u8>),
    /// A sample: series, time, start time (0 for none), bits of the value.
    Sample(u32, i64, i64, u64),
    /// A native histogram: series, time, start time (0 for none), and what it holds.
    Histogram(u32, i64, i64, HistogramSample),
    /// An integer, a boolean or a string: series, time, value.
    Field(u32, i64, WalField),
    /// Metadata of a metric family.
    Metadata(MetricMetadata),
    /// An exemplar: canonical labels of the series, and what it is.
    Exemplar(Vec<u8>, Exemplar),
    /// A delete: its number, its range, and the matchers of its series.
    Tombstone(u64, TimeRange, TimeUnit, Vec<Vec<Matcher>>),
}

/// A value of InfluxDB.
#[derive(Clone, Debug)]
pub struct WalField(FieldValue);

/// All of it counts: the hint of a histogram, and floats that are no number.
impl PartialEq for WalItem {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

/// Decodes a record of the write-ahead log.
///
/// # Errors
/// The text of the decoder's error.
pub fn decode_record(bytes: &[u8]) -> Result<Vec<WalItem>, String> {
    let mut items = Vec::new();
    wal::read_definitions(bytes, |defined| {
        let canonical = defined.labels.canonical();
        items.push(WalItem::Series(defined.series, defined.unit, canonical));
    })
    .map_err(|e| e.to_string())?;
    wal::read_record(bytes, |item| {
        items.push(match item {
            RecordItem::Sample {
                series,
                t_ms,
                start_ms,
                bits,
            } => WalItem::Sample(series, t_ms, start_ms, bits),
            RecordItem::Histogram {
                series,
                t_ms,
                start_ms,
                histogram,
            } => WalItem::Histogram(series, t_ms, start_ms, histogram),
            RecordItem::Field {
                series,
                t_ms,
                value,
            } => WalItem::Field(series, t_ms, WalField(value)),
            RecordItem::Metadata(metadata) => WalItem::Metadata(metadata),
            RecordItem::Exemplar { series, exemplar } => {
                WalItem::Exemplar(series.as_bytes().to_vec(), exemplar)
            }
            RecordItem::Tombstone(t) => WalItem::Tombstone(t.number, t.range, t.unit, t.selectors),
        });
    })
    .map_err(|e| e.to_string())?;
    Ok(items)
}

/// Encodes a record; definitions come first, then samples, then metadata, then tombstones.
#[must_use]
pub fn encode_record(items: &[WalItem]) -> Vec<u8> {
    let mut record = RecordBuilder::default();
    let mut pairs = PairNumbers::default();
    for item in items {
        match item {
            WalItem::Series(series, unit, canonical) => {
                record.define_series(*series, *unit, pairs.of(canonical));
            }
            WalItem::Sample(series, t_ms, start_ms, bits) => {
                record.start_series(*series, Kind::Float);
                record.start_time(*start_ms);
                record.sample(*t_ms, *bits);
            }
            WalItem::Histogram(series, t_ms, start_ms, histogram) => {
                record.start_series(*series, histogram.kind());
                record.start_time(*start_ms);
                record.histogram(*t_ms, histogram);
            }
            WalItem::Field(series, t_ms, WalField(value)) => {
                record.start_series(*series, value.kind());
                record.field(*t_ms, value);
            }
            WalItem::Metadata(metadata) => record.metadata(metadata),
            WalItem::Exemplar(series, exemplar) => {
                let labels = exemplar.labels.as_bytes();
                record.exemplar(series, exemplar.t_ms, exemplar.value, labels);
            }
            WalItem::Tombstone(number, range, unit, selectors) => record.tombstone(&Tombstone {
                number: *number,
                range: *range,
                unit: *unit,
                selectors: selectors.clone(),
            }),
        }
    }
    record.finish().to_vec()
}

/// Decodes the contents of a file of tombstones; their numbers.
///
/// # Errors
/// The text of the decoder's error.
pub fn decode_tombstones(bytes: &[u8]) -> Result<Vec<u64>, String> {
    match decode_contents(bytes) {
        Ok(Ok(list)) => Ok(list.iter().map(|tombstone| tombstone.number).collect()),
        Ok(Err(version)) => Err(format!("version {version}")),
        Err(e) => Err(e.to_string()),
    }
}

/// A frame that recovery gave: generation, sequence number, payload.
pub type WalFrame = (u64, u64, Vec<u8>);

/// Recovers a log with these segments twice, and gives what came of both.
///
/// # Errors
/// The text of the error.
pub fn recover_wal(segments: &[&[u8]]) -> Result<[Vec<WalFrame>; 2], String> {
    let (fs, dir) = (MemFs::default(), Path::new("/wal"));
    for (index, bytes) in segments.iter().enumerate() {
        // Two segments a generation.
        let path = dir.join(format!("{:016x}-{:08x}.wal", index / 2, index % 2));
        let write = || fs.create(&path)?.write_all(bytes);
        write().map_err(|e| e.to_string())?;
    }
    let identity = StoreIdentity {
        id: 0,
        key: [0; 16],
    };
    let recover = || {
        let mut frames = Vec::new();
        let mut visit = |generation, found: &mut Frames<'_>| {
            frames.extend(found.map(|frame| (generation, frame.seq, frame.payload.to_vec())));
            Ok(())
        };
        let recovered = wal::recover(
            &fs,
            dir,
            Some(identity),
            &|_| false,
            &RecoveryProgress::default(),
            &mut visit,
        );
        match recovered {
            Ok(_) => Ok(frames),
            Err(e) => Err(e.to_string()),
        }
    };
    Ok([recover()?, recover()?])
}
