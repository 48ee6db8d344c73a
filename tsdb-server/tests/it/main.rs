//! The server from outside: through the router without a port, and as a process with one.
#![expect(clippy::unwrap_used, reason = "test code")]

#[path = "../common/mod.rs"]
mod common;
mod deleting;
mod grafana;
mod process;
mod queries;
mod reading;
mod support;
mod surface;
mod writing;
