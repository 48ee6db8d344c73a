//! Quantiles and fractions of histograms, classic and native.

use std::collections::HashMap;

use tsdb_core::LabelError;

use super::histogram_input::{AtStep, Histograms};
use super::map::ScalarArgs;
use super::merge::{Merge, MergeRule, Merging};
use super::operator::{BoxOperator, Sink};
use super::stored::Parameter;
use super::{Context, Operator, SeriesMeta};
use crate::ast::Span;
use crate::error::QueryError;
use crate::functions::histogram::{bucket_fraction, bucket_quantile};
use crate::functions::native_histogram::{Annotation, histogram_fraction, histogram_quantile};
use crate::vector::{Column, Grid, Tile};

/// `histogram_quantile(φ, v)`, `histogram_quantiles(v, label, φ, …)`
pub(crate) struct HistogramQuantile {
    histograms: Histograms,
    phis: Vec<Parameter>,
    /// The different values of all φ, by their bits, with the number of their series of the first histogram.
    outputs: HashMap<u64, u32>,
    /// Each φ has its own series.
    labelled: bool,
    merge: Merge,
    grid: Grid,
    /// Where the vector stands.
    span: Span,
}

/// A φ as a label value.
fn format_phi(phi: f64) -> String {
    let text = crate::annotations::format_g(phi);
    if phi.is_finite() && !text.contains(['.', 'e']) {
        text + ".0"
    } else {
        text
    }
}

impl HistogramQuantile {
    /// With a `label`, it is set to φ in each result.
    pub(crate) fn new(
        phis: Vec<(BoxOperator, Span)>,
        label: Option<&str>,
        (input, span): (BoxOperator, Span),
        cx: &Context,
        grid: Grid,
    ) -> Result<Self, QueryError> {
        let histograms = Histograms::new(input, span, cx);
        let mut outputs = HashMap::new();
        let mut inputs: Vec<SeriesMeta> = Vec::new();
        let mut parameters = Vec::new();
        let plain = histograms.series();
        for (phi, span) in phis {
            let phi = Parameter::evaluate(phi, cx, grid)?;
            for &v in phi.values() {
                if !(0.0..=1.0).contains(&v) {
                    cx.annotations.borrow_mut().invalid_quantile(v, span);
                }
                let key = if label.is_some() { v.to_bits() } else { 0 };
                if outputs.contains_key(&key) {
                    continue;
                }
                outputs.insert(key, inputs.len() as u32);
                let named = |s: &SeriesMeta| -> Result<SeriesMeta, LabelError> {
                    let labels = match label {
                        None => s.labels.clone(),
                        Some(label) => {
                            let mut builder = s.labels.to_builder();
                            builder.set(label, &format_phi(v));
                            builder.build()?
                        }
                    };
                    Ok(SeriesMeta {
                        labels,
                        drop_name: s.drop_name,
                    })
                };
                for s in &plain {
                    inputs.push(named(s).map_err(|e| QueryError::Execution(e.to_string()))?);
                }
                cx.charge(plain.len())?;
            }
            parameters.push(phi);
        }
        Ok(Self {
            span,
            histograms,
            phis: parameters,
            outputs,
            labelled: label.is_some(),
            merge: Merge::new(inputs, MergeRule::Step),
            grid,
        })
    }
}

impl Operator for HistogramQuantile {
    fn series(&self) -> &[SeriesMeta] {
        self.merge.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let (histograms, _held) = self.histograms.read(cx, tile)?;
        let mut merging = self.merge.begin(cx);
        let labelled = self.labelled;
        let mut buckets = Vec::new();
        let mut columns: Vec<(u64, Column)> = Vec::new();
        let give = |merging: &mut Merging<'_>,
                    number: u32,
                    (key, column): &mut (u64, Column),
                    sink: &mut Sink<'_>| {
            let first = self.outputs.get(key).copied().unwrap_or(0);
            merging.push(first + number, column, sink)
        };
        for phi in &self.phis {
            for histogram in &histograms {
                cx.check()?;
                columns.clear();
                let name = self.histograms.name(histogram.number);
                for k in 0..tile.len {
                    let phi = phi.at(tile.first + k);
                    let value = match histogram.at(k, &mut buckets) {
                        AtStep::Nothing => continue,
                        AtStep::Native(h) => {
                            let result = histogram_quantile(phi, h);
                            tell_native(cx, result.annotations, name, self.span);
                            result.value
                        }
                        AtStep::Classic => {
                            let result = bucket_quantile(phi, &mut buckets);
                            if let Some(forced) = result.forced {
                                let t_ms = self.grid.time(tile.first + k);
                                let mut annotations = cx.annotations.borrow_mut();
                                annotations.forced_monotonicity(name, self.span, t_ms, forced);
                            }
                            result.value
                        }
                    };
                    let key = if labelled { phi.to_bits() } else { 0 };
                    let at = match columns.iter().position(|c| c.0 == key) {
                        Some(at) => at,
                        None => {
                            columns.push((key, Column::absent(tile.len)));
                            columns.len() - 1
                        }
                    };
                    columns[at].1.set(k, value);
                }
                for column in &mut columns {
                    give(&mut merging, histogram.number, column, sink)?;
                }
            }
        }
        merging.finish(sink)
    }
}

fn tell_native(cx: &Context, told: Vec<Annotation>, name: &str, span: Span) {
    for annotation in told {
        cx.annotations.borrow_mut().native(annotation, name, span);
    }
}

/// `histogram_fraction(lower, upper, v)`
pub(crate) struct HistogramFraction {
    histograms: Histograms,
    /// Where the vector stands.
    span: Span,
    bounds: ScalarArgs,
    merge: Merge,
}

impl HistogramFraction {
    pub(crate) fn new(
        bounds: [BoxOperator; 2],
        (input, span): (BoxOperator, Span),
        cx: &Context,
    ) -> Self {
        let histograms = Histograms::new(input, span, cx);
        Self {
            span,
            bounds: ScalarArgs::new(bounds.into()),
            merge: Merge::new(histograms.series(), MergeRule::Step),
            histograms,
        }
    }
}

impl Operator for HistogramFraction {
    fn series(&self) -> &[SeriesMeta] {
        self.merge.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        self.bounds.run(cx, tile)?;
        let (histograms, _held) = self.histograms.read(cx, tile)?;
        let (lower, upper) = (self.bounds.values(0), self.bounds.values(1));
        let mut merging = self.merge.begin(cx);
        let mut buckets = Vec::new();
        let mut column = Column::default();
        for histogram in &histograms {
            cx.check()?;
            column.reset(tile.len);
            for k in 0..tile.len {
                let (lower, upper) = (lower[k], upper[k]);
                let value = match histogram.at(k, &mut buckets) {
                    AtStep::Nothing => continue,
                    AtStep::Native(h) => {
                        let result = histogram_fraction(lower, upper, h);
                        let name = self.histograms.name(histogram.number);
                        tell_native(cx, result.annotations, name, self.span);
                        result.value
                    }
                    AtStep::Classic => bucket_fraction(lower, upper, &mut buckets),
                };
                column.set(k, value);
            }
            merging.push(histogram.number, &mut column, sink)?;
        }
        merging.finish(sink)
    }
}
