//! PromQL: parser, checker and columnar evaluator over any storage that can select series.

pub mod ast;
pub mod functions;
mod storage;

pub use storage::{SeriesReader, Storage, StorageError};
