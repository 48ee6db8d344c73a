//! Quantiles and fractions of classic histograms: the buckets of a histogram are series with a label `le`.

use std::collections::HashMap;

use tsdb_core::{LabelError, Labels};

use super::context::Held;
use super::map::ScalarArgs;
use super::merge::{Merge, MergeRule, Merging};
use super::operator::{BoxOperator, Sink};
use super::stored::Parameter;
use super::{Context, Operator, SeriesMeta, without_metadata};
use crate::ast::Span;
use crate::error::QueryError;
use crate::functions::histogram::{Bucket, bucket_fraction, bucket_quantile, parse_upper_bound};
use crate::vector::{Column, Grid, Tile};

const BUCKET_LABEL: &str = "le";

/// Number of a histogram and its buckets: upper bounds and counts.
type Buckets = (u32, Vec<(f64, Column)>);

/// The series of a vector as buckets of histograms.
struct Histograms {
    input: BoxOperator,
    /// Histogram of each series, and the upper bound of its bucket; `None` when `le` is no number.
    buckets: Vec<Option<(u32, f64)>>,
    /// One series of each histogram without `le`.
    examples: Vec<SeriesMeta>,
    /// Where the vector stands.
    span: Span,
    delayed: bool,
}

impl Histograms {
    fn new(input: BoxOperator, span: Span, cx: &Context) -> Self {
        let mut numbers: HashMap<Labels, u32> = HashMap::new();
        let mut examples = Vec::new();
        let delayed = cx.delayed_name_removal();
        let mut bucket = |s: &SeriesMeta| {
            let upper = parse_upper_bound(s.labels.get(BUCKET_LABEL).unwrap_or(""))?;
            // Histograms of different names are different, though the result has no name.
            let labels = s.labels.filtered(|name| name != BUCKET_LABEL);
            let next = examples.len() as u32;
            let number = *numbers.entry(labels.clone()).or_insert(next);
            if number == next {
                examples.push(SeriesMeta {
                    labels,
                    drop_name: delayed,
                });
            }
            Some((number, upper))
        };
        Self {
            buckets: input.series().iter().map(&mut bucket).collect(),
            examples,
            input,
            span,
            delayed,
        }
    }

    /// The histograms as series of a result.
    fn series(&self) -> Vec<SeriesMeta> {
        let named = |s: &SeriesMeta| match self.delayed {
            true => s.clone(),
            false => without_metadata(&s.labels).into(),
        };
        self.examples.iter().map(named).collect()
    }

    /// The metric name that a remark may show.
    fn name<'s>(&self, labels: &'s Labels) -> &'s str {
        if self.delayed {
            labels.metric_name()
        } else {
            ""
        }
    }

    /// Reads the buckets of all histograms, in the order in which each was first met.
    fn read<'c>(
        &mut self,
        cx: &'c Context,
        tile: Tile,
    ) -> Result<(Vec<Buckets>, Held<'c>), QueryError> {
        let mut places: HashMap<u32, usize> = HashMap::new();
        let mut histograms: Vec<Buckets> = Vec::new();
        let mut held = cx.hold(0)?;
        let mut bad = Vec::new();
        let buckets = &self.buckets;
        self.input.run(cx, tile, &mut |i, column| {
            let Some((number, upper)) = buckets[i as usize] else {
                bad.push(i);
                return Ok(());
            };
            held.add(tile.len)?;
            let place = *places.entry(number).or_insert_with(|| {
                histograms.push((number, Vec::new()));
                histograms.len() - 1
            });
            histograms[place].1.push((upper, column.clone()));
            Ok(())
        })?;
        for i in bad {
            let labels = &self.input.series()[i as usize].labels;
            let le = labels.get(BUCKET_LABEL).unwrap_or("");
            cx.annotations
                .borrow_mut()
                .bad_bucket_label(le, self.name(labels), self.span);
        }
        Ok((histograms, held))
    }
}

/// Gathers the buckets of a histogram that have a sample at a step.
fn gather(columns: &[(f64, Column)], step: usize, out: &mut Vec<Bucket>) -> bool {
    out.clear();
    let present = columns
        .iter()
        .filter_map(|(upper, c)| c.get(step).map(|count| (*upper, count)));
    out.extend(present.map(|(upper, count)| Bucket { upper, count }));
    !out.is_empty()
}

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
    /// Where remarks on forced monotonicity point.
    forced_span: Span,
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
            forced_span: span,
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
            for (number, bounds) in &histograms {
                cx.check()?;
                columns.clear();
                let name = self
                    .histograms
                    .name(&self.histograms.examples[*number as usize].labels);
                for k in 0..tile.len {
                    if !gather(bounds, k, &mut buckets) {
                        continue;
                    }
                    let phi = phi.at(tile.first + k);
                    let key = if labelled { phi.to_bits() } else { 0 };
                    let result = bucket_quantile(phi, &mut buckets);
                    if let Some(forced) = result.forced {
                        let t_ms = self.grid.time(tile.first + k);
                        cx.annotations.borrow_mut().forced_monotonicity(
                            name,
                            self.forced_span,
                            t_ms,
                            forced,
                        );
                    }
                    let at = match columns.iter().position(|c| c.0 == key) {
                        Some(at) => at,
                        None => {
                            columns.push((key, Column::absent(tile.len)));
                            columns.len() - 1
                        }
                    };
                    columns[at].1.set(k, result.value);
                }
                for column in &mut columns {
                    give(&mut merging, *number, column, sink)?;
                }
            }
        }
        merging.finish(sink)
    }
}

/// `histogram_fraction(lower, upper, v)`
pub(crate) struct HistogramFraction {
    histograms: Histograms,
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
        for (number, bounds) in &histograms {
            cx.check()?;
            column.reset(tile.len);
            for k in 0..tile.len {
                if gather(bounds, k, &mut buckets) {
                    column.set(k, bucket_fraction(lower[k], upper[k], &mut buckets));
                }
            }
            merging.push(*number, &mut column, sink)?;
        }
        merging.finish(sink)
    }
}
