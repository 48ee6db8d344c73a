//! The limits of connections and of requests before their bodies.

use std::time::Duration;

/// Bytes a second that a client takes or sends at the least, beyond its timeout.
pub(super) const MIN_RATE: f64 = 1024.0;

/// Each is a flag; zero is nowhere allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Connections at once.
    pub(crate) connections: usize,
    /// From the first byte of a request to the end of its head; also for a handshake of TLS.
    pub(crate) header_timeout: Duration,
    /// How long a body is waited for.
    pub(crate) body_timeout: Duration,
    /// How long nothing may be asked.
    pub(crate) idle_timeout: Duration,
    /// How long a client may not take its answer.
    pub(crate) write_timeout: Duration,
    /// Bytes of a request's target.
    pub(crate) uri_bytes: usize,
    /// Bytes of the names and values of all headers of a request.
    pub(crate) header_bytes: usize,
    /// Headers of a request.
    pub(crate) headers: usize,
    /// Streams of a connection of HTTP/2 at once.
    pub(crate) http2_streams: u32,
    /// Streams that a client opened and reset before they were looked at.
    pub(crate) http2_resets: usize,
}
