//! Where the parts of an index in a file stand; drawn in `docs/format/index.md`.

use std::ops::Range;

use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;

/// First bytes of an index.
const MAGIC: [u8; 4] = *b"TSIX";
/// Bytes of the header: magic, six counts, four zeros.
pub(super) const HEADER_LEN: usize = 32;
/// Bytes of an entry of a table of offsets.
pub(super) const OFFSET_LEN: usize = 4;
/// Bytes of an entry of the table of label pairs: symbol of the name, symbol of the value, offset and number of its
/// postings.
pub(super) const PAIR_LEN: usize = 16;
/// Series whose records share a block: the first is whole, each of the others continues the one before it.
pub(super) const SERIES_PER_BLOCK: u32 = 16;
/// Symbols that share a block: the first is whole, each of the others continues the one before it.
pub(super) const SYMBOLS_PER_BLOCK: u32 = 16;

const _: () = assert!(HEADER_LEN == MAGIC.len() + 6 * size_of::<u32>() + 4);

/// What an index holds, as its header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) series: u32,
    pub(super) symbols: u32,
    pub(super) pairs: u32,
    pub(super) symbols_bytes: u32,
    pub(super) records_bytes: u32,
    pub(super) postings_bytes: u32,
}

/// The parts of an index, as ranges of its bytes. They follow each other in the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) counts: Counts,
    pub(super) record_offsets: Range<usize>,
    pub(super) pairs: Range<usize>,
    pub(super) block_offsets: Range<usize>,
    pub(super) symbols: Range<usize>,
    pub(super) records: Range<usize>,
    pub(super) postings: Range<usize>,
}

impl Counts {
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        out.extend(MAGIC);
        for count in self.fields() {
            out.extend(count.to_le_bytes());
        }
        out.extend([0; 4]);
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(bytes);
        if cursor.bytes(MAGIC.len())? != MAGIC {
            return Err(cursor.error("index does not begin with its magic"));
        }
        let counts = Self {
            series: cursor.u32()?,
            symbols: cursor.u32()?,
            pairs: cursor.u32()?,
            symbols_bytes: cursor.u32()?,
            records_bytes: cursor.u32()?,
            postings_bytes: cursor.u32()?,
        };
        if cursor.u32()? != 0 {
            return Err(cursor.error("index header has an unknown field"));
        }
        Ok(counts)
    }

    fn fields(&self) -> [u32; 6] {
        [
            self.series,
            self.symbols,
            self.pairs,
            self.symbols_bytes,
            self.records_bytes,
            self.postings_bytes,
        ]
    }

    /// The parts that follow the header; `None` when they are larger than memory can address.
    fn layout(self) -> Option<Layout> {
        let mut end = HEADER_LEN;
        let mut part = |count: u32, bytes_each: usize| {
            let start = end;
            end = start.checked_add(usize::try_from(count).ok()?.checked_mul(bytes_each)?)?;
            Some(start..end)
        };
        Some(Layout {
            counts: self,
            record_offsets: part(self.series.div_ceil(SERIES_PER_BLOCK), OFFSET_LEN)?,
            pairs: part(self.pairs, PAIR_LEN)?,
            block_offsets: part(self.symbols.div_ceil(SYMBOLS_PER_BLOCK), OFFSET_LEN)?,
            symbols: part(self.symbols_bytes, 1)?,
            records: part(self.records_bytes, 1)?,
            postings: part(self.postings_bytes, 1)?,
        })
    }
}

impl Layout {
    /// Reads the header; the parts it promises fill `bytes` exactly.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let layout = Counts::decode(bytes)?.layout();
        layout
            .filter(|layout| layout.postings.end == bytes.len())
            .ok_or(DecodeError {
                what: "parts of the index do not add up to its length",
                at: 0,
            })
    }
}

/// Entry `i` of a table of little-endian numbers.
#[inline]
pub(super) fn entry(table: &[u8], i: u32) -> Option<u32> {
    let start = usize::try_from(i).ok()?.checked_mul(OFFSET_LEN)?;
    let bytes = table.get(start..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

/// Item `i` of bytes that are cut by a table of start offsets; the last ends with the bytes.
#[inline]
pub(super) fn item<'a>(offsets: &[u8], bytes: &'a [u8], i: u32) -> Option<&'a [u8]> {
    let start = usize::try_from(entry(offsets, i)?).ok()?;
    let end = match entry(offsets, i.checked_add(1)?) {
        Some(next) => usize::try_from(next).ok()?,
        None => bytes.len(),
    };
    bytes.get(start..end)
}

/// Number of the first of `0..len` for which `before` is false, as [`slice::partition_point`] on what may be damaged.
pub(super) fn partition_point<E>(
    len: u32,
    mut before: impl FnMut(u32) -> Result<bool, E>,
) -> Result<u32, E> {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle)? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: Counts = Counts {
        series: 3,
        symbols: 17,
        pairs: 2,
        symbols_bytes: 40,
        records_bytes: 9,
        postings_bytes: 5,
    };

    #[test]
    fn header_round_trips_and_parts_follow_each_other() {
        let mut bytes = Vec::new();
        COUNTS.push(&mut bytes);
        assert_eq!(bytes.len(), HEADER_LEN);
        bytes.resize(32 + 4 + 32 + 8 + 40 + 9 + 5, 0);
        let layout = Layout::decode(&bytes).unwrap();
        assert_eq!(layout.counts, COUNTS);
        assert_eq!(layout.record_offsets, 32..36);
        assert_eq!(layout.block_offsets, 68..76);
        assert_eq!(layout.postings, 125..130);
        bytes.push(0);
        assert!(Layout::decode(&bytes).is_err());
    }

    #[test]
    fn items_end_where_the_next_begins() {
        let offsets: Vec<u8> = [0u32, 2, 2]
            .into_iter()
            .flat_map(u32::to_le_bytes)
            .collect();
        let items: Vec<_> = (0..4).map(|i| item(&offsets, b"abc", i)).collect();
        assert_eq!(items, [Some(&b"ab"[..]), Some(b""), Some(b"c"), None]);
        assert_eq!(item(&offsets, b"a", 0), None);
    }
}
