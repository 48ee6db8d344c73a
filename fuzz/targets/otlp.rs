//! Any bytes as a request of OpenTelemetry metrics, in protobuf and in JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tsdb_server::fuzzing::otlp(bytes));
