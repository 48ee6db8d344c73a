//! Bytes as a line of exported JSON, and as the parts of a block of Prometheus.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    tsdb_server::fuzzing::json_line(bytes);
    tsdb_server::fuzzing::block_parts(bytes);
});
