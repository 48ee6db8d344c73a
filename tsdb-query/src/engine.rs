//! The engine: takes a query as text, gives its value.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::ast::Span;
use crate::error::QueryError;
use crate::parse::{self, ParseOptions};
use crate::storage::Storage;
use crate::value::QueryResult;

/// What holds for every query of an [`Engine`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineOptions {
    /// How far an instant selector looks back for a sample, in milliseconds. Default 5 minutes.
    pub lookback_ms: i64,
    /// How many samples a query may hold in memory at once. Default 50 million.
    pub max_samples: u64,
    /// Step of a subquery without one, in milliseconds. Default 1 minute.
    pub default_subquery_step_ms: i64,
    /// What the parser accepts.
    pub parse: ParseOptions,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lookback_ms: 300_000,
            max_samples: 50_000_000,
            default_subquery_step_ms: 60_000,
            parse: ParseOptions::default(),
        }
    }
}

/// What holds for one query.
#[derive(Clone, Debug, Default)]
pub struct QueryOptions {
    /// Overrides [`EngineOptions::lookback_ms`].
    pub lookback_ms: Option<i64>,
    /// When to give up with [`QueryError::Timeout`].
    pub deadline: Option<Instant>,
    /// Set to true to end the query with [`QueryError::Canceled`].
    pub cancel: Option<Arc<AtomicBool>>,
}

/// Evaluates PromQL over any [`Storage`]. Holds no state between queries.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    options: EngineOptions,
}

impl Engine {
    /// An engine with these options.
    #[must_use]
    pub fn new(options: EngineOptions) -> Self {
        Self { options }
    }

    /// Its options.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Evaluates `query` at the time `t_ms`.
    ///
    /// # Errors
    /// [`QueryError`]; see its variants.
    pub fn instant(
        &self,
        storage: &dyn Storage,
        query: &str,
        t_ms: i64,
        options: &QueryOptions,
    ) -> Result<QueryResult, QueryError> {
        let _ = (storage, t_ms, options);
        parse::parse(query, &self.options.parse)?;
        Err(QueryError::Unsupported {
            feature: "evaluation".into(),
            span: Span::default(),
        })
    }

    /// Evaluates `query` at `start_ms`, `start_ms + step_ms`, … up to and including `end_ms`.
    ///
    /// # Errors
    /// [`QueryError`]; [`QueryError::Execution`] also when `step_ms` is not positive.
    pub fn range(
        &self,
        storage: &dyn Storage,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
        options: &QueryOptions,
    ) -> Result<QueryResult, QueryError> {
        let _ = (storage, start_ms, end_ms, step_ms, options);
        parse::parse(query, &self.options.parse)?;
        Err(QueryError::Unsupported {
            feature: "evaluation".into(),
            span: Span::default(),
        })
    }
}
