//! Bytes as a request of remote read.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tsdb_server::fuzzing::read_request(bytes));
