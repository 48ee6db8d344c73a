//! PromQL: parser, checker and columnar evaluator over any storage that can select series.

pub mod ast;
mod engine;
mod error;
pub mod functions;
pub mod parse;
mod storage;
mod value;

pub use engine::{Engine, EngineOptions, QueryOptions};
pub use error::QueryError;
pub use storage::{SeriesReader, Storage, StorageError};
pub use value::{MatrixSeries, QueryResult, QueryStats, QueryValue, VectorSample};
