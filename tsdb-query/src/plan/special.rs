//! Function calls that need more than values.

use tsdb_core::{LabelError, Labels, METRIC_NAME, Matcher};

use crate::ast::{Call, Expr, Span};
use crate::error::QueryError;
use crate::exec::{
    Absent, BoxOperator, Extension, HistogramFraction, HistogramQuantile, Mapping, Output,
    ScalarSource, SeriesMeta, Sort, SortKey, drop_names, labels_of_absent, relabel,
};
use crate::functions::labels::{LabelJoin, LabelReplace};
use crate::functions::{Kernel, Special, go_max, go_min, lookup};
use crate::vector::Grid;

use super::build::{Builder, scalar, strip, unsupported};
use super::call::window_function;

fn failed(e: LabelError) -> QueryError {
    QueryError::Execution(e.to_string())
}

impl Builder<'_> {
    pub(super) fn special(
        &self,
        e: &Call,
        special: Special,
        grid: Grid,
    ) -> Result<BoxOperator, QueryError> {
        let arg = |i: usize| self.build(expect_arg(e, i)?, grid);
        let times = self.times;
        Ok(match special {
            Special::Time => scalar(ScalarSource::Time(grid)),
            Special::Pi => scalar(ScalarSource::Constant(std::f64::consts::PI)),
            Special::Start => scalar(ScalarSource::Constant(times.start())),
            Special::End => scalar(ScalarSource::Constant(times.end())),
            Special::Step => scalar(ScalarSource::Constant(times.step())),
            Special::Range => scalar(ScalarSource::Constant(times.range())),
            Special::MaxOf => scalar(ScalarSource::Function(go_max, arg(0)?, arg(1)?)),
            Special::MinOf => scalar(ScalarSource::Function(go_min, arg(0)?, arg(1)?)),
            Special::Scalar => scalar(ScalarSource::Only(arg(0)?)),
            Special::Vector => scalar(ScalarSource::Same(arg(0)?)),
            Special::Timestamp => match strip(expect_arg(e, 0)?) {
                Expr::Vector(selector) => {
                    let input = self.select(selector, grid, Output::Time)?;
                    let delayed = self.cx.delayed_name_removal();
                    let series = drop_names(input.series(), delayed);
                    relabel(input, series, false)
                }
                _ => self.map(e, Mapping::StepTime, grid)?,
            },
            Special::StartTimestamp => match strip(expect_arg(e, 0)?) {
                Expr::Vector(selector) if self.cx.use_start_timestamps() => {
                    let input = self.select(selector, grid, Output::StartTime)?;
                    let delayed = self.cx.delayed_name_removal();
                    let series = drop_names(input.series(), delayed);
                    relabel(input, series, false)
                }
                _ => self.map(e, Mapping::Nothing, grid)?,
            },
            Special::Absent => {
                let matchers = match strip(expect_arg(e, 0)?) {
                    Expr::Vector(selector) => selector.matchers.as_slice(),
                    _ => &[],
                };
                self.absent(arg(0)?, matchers)?
            }
            Special::AbsentOverTime => self.absent_over_time(e, grid)?,
            Special::Info => self.info(e, grid)?,
            Special::LabelReplace => self.label_replace(e, arg(0)?)?,
            Special::LabelJoin => self.label_join(e, arg(0)?)?,
            Special::Sort | Special::SortDesc => {
                let descending = special == Special::SortDesc;
                self.sort(e, arg(0)?, SortKey::Value { descending }, grid)
            }
            Special::SortByLabel | Special::SortByLabelDesc => {
                let names = strings(e, 1)?.into_iter().map(str::to_owned).collect();
                let descending = special == Special::SortByLabelDesc;
                self.sort(e, arg(0)?, SortKey::Labels { names, descending }, grid)
            }
            Special::HistogramQuantile => {
                let phi = (arg(0)?, expect_arg(e, 0)?.span());
                let input = (arg(1)?, expect_arg(e, 1)?.span());
                Box::new(HistogramQuantile::new(
                    vec![phi],
                    None,
                    input,
                    self.cx,
                    grid,
                )?)
            }
            Special::HistogramQuantiles => {
                let label = string(expect_arg(e, 1)?)?;
                let input = (arg(0)?, expect_arg(e, 0)?.span());
                let mut phis: Vec<(BoxOperator, Span)> = Vec::new();
                for phi in e.args.iter().skip(2) {
                    phis.push((self.build(phi, grid)?, phi.span()));
                }
                let operator = HistogramQuantile::new(phis, Some(label), input, self.cx, grid)?;
                Box::new(operator)
            }
            Special::HistogramFraction => {
                let input = (arg(2)?, expect_arg(e, 2)?.span());
                Box::new(HistogramFraction::new([arg(0)?, arg(1)?], input, self.cx))
            }
        })
    }

    fn absent(&self, input: BoxOperator, matchers: &[Matcher]) -> Result<BoxOperator, QueryError> {
        let labels: Labels = labels_of_absent(matchers).map_err(failed)?;
        Ok(Box::new(Absent {
            input,
            series: [labels.into()],
        }))
    }

    fn absent_over_time(&self, e: &Call, grid: Grid) -> Result<BoxOperator, QueryError> {
        let arg = expect_arg(e, 0)?;
        let present = lookup("present_over_time").map(|f| f.kernel);
        let Some(Kernel::Window(kernel)) = present else {
            return unsupported("absent_over_time", e.span);
        };
        let vector = self.range_vector(arg, grid)?;
        if let Some(extension) = vector.extension {
            Extension::new(extension, e.function.name).map_err(QueryError::Execution)?;
        }
        // The names tell the series apart.
        let series = vector.series.clone();
        let function = window_function(vector, kernel, Vec::new(), series, |_| {});
        let matchers = match strip(arg) {
            Expr::Matrix(matrix) => matrix.selector.matchers.as_slice(),
            _ => &[],
        };
        self.absent(Box::new(function), matchers)
    }

    fn sort(&self, e: &Call, input: BoxOperator, key: SortKey, grid: Grid) -> BoxOperator {
        if grid.steps > 1 {
            self.cx.annotations.borrow_mut().sort_in_range_query(e.span);
        }
        Box::new(Sort { input, key })
    }

    fn label_replace(&self, e: &Call, input: BoxOperator) -> Result<BoxOperator, QueryError> {
        let texts = strings(e, 1)?;
        let &[dst, replacement, src, regex] = texts.as_slice() else {
            return unsupported("label_replace without its strings", e.span);
        };
        self.cx.check()?; // a pattern may take long to compile
        let call =
            LabelReplace::new(dst, replacement, src, regex).map_err(QueryError::Execution)?;
        let mut series = Vec::with_capacity(input.series().len());
        for s in input.series() {
            self.cx.check()?;
            series.push(match call.apply(&s.labels).map_err(failed)? {
                Some(labels) => {
                    self.cx.charge_series(1, labels.as_bytes().len())?;
                    renamed(labels, s, call.destination())
                }
                None => s.clone(),
            });
        }
        Ok(relabel(input, series, false))
    }

    fn label_join(&self, e: &Call, input: BoxOperator) -> Result<BoxOperator, QueryError> {
        let texts = strings(e, 1)?;
        let [dst, separator, sources @ ..] = texts.as_slice() else {
            return unsupported("label_join without its strings", e.span);
        };
        let call = LabelJoin::new(dst, separator, sources).map_err(QueryError::Execution)?;
        let mut series = Vec::with_capacity(input.series().len());
        for s in input.series() {
            self.cx.check()?;
            let labels = call.apply(&s.labels).map_err(failed)?;
            self.cx.charge_series(1, labels.as_bytes().len())?;
            series.push(renamed(labels, s, call.destination()));
        }
        Ok(relabel(input, series, false))
    }
}

/// A name that was just given is not dropped any more.
fn renamed(labels: Labels, before: &SeriesMeta, destination: &str) -> SeriesMeta {
    SeriesMeta {
        labels,
        drop_name: before.drop_name && destination != METRIC_NAME,
    }
}

fn expect_arg(e: &Call, i: usize) -> Result<&Expr, QueryError> {
    match e.args.get(i) {
        Some(arg) => Ok(arg),
        None => unsupported("a call with too few arguments", e.span),
    }
}

fn string(expr: &Expr) -> Result<&str, QueryError> {
    match strip(expr) {
        Expr::String(s) => Ok(&s.value),
        other => unsupported("a string that is no literal", other.span()),
    }
}

/// The string arguments from `first` on.
fn strings(e: &Call, first: usize) -> Result<Vec<&str>, QueryError> {
    e.args.iter().skip(first).map(string).collect()
}
