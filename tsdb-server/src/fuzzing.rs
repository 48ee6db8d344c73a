//! What the fuzz targets reach that is not public; built for them alone.

use crate::{api, export, http, import, ingest};

/// A line of JSON as imports read it.
pub fn json_line(line: &[u8]) {
    import::fuzz_json_line(line);
}

/// The parts of a block of Prometheus: its symbols, a series, its tombstones.
pub fn block_parts(bytes: &[u8]) {
    import::fuzz_block_parts(bytes);
}

/// A request of OpenTelemetry metrics, in protobuf and in JSON.
pub fn otlp(bytes: &[u8]) {
    ingest::fuzz_otlp(bytes);
}

/// A decompressed request of remote write, of both versions.
pub fn remote_write(message: &[u8]) {
    ingest::fuzz_remote_write(message);
}

/// The parameters of a request, `a=b&c=d`, and what handlers read of them.
pub fn parameters(encoded: &[u8]) {
    api::params::fuzz(encoded);
}

/// A request of Datadog's `series`, in JSON and in protobuf.
pub fn datadog(bytes: &[u8]) {
    ingest::fuzz_datadog(bytes);
}

/// A datagram of StatsD.
pub fn statsd(datagram: &[u8]) {
    ingest::statsd::fuzz(datagram);
}

/// A decompressed request of remote read.
pub fn read_request(message: &[u8]) {
    export::fuzz_read_request(message);
}

/// The bytes of a connection, in two pieces, and their beginning as a path.
pub fn http(bytes: &[u8]) {
    http::fuzz(bytes);
}
