//! The server from outside: through the router without a port, and as a process with one.
#![expect(clippy::unwrap_used, reason = "test code")]

mod access;
mod answers;
mod bounds;
#[path = "../common/mod.rs"]
mod common;
mod datadog;
mod deleting;
mod endpoints;
mod exemplars;
mod export;
mod faults;
mod fields;
mod ha;
mod import;
mod import_files;
mod influx;
mod limits;
mod otlp;
mod process;
mod queries;
mod reading;
mod recorded;
mod remote_read;
mod serving;
mod statsd;
mod support;
mod surface;
mod tls;
mod writing;
