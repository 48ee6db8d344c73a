//! Bytes as a decompressed request of remote write, of both versions: by a store that was sent it before, and by one that was not.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tsdb_server::fuzzing::remote_write(bytes));
