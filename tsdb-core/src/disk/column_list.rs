//! The list of the columns of a group whose timestamps stand in a table: with it a column is told and decoded without the
//! directory; with the directory it is what the directory is compared with.
//!
//! ```text
//! list     │ number of the series − that of the first │ number of timestamps │ number in the table │
//! ```
//!
//! Three sequences of one number a column, packed as a group is.

use super::column::MAX_SAMPLES;
use super::group_header::GroupHeader;
use super::listed_group::MAX_COLUMNS;
use crate::codec::DecodeError;
use crate::codec::column::{Packer, Streams, TimesRef, Unpacker, decode_integers, encode_integers};
use crate::codec::cursor::Cursor;
use crate::codec::varint::push_uvarint;

/// Collects the list of a group.
#[derive(Debug, Default)]
pub(super) struct ColumnListBuilder {
    /// Of each column: series, number of samples, number of its timestamps in the table.
    sequences: [Vec<i64>; 3],
}

impl ColumnListBuilder {
    /// Number of columns.
    pub(super) fn len(&self) -> usize {
        self.sequences.first().map_or(0, Vec::len)
    }

    /// Adds a column of the series that comes so many after the first.
    pub(super) fn push(&mut self, after_first: u32, count: u32, times: TimesRef) {
        for (sequence, number) in self.sequences.iter_mut().zip([after_first, count, times.0]) {
            sequence.push(i64::from(number));
        }
    }

    /// Appends the list, with its length before it, to `out` and starts the next. Gives its length before packing.
    pub(super) fn finish(
        &mut self,
        packer: &mut Packer,
        out: &mut Vec<u8>,
    ) -> std::io::Result<usize> {
        let mut streams = Streams::default();
        for sequence in &mut self.sequences {
            encode_integers(sequence, &mut streams);
            sequence.clear();
        }
        let mut packed = Vec::new();
        packer.pack(&streams, &mut packed)?;
        push_uvarint(out, packed.len() as u64);
        out.extend_from_slice(&packed);
        Ok(streams.len())
    }
}

/// The list of an unpacked group.
#[derive(Debug)]
pub(super) struct ColumnList {
    first_series: u32,
    /// Of each column: series, number of samples, number of its timestamps in the table.
    columns: Vec<(u32, u32, u32)>,
    /// Bytes of the list before packing.
    raw_len: usize,
}

impl ColumnList {
    /// Reads the list of a group from the start of its contents; the header said how many columns there are, and the bytes
    /// of all at most.
    pub(super) fn unpack(
        header: GroupHeader,
        contents: &mut Cursor<'_>,
        unpacker: &mut Unpacker,
    ) -> Result<Self, DecodeError> {
        let len = contents.count(contents.remaining())?;
        let packed = contents.bytes(len)?;
        let columns = header.columns as usize;
        if columns > MAX_COLUMNS {
            return Err(contents.error("group is too large"));
        }
        let mut streams = Streams::default();
        unpacker.unpack(packed, header.raw_len as usize, &mut streams)?;
        let mut list = streams.reader();
        let mut sequence = || {
            let mut numbers = Vec::with_capacity(columns);
            decode_integers(&mut list, columns, &mut numbers)?;
            let all: Option<Vec<u32>> = numbers.iter().map(|&n| u32::try_from(n).ok()).collect();
            all.ok_or_else(|| contents.error("group has a number out of bounds"))
        };
        let (series, counts, times) = (sequence()?, sequence()?, sequence()?);
        let in_group = |&count: &u32| count > 0 && count as usize <= MAX_SAMPLES;
        if !list.is_empty() || !counts.iter().all(in_group) {
            return Err(contents.error("list of columns is not one"));
        }
        let columns = series.into_iter().zip(counts).zip(times);
        Ok(Self {
            first_series: header.first_series,
            columns: columns.map(|((s, c), t)| (s, c, t)).collect(),
            raw_len: streams.len(),
        })
    }

    /// Bytes before packing.
    pub(super) fn raw_len(&self) -> usize {
        self.raw_len
    }

    /// Bytes of memory it takes, beside itself.
    pub(super) fn bytes(&self) -> usize {
        self.columns.capacity() * size_of::<(u32, u32, u32)>()
    }

    /// The numbers of samples of all columns.
    pub(super) fn counts(&self) -> impl Iterator<Item = u32> + '_ {
        self.columns.iter().map(|(_, count, _)| *count)
    }

    /// The number of samples of a column.
    pub(super) fn count(&self, index: u32) -> Option<u32> {
        self.columns.get(index as usize).map(|(_, count, _)| *count)
    }

    /// Checks that the column `index` of the group is this one.
    pub(super) fn check(
        &self,
        index: u32,
        series: u32,
        count: u32,
        times: TimesRef,
    ) -> Result<(), DecodeError> {
        let wanted = series
            .checked_sub(self.first_series)
            .map(|series| (series, count, times.0));
        if wanted.is_some() && self.columns.get(index as usize).copied() == wanted {
            Ok(())
        } else {
            Err(DecodeError {
                what: "column is not the one the directory names",
                at: index as usize,
            })
        }
    }
}
