//! Reading a table.

use super::TimesRef;
use crate::codec::DecodeError;
use crate::codec::column::pack::Unpacker;
use crate::codec::column::sequence::{decode_integers, skip_integers};
use crate::codec::column::streams::{Streams, StreamsReader};
use crate::codec::column::{MAX_VALUES, list};

/// Columns of timestamps. They are decoded when asked for, so that the table takes about what its bytes do.
#[derive(Debug)]
pub(crate) struct TimesTable {
    streams: Streams,
    unions: Vec<Union>,
    parts: Vec<Part>,
    /// How many timestamps each column has before its first hole, between two, …: of all columns, one after the other.
    gaps: Vec<u32>,
}

/// A column of timestamps in the streams.
#[derive(Clone, Copy, Debug)]
struct Union {
    count: usize,
    /// Where it starts in both.
    at: (usize, usize),
}

/// Which part of a union a column is.
#[derive(Clone, Copy, Debug)]
struct Part {
    union: usize,
    before: usize,
    /// Timestamps of the union after `before` up to the last of the column, the holes among them.
    span: usize,
    /// Where the gaps between its holes end in those of all; they start where those of the column before end.
    gaps_end: usize,
}

impl TimesTable {
    /// Reads the table that `bytes` are. `max_bytes` bounds what its two streams take in memory.
    ///
    /// # Errors
    /// For bytes that are no table.
    pub(crate) fn open(
        bytes: &[u8],
        max_bytes: usize,
        unpacker: &mut Unpacker,
    ) -> Result<Self, DecodeError> {
        let mut streams = Streams::default();
        unpacker.unpack(bytes, max_bytes, &mut streams)?;
        Self::from_streams(streams)
    }

    /// As [`TimesTable::open`], with streams that are not compressed.
    pub(crate) fn from_streams(streams: Streams) -> Result<Self, DecodeError> {
        let mut from = streams.reader();
        let unions = read_unions(&mut from, &streams)?;
        // No two columns are the same: what distinguishes them takes a byte for each.
        let columns = from.symbols.count(from.symbols.remaining())?;
        let union_of = field(&mut from, columns)?;
        let before = field(&mut from, columns)?;
        let after = field(&mut from, columns)?;
        let holes = field(&mut from, columns)?;
        let mut parts = Vec::with_capacity(columns);
        let mut gaps_end = 0_usize;
        for (((union, before), after), holes) in
            union_of.into_iter().zip(before).zip(after).zip(holes)
        {
            let span = unions
                .get(union as usize)
                .and_then(|union| {
                    union
                        .count
                        .checked_sub(before as usize)?
                        .checked_sub(after as usize)
                })
                .filter(|&span| holes as usize <= span)
                .ok_or_else(|| from.error("column of timestamps beyond its union"))?;
            gaps_end += holes as usize;
            parts.push(Part {
                union: union as usize,
                before: before as usize,
                span,
                gaps_end,
            });
        }
        if gaps_end > MAX_VALUES {
            return Err(from.error("columns of timestamps have too many holes"));
        }
        let gaps = field(&mut from, gaps_end)?;
        if !from.is_empty() {
            return Err(from.error("bytes after a table of timestamps"));
        }
        Ok(Self {
            streams,
            unions,
            parts,
            gaps,
        })
    }

    /// Bytes of memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.streams.capacity()
            + self.unions.capacity() * size_of::<Union>()
            + self.parts.capacity() * size_of::<Part>()
            + self.gaps.capacity() * size_of::<u32>()
    }

    /// Number of distinct columns.
    pub(crate) fn columns(&self) -> usize {
        self.parts.len()
    }

    /// Number of timestamps of a column; `None` for one that the table does not have.
    pub(crate) fn count(&self, column: TimesRef) -> Option<usize> {
        let (part, gaps) = self.part(column)?;
        Some(part.span - gaps.len())
    }

    /// Appends the timestamps of a column to `out`. After an error `out` may hold some of them.
    ///
    /// # Errors
    /// For bytes that are no such column, and for a column that the table does not have.
    pub(crate) fn decode(&self, column: TimesRef, out: &mut Vec<i64>) -> Result<(), DecodeError> {
        let none = || {
            self.streams
                .reader()
                .error("table has no such column of timestamps")
        };
        let (part, gaps) = self.part(column).ok_or_else(none)?;
        let union = self.unions.get(part.union).ok_or_else(none)?;
        let mut from = self.streams.reader_at(union.at);
        if part.span == union.count && gaps.is_empty() {
            return decode_integers(&mut from, union.count, out);
        }
        let mut times = Vec::new();
        decode_integers(&mut from, union.count, &mut times)?;
        let mut rest = times
            .get(part.before..)
            .and_then(|times| times.get(..part.span))
            .unwrap_or_default();
        for &gap in gaps {
            let (present, after) = rest
                .split_at_checked(gap as usize)
                .ok_or_else(|| from.error("hole beyond a column of timestamps"))?;
            out.extend_from_slice(present);
            (_, rest) = after
                .split_first()
                .ok_or_else(|| from.error("hole beyond a column of timestamps"))?;
        }
        out.extend_from_slice(rest);
        Ok(())
    }

    fn part(&self, column: TimesRef) -> Option<(Part, &[u32])> {
        let number = column.0 as usize;
        let part = *self.parts.get(number)?;
        let start = match number.checked_sub(1) {
            Some(before) => self.parts.get(before)?.gaps_end,
            None => 0,
        };
        Some((part, self.gaps.get(start..part.gaps_end)?))
    }
}

fn read_unions(from: &mut StreamsReader<'_>, streams: &Streams) -> Result<Vec<Union>, DecodeError> {
    // Each takes two bytes at least.
    let number = from.symbols.count(from.symbols.remaining())?;
    let counts = field(from, number)?;
    let mut unions = Vec::with_capacity(number);
    for count in counts {
        let count = count as usize;
        unions.push(Union {
            count,
            at: streams.position(from),
        });
        skip_integers(from, count)?;
    }
    Ok(unions)
}

/// A list of `count` numbers, of which each counts something a table may have.
fn field(from: &mut StreamsReader<'_>, count: usize) -> Result<Vec<u32>, DecodeError> {
    let mut numbers = Vec::with_capacity(count);
    let mut all_fit = true;
    list::decode(from, count, |chunk| {
        for &mut number in chunk {
            let number = u32::try_from(number)
                .ok()
                .filter(|&n| n <= MAX_VALUES as u32);
            all_fit &= number.is_some();
            numbers.push(number.unwrap_or(0));
        }
    })?;
    if all_fit {
        Ok(numbers)
    } else {
        Err(from.error("table of timestamps has a number out of bounds"))
    }
}
