//! What is known to be lost: told by every answer over it for as long as the record lives.

use std::fmt;

use super::column::ColumnStats;
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::error::Error;
use crate::model::{TimeRange, TimeUnit};

/// Takes a damaged column of a series, or fails: then so does the reading.
pub(crate) type OnLost<'a> = &'a mut dyn FnMut(ColumnStats, Error) -> crate::error::Result<()>;

/// Bytes of a record in a footer.
pub(super) const RECORD_LEN: usize = 3 * 8 + 4 + 4;

/// Records of a run at most. What is more is joined with its neighbour in time.
const MAX_RECORDS: usize = 64;

/// A stretch of time of which samples are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LostRange {
    /// Every lost sample lies in it.
    pub range: TimeRange,
    /// Of how many series, at least; `None` when that is not known.
    pub series: Option<u32>,
    /// How many samples; `None` when that is not known.
    pub samples: Option<u64>,
    /// What they were lost by.
    pub cause: LossCause,
}

/// What samples were lost by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum LossCause {
    /// A part of a run did not match its checksum.
    DamagedRun = 1,
    /// Frames of the write-ahead log did not match their checksums, or were gone.
    DamagedLog = 2,
}

impl LossCause {
    fn from_u8(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::DamagedRun),
            2 => Some(Self::DamagedLog),
            _ => None,
        }
    }
}

impl fmt::Display for LostRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.samples {
            Some(samples) => write!(f, "{samples} samples")?,
            None => f.write_str("samples")?,
        }
        if let Some(series) = self.series {
            write!(f, " of {series} series")?;
        }
        let TimeRange { start_ms, end_ms } = self.range;
        write!(f, " from {start_ms} to {end_ms} ms are lost: ")?;
        f.write_str(match self.cause {
            LossCause::DamagedRun => "a part of a file was damaged",
            LossCause::DamagedLog => "a part of the write-ahead log was damaged",
        })
    }
}

impl LostRange {
    /// Both as one. What they have in common is not known.
    fn joined(self, other: Self) -> Self {
        Self {
            range: TimeRange::new(
                self.range.start_ms.min(other.range.start_ms),
                self.range.end_ms.max(other.range.end_ms),
            ),
            series: self.series.zip(other.series).map(|(a, b)| a.max(b)),
            samples: self
                .samples
                .zip(other.samples)
                .map(|(a, b)| a.saturating_add(b)),
            cause: self.cause.min(other.cause),
        }
    }

    /// The part of it in a range of time; `None` when there is none. Numbers are those of the whole then.
    pub(crate) fn within(self, range: TimeRange) -> Option<Self> {
        let range = TimeRange::new(
            self.range.start_ms.max(range.start_ms),
            self.range.end_ms.min(range.end_ms),
        );
        (!range.is_empty()).then_some(Self { range, ..self })
    }

    pub(super) fn push(&self, out: &mut Vec<u8>) {
        out.extend(self.range.start_ms.to_le_bytes());
        out.extend(self.range.end_ms.to_le_bytes());
        out.extend(self.samples.unwrap_or(0).to_le_bytes());
        out.extend(self.series.unwrap_or(0).to_le_bytes());
        out.extend([self.cause as u8, 0, 0, 0]);
    }

    pub(super) fn decode(cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        let range = TimeRange::new(cursor.i64()?, cursor.i64()?);
        let (samples, series) = (cursor.u64()?, cursor.u32()?);
        let cause = LossCause::from_u8(cursor.u8()?);
        let zeros = cursor.bytes(3)?;
        match cause {
            Some(cause) if zeros == [0; 3] && !range.is_empty() => Ok(Self {
                range,
                series: (series > 0).then_some(series),
                samples: (samples > 0).then_some(samples),
                cause,
            }),
            _ => Err(cursor.error("lost range is of an unknown form")),
        }
    }
}

/// Adds up the lost columns of a damaged part, which come in order of series.
#[derive(Debug, Default)]
pub(crate) struct LostColumns {
    lost: Option<LostRange>,
    last_series: Option<u32>,
}

impl LostColumns {
    /// Takes in a column of a series that has times in this unit.
    pub(crate) fn add(&mut self, series: u32, unit: TimeUnit, stats: ColumnStats) {
        let column = LostRange {
            range: unit.range_to_ms(TimeRange::new(stats.min_ms, stats.max_ms)),
            series: Some(1),
            samples: Some(u64::from(stats.count)),
            cause: LossCause::DamagedRun,
        };
        let mut lost = match self.lost {
            Some(lost) => lost.joined(column),
            None => column,
        };
        if let (Some(before), Some(last)) = (self.lost, self.last_series) {
            let further = u32::from(last != series);
            lost.series = before.series.map(|count| count.saturating_add(further));
        }
        self.lost = Some(lost);
        self.last_series = Some(series);
    }

    /// All of them.
    pub(crate) fn range(&self) -> Option<LostRange> {
        self.lost
    }
}

/// Sorts records by time and joins neighbours until they are few enough for a footer.
pub(super) fn coalesce(records: &mut Vec<LostRange>) {
    records.sort_by_key(|record| (record.range.start_ms, record.range.end_ms, record.cause));
    while records.len() > MAX_RECORDS {
        let gaps = records.windows(2).map(|pair| match pair {
            [a, b] => b.range.start_ms.saturating_sub(a.range.end_ms),
            _ => i64::MAX,
        });
        let Some((at, _)) = gaps.enumerate().min_by_key(|(_, gap)| *gap) else {
            return;
        };
        let next = records.remove(at + 1);
        if let Some(record) = records.get_mut(at) {
            *record = record.joined(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(start_ms: i64, end_ms: i64) -> LostRange {
        LostRange {
            range: TimeRange::new(start_ms, end_ms),
            series: Some(2),
            samples: Some(10),
            cause: LossCause::DamagedRun,
        }
    }

    #[test]
    fn round_trips_and_refuses_what_it_does_not_know() {
        let unknown = LostRange {
            series: None,
            samples: None,
            cause: LossCause::DamagedLog,
            ..lost(-5, 5)
        };
        for record in [lost(1, 2), unknown] {
            let mut bytes = Vec::new();
            record.push(&mut bytes);
            assert_eq!(bytes.len(), RECORD_LEN);
            assert_eq!(LostRange::decode(&mut Cursor::new(&bytes)), Ok(record));
            bytes[28] = 9;
            assert!(LostRange::decode(&mut Cursor::new(&bytes)).is_err());
        }
        assert_eq!(
            lost(1, 2).to_string(),
            "10 samples of 2 series from 1 to 2 ms are lost: a part of a file was damaged"
        );
    }

    #[test]
    fn many_become_few_and_still_cover_everything() {
        let mut records: Vec<LostRange> = (0..1_000)
            .rev()
            .map(|i| lost(i * 100, i * 100 + 9))
            .collect();
        coalesce(&mut records);
        assert_eq!(records.len(), MAX_RECORDS);
        assert_eq!(
            records.iter().filter_map(|r| r.samples).sum::<u64>(),
            10_000
        );
        assert!((0..1_000).all(|i| records.iter().any(|r| r.range.contains(i * 100))));
    }
}
