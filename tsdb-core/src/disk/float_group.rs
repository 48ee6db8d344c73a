//! Groups of floats: decimal columns, drawn in `docs/format/column.md`, whose timestamps stand in a table of the run.
//!
//! ```text
//! contents │ length of the list <uvarint> │ list of columns │ columns: a group of column.md │
//! list     │ number of the series − that of the first │ number of timestamps │ number in the table │
//! ```
//!
//! The list has three sequences of one number a column, packed as a group is. With it a column is told and decoded
//! without the directory; with the directory it is what the directory is compared with.

use super::column::{ColumnStats, MAX_SAMPLES};
use super::group_header::{CRC_LEN, Contents, GroupHeader, HEADER_LEN};
use crate::codec::DecodeError;
use crate::codec::column::{
    Choice, Followed, Group, GroupWriter, Packer, Streams, TimesRef, Unpacker, decode_times,
    encode_times,
};
use crate::codec::cursor::Cursor;
use crate::codec::varint::push_uvarint;
use crate::disk::checksum::FileIdentity;

/// A group ends with the column that brings it to this many bytes, before compression.
const TARGET_BYTES: usize = 32 << 10;
/// Columns of a group at most.
const MAX_COLUMNS: usize = 4 << 10;
/// Bytes of a group before compression, at most: a reader refuses more before it allocates. The last column may be one of
/// random values with corrections, of which each takes some 20 bytes.
const MAX_BYTES: usize = 512 << 10;

/// Bytes of a group in the file, at most: stored as it is where it does not compress.
pub(super) const MAX_STORED_BYTES: usize = HEADER_LEN + MAX_BYTES + CRC_LEN;

const _: () = assert!(TARGET_BYTES + MAX_SAMPLES * 24 + MAX_COLUMNS * 40 < MAX_BYTES);

/// Collects columns to a group; its buffers are used again.
#[derive(Debug)]
pub(super) struct FloatGroupBuilder {
    values: GroupWriter,
    /// Of each column: series, number of samples, number of its timestamps in the table.
    list: [Vec<i64>; 3],
    open: Option<GroupHeader>,
    contents: Vec<u8>,
}

impl FloatGroupBuilder {
    pub(super) fn new() -> Self {
        Self {
            values: GroupWriter::new(),
            list: Default::default(),
            open: None,
            contents: Vec::new(),
        }
    }

    /// Number of columns.
    pub(super) fn columns(&self) -> u32 {
        self.open.map_or(0, |header| header.columns)
    }

    /// Whether the group is to end before a further column.
    pub(super) fn is_full(&self) -> bool {
        self.values.len() >= TARGET_BYTES || self.values.columns() >= MAX_COLUMNS
    }

    /// Adds a column of at most [`MAX_SAMPLES`] values, one at least. All columns of a group have their timestamps in
    /// the same table. With a hint the column is written fast: in the way of another column, where that fits, and without a
    /// comparison with those before it.
    pub(super) fn push(
        &mut self,
        series: u32,
        stats: &ColumnStats,
        times: TimesRef,
        values: &[f64],
        hint: Option<Choice>,
    ) -> Choice {
        debug_assert!(!self.is_full());
        let header = self
            .open
            .get_or_insert_with(|| GroupHeader::empty(Contents::Floats, series));
        header.add(series, stats.min_ms, stats.max_ms);
        let list = [
            i64::from(series - header.first_series),
            i64::from(stats.count),
            i64::from(times.0),
        ];
        for (column, number) in self.list.iter_mut().zip(list) {
            column.push(number);
        }
        // Only columns with the same number are compared.
        let comparable = match hint {
            None => times.0,
            Some(_) => u32::MAX - self.values.columns() as u32,
        };
        self.values.push(comparable, values, hint)
    }

    /// Appends the group, which has these start times, will stand at `offset` of the file and uses this table, to `out` and
    /// starts the next. Gives its header; `None` when it holds nothing.
    pub(super) fn finish(
        &mut self,
        starts: &[u8],
        table: u32,
        packer: &mut Packer,
        file: FileIdentity,
        offset: u64,
        out: &mut Vec<u8>,
    ) -> std::io::Result<Option<GroupHeader>> {
        let Some(mut header) = self.open.take() else {
            return Ok(None);
        };
        let mut list = Streams::default();
        for column in &mut self.list {
            encode_times(column, &mut list);
            column.clear();
        }
        let mut packed = Vec::new();
        packer.pack(&list, &mut packed)?;
        header.raw_len = (list.len() + self.values.len()) as u32;
        header.table = table;
        self.contents.clear();
        push_uvarint(&mut self.contents, packed.len() as u64);
        self.contents.extend_from_slice(&packed);
        self.values.finish(packer, &mut self.contents)?;
        header.push_group(starts, &self.contents, file, offset, out);
        debug_assert!(header.raw_len as usize <= MAX_BYTES && self.contents.len() <= MAX_BYTES);
        Ok(Some(header))
    }
}

/// An unpacked group.
#[derive(Debug)]
pub(crate) struct FloatGroup {
    /// The table its timestamps stand in.
    pub(super) table: u32,
    first_series: u32,
    /// Of each column: series, and number of its timestamps in the table.
    columns: Vec<(u32, u32)>,
    values: Group,
}

impl FloatGroup {
    /// Unpacks the contents of a group.
    pub(super) fn unpack(
        header: GroupHeader,
        contents: &[u8],
        unpacker: &mut Unpacker,
    ) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(contents);
        let len = cursor.count(cursor.remaining())?;
        let packed = cursor.bytes(len)?;
        let max_bytes = header.raw_len as usize;
        let columns = header.columns as usize;
        if max_bytes > MAX_BYTES || columns > MAX_COLUMNS {
            return Err(cursor.error("group is too large"));
        }
        let mut streams = Streams::default();
        unpacker.unpack(packed, max_bytes, &mut streams)?;
        let mut list = streams.reader();
        let mut sequence = || {
            let mut numbers = Vec::with_capacity(columns);
            decode_times(&mut list, columns, &mut numbers)?;
            let all: Option<Vec<u32>> = numbers.iter().map(|&n| u32::try_from(n).ok()).collect();
            all.ok_or_else(|| cursor.error("group has a number out of bounds"))
        };
        let (series, counts, times) = (sequence()?, sequence()?, sequence()?);
        let in_group = |&count: &u32| count > 0 && count as usize <= MAX_SAMPLES;
        if !list.is_empty() || !counts.iter().all(in_group) {
            return Err(cursor.error("list of columns is not one"));
        }
        let values = Group::open(cursor.rest(), max_bytes, counts, unpacker)?;
        if streams.len() + values.len() != max_bytes {
            return Err(cursor.error("group unpacks to another length"));
        }
        Ok(Self {
            table: header.table,
            first_series: header.first_series,
            columns: series.into_iter().zip(times).collect(),
            values,
        })
    }

    /// Bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.columns.capacity() * size_of::<(u32, u32)>() + self.values.bytes()
    }

    /// Checks that the column `index` of the group is this one.
    pub(super) fn check(
        &self,
        index: u32,
        series: u32,
        count: u32,
        times: TimesRef,
    ) -> Result<(), DecodeError> {
        let found = self.columns.get(index as usize).copied();
        let series = series.checked_sub(self.first_series);
        let same = found.is_some_and(|(s, t)| Some(s) == series && t == times.0)
            && self.values.count(index as usize) == Some(count);
        if same {
            Ok(())
        } else {
            Err(DecodeError {
                what: "column is not the one the directory names",
                at: index as usize,
            })
        }
    }

    /// Appends the values of a column. After an error `out` holds some of them.
    pub(super) fn decode(
        &self,
        index: u32,
        followed: &mut Followed,
        out: &mut Vec<f64>,
    ) -> Result<(), DecodeError> {
        self.values.decode(index as usize, followed, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileIdentity = FileIdentity {
        store_id: 1,
        file_id: 2,
    };

    fn stats(count: u32) -> ColumnStats {
        ColumnStats {
            count,
            min_ms: 5,
            max_ms: 9,
        }
    }

    fn group() -> Vec<u8> {
        let mut builder = FloatGroupBuilder::new();
        builder.push(7, &stats(3), TimesRef(1), &[1.5, 2.5, 1.0], None);
        builder.push(9, &stats(1), TimesRef(0), &[f64::NAN], None);
        let mut packer = Packer::new().unwrap();
        let mut out = Vec::new();
        let header = builder
            .finish(&[], 4, &mut packer, FILE, 99, &mut out)
            .unwrap();
        assert_eq!(header.map(|header| header.columns), Some(2));
        let none = builder
            .finish(&[], 4, &mut packer, FILE, 99, &mut out)
            .unwrap();
        assert_eq!(none, None);
        out
    }

    fn unpack(stored: &[u8], offset: u64) -> Result<FloatGroup, DecodeError> {
        let (header, contents) = GroupHeader::open(stored, FILE, offset)?;
        FloatGroup::unpack(header, contents, &mut Unpacker::new().unwrap())
    }

    #[test]
    fn columns_come_back() {
        let group = unpack(&group(), 99).unwrap();
        assert_eq!(group.table, 4);
        group.check(0, 7, 3, TimesRef(1)).unwrap();
        group.check(1, 9, 1, TimesRef(0)).unwrap();
        for (index, series, count, times) in [
            (0, 8, 3, 1),
            (0, 7, 2, 1),
            (0, 7, 3, 0),
            (2, 9, 1, 0),
            (1, 6, 1, 0),
        ] {
            assert!(group.check(index, series, count, TimesRef(times)).is_err());
        }
        let mut values = Vec::new();
        let followed = &mut Followed::default();
        group.decode(0, followed, &mut values).unwrap();
        assert_eq!(values, [1.5, 2.5, 1.0]);
        assert!(group.decode(2, followed, &mut values).is_err());
    }

    #[test]
    fn every_flipped_byte_and_another_place_are_damage() {
        let intact = group();
        assert!(unpack(&intact, 100).is_err());
        for at in 0..intact.len() {
            let mut bytes = intact.clone();
            bytes[at] ^= 1;
            assert!(unpack(&bytes, 99).is_err(), "byte {at}");
        }
        for len in 0..intact.len() {
            assert!(unpack(&intact[..len], 99).is_err());
        }
    }
}
