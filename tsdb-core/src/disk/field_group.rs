//! Groups of columns of integers, booleans or strings, whose timestamps stand in a table of the run.
//!
//! ```text
//! contents │ length of the list <uvarint> │ list of columns │ columns, packed in two streams │
//! ```
//!
//! Drawn in `docs/format/run.md`; the columns in `docs/format/column.md`.

use super::column::{ColumnStats, MAX_SAMPLES};
use super::column_list::ColumnList;
use super::group_header::{Contents, GroupHeader, RunSeries};
use super::listed_group::{GroupFrame, ListedGroup, MAX_BYTES, MAX_COLUMNS, TARGET_BYTES};
use crate::codec::DecodeError;
use crate::codec::column::{
    Packer, Streams, StreamsReader, TimesRef, Unpacker, decode_integers, decode_strings,
    encode_integers, encode_strings, skip_integers, skip_strings,
};
use crate::codec::cursor::Cursor;
use crate::model::{FieldValue, Kind, MAX_STRING_BYTES};

/// Bytes of the strings of a column at most, if it has more than one.
pub(super) const MAX_TEXT_BYTES: usize = MAX_STRING_BYTES;

/// The last column may be one of the longest strings, or of random integers.
const _: () =
    assert!(TARGET_BYTES + MAX_TEXT_BYTES + MAX_SAMPLES * 24 + MAX_COLUMNS * 40 < MAX_BYTES);

/// How many of these values a column takes.
pub(super) fn column_len(values: &[FieldValue]) -> usize {
    let mut text_bytes = 0;
    let fitting = values.iter().take(MAX_SAMPLES).take_while(|value| {
        if let FieldValue::String(text) = value {
            text_bytes += text.len();
        }
        text_bytes <= MAX_TEXT_BYTES
    });
    fitting.count().max(1).min(values.len())
}

/// Collects columns of one kind to a group; its buffers are used again.
#[derive(Debug, Default)]
pub(super) struct FieldGroupBuilder {
    values: Streams,
    columns: ListedGroup,
}

impl FieldGroupBuilder {
    /// Whether the group is to end before a further column of this kind.
    pub(super) fn is_full_for(&self, kind: Kind) -> bool {
        let holds = self.columns.holds();
        holds.is_some_and(|contents| contents != Contents::Fields(kind))
            || self.values.len() >= TARGET_BYTES
            || self.columns.is_full()
    }

    /// Adds a column of as many values of the kind of the others as [`column_len`] allows, one at least. All columns of a
    /// group have their timestamps in the same table.
    pub(super) fn push(
        &mut self,
        kind: Kind,
        series: RunSeries,
        stats: &ColumnStats,
        times: TimesRef,
        values: &[FieldValue],
    ) {
        debug_assert!(!self.is_full_for(kind));
        let contents = Contents::Fields(kind);
        self.columns.add(contents, series, stats, times);
        encode(values, &mut self.values);
    }

    /// Number of columns.
    pub(super) fn columns(&self) -> u32 {
        self.columns.columns()
    }

    /// Appends the group to `out` and starts the next. Gives its header; `None` when it holds nothing.
    pub(super) fn finish(
        &mut self,
        frame: GroupFrame<'_>,
        packer: &mut Packer,
        out: &mut Vec<u8>,
    ) -> std::io::Result<Option<GroupHeader>> {
        let values = &self.values;
        let pack = |packer: &mut Packer, contents: &mut Vec<u8>| packer.pack(values, contents);
        let finished = self.columns.finish(frame, packer, values.len(), pack, out);
        self.values.clear();
        finished
    }
}

/// Appends a column of values of one kind.
fn encode(values: &[FieldValue], out: &mut Streams) {
    let strings: Vec<&str> = values.iter().filter_map(FieldValue::as_str).collect();
    if strings.is_empty() {
        let integers: Vec<i64> = values.iter().filter_map(FieldValue::as_integer).collect();
        encode_integers(&integers, out);
    } else {
        encode_strings(&strings, out);
    }
}

/// An unpacked group.
#[derive(Debug)]
pub(crate) struct FieldGroup {
    /// The table its timestamps stand in.
    pub(super) table: u32,
    kind: Kind,
    list: ColumnList,
    values: Streams,
    /// Where each column starts in both streams.
    starts: Vec<(u32, u32)>,
}

impl FieldGroup {
    /// Unpacks the contents of a group of columns of this kind.
    pub(super) fn unpack(
        kind: Kind,
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
        let mut values = Streams::default();
        unpacker.unpack(cursor.rest(), max_bytes, &mut values)?;
        if list.raw_len() + values.len() != max_bytes {
            return Err(cursor.error("group unpacks to another length"));
        }
        let mut from = values.reader();
        let mut starts = Vec::with_capacity(header.columns as usize);
        for count in list.counts() {
            let (symbols, noise) = values.position(&from);
            starts.push((symbols as u32, noise as u32));
            skip(kind, &mut from, count as usize)?;
        }
        if !from.is_empty() {
            return Err(cursor.error("bytes after the columns of a group"));
        }
        Ok(Self {
            table: header.table,
            kind,
            list,
            values,
            starts,
        })
    }

    /// Bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let starts = self.starts.capacity() * size_of::<(u32, u32)>();
        size_of::<Self>() + self.list.bytes() + self.values.capacity() + starts
    }

    /// Its columns.
    pub(super) fn list(&self) -> &ColumnList {
        &self.list
    }

    /// The values of a column.
    pub(super) fn decode(&self, index: u32) -> Result<Vec<FieldValue>, DecodeError> {
        let start = self.starts.get(index as usize);
        let Some((&(symbols, noise), count)) = start.zip(self.list.count(index)) else {
            return Err(DecodeError {
                what: "group has no such column",
                at: index as usize,
            });
        };
        let mut from = self.values.reader_at((symbols as usize, noise as usize));
        decode(self.kind, &mut from, count as usize)
    }
}

fn decode(
    kind: Kind,
    from: &mut StreamsReader<'_>,
    count: usize,
) -> Result<Vec<FieldValue>, DecodeError> {
    if kind == Kind::String {
        let strings = decode_strings(from, count)?;
        return Ok(strings.into_iter().map(FieldValue::String).collect());
    }
    let mut integers = Vec::new();
    decode_integers(from, count, &mut integers)?;
    let value = |integer| match (kind, integer) {
        (Kind::Boolean, 0) => Some(FieldValue::Boolean(false)),
        (Kind::Boolean, 1) => Some(FieldValue::Boolean(true)),
        (Kind::Boolean, _) => None,
        _ => Some(FieldValue::Integer(integer)),
    };
    let values: Option<Vec<FieldValue>> = integers.into_iter().map(value).collect();
    values.ok_or(DecodeError {
        what: "boolean is neither 0 nor 1",
        at: 0,
    })
}

fn skip(kind: Kind, from: &mut StreamsReader<'_>, count: usize) -> Result<(), DecodeError> {
    match kind {
        Kind::String => skip_strings(from, count),
        _ => skip_integers(from, count),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::disk::checksum::FileIdentity;
    use crate::model::TimeUnit;

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

    fn group(columns: &[Vec<FieldValue>]) -> Vec<u8> {
        let mut builder = FieldGroupBuilder::default();
        for (number, values) in (7u32..).zip(columns) {
            let unit = TimeUnit::Nanoseconds;
            let stats = ColumnStats {
                count: values.len() as u32,
                min_ms: 5,
                max_ms: 9,
            };
            let series = RunSeries { number, unit };
            builder.push(values[0].kind(), series, &stats, TimesRef(3), values);
        }
        let mut packer = Packer::new().unwrap();
        let mut out = Vec::new();
        let header = builder.finish(FRAME, &mut packer, &mut out).unwrap();
        assert_eq!(header.unwrap().columns as usize, columns.len());
        let none = builder.finish(FRAME, &mut packer, &mut out).unwrap();
        assert_eq!(none, None);
        out
    }

    fn unpack(stored: &[u8], offset: u64) -> Result<FieldGroup, DecodeError> {
        let (header, contents) = GroupHeader::open(stored, FILE, offset)?;
        let Contents::Fields(kind) = header.contents else {
            panic!("{header:?}");
        };
        FieldGroup::unpack(kind, header, contents, &mut Unpacker::new().unwrap())
    }

    fn integers(column: &[i64]) -> Vec<FieldValue> {
        column.iter().copied().map(FieldValue::Integer).collect()
    }

    fn column() -> impl Strategy<Value = Vec<Vec<FieldValue>>> {
        let integer = prop_oneof![
            any::<i64>(),
            -3..3i64,
            Just(i64::MIN),
            Just(i64::MAX),
            Just((1 << 53) + 1)
        ];
        let integers = integer.prop_map(FieldValue::Integer).boxed();
        let booleans = any::<bool>().prop_map(FieldValue::Boolean).boxed();
        let text = prop_oneof![any::<String>(), "[ab]{0,2}", Just(String::new())];
        let strings = text.prop_map(|text| FieldValue::string(&text)).boxed();
        prop::sample::select(vec![integers, booleans, strings])
            .prop_flat_map(|value| prop::collection::vec(prop::collection::vec(value, 1..60), 1..5))
    }

    proptest! {
        #[test]
        fn columns_come_back(columns in column()) {
            let group = unpack(&group(&columns), 99).unwrap();
            prop_assert_eq!(group.table, 4);
            for (index, column) in (0u32..).zip(&columns) {
                let count = column.len() as u32;
                group.list().check(index, 7 + index, count, TimesRef(3)).unwrap();
                for (series, count, times) in [(6, count, 3), (8 + index, count, 3), (7 + index, count + 1, 3), (7 + index, count, 2)] {
                    prop_assert!(group.list().check(index, series, count, TimesRef(times)).is_err());
                }
                prop_assert_eq!(&group.decode(index).unwrap(), column);
            }
            prop_assert!(group.decode(columns.len() as u32).is_err());
        }
    }

    #[test]
    fn every_flipped_byte_and_another_place_are_damage() {
        let strings = ["up", "down", "up"].map(FieldValue::string).to_vec();
        for columns in [&[integers(&[1, 2, 4]), integers(&[7])][..], &[strings]] {
            let intact = group(columns);
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

    #[test]
    fn regular_columns_are_small() {
        let counter: Vec<i64> = (0..8_000).map(|i| (1 << 60) + i * 1_500).collect();
        assert!(group(&[integers(&counter)]).len() < 120);
        let states: Vec<FieldValue> = (0..8_000).map(|i| FieldValue::Boolean(i > 5_000)).collect();
        assert!(group(&[states]).len() < 120);
        let random = (0..8_000u32).map(|i| i.wrapping_mul(2_654_435_769) >> 31 == 1);
        let random: Vec<FieldValue> = random.map(FieldValue::Boolean).collect();
        let bytes = group(&[random]).len();
        assert!(bytes < 8_000 * 5 / 32, "{bytes} bytes of 8000 bits");
        let words = ["running", "stopped", "failed"];
        let words = (0..8_000usize).map(|i| FieldValue::string(words[i * i % 7 % 3]));
        assert!(group(&[words.collect()]).len() < 3_000);
    }

    #[test]
    fn a_column_ends_before_its_text_is_too_long() {
        let long = FieldValue::string(&"x".repeat(MAX_TEXT_BYTES));
        let short = FieldValue::string("y");
        assert_eq!(column_len(&[long.clone(), short.clone()]), 1);
        assert_eq!(column_len(&[short.clone(), long.clone()]), 1);
        assert_eq!(column_len(&[long]), 1);
        assert_eq!(column_len(&vec![short; MAX_SAMPLES + 1]), MAX_SAMPLES);
    }
}
