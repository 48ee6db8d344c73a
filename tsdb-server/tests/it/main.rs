//! The server from outside: through the router without a port, and as a process with one.
#![expect(clippy::unwrap_used, reason = "test code")]

mod grafana;
mod process;
mod reading;
mod support;
mod surface;
mod wire;
mod writing;
