//! The write-ahead log: what is acknowledged is in it, until a run on disk holds it. Format: `docs/format/wal.md`.
//!
//! * A *record* is the outcome of one batch; a *frame* gives it a sequence number and checksums; a *segment* is a file of
//!   frames of one generation.
//! * Sequence numbers are consecutive over the whole store, in the order of [`Wal::append`]. A frame whose number is at
//!   or below the durable horizon is on disk; the number is never given to other contents.
//! * One thread writes. After a failed write it cuts the file back, keeps what was not written and tries again in a new
//!   segment; after a failed fsync nothing is acknowledged until the store is opened anew.
//! * A mark beside the segments says how far the log is durable, so that a log that was cut short is told from a torn tail.
//! * One reader serves recovery and verification. It takes any bytes.

mod file;
mod frame;
mod mark;
mod plan;
mod queue;
mod reader;
mod record;
mod scan;
mod segment;
mod shared;
mod starts;
mod thread;
mod tickets;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use frame::Frame;
pub(crate) use plan::Damage;
pub(crate) use reader::{identity_in_headers, read, recover};
#[cfg(any(test, fuzzing))]
pub(crate) use record::PairNumbers;
pub(crate) use record::{DefinedSeries, RecordBuilder, RecordItem, read_definitions, read_record};
pub(crate) use scan::Frames;
pub(crate) use writer::{LogPosition, Wal};
