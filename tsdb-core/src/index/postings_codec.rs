//! Postings lists in bytes: runs of ids that follow each other; the list of all series takes no bytes at all.
//!
//! ```text
//! run │ 2 · (first id − id after the run before) + (1 if it has several ids) <uvarint> │ ids − 2 <uvarint>, if several │
//! ```

use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::codec::varint::push_uvarint;

/// Appends a list of ids below `series`, strictly rising.
pub(crate) fn encode(ids: &[u32], series: u32, out: &mut Vec<u8>) {
    debug_assert!(ids.is_sorted_by(|a, b| a < b) && ids.last().is_none_or(|&id| id < series));
    if ids.len() == series as usize {
        return;
    }
    let mut least = 0;
    for run in ids.chunk_by(|&a, &b| a + 1 == b) {
        let (Some(&first), Some(&last)) = (run.first(), run.last()) else {
            continue;
        };
        let several = run.len() > 1;
        push_uvarint(out, u64::from(first - least) * 2 + u64::from(several));
        if several {
            push_uvarint(out, u64::from(last - first) - 1);
        }
        least = last + 1;
    }
}

/// The list of `count` ids below `series` that fills `bytes`, strictly rising.
///
/// # Errors
/// When the bytes are anything else.
pub(crate) fn decode(bytes: &[u8], count: u32, series: u32) -> Result<Vec<u32>, DecodeError> {
    let mut cursor = Cursor::new(bytes);
    if count == series && bytes.is_empty() {
        return Ok((0..series).collect());
    }
    if count > series {
        return Err(cursor.error("postings list has more series than there are"));
    }
    let mut ids = Vec::with_capacity(count as usize);
    let mut least = 0u64;
    while ids.len() < count as usize {
        let head = cursor.uvarint()?;
        let len = match head & 1 {
            0 => 1,
            _ => cursor.uvarint()?.saturating_add(2),
        };
        let first = least.saturating_add(head / 2);
        let end = first.saturating_add(len);
        let left = count as usize - ids.len();
        if end > u64::from(series) || len > left as u64 {
            return Err(cursor.error("postings list names a series that does not exist"));
        }
        ids.extend((first..end).map(|id| id as u32));
        least = end;
    }
    if !cursor.is_empty() {
        return Err(cursor.error("postings list ends before its bytes"));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_bytes() {
        let bytes = |ids: &[u32]| {
            let mut out = Vec::new();
            encode(ids, 1_000, &mut out);
            out
        };
        assert_eq!(bytes(&[0, 1, 3]), [1, 0, 2]);
        assert_eq!(bytes(&[300]), [0xd8, 0x04]);
        assert_eq!(bytes(&[7, 9, 10, 11, 12]), [14, 3, 2]);
        let mut all = Vec::new();
        encode(&[0, 1, 2], 3, &mut all);
        assert!(all.is_empty());
        assert_eq!(decode(&all, 3, 3), Ok(vec![0, 1, 2]));
        assert!(decode(&all, 2, 3).is_err());
    }

    proptest! {
        #[test]
        fn round_trip(ids in prop::collection::btree_set(0u32..5_000, 0..200), more in 1u32..9) {
            let ids: Vec<u32> = ids.into_iter().collect();
            let series = ids.last().map_or(more, |&id| id.saturating_add(more));
            let mut out = Vec::new();
            encode(&ids, series, &mut out);
            prop_assert_eq!(decode(&out, ids.len() as u32, series), Ok(ids));
        }

        #[test]
        fn arbitrary_bytes_give_an_error_or_a_rising_list(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            count in 0u32..50,
            series: u32,
        ) {
            if let Ok(ids) = decode(&bytes, count, series % 1_000 + 100) {
                prop_assert_eq!(ids.len(), count as usize);
                prop_assert!(ids.is_sorted_by(|a, b| a < b));
            }
        }
    }
}
