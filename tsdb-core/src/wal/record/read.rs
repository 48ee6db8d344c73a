//! Reads records.

use super::super::starts::Starts;
use super::definitions::{self, DefinedSeries};
use super::{
    BOOLEANS, EXEMPLARS, FLOAT_HISTOGRAMS, FLOATS, HISTOGRAMS, INTEGERS, METADATA, RecordItem,
    SERIES, STARTS, STRINGS, TOMBSTONES,
};
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::codec::{field, histogram, read_tombstone};
use crate::model::{Exemplar, Kind, Labels, MetricMetadata, MetricType};

/// Reads the definitions of series in a record, which count from its first sample on. Label sets are checked to be canonical
/// and not empty.
///
/// # Errors
/// As [`read_record`].
pub(crate) fn read_definitions(
    payload: &[u8],
    mut visit: impl FnMut(DefinedSeries<'_>),
) -> Result<(), DecodeError> {
    let mut sections = Sections(Cursor::new(payload));
    while let Some(section) = sections.next()? {
        if section.kind == SERIES {
            section.located(definitions::read_section(section.body, &mut visit))?;
        }
    }
    Ok(())
}

/// Reads what is in a record beside the definitions, in order: samples in the order in which they were applied, metadata,
/// tombstones, exemplars.
///
/// # Errors
/// When the bytes are not a record. What was visited before is then the part of a record; a payload whose frame
/// verifies was written by this program, so only a version that knows more, or a bug, gets here.
pub(crate) fn read_record(
    payload: &[u8],
    mut visit: impl FnMut(RecordItem),
) -> Result<(), DecodeError> {
    let mut sections = Sections(Cursor::new(payload));
    let mut next_starts = Starts::default();
    while let Some(section) = sections.next()? {
        // Those of this section; the one after it has its own.
        let mut starts = std::mem::take(&mut next_starts);
        let body = section.body;
        let read = match section.kind {
            SERIES => Ok(()),
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
        section.located(read)?;
        if !starts.is_done() {
            return Err(sections.0.error(TOO_MANY_STARTS));
        }
    }
    if !next_starts.is_done() {
        return Err(sections.0.error(TOO_MANY_STARTS));
    }
    Ok(())
}

const TOO_MANY_STARTS: &str = "start times of more samples than there are";

/// The sections of a record.
struct Sections<'a>(Cursor<'a>);

struct Section<'a> {
    kind: u8,
    /// Where the body begins in the record.
    start: usize,
    body: Cursor<'a>,
}

impl<'a> Sections<'a> {
    fn next(&mut self) -> Result<Option<Section<'a>>, DecodeError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let kind = self.0.u8()?;
        let len = self.0.count(self.0.remaining())?;
        let start = self.0.at();
        let body = Cursor::new(self.0.bytes(len)?);
        Ok(Some(Section { kind, start, body }))
    }
}

impl Section<'_> {
    /// Says of an error in the body where it is in the record.
    fn located(&self, read: Result<(), DecodeError>) -> Result<(), DecodeError> {
        read.map_err(|e| DecodeError {
            what: e.what,
            at: self.start + e.at,
        })
    }
}

/// Reads samples, each behind the number of its series and its time.
fn read_samples<V>(
    mut body: Cursor<'_>,
    read_value: impl Fn(&mut Cursor<'_>) -> Result<V, DecodeError>,
    mut visit: impl FnMut(u32, i64, V),
) -> Result<(), DecodeError> {
    let (mut series, mut t_ms) = (0, 0_i64);
    while !body.is_empty() {
        series = next_series(&mut body, series)?;
        t_ms = t_ms.wrapping_add(body.ivarint()?);
        visit(series, t_ms, read_value(&mut body)?);
    }
    Ok(())
}

fn read_floats(
    body: Cursor<'_>,
    starts: &mut Starts,
    visit: &mut impl FnMut(RecordItem),
) -> Result<(), DecodeError> {
    let value = |body: &mut Cursor<'_>| body.u64();
    read_samples(body, value, |series, t_ms, bits| {
        visit(RecordItem::Sample {
            series,
            t_ms,
            start_ms: starts.next(),
            bits,
        });
    })
}

fn read_histograms(
    body: Cursor<'_>,
    kind: Kind,
    starts: &mut Starts,
    visit: &mut impl FnMut(RecordItem),
) -> Result<(), DecodeError> {
    let value = |body: &mut Cursor<'_>| histogram::read_alone(kind, body);
    read_samples(body, value, |series, t_ms, histogram| {
        visit(RecordItem::Histogram {
            series,
            t_ms,
            start_ms: starts.next(),
            histogram,
        });
    })
}

fn read_fields(
    body: Cursor<'_>,
    kind: Kind,
    visit: &mut impl FnMut(RecordItem),
) -> Result<(), DecodeError> {
    let value = |body: &mut Cursor<'_>| field::read_alone(kind, body);
    read_samples(body, value, |series, t_ms, value| {
        visit(RecordItem::Field {
            series,
            t_ms,
            value,
        });
    })
}

fn read_metadata(
    mut body: Cursor<'_>,
    visit: &mut impl FnMut(RecordItem),
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
    visit: &mut impl FnMut(RecordItem),
) -> Result<(), DecodeError> {
    while !body.is_empty() {
        visit(RecordItem::Tombstone(read_tombstone(&mut body)?));
    }
    Ok(())
}

fn read_exemplars(
    mut body: Cursor<'_>,
    visit: &mut impl FnMut(RecordItem),
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
