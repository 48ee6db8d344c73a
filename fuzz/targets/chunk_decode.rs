//! Bytes as a float chunk: an error, or samples that encode and decode to themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_core::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(samples) = fuzzing::decode_chunk(bytes) {
        let encoded = fuzzing::encode_chunk(&samples);
        assert_eq!(fuzzing::decode_chunk(&encoded).as_ref(), Ok(&samples));
    }
});
