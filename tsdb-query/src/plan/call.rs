//! Function calls that a kernel computes.

use tsdb_core::METRIC_NAME;

use crate::ast::{Call, Expr, ValueType};
use crate::error::QueryError;
use crate::exec::{
    BoxOperator, CounterHint, Doubt, Extension, MapValues, Mapping, SeriesMeta, WindowFunction,
    drop_names,
};
use crate::functions::{Kernel, WindowKernel};
use crate::vector::Grid;

use super::build::{Builder, RangeVector, scalar, unsupported};
use crate::exec::ScalarSource;

impl Builder<'_> {
    pub(super) fn call(&self, e: &Call, grid: Grid) -> Result<BoxOperator, QueryError> {
        match e.function.kernel {
            Kernel::Window(kernel) => self.window(e, kernel, grid),
            Kernel::Math(kernel) => self.map(e, Mapping::Math(kernel), grid),
            Kernel::Clock(f) if e.args.is_empty() => {
                let time = scalar(ScalarSource::Time(grid));
                self.mapped(time, Vec::new(), Mapping::Clock(f), grid)
            }
            Kernel::Clock(f) => self.map(e, Mapping::Clock(f), grid),
            Kernel::Histogram(f) => self.map(e, Mapping::Histogram(f), grid),
            Kernel::Special(special) => self.special(e, special, grid),
        }
    }

    /// A function of each value of its first argument and of scalars.
    pub(super) fn map(
        &self,
        e: &Call,
        mapping: Mapping,
        grid: Grid,
    ) -> Result<BoxOperator, QueryError> {
        let Some((vector, scalars)) = e.args.split_first() else {
            return unsupported("a call without arguments", e.span);
        };
        let input = self.build(vector, grid)?;
        let args = scalars
            .iter()
            .map(|arg| self.build(arg, grid))
            .collect::<Result<_, _>>()?;
        self.mapped(input, args, mapping, grid)
    }

    fn mapped(
        &self,
        input: BoxOperator,
        args: Vec<BoxOperator>,
        mapping: Mapping,
        grid: Grid,
    ) -> Result<BoxOperator, QueryError> {
        let series = drop_names(input.series(), self.cx.delayed_name_removal());
        Ok(Box::new(MapValues::new(input, args, mapping, series, grid)))
    }

    fn window(
        &self,
        e: &Call,
        kernel: WindowKernel,
        grid: Grid,
    ) -> Result<BoxOperator, QueryError> {
        let is_range = |arg: &&Expr| arg.value_type() == ValueType::Matrix;
        let Some(range) = e.args.iter().find(is_range) else {
            return unsupported("a call without a range vector", e.span);
        };
        let mut args = Vec::new();
        for arg in e.args.iter().filter(|arg| !is_range(arg)) {
            args.push(self.build(arg, grid)?);
        }
        let vector = self.range_vector(range, grid)?;
        let extension = match vector.extension {
            None => None,
            Some(extension) => {
                Some(Extension::new(extension, e.function.name).map_err(QueryError::Execution)?)
            }
        };
        let hint = matches!(e.function.name, "rate" | "increase").then(|| CounterHint {
            doubts: vector
                .series
                .iter()
                .map(|s| doubt(s, self.cx.type_and_unit_labels()))
                .collect(),
            span: vector.span,
        });
        let span = e.args.first().map_or(e.span, Expr::span);
        let phi_span = (e.function.name == "quantile_over_time")
            .then(|| e.args.first().map(Expr::span))
            .flatten();
        let counts_resets = matches!(e.function.name, "rate" | "increase" | "irate" | "resets");
        let start_times = counts_resets && self.cx.use_start_timestamps();
        let series = if kernel.keeps_name {
            vector.series.clone()
        } else {
            drop_names(&vector.series, self.cx.delayed_name_removal())
        };
        Ok(Box::new(window_function(
            vector,
            kernel,
            args,
            series,
            |f| {
                f.extension = extension;
                f.counter_hint = hint;
                f.span = span;
                f.start_times = start_times;
                f.phi_span = phi_span;
            },
        )))
    }
}

/// A window function over a range vector.
pub(super) fn window_function(
    vector: RangeVector,
    kernel: WindowKernel,
    args: Vec<BoxOperator>,
    series: Vec<SeriesMeta>,
    adjust: impl FnOnce(&mut WindowFunction),
) -> WindowFunction {
    let mut function = WindowFunction::new(
        vector.samples,
        vector.reference,
        vector.range_ms,
        kernel,
        args,
        (vector.series, series),
    );
    adjust(&mut function);
    function
}

/// Why a series may not be a counter: its name or, when `by_type`, the label that gives its type.
fn doubt(series: &SeriesMeta, by_type: bool) -> Option<Doubt> {
    let name = series.labels.get(METRIC_NAME)?;
    let of_type = series.labels.get("__type__").unwrap_or("");
    let looks_good = if by_type {
        matches!(of_type, "counter" | "histogram")
    } else {
        let endings = ["_total", "_sum", "_count", "_bucket"];
        endings.iter().any(|ending| name.ends_with(ending))
    };
    (!looks_good).then(|| Doubt {
        name: name.to_owned(),
        of_type: by_type.then(|| of_type.to_owned()),
    })
}
