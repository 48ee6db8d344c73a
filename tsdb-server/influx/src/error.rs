//! Errors of writes and statements.

use std::fmt;

/// What an operation on InfluxDB's model gives.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a write or a statement failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The client asked for something that is not there, not right or not supported; in InfluxDB's words.
    Query(String),
    /// There is no such database.
    DatabaseNotFound(String),
    /// There is no such retention policy.
    PolicyNotFound(String),
    /// The statement would need more of a resource than is allowed.
    Limit(String),
    /// It took too long.
    Timeout,
    /// The client went away, or someone ended the query.
    Canceled,
    /// The store refused or failed.
    Store(tsdb_core::Error),
    /// The file of the catalogue cannot be read or written.
    Catalog(std::io::Error),
}

impl Error {
    /// The client's fault.
    pub(crate) fn query(message: impl Into<String>) -> Self {
        Self::Query(message.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(message) | Self::Limit(message) => f.write_str(message),
            Self::DatabaseNotFound(name) => write!(f, "database not found: {name}"),
            Self::PolicyNotFound(name) => write!(f, "retention policy not found: {name}"),
            Self::Timeout => f.write_str("query-timeout limit exceeded"),
            Self::Canceled => f.write_str("query interrupted"),
            Self::Store(e) => e.fmt(f),
            Self::Catalog(e) => write!(f, "catalogue of databases: {e}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<tsdb_core::Error> for Error {
    fn from(e: tsdb_core::Error) -> Self {
        Self::Store(e)
    }
}
