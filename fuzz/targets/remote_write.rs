//! Bytes as a decompressed request of remote write, of both versions.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tsdb_server::fuzzing::remote_write(bytes));
