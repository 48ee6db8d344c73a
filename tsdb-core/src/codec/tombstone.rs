//! A tombstone in bytes, as it stands in the log and in the file of tombstones; drawn in `docs/format/store.md`.

use super::DecodeError;
use super::cursor::Cursor;
use super::varint::push_uvarint;
use crate::model::{MatchOp, Matcher, TimeRange, TimeUnit, Tombstone};

/// Appends a tombstone.
pub(crate) fn push_tombstone(out: &mut Vec<u8>, tombstone: &Tombstone) {
    push_uvarint(out, tombstone.number);
    out.push(tombstone.unit as u8);
    out.extend(tombstone.range.start_ms.to_le_bytes());
    out.extend(tombstone.range.end_ms.to_le_bytes());
    push_selectors(out, tombstone.selectors.iter().map(|matchers| &**matchers));
}

/// Appends lists of matchers.
pub(crate) fn push_selectors<'a>(
    out: &mut Vec<u8>,
    selectors: impl ExactSizeIterator<Item = &'a [Matcher]>,
) {
    push_uvarint(out, selectors.len() as u64);
    for matchers in selectors {
        push_uvarint(out, matchers.len() as u64);
        for matcher in matchers {
            out.push(op_to_u8(matcher.op()));
            for text in [matcher.name(), matcher.value()] {
                push_uvarint(out, text.len() as u64);
                out.extend(text.as_bytes());
            }
        }
    }
}

/// Reads what [`push_tombstone`] wrote.
///
/// # Errors
/// When the bytes are not a tombstone: also for an empty range and a pattern that does not compile.
pub(crate) fn read_tombstone(cursor: &mut Cursor<'_>) -> Result<Tombstone, DecodeError> {
    let number = cursor.uvarint()?;
    let unit = TimeUnit::from_u8(cursor.u8()?);
    let unit = unit.ok_or_else(|| cursor.error("unknown unit of a tombstone"))?;
    let range = TimeRange::new(cursor.i64()?, cursor.i64()?);
    if range.is_empty() {
        return Err(cursor.error("range of a tombstone is empty"));
    }
    let count = cursor.count(cursor.remaining())?;
    let mut selectors = Vec::new();
    for _ in 0..count {
        let count = cursor.count(cursor.remaining())?;
        let matchers = (0..count).map(|_| read_matcher(cursor));
        selectors.push(matchers.collect::<Result<_, _>>()?);
    }
    Ok(Tombstone {
        number,
        range,
        unit,
        selectors,
    })
}

fn read_matcher(cursor: &mut Cursor<'_>) -> Result<Matcher, DecodeError> {
    let op = match cursor.u8()? {
        0 => MatchOp::Equal,
        1 => MatchOp::NotEqual,
        2 => MatchOp::Regex,
        3 => MatchOp::NotRegex,
        _ => return Err(cursor.error("unknown operator of a matcher")),
    };
    let len = cursor.count(cursor.remaining())?;
    let name = cursor.str(len)?;
    let len = cursor.count(cursor.remaining())?;
    let value = cursor.str(len)?;
    Matcher::new(op, name, value).map_err(|_| cursor.error("pattern does not compile"))
}

fn op_to_u8(op: MatchOp) -> u8 {
    match op {
        MatchOp::Equal => 0,
        MatchOp::NotEqual => 1,
        MatchOp::Regex => 2,
        MatchOp::NotRegex => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_and_no_part_of_it_reads() {
        let matcher = |op, name, value| Matcher::new(op, name, value).unwrap();
        let tombstone = Tombstone {
            number: 300,
            range: TimeRange::new(i64::MIN, -1),
            unit: TimeUnit::Nanoseconds,
            selectors: vec![
                vec![
                    matcher(MatchOp::Equal, "job", "höhe"),
                    matcher(MatchOp::NotRegex, "a", ".+|b"),
                ],
                Vec::new(),
                vec![
                    matcher(MatchOp::NotEqual, "x", ""),
                    matcher(MatchOp::Regex, "__name__", "up.*"),
                ],
            ],
        };
        let mut bytes = Vec::new();
        push_tombstone(&mut bytes, &tombstone);
        let mut cursor = Cursor::new(&bytes);
        assert_eq!(read_tombstone(&mut cursor), Ok(tombstone));
        assert!(cursor.is_empty());
        for len in 0..bytes.len() {
            assert!(
                read_tombstone(&mut Cursor::new(&bytes[..len])).is_err(),
                "{len} bytes"
            );
        }
    }

    #[test]
    fn what_could_not_be_written_is_an_error() {
        for (op, value) in [(4, "a"), (2, "(")] {
            let mut bytes = vec![1, 1];
            bytes.extend([0; 16]);
            bytes.extend([1, 1, op, 1, b'a', 1]);
            bytes.extend(value.as_bytes());
            assert!(
                read_tombstone(&mut Cursor::new(&bytes)).is_err(),
                "{op} {value}"
            );
        }
        let mut unknown = vec![1, 3];
        unknown.extend([0; 17]);
        assert!(read_tombstone(&mut Cursor::new(&unknown)).is_err());
        let mut reversed = vec![1, 1];
        reversed.extend(1i64.to_le_bytes());
        reversed.extend(0i64.to_le_bytes());
        reversed.push(0);
        assert!(read_tombstone(&mut Cursor::new(&reversed)).is_err());
    }
}
