//! InfluxDB's data model over a [`tsdb_core::Db`]: databases with retention policies, points with tags and typed
//! fields, and InfluxQL to ask for them. Synchronous, without HTTP.
//!
//! [`Influx`] is the handle. Points come in by [`Influx::write`], as [`line`](mod@line) reads them; statements, as [`influxql`]
//! reads them, are executed by [`Influx::execute`]; [`Influx::expire`] is to be called now and then. Every field of a series is a series of the store, which PromQL sees
//! too (`docs/influxdb.md`).
#![forbid(unsafe_code)]

mod catalog;
mod error;
mod exec;
mod expire;
mod handle;
pub mod influxql;
pub mod line;
mod mapping;
mod pattern;
mod store;
mod value;
mod write;

pub use error::{Error, Result};
pub use exec::{Limits, Message, Outcome, Row, Session};
pub use handle::Influx;
pub use line::Precision;
pub use value::{FieldType, Value};
pub use write::{Refusal, Target};

/// The earliest time that a point can have, in nanoseconds since the Unix epoch: InfluxDB's.
pub const MIN_TIME_NS: i64 = i64::MIN + 2;
/// The latest time that a point can have, in nanoseconds since the Unix epoch: InfluxDB's.
pub const MAX_TIME_NS: i64 = i64::MAX - 1;
