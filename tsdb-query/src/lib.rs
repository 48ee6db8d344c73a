//! PromQL: parser, checker and columnar evaluator over any storage that can select series.
#![forbid(unsafe_code)]

mod annotations;
pub mod ast;
mod engine;
mod error;
mod exec;
mod explain;
pub mod functions;
pub mod parse;
mod plan;
mod storage;
mod value;
mod vector;

pub use engine::{EachSeries, Engine, EngineOptions, QueryOptions, QueryTime};
pub use error::QueryError;
pub use explain::PlanNode;
pub use plan::selectors;
pub use storage::{SeriesReader, Snapshot, Storage, StorageError};
pub use value::{
    MatrixSeries, QueryProgress, QueryResult, QueryStats, QueryValue, SampleCount, VectorSample,
};
