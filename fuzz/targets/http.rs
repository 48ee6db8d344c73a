//! Any bytes as those of a connection, before they are parsed as requests, and as a path.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tsdb_server::fuzzing::http(bytes));
