//! PromQL: parser, checker and columnar evaluator over any storage that can select series.

mod annotations;
pub mod ast;
mod engine;
mod error;
mod exec;
pub mod functions;
pub mod parse;
mod plan;
mod storage;
mod value;
mod vector;

pub use engine::{Engine, EngineOptions, QueryOptions};
pub use error::QueryError;
pub use storage::{SeriesReader, Snapshot, Storage, StorageError};
pub use value::{
    MatrixSeries, QueryProgress, QueryResult, QueryStats, QueryValue, SampleCount, VectorSample,
};
