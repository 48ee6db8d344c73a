//! Any bytes as a datagram of StatsD.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tsdb_server::fuzzing::statsd(bytes));
