//! An embeddable time-series storage engine: Gorilla-compressed, WAL-backed and columnar.
//!
//! A [`Db`] is a directory, or memory. A [`WriteBatch`] of samples goes in with [`Db::write`], which returns once they
//! are durable; a [`Querier`] selects series by their labels and reads their samples. The crate is synchronous: it has no
//! async runtime, no HTTP and no global state, and any number of stores may be open in one process.
//!
//! ```no_run
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! # What is durable when
//!
//! With [`Durability::Always`], the default, a write is acknowledged after an `fdatasync` of the write-ahead log; writes
//! that come at the same time share one. Nothing acknowledged is lost by a crash of the process or of the machine.
//! [`Durability::Interval`] and [`Durability::Never`] acknowledge earlier, and name what a power loss may cost.
//! [`Db::submit`] returns before the write is durable, for callers that want to wait elsewhere: see [`Commit`].
//!
//! # What a reader sees
//!
//! All of a batch or nothing of it, whatever is being flushed or merged at the time; after [`Db::submit`] returned, the
//! next [`Db::querier`] sees the batch. It may see it before it is durable.
//!
//! # What is refused
//!
//! Sample by sample, in [`WriteReport::rejected`], while the others are kept: another value at a series' last time, a
//! time further ahead of the [`Clock`] than [`Options::future_limit`], and one older than [`Options::retention`]. Any
//! other age is accepted, in any order. The same sample twice is accepted and kept once. A native histogram must be
//! [valid](HistogramSample::validate), and a string no longer than [`MAX_STRING_BYTES`]. A time that the unit of the series has no
//! tick for is refused too: see [`SeriesBuilder::unit`].
//!
//! # Values
//!
//! Every bit of a float is kept: NaN payloads, the [staleness marker](is_stale), the sign of zero. Times are milliseconds
//! since the Unix epoch, or nanoseconds for a series that was first written so ([`TimeUnit`]). A series may hold native histograms beside floats ([`Value`]); a reader finds empty buckets in them
//! that others of the same chunk have, and of the hint of a counter reset only what the samples around tell. There are integers,
//! booleans and strings as well; [`Series::samples`] gives all as it was written, [`Series::read_into`] what PromQL shows.

mod budget;
mod codec;
mod compact;
mod db;
mod disk;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(test)]
mod golden;
mod head;
mod index;
mod io;
pub mod model;
mod options;
mod progress;
mod read;
mod retention;
mod slab;
mod stats;
mod store;
mod wal;

pub use budget::{MemoryBudget, MemoryUse, Reservation};
pub use codec::{DecodeError, EncodeError, EncodedChunk, decode_chunk, encode_chunks};
pub use db::Db;
pub use disk::{LossCause, LostRange};
pub use error::{Error, Result};
pub use model::*;
pub use options::{Clock, Durability, ManualClock, Options};
pub use progress::RecoveryProgress;
pub use read::{Querier, Samples, SamplesIter, SelectHints, Series, Snapshot};
pub use retention::{Retention, RetentionClass};
pub use stats::{Cardinality, Stats};
pub use store::{
    Commit, DamagedUnit, KnownSeries, LabelLimits, Part, RejectReason, Rejected, Rejection,
    SeriesLimits, SeriesMaker, SnapshotHead, VerifyReport, WriteReport, Writer,
};

/// The Rust in `README.md` compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
