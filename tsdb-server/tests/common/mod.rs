//! What the test binaries share: programs that end with the test, requests over TCP, the wire format of Prometheus.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod http;
pub(crate) mod https;
pub(crate) mod process;
pub(crate) mod protobuf;
pub(crate) mod remote_read;
pub(crate) mod wire;

/// A snappy block.
pub(crate) fn compress(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}
