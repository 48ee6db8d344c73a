//! Flags of connections, and of requests before their bodies.

use std::time::Duration;

use clap::Args;

use super::Config;
use crate::duration;
use crate::http::Bounds;

/// Flags of connections, and of requests before their bodies.
#[derive(Clone, Debug, Args)]
pub struct ConnectionFlags {
    /// Connections at once. One more takes the place of the one that has asked nothing for the longest time; if all are
    /// at work, it gets 503.
    #[arg(
        long = "web.max-connections",
        value_name = "N",
        env = "TSDB_WEB_MAX_CONNECTIONS",
        default_value_t = 512
    )]
    pub max_connections: usize,

    /// How long a connection may be open without a request.
    #[arg(long = "web.idle-timeout", value_name = "DURATION", env = "TSDB_WEB_IDLE_TIMEOUT", default_value = "5m", value_parser = duration::parse)]
    pub idle_timeout: Duration,

    /// The longest that the head of a request takes from its first byte, or a handshake of TLS.
    #[arg(long = "web.header-timeout", value_name = "DURATION", env = "TSDB_WEB_HEADER_TIMEOUT", default_value = "10s", value_parser = duration::parse)]
    pub header_timeout: Duration,

    /// How long a body is waited for in all; each KiB that comes gives a second back.
    #[arg(long = "web.body-timeout", value_name = "DURATION", env = "TSDB_WEB_BODY_TIMEOUT", default_value = "30s", value_parser = duration::parse)]
    pub body_timeout: Duration,

    /// The longest that an import takes; the rest of a longer one may be sent in another.
    #[arg(long = "web.import-timeout", value_name = "DURATION", env = "TSDB_WEB_IMPORT_TIMEOUT", default_value = "1h", value_parser = duration::parse)]
    pub import_timeout: Duration,

    /// How long a client may not take its answer in all; each KiB that it takes gives a second back.
    #[arg(long = "web.write-timeout", value_name = "DURATION", env = "TSDB_WEB_WRITE_TIMEOUT", default_value = "30s", value_parser = duration::parse)]
    pub write_timeout: Duration,

    /// The longest URL, in bytes, from the path on.
    #[arg(
        long = "web.max-uri-bytes",
        value_name = "BYTES",
        env = "TSDB_WEB_MAX_URI_BYTES",
        default_value_t = 32 << 10
    )]
    pub max_uri_bytes: usize,

    /// Bytes of all headers of a request.
    #[arg(
        long = "web.max-header-bytes",
        value_name = "BYTES",
        env = "TSDB_WEB_MAX_HEADER_BYTES",
        default_value_t = 32 << 10
    )]
    pub max_header_bytes: usize,

    /// Headers of a request.
    #[arg(
        long = "web.max-headers",
        value_name = "N",
        env = "TSDB_WEB_MAX_HEADERS",
        default_value_t = 100
    )]
    pub max_headers: usize,

    /// Requests at once in a connection of HTTP/2.
    #[arg(
        long = "web.http2.max-streams",
        value_name = "N",
        env = "TSDB_WEB_HTTP2_MAX_STREAMS",
        default_value_t = 100
    )]
    pub http2_max_streams: u32,

    /// Requests of a connection of HTTP/2 that the client took back before they were looked at; one more ends it.
    #[arg(
        long = "web.http2.max-resets",
        value_name = "N",
        env = "TSDB_WEB_HTTP2_MAX_RESETS",
        default_value_t = 20
    )]
    pub http2_max_resets: usize,
}

/// Longer URLs are not parsed.
const MAX_URI_BYTES: usize = 65_534;

/// The most headers and their most bytes: what a connection may take of memory stays small.
const MAX_HEADERS: usize = 10_000;
const MAX_HEADER_BYTES: usize = 1 << 20;

impl ConnectionFlags {
    /// # Errors
    /// What is wrong, naming the flag.
    pub(super) fn check(&self) -> Result<(), String> {
        let timeouts = [
            self.idle_timeout,
            self.header_timeout,
            self.body_timeout,
            self.import_timeout,
            self.write_timeout,
        ];
        if timeouts.iter().any(Duration::is_zero) {
            return Err(
                "--web.idle-timeout, --web.header-timeout, --web.body-timeout, --web.import-timeout and --web.write-timeout must be positive"
                    .into(),
            );
        }
        if self.max_connections == 0 || self.http2_max_streams == 0 || self.http2_max_resets == 0 {
            return Err(
                "--web.max-connections, --web.http2.max-streams and --web.http2.max-resets must be positive"
                    .into(),
            );
        }
        for (name, value, most) in [
            ("web.max-uri-bytes", self.max_uri_bytes, MAX_URI_BYTES),
            (
                "web.max-header-bytes",
                self.max_header_bytes,
                MAX_HEADER_BYTES,
            ),
            ("web.max-headers", self.max_headers, MAX_HEADERS),
        ] {
            if !(1..=most).contains(&value) {
                return Err(format!("--{name} must be from 1 to {most}"));
            }
        }
        Ok(())
    }

    /// Flags and their values.
    pub(super) fn flags(&self) -> [(&'static str, String); 11] {
        [
            ("web.body-timeout", duration::format(self.body_timeout)),
            ("web.header-timeout", duration::format(self.header_timeout)),
            ("web.http2.max-resets", self.http2_max_resets.to_string()),
            ("web.http2.max-streams", self.http2_max_streams.to_string()),
            ("web.idle-timeout", duration::format(self.idle_timeout)),
            ("web.import-timeout", duration::format(self.import_timeout)),
            ("web.max-connections", self.max_connections.to_string()),
            ("web.max-header-bytes", self.max_header_bytes.to_string()),
            ("web.max-headers", self.max_headers.to_string()),
            ("web.max-uri-bytes", self.max_uri_bytes.to_string()),
            ("web.write-timeout", duration::format(self.write_timeout)),
        ]
    }
}

impl Config {
    /// Limits of connections.
    pub(crate) fn bounds(&self) -> Bounds {
        let flags = &self.connections;
        Bounds {
            connections: flags.max_connections,
            header_timeout: flags.header_timeout,
            body_timeout: flags.body_timeout,
            idle_timeout: flags.idle_timeout,
            write_timeout: flags.write_timeout,
            uri_bytes: flags.max_uri_bytes,
            header_bytes: flags.max_header_bytes,
            headers: flags.max_headers,
            http2_streams: flags.http2_max_streams,
            http2_resets: flags.http2_max_resets,
        }
    }
}
