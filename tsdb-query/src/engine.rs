//! The engine: takes a query as text, gives its value.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use tsdb_core::MemoryBudget;

use crate::ast::{Expr, ValueType};
use crate::error::QueryError;
use crate::exec::{Context, Cores, Limits};
use crate::parse::{self, ParseError, ParseOptions};
use crate::plan::{
    Kind, Query, QueryTimes, SHALLOW, STACK_BYTES_PER_LEVEL, evaluate, height, selectors,
};
use crate::storage::Storage;
use crate::value::{MatrixSeries, QueryProgress, QueryResult, QueryValue};

/// What holds for every query of an [`Engine`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineOptions {
    /// How far an instant selector looks back for a sample, in milliseconds. Default 5 minutes.
    pub lookback_ms: i64,
    /// How many samples a query may hold in memory at once. Default 50 million.
    pub max_samples: u64,
    /// How many bytes of memory a query may hold at once, by an estimate: 16 for each sample, the labels of the series that it
    /// selects or makes, and what operators and windows keep. Default 384 MiB.
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
    /// How many threads all queries use together: a large query reads its series with as many as the others leave, and every
    /// query has one. Default: as many as the machine has cores.
    pub threads: usize,
    /// What the parser accepts.
    pub parse: ParseOptions,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lookback_ms: 300_000,
            max_samples: 50_000_000,
            max_bytes: 384 << 20,
            default_subquery_step_ms: 60_000,
            delayed_name_removal: false,
            use_start_timestamps: false,
            type_and_unit_labels: false,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
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
    /// Whether [`QueryResult::plan`] is wanted: what each part of the query costs. Default false.
    pub explain: bool,
}

/// When a query is evaluated, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryTime {
    /// Once.
    At(i64),
    /// From the start on at every step up to the end, which may be one.
    Steps {
        /// The first step.
        start_ms: i64,
        /// No step is later.
        end_ms: i64,
        /// Between two steps.
        step_ms: i64,
    },
}

/// Takes the series of a matrix.
pub type EachSeries<'e> = dyn FnMut(MatrixSeries) -> Result<(), QueryError> + Send + 'e;

/// Evaluates PromQL over any [`Storage`]. Holds no state between queries; its clones share their threads.
#[derive(Clone, Debug)]
pub struct Engine {
    options: EngineOptions,
    cores: Cores,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(EngineOptions::default())
    }
}

impl Engine {
    /// An engine with these options.
    #[must_use]
    pub fn new(options: EngineOptions) -> Self {
        Self {
            cores: Cores::new(options.threads),
            options,
        }
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
        self.collect(storage, query, QueryTime::At(t_ms), options)
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
        let time = QueryTime::Steps {
            start_ms,
            end_ms,
            step_ms,
        };
        self.collect(storage, query, time, options)
    }

    /// Evaluates `query` and gives the series of a matrix to `each`, one by one in their order; the matrix of the result is
    /// empty then. Of a range selector one series is in memory at a time: the others are read when their turn has come, so
    /// that an error may come after series; [`EngineOptions::max_samples`] counts them as if all were held. Any other value is
    /// in the result.
    ///
    /// # Errors
    /// [`QueryError`], also what `each` returns.
    pub fn stream(
        &self,
        storage: &dyn Storage,
        query: &str,
        time: QueryTime,
        options: &QueryOptions,
        each: &mut EachSeries<'_>,
    ) -> Result<QueryResult, QueryError> {
        self.run(storage, query, time, options, each)
    }

    fn collect(
        &self,
        storage: &dyn Storage,
        query: &str,
        time: QueryTime,
        options: &QueryOptions,
    ) -> Result<QueryResult, QueryError> {
        let mut series = Vec::new();
        let mut each = |s: MatrixSeries| {
            series.push(s);
            Ok(())
        };
        let mut result = self.run(storage, query, time, options, &mut each)?;
        if let QueryValue::Matrix(matrix) = &mut result.value {
            *matrix = series;
        }
        Ok(result)
    }

    fn run(
        &self,
        storage: &dyn Storage,
        query: &str,
        time: QueryTime,
        options: &QueryOptions,
        each: &mut EachSeries<'_>,
    ) -> Result<QueryResult, QueryError> {
        let begun = Instant::now();
        let _busy = self.cores.enter();
        let (kind, times) = match time {
            QueryTime::At(t_ms) => (Kind::Instant, QueryTimes::instant(t_ms)),
            QueryTime::Steps { step_ms, .. } if step_ms <= 0 => {
                return Err(QueryError::Execution(
                    "the step of a range query must be positive".to_owned(),
                ));
            }
            QueryTime::Steps {
                start_ms,
                end_ms,
                step_ms,
            } => {
                let times = QueryTimes {
                    start_ms,
                    end_ms,
                    step_ms,
                };
                (Kind::Range, times)
            }
        };
        let expr = parse::parse(query, &self.options.parse)?;
        let ty = expr.value_type();
        if kind == Kind::Range && !matches!(ty, ValueType::Scalar | ValueType::Vector) {
            return Err(QueryError::Parse(ParseError {
                message: format!(
                    "invalid expression type {:?} for range query, must be Scalar or instant Vector",
                    ty.documented()
                ),
                span: expr.span(),
            }));
        }
        let query = self.query(query, &expr, kind, times);
        self.evaluate(storage, &query, options, begun, each)
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
        each: &mut EachSeries<'_>,
    ) -> Result<QueryResult, QueryError> {
        let limits = Limits {
            lookback_ms: options.lookback_ms.unwrap_or(self.options.lookback_ms),
            max_samples: self.options.max_samples,
            max_bytes: self.options.max_bytes,
            cores: self.cores.clone(),
            memory: options.memory.clone(),
            progress: options.progress.clone(),
            deadline: options.deadline,
            cancel: options.cancel.clone(),
            delayed_name_removal: self.options.delayed_name_removal,
            use_start_timestamps: self.options.use_start_timestamps,
            type_and_unit_labels: self.options.type_and_unit_labels,
        };
        let run = || run(query, storage, limits, options, begun, each);
        let height = height(query.expr);
        if height <= SHALLOW {
            return run();
        }
        // The caller's stack may be too small.
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new()
                .name("deep query".to_owned())
                .stack_size(height * STACK_BYTES_PER_LEVEL)
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
    options: &QueryOptions,
    begun: Instant,
    each: &mut EachSeries<'_>,
) -> Result<QueryResult, QueryError> {
    let mut cx = Context::new(limits);
    let grid = query.grid();
    if options.per_step_stats {
        cx.count_steps(grid)?;
    }
    if options.explain {
        cx.explain();
    }
    let snapshot = storage.snapshot(&selectors(query.expr))?;
    let value = evaluate(query, &*snapshot, &cx, each)?;
    let stats = cx.stats(grid, begun);
    let plan = cx.take_plan();
    let (mut warnings, infos) = cx.annotations.into_inner().into_texts(query.text);
    warnings.extend(snapshot.warnings());
    Ok(QueryResult {
        value,
        warnings,
        infos,
        stats,
        plan,
    })
}
