//! Bytes as the segments of a write-ahead log: recovery gives frames in order, and the same ones the next time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_core::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    // Up to four segments; the first three begin with their length.
    let mut rest = bytes;
    let mut segments = Vec::new();
    while segments.len() < 3
        && let Some((len, after)) = rest.split_first_chunk::<2>()
    {
        let len = usize::from(u16::from_le_bytes(*len)).min(after.len());
        let (segment, after) = after.split_at(len);
        segments.push(segment);
        rest = after;
    }
    segments.push(rest);
    if let Ok([first, second]) = fuzzing::recover_wal(&segments) {
        assert!(first.is_sorted_by(|a, b| a.0 <= b.0 && a.1 < b.1));
        assert_eq!(first, second);
    }
});
