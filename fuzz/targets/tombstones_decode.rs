//! Bytes as a file of tombstones, its checksum left out: an error, or tombstones in order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_core::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(numbers) = fuzzing::decode_tombstones(bytes) {
        assert!(numbers.is_sorted_by(|a, b| a < b));
    }
});
