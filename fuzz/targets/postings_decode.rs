//! Bytes as a postings list: an error, or a list that encodes and decodes to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_core::fuzzing;

fuzz_target!(|input: (u8, u16, &[u8])| {
    let (count, series, bytes) = input;
    let (count, series) = (u32::from(count), u32::from(series));
    if let Ok(ids) = fuzzing::decode_postings(bytes, count, series) {
        assert_eq!(ids.len(), count as usize);
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(ids.iter().all(|&id| id < series));
        let encoded = fuzzing::encode_postings(&ids, series);
        assert_eq!(fuzzing::decode_postings(&encoded, count, series), Ok(ids));
    }
});
