//! InfluxDB's line protocol: text into points, with InfluxDB 1.6's verdict on every line.
//!
//! ```text
//! measurement[,tag=value…] field=value[,field=value…] [timestamp]
//! ```
//!
//! * [`lines`] cuts a body into lines; a newline inside a quoted field value does not end one.
//! * [`Point::parse`] reads one line. What it accepts, and the words in which it refuses, are those of InfluxDB 1.6.7
//!   (`docs/influxdb.md`), with one difference: text that is not UTF-8 is refused. InfluxDB 2 takes unsigned integers too, see
//!   [`Dialect`].
//! * Nothing is copied unless it has an escape in it.

mod cursor;
mod dialect;
mod escape;
mod field;
mod point;
mod precision;
mod split;

pub use dialect::Dialect;
pub use field::FieldValue;
pub use point::{LineError, Point};
pub use precision::Precision;
pub use split::{LineEnd, lines};

pub(crate) use escape::escape_key;

#[cfg(test)]
mod tests;
