//! The engine: takes a query as text, gives its value.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use tsdb_core::MemoryBudget;

use crate::ast::{Expr, ValueType};
use crate::error::QueryError;
use crate::exec::{Context, Limits};
use crate::parse::{self, ParseError, ParseOptions};
use crate::plan::{
    DEEP_STACK_BYTES, Kind, Query, QueryTimes, SHALLOW, evaluate, height, selectors,
};
use crate::storage::Storage;
use crate::value::{QueryProgress, QueryResult};

/// What holds for every query of an [`Engine`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineOptions {
    /// How far an instant selector looks back for a sample, in milliseconds. Default 5 minutes.
    pub lookback_ms: i64,
    /// How many samples a query may hold in memory at once. Default 50 million.
    pub max_samples: u64,
    /// How many bytes of memory a query may hold at once, by an estimate: 16 for each sample, and the labels of the series that it
    /// selects or makes. Default 2 GiB.
    pub max_bytes: u64,
    /// Step of a subquery without one, in milliseconds. Default 1 minute.
    pub default_subquery_step_ms: i64,
    /// Whether metric names are dropped at the end of a query only, so that functions see them until then: Prometheus's
    /// feature flag `promql-delayed-name-removal`. Default false.
    pub delayed_name_removal: bool,
    /// Whether the times at which counters began to count say that they were reset, and `start_timestamp` gives them: Prometheus's
    /// feature flag `use-start-timestamps`. Default false.
    pub use_start_timestamps: bool,
    /// Whether `rate` and `increase` tell a counter by its label `__type__` rather than by its name: Prometheus's feature flag
    /// `type-and-unit-labels`. Default false.
    pub type_and_unit_labels: bool,
    /// What the parser accepts.
    pub parse: ParseOptions,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lookback_ms: 300_000,
            max_samples: 50_000_000,
            max_bytes: 2 << 30,
            default_subquery_step_ms: 60_000,
            delayed_name_removal: false,
            use_start_timestamps: false,
            type_and_unit_labels: false,
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
    /// Where to tell how far the query is.
    pub progress: Option<Arc<QueryProgress>>,
    /// The budget that the memory of the query is taken from, beside [`EngineOptions::max_bytes`].
    pub memory: Option<MemoryBudget>,
    /// Whether [`QueryStats::samples_per_step`](crate::QueryStats::samples_per_step) is wanted. Default false.
    pub per_step_stats: bool,
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
        let begun = Instant::now();
        let expr = parse::parse(query, &self.options.parse)?;
        let times = QueryTimes {
            start_ms: t_ms,
            end_ms: t_ms,
            step_ms: 0,
        };
        let query = self.query(query, &expr, Kind::Instant, times);
        self.evaluate(storage, &query, options, begun)
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
        if step_ms <= 0 {
            return Err(QueryError::Execution(
                "the step of a range query must be positive".to_owned(),
            ));
        }
        let begun = Instant::now();
        let expr = parse::parse(query, &self.options.parse)?;
        let ty = expr.value_type();
        if !matches!(ty, ValueType::Scalar | ValueType::Vector) {
            return Err(QueryError::Parse(ParseError {
                message: format!(
                    "invalid expression type {:?} for range query, must be Scalar or instant Vector",
                    ty.documented()
                ),
                span: expr.span(),
            }));
        }
        let times = QueryTimes {
            start_ms,
            end_ms,
            step_ms,
        };
        let query = self.query(query, &expr, Kind::Range, times);
        self.evaluate(storage, &query, options, begun)
    }

    fn query<'a>(&self, text: &'a str, expr: &'a Expr, kind: Kind, times: QueryTimes) -> Query<'a> {
        Query {
            expr,
            text,
            kind,
            times,
            subquery_step_ms: self.options.default_subquery_step_ms,
        }
    }

    fn evaluate(
        &self,
        storage: &dyn Storage,
        query: &Query<'_>,
        options: &QueryOptions,
        begun: Instant,
    ) -> Result<QueryResult, QueryError> {
        let limits = Limits {
            lookback_ms: options.lookback_ms.unwrap_or(self.options.lookback_ms),
            max_samples: self.options.max_samples,
            max_bytes: self.options.max_bytes,
            memory: options.memory.clone(),
            progress: options.progress.clone(),
            deadline: options.deadline,
            cancel: options.cancel.clone(),
            delayed_name_removal: self.options.delayed_name_removal,
            use_start_timestamps: self.options.use_start_timestamps,
            type_and_unit_labels: self.options.type_and_unit_labels,
        };
        let run = || run(query, storage, limits, options.per_step_stats, begun);
        if height(query.expr) <= SHALLOW {
            return run();
        }
        // The caller's stack may be too small.
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new()
                .name("deep query".to_owned())
                .stack_size(DEEP_STACK_BYTES)
                .spawn_scoped(scope, run)
                .map_err(|e| QueryError::Execution(format!("no thread for a deep query: {e}")))?;
            match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

fn run(
    query: &Query<'_>,
    storage: &dyn Storage,
    limits: Limits,
    per_step_stats: bool,
    begun: Instant,
) -> Result<QueryResult, QueryError> {
    let cx = Context::new(limits);
    let grid = query.grid();
    if per_step_stats {
        cx.count_steps(grid)?;
    }
    let snapshot = storage.snapshot(&selectors(query.expr))?;
    let value = evaluate(query, &*snapshot, &cx)?;
    let stats = cx.stats(grid, begun);
    let (mut warnings, infos) = cx.annotations.into_inner().into_texts(query.text);
    warnings.extend(snapshot.warnings());
    Ok(QueryResult {
        value,
        warnings,
        infos,
        stats,
    })
}
