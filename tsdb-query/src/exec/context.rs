//! What holds for the whole evaluation of one query: limits, budget, annotations.

mod held;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tsdb_core::{MemoryBudget, Reservation};

use super::SeriesMeta;
use super::cores::{Busy, Cores};
use super::meter::Meter;
use crate::annotations::Annotations;
use crate::ast::Expr;
use crate::error::QueryError;
use crate::explain::{Plan, PlanNode};
use crate::value::{QueryProgress, QueryStats};
use crate::vector::{Column, Grid};

pub(crate) use held::Held;

/// What a sample counts for: its time and its value.
const SAMPLE_BYTES: u64 = 16;

/// What a series counts for beside its labels.
const SERIES_BYTES: u64 = 96;

/// What an operator counts for beside its series.
const OPERATOR_BYTES: u64 = 512;

/// What a sample that is kept with its step counts for beside itself: it stands in a vector that grows.
const POINT_BYTES: u64 = 24;

/// What a step of a tile counts for in each operator: most keep one column or two.
const STEP_BYTES: u64 = 16;

/// A query takes memory from the budget of the process in pieces of at least so many bytes.
const RESERVED_AT_ONCE: u64 = 256 << 10;

/// How many columns are kept for further use, and of how many steps at most: 4 MiB together.
const MAX_SPARE: usize = 4096;
const MAX_SPARE_STEPS: usize = 128;

/// How many samples are looked at between two looks at the clock: some milliseconds' work.
const WORK_BETWEEN_CHECKS: usize = 1 << 20;

/// Limits and settings of a query.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) lookback_ms: i64,
    pub(crate) max_samples: u64,
    pub(crate) max_bytes: u64,
    pub(crate) cores: Cores,
    pub(crate) memory: Option<MemoryBudget>,
    pub(crate) progress: Option<Arc<QueryProgress>>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) cancel: Option<Arc<AtomicBool>>,
    pub(crate) delayed_name_removal: bool,
    pub(crate) use_start_timestamps: bool,
    pub(crate) type_and_unit_labels: bool,
}

/// Shared by all operators of a query.
#[derive(Debug)]
pub(crate) struct Context {
    limits: Limits,
    samples_read: Cell<u64>,
    held: Cell<u64>,
    peak: Cell<u64>,
    /// Bytes of series and operators.
    bytes: Cell<u64>,
    /// Operators so far.
    operators: Cell<usize>,
    /// Those of them that are for samples read before their turn.
    ahead: Cell<u64>,
    /// What is taken from the budget of the process, until the query ends.
    reserved: RefCell<Option<Reservation>>,
    checks: Cell<u32>,
    /// Samples that were looked at since the clock was.
    work: Cell<usize>,
    /// When the plan stood.
    prepared: Cell<Option<Instant>>,
    /// Columns that are not used any more.
    spare: RefCell<Vec<Column>>,
    /// What is counted for the statistics; the inner expression of a subquery counts apart.
    pub(crate) meter: RefCell<Meter>,
    pub(crate) annotations: RefCell<Annotations>,
    /// What each node of the plan costs, when that is asked for.
    plan: Option<RefCell<Plan>>,
}

impl Context {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            samples_read: Cell::new(0),
            held: Cell::new(0),
            peak: Cell::new(0),
            bytes: Cell::new(0),
            operators: Cell::new(0),
            ahead: Cell::new(0),
            reserved: RefCell::default(),
            checks: Cell::new(0),
            work: Cell::new(0),
            prepared: Cell::new(None),
            spare: RefCell::default(),
            meter: RefCell::default(),
            annotations: RefCell::default(),
            plan: None,
        }
    }

    /// Has the costs of each node of the plan counted.
    pub(crate) fn explain(&mut self) {
        self.plan = Some(RefCell::default());
    }

    /// Begins the planning of an expression; its node, when costs are counted.
    pub(crate) fn begin_node(&self, expr: &Expr) -> Option<usize> {
        let plan = self.plan.as_ref()?;
        Some(plan.borrow_mut().begin(expr))
    }

    /// Ends the planning of the node that was begun last.
    pub(crate) fn end_node(&self, series: usize, once: bool, took: Duration) {
        if let Some(plan) = &self.plan {
            plan.borrow_mut().planned(series, once, took);
        }
    }

    /// From here on costs are those of this node; the one before.
    pub(crate) fn enter(&self, node: Option<usize>) -> Option<usize> {
        let plan = self.plan.as_ref()?;
        plan.borrow_mut().enter(node)
    }

    /// Counts the samples a node gave for a tile, and the time that took.
    pub(crate) fn evaluated(&self, node: usize, samples: u64, took: Duration) {
        if let Some(plan) = &self.plan {
            plan.borrow_mut().evaluated(node, samples, took);
        }
    }

    /// The nodes of the plan with their costs; none when they were not counted.
    pub(crate) fn take_plan(&mut self) -> Vec<PlanNode> {
        let plan = self.plan.take();
        plan.map_or_else(Vec::new, |plan| plan.into_inner().into_nodes())
    }

    /// The cores that no query uses, for as long as they are held.
    pub(crate) fn idle_cores(&self) -> Vec<Busy> {
        std::iter::from_fn(|| self.limits.cores.idle()).collect()
    }

    pub(crate) fn lookback_ms(&self) -> i64 {
        self.limits.lookback_ms
    }

    pub(crate) fn delayed_name_removal(&self) -> bool {
        self.limits.delayed_name_removal
    }

    pub(crate) fn use_start_timestamps(&self) -> bool {
        self.limits.use_start_timestamps
    }

    pub(crate) fn type_and_unit_labels(&self) -> bool {
        self.limits.type_and_unit_labels
    }

    /// A copy of a column that is kept for a while. Its memory may be that of one that was given back.
    pub(crate) fn copy_of(&self, column: &Column) -> Column {
        let mut copy = self.spare.borrow_mut().pop().unwrap_or_default();
        copy.copy_from(column);
        copy
    }

    /// Takes columns back. There are many operators in a long query, one of which works at a time.
    pub(crate) fn give_back(&self, columns: impl Iterator<Item = Column>) {
        let mut spare = self.spare.borrow_mut();
        let short = |c: &Column| c.values.capacity() <= MAX_SPARE_STEPS;
        spare.extend(columns.filter(short));
        spare.truncate(MAX_SPARE);
    }

    /// To be called for every series: ends the query when it was cancelled or is late.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        // Asking the clock costs as much as a short series.
        let checks = self.checks.get();
        self.checks.set(checks.wrapping_add(1));
        self.check_now(checks.is_multiple_of(16))
    }

    /// To be called for every window of a function that looks at all of its samples: few series may be much work.
    pub(crate) fn check_work(&self, samples: usize) -> Result<(), QueryError> {
        let work = self.work.get().saturating_add(samples);
        if work < WORK_BETWEEN_CHECKS {
            self.work.set(work);
            return Ok(());
        }
        self.work.set(0);
        self.check_now(true)
    }

    fn check_now(&self, clock: bool) -> Result<(), QueryError> {
        if let Some(cancel) = &self.limits.cancel
            && cancel.load(Ordering::Relaxed)
        {
            return Err(QueryError::Canceled);
        }
        if clock
            && let Some(deadline) = self.limits.deadline
            && Instant::now() >= deadline
        {
            return Err(QueryError::Timeout);
        }
        Ok(())
    }

    /// Counts samples that came from the storage.
    pub(crate) fn count_read(&self, samples: usize) {
        let read = self.samples_read.get() + samples as u64;
        self.samples_read.set(read);
        if let Some(progress) = &self.limits.progress {
            progress.set_samples_read(read);
        }
        if let Some(plan) = &self.plan {
            plan.borrow_mut().read(samples as u64);
        }
    }

    /// Samples that came from the storage so far.
    pub(crate) fn samples_read(&self) -> usize {
        self.samples_read.get() as usize
    }

    /// A share of the budget that is given back when it is dropped.
    pub(crate) fn hold(&self, samples: usize) -> Result<Held<'_>, QueryError> {
        let node = self.plan.as_ref().and_then(|plan| plan.borrow().current());
        let mut held = Held::new(self, node);
        held.add(samples)?;
        Ok(held)
    }

    /// Takes from the budget for the rest of the query.
    pub(crate) fn charge(&self, samples: usize) -> Result<(), QueryError> {
        let held = self.held.get().saturating_add(samples as u64);
        if held > self.limits.max_samples {
            return Err(QueryError::TooManySamples);
        }
        self.check_bytes(held, self.bytes.get())?;
        self.held.set(held);
        self.peak.set(self.peak.get().max(held));
        if let Some(plan) = &self.plan {
            plan.borrow_mut().take(samples as u64 * SAMPLE_BYTES);
        }
        Ok(())
    }

    /// Takes the memory of a sample of this weight that is kept with its step.
    pub(super) fn charge_point(&self, weight: usize) -> Result<(), QueryError> {
        self.charge(weight)?;
        self.charge_bytes(POINT_BYTES)
    }

    /// Takes the memory of series and their labels for the rest of the query.
    pub(crate) fn charge_series(
        &self,
        series: usize,
        label_bytes: usize,
    ) -> Result<(), QueryError> {
        self.charge_bytes(label_bytes as u64 + series as u64 * SERIES_BYTES)
    }

    /// Adds the memory of selected series, a number and bytes of labels, to what a query will take.
    ///
    /// # Errors
    /// When that is too much.
    pub(crate) fn foresee_series(
        &self,
        (series, label_bytes): (usize, usize),
        bytes: &mut u64,
    ) -> Result<(), QueryError> {
        *bytes = bytes.saturating_add(label_bytes as u64 + series as u64 * SERIES_BYTES);
        self.check_bytes(self.held.get(), *bytes)
    }

    /// Takes the memory of an operator.
    pub(crate) fn charge_operator(&self) -> Result<(), QueryError> {
        self.operators.set(self.operators.get() + 1);
        self.charge_bytes(OPERATOR_BYTES)
    }

    /// The operators that were paid for so far.
    pub(crate) fn operators(&self) -> usize {
        self.operators.get()
    }

    /// Takes the memory of the columns that so many operators keep for tiles of so many steps more than before.
    pub(crate) fn charge_columns(&self, operators: usize, steps: usize) -> Result<(), QueryError> {
        let steps = (operators as u64).saturating_mul(steps as u64);
        self.charge_bytes(steps.saturating_mul(STEP_BYTES))
    }

    /// Takes the memory of series that an operator gives. Labels that they share with its operands were paid for.
    pub(crate) fn charge_results(&self, series: &[SeriesMeta]) -> Result<(), QueryError> {
        let own = series.iter().filter(|s| !s.labels.is_shared());
        let label_bytes = own.map(|s| s.labels.as_bytes().len()).sum();
        self.charge_series(series.len(), label_bytes)
    }

    /// Takes the memory of so many samples that are read before their turn, once for all that the query reads. They do not count
    /// as samples: how many are there depends on what else the machine does.
    pub(super) fn charge_ahead(&self, samples: usize) -> Result<(), QueryError> {
        let bytes = samples as u64 * SAMPLE_BYTES;
        let more = bytes.saturating_sub(self.ahead.get());
        self.charge_bytes(more)?;
        self.ahead.set(self.ahead.get() + more);
        Ok(())
    }

    /// Takes memory for the rest of the query.
    fn charge_bytes(&self, bytes: u64) -> Result<(), QueryError> {
        let all = self.bytes.get().saturating_add(bytes);
        self.check_bytes(self.held.get(), all)?;
        self.bytes.set(all);
        if let Some(plan) = &self.plan {
            plan.borrow_mut().take(bytes);
        }
        Ok(())
    }

    fn check_bytes(&self, samples: u64, other_bytes: u64) -> Result<(), QueryError> {
        let bytes = samples
            .saturating_mul(SAMPLE_BYTES)
            .saturating_add(other_bytes);
        let max = self.limits.max_bytes;
        if bytes > max {
            return Err(QueryError::TooManyBytes { max });
        }
        self.reserve(bytes)?;
        if let Some(progress) = &self.limits.progress {
            progress.set_bytes(bytes);
        }
        Ok(())
    }

    /// Sees to it that so many bytes are reserved.
    fn reserve(&self, bytes: u64) -> Result<(), QueryError> {
        let Some(budget) = &self.limits.memory else {
            return Ok(());
        };
        let mut reserved = self.reserved.borrow_mut();
        let has = reserved.as_ref().map_or(0, Reservation::bytes);
        if bytes <= has {
            return Ok(());
        }
        let more = (bytes - has).max(RESERVED_AT_ONCE);
        let taken = match &mut *reserved {
            Some(reserved) => reserved.grow(more),
            None => budget.reserve(more).map(|new| *reserved = Some(new)),
        };
        taken.map_err(|_| QueryError::OutOfMemory {
            max: budget.limit(),
        })
    }

    /// Has the samples of each step counted.
    pub(crate) fn count_steps(&self, grid: Grid) -> Result<(), QueryError> {
        self.charge(grid.steps)?;
        self.meter.replace(Meter::of_steps(grid.whole()));
        Ok(())
    }

    /// Says that the plan stands.
    pub(crate) fn prepared(&self) {
        self.prepared.set(Some(Instant::now()));
    }

    /// What a query over `grid` that began at that time has cost.
    pub(crate) fn stats(&self, grid: Grid, begun: Instant) -> QueryStats {
        let meter = self.meter.borrow();
        let steps = meter.steps.iter().enumerate();
        let prepared = self.prepared.get();
        QueryStats {
            samples_read: self.samples_read.get(),
            peak_samples: self.peak.get(),
            samples: meter.all,
            samples_per_step: steps.map(|(k, count)| (grid.time(k), *count)).collect(),
            preparation: prepared.map_or_else(|| begun.elapsed(), |at| at - begun),
            evaluation: prepared.map_or(Duration::ZERO, |at| at.elapsed()),
        }
    }
}
