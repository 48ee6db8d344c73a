//! Any bytes as a request of Datadog's `series`, in JSON and in protobuf.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tsdb_server::fuzzing::datadog(bytes));
