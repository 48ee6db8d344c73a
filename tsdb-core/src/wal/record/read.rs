//! Reads records.

use super::super::starts::Starts;
use super::definitions::read_definitions;
use super::{
    BOOLEANS, EXEMPLARS, FLOAT_HISTOGRAMS, FLOATS, HISTOGRAMS, INTEGERS, METADATA, RecordItem,
    SERIES, STARTS, STRINGS, TOMBSTONES,
};
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::codec::{field, histogram, read_tombstone};
use crate::model::{Exemplar, Kind, Labels, MetricMetadata, MetricType};

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
