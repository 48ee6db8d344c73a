//! Groups of floats: decimal columns, drawn in `docs/format/column.md`, whose timestamps stand in a table of the run.
//!
//! ```text
//! contents │ length of the list <uvarint> │ list of columns │ columns: a group of column.md │
//! ```

use super::column::ColumnStats;
use super::column_list::ColumnList;
use super::group_header::{Contents, GroupHeader, RunSeries};
use super::listed_group::{GroupFrame, ListedGroup, MAX_BYTES, TARGET_BYTES};
use crate::codec::DecodeError;
use crate::codec::column::{Choice, Followed, Group, GroupWriter, Packer, TimesRef, Unpacker};
use crate::codec::cursor::Cursor;

/// Collects columns to a group; its buffers are used again.
#[derive(Debug)]
pub(super) struct FloatGroupBuilder {
    values: GroupWriter,
    columns: ListedGroup,
}

impl FloatGroupBuilder {
    pub(super) fn new() -> Self {
        Self {
            values: GroupWriter::new(),
            columns: ListedGroup::default(),
        }
    }

    /// Number of columns.
    pub(super) fn columns(&self) -> u32 {
        self.columns.columns()
    }

    /// Whether the group is to end before a further column.
    pub(super) fn is_full(&self) -> bool {
        self.values.len() >= TARGET_BYTES || self.columns.is_full()
    }

    /// Adds a column of at most [`MAX_SAMPLES`](super::column::MAX_SAMPLES) values, one at least. All columns of a group have their timestamps in
    /// the same table. With a hint the column is written fast: in the way of another column, where that fits, and without a
    /// comparison with those before it.
    pub(super) fn push(
        &mut self,
        series: RunSeries,
        stats: &ColumnStats,
        times: TimesRef,
        values: &[f64],
        hint: Option<Choice>,
    ) -> Choice {
        debug_assert!(!self.is_full());
        self.columns.add(Contents::Floats, series, stats, times);
        // Only columns with the same number are compared.
        let comparable = match hint {
            None => times.0,
            Some(_) => u32::MAX - self.values.columns() as u32,
        };
        self.values.push(comparable, values, hint)
    }

    /// Appends the group to `out` and starts the next. Gives its header; `None` when it holds nothing.
    pub(super) fn finish(
        &mut self,
        frame: GroupFrame<'_>,
        packer: &mut Packer,
        out: &mut Vec<u8>,
    ) -> std::io::Result<Option<GroupHeader>> {
        let values = &mut self.values;
        let (len, pack) = (
            values.len(),
            |packer: &mut Packer, contents: &mut Vec<u8>| values.finish(packer, contents),
        );
        self.columns.finish(frame, packer, len, pack, out)
    }
}

/// An unpacked group.
#[derive(Debug)]
pub(crate) struct FloatGroup {
    /// The table its timestamps stand in.
    pub(super) table: u32,
    list: ColumnList,
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
        let max_bytes = header.raw_len as usize;
        if max_bytes > MAX_BYTES {
            return Err(cursor.error("group is too large"));
        }
        let list = ColumnList::unpack(header, &mut cursor, unpacker)?;
        let counts = list.counts().collect();
        let values = Group::open(cursor.rest(), max_bytes, counts, unpacker)?;
        if list.raw_len() + values.len() != max_bytes {
            return Err(cursor.error("group unpacks to another length"));
        }
        Ok(Self {
            table: header.table,
            list,
            values,
        })
    }

    /// Bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.list.bytes() + self.values.bytes()
    }

    /// Its columns.
    pub(super) fn list(&self) -> &ColumnList {
        &self.list
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
    use crate::disk::checksum::FileIdentity;

    const FILE: FileIdentity = FileIdentity {
        store_id: 1,
        file_id: 2,
    };

    const FRAME: GroupFrame<'_> = GroupFrame {
        starts: &[],
        table: 4,
        file: FILE,
        offset: 99,
    };

    fn stats(count: u32) -> ColumnStats {
        ColumnStats {
            count,
            min_ms: 5,
            max_ms: 9,
        }
    }

    fn series(number: u32) -> RunSeries {
        let unit = crate::model::TimeUnit::Milliseconds;
        RunSeries { number, unit }
    }

    fn group() -> Vec<u8> {
        let mut builder = FloatGroupBuilder::new();
        builder.push(series(7), &stats(3), TimesRef(1), &[1.5, 2.5, 1.0], None);
        builder.push(series(9), &stats(1), TimesRef(0), &[f64::NAN], None);
        let mut packer = Packer::new().unwrap();
        let mut out = Vec::new();
        let header = builder.finish(FRAME, &mut packer, &mut out).unwrap();
        assert_eq!(header.map(|header| header.columns), Some(2));
        let none = builder.finish(FRAME, &mut packer, &mut out).unwrap();
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
        group.list().check(0, 7, 3, TimesRef(1)).unwrap();
        group.list().check(1, 9, 1, TimesRef(0)).unwrap();
        for (index, series, count, times) in [
            (0, 8, 3, 1),
            (0, 7, 2, 1),
            (0, 7, 3, 0),
            (2, 9, 1, 0),
            (1, 6, 1, 0),
        ] {
            assert!(
                group
                    .list()
                    .check(index, series, count, TimesRef(times))
                    .is_err()
            );
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
