//! An embeddable time-series storage engine: Gorilla-compressed, WAL-backed and columnar.

mod codec;
mod compact;
mod disk;
mod error;
mod head;
mod index;
mod io;
pub mod model;
mod read;
mod store;
mod wal;

pub use error::{Error, Result};
pub use model::*;
