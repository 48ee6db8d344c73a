//! The whole evaluation: build the plan, run it tile by tile, put the result in order.

use std::cell::RefCell;
use std::time::Instant;

use tsdb_core::{Columns, Labels};

use crate::ast::{Expr, RangeExtension, ValueType};
use crate::engine::EachSeries;
use crate::error::QueryError;
use crate::exec::{
    BoxOperator, Context, SAME_LABELSET, Samples, SeriesMeta, Subquery, prepare, take_out_stale,
    weight_of, with_bounds, without_metadata,
};
use crate::storage::Snapshot;
use crate::value::{MatrixSeries, QueryValue, VectorSample};
use crate::vector::{Grid, Sample};

use super::QueryTimes;
use super::build::{Builder, RangeVector, strip};
use super::invariant::Invariance;
use super::looked_at::LookedAt;
use super::matrix::{SeriesData, finish};
use super::statistics::Statistics;

/// Whether the result is a vector at one time or a matrix over several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Instant,
    Range,
}

/// What is to be evaluated.
pub(crate) struct Query<'a> {
    pub(crate) expr: &'a Expr,
    /// What it was read from.
    pub(crate) text: &'a str,
    pub(crate) kind: Kind,
    pub(crate) times: QueryTimes,
    pub(crate) subquery_step_ms: i64,
}

impl Query<'_> {
    /// The steps it is evaluated at.
    pub(crate) fn grid(&self) -> Grid {
        let times = self.times;
        match self.kind {
            Kind::Instant => Grid::instant(times.start_ms),
            Kind::Range => Grid::between(times.start_ms, times.end_ms, times.step_ms),
        }
    }
}

/// Evaluates a query on what was captured of its [`selectors`](super::selectors()).
pub(crate) fn evaluate(
    query: &Query<'_>,
    snapshot: &dyn Snapshot,
    cx: &Context,
    each: &mut EachSeries<'_>,
) -> Result<QueryValue, QueryError> {
    let invariance = Invariance::of(query.expr);
    let statistics = Statistics::of(query.expr);
    let looked_at = LookedAt::of(query.expr);
    let builder = Builder {
        selections: RefCell::default(),
        selects: RefCell::default(),
        storage: snapshot,
        cx,
        times: query.times,
        invariance: &invariance,
        statistics: &statistics,
        looked_at: &looked_at,
        subquery_step_ms: query.subquery_step_ms,
    };
    cx.check()?;
    builder.foresee(query.expr, query.grid())?;
    let times = query.times;
    match (query.kind, query.expr.value_type()) {
        (_, ValueType::String) => {
            let value = match strip(query.expr) {
                Expr::String(s) => s.value.clone(),
                _ => String::new(),
            };
            Ok(QueryValue::String {
                t_ms: times.start_ms,
                value,
            })
        }
        (_, ValueType::Matrix) => matrix(&builder, query.expr, times.start_ms, each),
        (Kind::Instant, ty) => {
            let root = builder.build(query.expr, query.grid())?;
            cx.prepared();
            instant(root, ty, times.start_ms, cx)
        }
        (Kind::Range, _) => {
            let grid = query.grid();
            let root = builder.build(query.expr, grid)?;
            cx.prepared();
            let tile = builder.tile_steps(query.expr, grid)?;
            cx.charge_columns(cx.operators(), tile.min(grid.steps))?;
            range(root, grid, tile, cx, each)
        }
    }
}

/// The value at one step, in the order in which it is given.
fn instant(
    mut root: BoxOperator,
    ty: ValueType,
    t_ms: i64,
    cx: &Context,
) -> Result<QueryValue, QueryError> {
    let series: Vec<SeriesMeta> = root.series().to_vec();
    let mut samples: Vec<VectorSample> = Vec::new();
    root.run(cx, Grid::instant(t_ms).whole(), &mut |i, column| {
        if let Some(sample) = column.sample(0) {
            cx.charge(sample.weight())?;
            let (value, histogram) = match sample {
                Sample::Float(value) => (value, None),
                Sample::Histogram(h) => (f64::NAN, Some(h)),
            };
            samples.push(VectorSample {
                labels: final_labels(&series[i as usize]),
                t_ms,
                value,
                histogram,
            });
        }
        Ok(())
    })?;
    if ty == ValueType::Scalar {
        let value = samples.first().map_or(f64::NAN, |s| s.value);
        return Ok(QueryValue::Scalar { t_ms, value });
    }
    if cx.delayed_name_removal() {
        let mut seen = std::collections::HashSet::new();
        if !samples.iter().all(|s| seen.insert(s.labels.clone())) {
            return Err(QueryError::Execution(SAME_LABELSET.to_owned()));
        }
    }
    Ok(QueryValue::Vector(samples))
}

fn final_labels(series: &SeriesMeta) -> Labels {
    if series.drop_name {
        without_metadata(&series.labels)
    } else {
        series.labels.clone()
    }
}

/// The values at all steps, in label order.
fn range(
    mut root: BoxOperator,
    grid: Grid,
    tile_steps: usize,
    cx: &Context,
    each: &mut EachSeries<'_>,
) -> Result<QueryValue, QueryError> {
    let metas: Vec<SeriesMeta> = root.series().to_vec();
    let mut columns: Vec<SeriesData> = vec![SeriesData::default(); metas.len()];
    for tile in grid.tiles(tile_steps) {
        cx.check()?;
        root.run(cx, tile, &mut |i, column| {
            cx.charge(column.present.count() + column.extra_weight())?;
            columns[i as usize].add(column, grid, tile);
            Ok(())
        })?;
    }
    let series = metas.iter().zip(columns);
    let series = series.map(|(meta, data)| data.named(final_labels(meta)));
    finish(series.collect(), cx, each)
}

/// A range selector or a subquery: its samples.
fn matrix(
    builder: &Builder<'_>,
    expr: &Expr,
    t_ms: i64,
    each: &mut EachSeries<'_>,
) -> Result<QueryValue, QueryError> {
    let (cx, begun) = (builder.cx, Instant::now());
    let node = cx.begin_node(strip(expr));
    let RangeVector {
        samples,
        series,
        reference,
        range_ms,
        extension,
        ..
    } = builder.range_vector(expr, Grid::instant(t_ms))?;
    cx.end_node(series.len(), false, begun.elapsed());
    cx.prepared();
    cx.enter(node);
    let (readers, detail) = match samples {
        Samples::Stored { readers, detail } => (readers, detail),
        Samples::Subquery(input) => {
            let series = subquery(input, &series, cx)?;
            return finish(series, cx, each);
        }
    };
    let (back_ms, ahead_ms) = match extension {
        None => (0, 0),
        Some(RangeExtension::Anchored) => (cx.lookback_ms(), 0),
        Some(RangeExtension::Smoothed) => (cx.lookback_ms(), cx.lookback_ms()),
    };
    let whole = reference.grid.whole();
    let range = reference.range(whole, range_ms.saturating_add(back_ms), ahead_ms);
    let (end_ms, mut columns) = (reference.time(0), Columns::default());
    let (begun, mut given) = (Instant::now(), 0);
    for (meta, reader) in series.iter().zip(readers.iter()) {
        cx.check()?;
        columns.clear();
        reader.read(range, &mut columns)?;
        prepare(&mut columns, detail);
        cx.count_read(weight_of(&columns));
        take_out_stale(&mut columns);
        if let Some(extension) = extension {
            if !columns.histograms.is_empty() {
                return Err(unsupported_extension(extension));
            }
            let start_ms = end_ms.saturating_sub(range_ms);
            columns = with_bounds(&columns, start_ms, end_ms, extension);
        }
        if columns.is_empty() {
            continue;
        }
        let weight = weight_of(&columns);
        cx.meter.borrow_mut().add(0, weight as u64, weight as u64);
        given += columns.len() as u64;
        // Although they may be gone by the time the next are read, as in Prometheus.
        cx.charge(weight)?;
        each(SeriesData::of(&mut columns).named(final_labels(meta)))?;
    }
    if let Some(node) = node {
        cx.evaluated(node, given, begun.elapsed());
    }
    Ok(QueryValue::Matrix(Vec::new()))
}

/// The samples of a subquery.
fn subquery(
    mut input: Subquery,
    metas: &[SeriesMeta],
    cx: &Context,
) -> Result<Vec<MatrixSeries>, QueryError> {
    let mut series = Vec::new();
    let whole = input.grid.whole();
    // There has to be room for the samples of a series before they are known.
    drop(cx.hold(whole.len)?);
    let outer = cx.meter.take();
    input.run(cx, whole, &mut |i, samples| {
        cx.charge(weight_of(samples))?;
        let data = SeriesData::of(samples);
        series.push(data.named(final_labels(&metas[i as usize])));
        Ok(())
    })?;
    let inner = cx.meter.replace(outer).all;
    cx.meter.borrow_mut().add(0, inner.queryable, inner.read);
    Ok(series)
}

/// The samples of an extended range are not given when there are native histograms among them.
fn unsupported_extension(extension: RangeExtension) -> QueryError {
    let name = match extension {
        RangeExtension::Anchored => "anchored",
        RangeExtension::Smoothed => "smoothed",
    };
    QueryError::Execution(format!("{name} modifier is not supported with histograms"))
}
