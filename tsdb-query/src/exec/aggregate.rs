//! Aggregations that fold: series go into their groups one after the other, in label order, and are not kept.

use super::aggregate_histograms::GroupHistograms;
use super::operator::{BoxOperator, Sink};
use super::{Context, Operator, SeriesMeta};
use crate::ast::Span;
use crate::error::QueryError;
use crate::functions::kahan::{Mean, Sum};
use crate::functions::native_histogram::Annotation;
use crate::vector::{Bits, Column, Tile};

/// `sum`, `avg`, ….
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoldKind {
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
}

/// What is done with native histograms.
enum WithHistograms {
    /// They are left out, and that is told.
    Ignored(&'static str),
    /// They are samples as others are.
    Counted,
    /// They are added up among themselves; with floats in the same group there is no result.
    Summed {
        /// And divided by their number.
        mean: bool,
    },
}

impl FoldKind {
    fn with_histograms(self) -> WithHistograms {
        match self {
            Self::Sum => WithHistograms::Summed { mean: false },
            Self::Avg => WithHistograms::Summed { mean: true },
            Self::Count | Self::Group => WithHistograms::Counted,
            Self::Min => WithHistograms::Ignored("min"),
            Self::Max => WithHistograms::Ignored("max"),
            Self::Stddev => WithHistograms::Ignored("stddev"),
            Self::Stdvar => WithHistograms::Ignored("stdvar"),
        }
    }
}

/// `sum by (…) (v)` and the like.
pub(crate) struct Aggregation {
    pub(crate) input: BoxOperator,
    pub(crate) kind: FoldKind,
    /// Where the input stands.
    pub(crate) span: Span,
    /// The groups.
    pub(crate) series: Vec<SeriesMeta>,
    /// Group of each input series.
    pub(crate) group_of: Vec<u32>,
}

impl Operator for Aggregation {
    fn series(&self) -> &[SeriesMeta] {
        &self.series
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        match self.kind {
            FoldKind::Sum => self.fold::<Sum>(cx, tile, sink),
            FoldKind::Avg => self.fold::<Mean>(cx, tile, sink),
            FoldKind::Count => self.fold::<Count>(cx, tile, sink),
            FoldKind::Min => self.fold::<Min>(cx, tile, sink),
            FoldKind::Max => self.fold::<Max>(cx, tile, sink),
            FoldKind::Group => self.fold::<One>(cx, tile, sink),
            FoldKind::Stddev => self.fold::<Stddev>(cx, tile, sink),
            FoldKind::Stdvar => self.fold::<Stdvar>(cx, tile, sink),
        }
    }
}

/// The state of one group at one step.
trait Fold: Copy + Default {
    fn add(&mut self, v: f64);
    fn value(&self) -> f64;
}

/// The states of one group over a tile.
struct Group<F> {
    /// Of the floats; of no meaning where there are histograms.
    states: Vec<F>,
    /// There once a histogram was met.
    histograms: Option<GroupHistograms>,
    present: Bits,
}

impl Aggregation {
    fn fold<F: Fold>(
        &mut self,
        cx: &Context,
        tile: Tile,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let mut groups: Vec<Option<Group<F>>> = Vec::new();
        groups.resize_with(self.series.len(), || None);
        // At a single step groups come in the order in which they got their first sample.
        let mut order = Vec::new();
        let mut held = cx.hold(0)?;
        let (group_of, kind, span) = (&self.group_of, self.kind, self.span);
        let mut incompatible = Vec::new();
        self.input.run(cx, tile, &mut |i, column| {
            if column.has_histograms()
                && let WithHistograms::Ignored(name) = kind.with_histograms()
                && column.drop_histograms()
            {
                cx.annotations
                    .borrow_mut()
                    .ignored_in_aggregation(name, span);
                if column.present.is_empty() {
                    return Ok(());
                }
            }
            let number = group_of[i as usize];
            let slot = &mut groups[number as usize];
            let group = match slot {
                Some(group) => group,
                None => {
                    held.add(tile.len)?;
                    order.push(number);
                    slot.insert(Group {
                        states: vec![F::default(); tile.len],
                        histograms: None,
                        present: Bits::none(tile.len),
                    })
                }
            };
            if (column.has_histograms() || group.histograms.is_some())
                && let WithHistograms::Summed { mean } = kind.with_histograms()
            {
                let histograms = group
                    .histograms
                    .get_or_insert_with(|| GroupHistograms::new(tile.len, &group.present, mean));
                if histograms.add(column, &group.present, &mut held)? {
                    incompatible.push(i);
                }
            }
            if column.present.is_full() {
                for (state, &v) in group.states.iter_mut().zip(&column.values) {
                    state.add(v);
                }
            } else {
                for k in column.present.iter() {
                    group.states[k].add(column.values[k]);
                }
            }
            group.present.or(&column.present);
            Ok(())
        })?;
        for i in incompatible {
            let name = self.input.series()[i as usize].labels.metric_name();
            let annotation = Annotation::MixedExponentialCustomHistograms;
            cx.annotations.borrow_mut().native(annotation, name, span);
        }
        if tile.len > 1 {
            order.sort_unstable();
        }
        let mut column = Column::default();
        for number in order {
            let Some(group) = groups[number as usize].take() else {
                continue;
            };
            column.reset(0);
            column
                .values
                .extend(group.states.iter().map(|state| state.value()));
            column.present = group.present;
            if let Some(histograms) = group.histograms {
                histograms.finish(&mut column, span, cx);
                if column.present.is_empty() {
                    continue;
                }
            }
            sink(number, &mut column)?;
        }
        Ok(())
    }
}

impl Fold for Sum {
    fn add(&mut self, v: f64) {
        Sum::add(self, v);
    }

    fn value(&self) -> f64 {
        Sum::value(self)
    }
}

impl Fold for Mean {
    fn add(&mut self, v: f64) {
        Mean::add(self, v);
    }

    fn value(&self) -> f64 {
        Mean::value(self)
    }
}

#[derive(Clone, Copy, Default)]
struct Count(f64);

impl Fold for Count {
    fn add(&mut self, _: f64) {
        self.0 += 1.0;
    }

    fn value(&self) -> f64 {
        self.0
    }
}

#[derive(Clone, Copy, Default)]
struct One;

impl Fold for One {
    fn add(&mut self, _: f64) {}

    fn value(&self) -> f64 {
        1.0
    }
}

/// Anything takes the place of NaN, so that it is the result only when there is nothing else.
#[derive(Clone, Copy)]
struct Min(f64);

impl Default for Min {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl Fold for Min {
    fn add(&mut self, v: f64) {
        if self.0 > v || self.0.is_nan() {
            self.0 = v;
        }
    }

    fn value(&self) -> f64 {
        self.0
    }
}

#[derive(Clone, Copy)]
struct Max(f64);

impl Default for Max {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl Fold for Max {
    fn add(&mut self, v: f64) {
        if self.0 < v || self.0.is_nan() {
            self.0 = v;
        }
    }

    fn value(&self) -> f64 {
        self.0
    }
}

/// Welford's variance, uncompensated as in the reference.
#[derive(Clone, Copy, Default)]
struct Stdvar {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Fold for Stdvar {
    fn add(&mut self, v: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.mean = v;
            self.squares = if v.is_finite() { 0.0 } else { f64::NAN };
            return;
        }
        let delta = v - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (v - self.mean);
    }

    fn value(&self) -> f64 {
        self.squares / self.count
    }
}

#[derive(Clone, Copy, Default)]
struct Stddev(Stdvar);

impl Fold for Stddev {
    fn add(&mut self, v: f64) {
        self.0.add(v);
    }

    fn value(&self) -> f64 {
        self.0.value().sqrt()
    }
}
