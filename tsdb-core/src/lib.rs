//! An embeddable time-series storage engine: Gorilla-compressed, WAL-backed and columnar.

mod codec;
mod compact;
mod db;
mod disk;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod head;
mod index;
mod io;
pub mod model;
mod options;
mod read;
mod stats;
mod store;
mod wal;

pub use db::Db;
pub use error::{Error, Result};
pub use model::*;
pub use options::{Clock, Durability, ManualClock, Options};
pub use read::{Querier, Samples, Series};
pub use stats::{Cardinality, Stats};
pub use store::{Commit, RejectReason, Rejected, Rejection, WriteReport};
