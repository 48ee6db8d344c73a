//! Bytes as a chunk of integers, booleans or strings: an error, or samples that encode and decode to themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_core::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    if let Some((kind, bytes)) = bytes.split_first()
        && bytes.len() <= usize::from(u16::MAX)
        && let Ok([again, samples]) = fuzzing::recode_field_chunk(4 + kind % 3, bytes)
    {
        assert_eq!(again, samples);
    }
});
