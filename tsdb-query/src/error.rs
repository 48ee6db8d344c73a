//! Why a query has no answer. The texts are those of Prometheus, because clients show and match them.

use std::fmt;

use crate::ast::Span;
use crate::parse::ParseError;
use crate::storage::StorageError;

/// A query failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum QueryError {
    /// The text is not PromQL.
    Parse(ParseError),
    /// The evaluation met something that PromQL forbids, such as two series with the same labels.
    Execution(String),
    /// The deadline passed.
    Timeout,
    /// The query was cancelled.
    Canceled,
    /// The query would hold more samples in memory than [`EngineOptions`](crate::EngineOptions) allows.
    TooManySamples,
    /// Everything in the process together holds as much memory as it may; the same query may succeed later.
    OutOfMemory {
        /// The limit in bytes.
        max: u64,
    },
    /// The query would take more memory than [`EngineOptions`](crate::EngineOptions) allows.
    TooManyBytes {
        /// [`EngineOptions::max_bytes`](crate::EngineOptions::max_bytes).
        max: u64,
    },
    /// PromQL has it, this engine does not yet.
    Unsupported {
        /// What is missing.
        feature: String,
        /// Where the query asks for it.
        span: Span,
    },
    /// The storage failed.
    Storage(StorageError),
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(e) => e.fmt(f),
            Self::Execution(message) => f.write_str(message),
            Self::Timeout => f.write_str("query timed out in expression evaluation"),
            Self::Canceled => f.write_str("query was canceled in expression evaluation"),
            Self::TooManySamples => f.write_str(
                "query processing would load too many samples into memory in query execution",
            ),
            Self::OutOfMemory { max } => write!(
                f,
                "the memory limit of {max} bytes is reached, try again later"
            ),
            Self::TooManyBytes { max } => {
                write!(
                    f,
                    "query processing would take more than the limit of {max} bytes of memory"
                )
            }
            Self::Unsupported { feature, .. } => write!(f, "{feature} is not supported"),
            Self::Storage(e) => write!(f, "expanding series: {e}"),
        }
    }
}

impl std::error::Error for QueryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Parse(e) => Some(e),
            Self::Storage(e) => Some(e),
            _ => None,
        }
    }
}

impl From<ParseError> for QueryError {
    fn from(e: ParseError) -> Self {
        Self::Parse(e)
    }
}

impl From<StorageError> for QueryError {
    fn from(e: StorageError) -> Self {
        Self::Storage(e)
    }
}
