//! Name, signature, standing and kernel of each function (Prometheus 3.14 `promql/parser/functions.go`).

use super::kernel::{
    Kernel, MathKernel, Special, WindowKernel, counting, math, sample_of_window, sliding, window,
};
use super::mixed::{self, WithHistograms};
use super::native_histogram as native;
use super::{clock, counter, math as m, over_time, regression, slide};
use crate::ast::ValueType;

/// A function of PromQL.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Types of its arguments. With `variadic` the last may be absent or repeated.
    pub args: &'static [ValueType],
    /// How many further arguments of the last type may follow beyond `args`: 0 none, -1 any number.
    /// As in Prometheus, a positive number also makes the last `variadic` arguments of `args` optional.
    pub variadic: i8,
    /// Type of its value.
    pub returns: ValueType,
    /// Whether Prometheus 3.14 calls it experimental.
    pub experimental: bool,
    /// How it is evaluated.
    pub kernel: Kernel,
}

use ValueType::{Matrix as M, Scalar as S, String as T, Vector as V};

const fn f(
    name: &'static str,
    args: &'static [ValueType],
    variadic: i8,
    returns: ValueType,
    kernel: Kernel,
) -> Function {
    Function {
        name,
        args,
        variadic,
        returns,
        kernel,
        experimental: false,
    }
}

const fn x(
    name: &'static str,
    args: &'static [ValueType],
    variadic: i8,
    returns: ValueType,
    kernel: Kernel,
) -> Function {
    Function {
        name,
        args,
        variadic,
        returns,
        kernel,
        experimental: true,
    }
}

const fn special(special: Special) -> Kernel {
    Kernel::Special(special)
}

const CLAMP: Kernel = Kernel::Math(MathKernel {
    eval: m::clamp,
    applies: m::clamp_applies,
});

const SMOOTHING: Kernel = Kernel::Window(WindowKernel {
    eval: regression::double_exponential_smoothing,
    slide: None,
    with_histograms: WithHistograms::Ignored,
    keeps_name: false,
    check: regression::check_factors,
});

/// Every function, sorted by name.
pub static FUNCTIONS: &[Function] = &[
    f("abs", &[V], 0, V, math(|v, _| v.abs())),
    f("absent", &[V], 0, V, special(Special::Absent)),
    f(
        "absent_over_time",
        &[M],
        0,
        V,
        special(Special::AbsentOverTime),
    ),
    f("acos", &[V], 0, V, math(|v, _| v.acos())),
    f("acosh", &[V], 0, V, math(|v, _| v.acosh())),
    f("asin", &[V], 0, V, math(|v, _| v.asin())),
    f("asinh", &[V], 0, V, math(|v, _| v.asinh())),
    f("atan", &[V], 0, V, math(|v, _| v.atan())),
    f("atanh", &[V], 0, V, math(|v, _| v.atanh())),
    f(
        "avg_over_time",
        &[M],
        0,
        V,
        counting(sliding(over_time::avg, slide::avg), mixed::avg),
    ),
    f("ceil", &[V], 0, V, math(|v, _| v.ceil())),
    f(
        "changes",
        &[M],
        0,
        V,
        counting(sliding(counter::changes, slide::changes), mixed::changes),
    ),
    f("clamp", &[V, S, S], 0, V, CLAMP),
    f("clamp_max", &[V, S], 0, V, math(m::clamp_max)),
    f("clamp_min", &[V, S], 0, V, math(m::clamp_min)),
    f("cos", &[V], 0, V, math(|v, _| v.cos())),
    f("cosh", &[V], 0, V, math(|v, _| v.cosh())),
    f(
        "count_over_time",
        &[M],
        0,
        V,
        counting(sliding(over_time::count, slide::count), mixed::count),
    ),
    f(
        "day_of_month",
        &[V],
        1,
        V,
        Kernel::Clock(clock::day_of_month),
    ),
    f("day_of_week", &[V], 1, V, Kernel::Clock(clock::day_of_week)),
    f("day_of_year", &[V], 1, V, Kernel::Clock(clock::day_of_year)),
    f(
        "days_in_month",
        &[V],
        1,
        V,
        Kernel::Clock(clock::days_in_month),
    ),
    f("deg", &[V], 0, V, math(m::deg)),
    f(
        "delta",
        &[M],
        0,
        V,
        counting(sliding(counter::delta, slide::delta), mixed::delta),
    ),
    f("deriv", &[M], 0, V, window(regression::deriv)),
    x("double_exponential_smoothing", &[M, S, S], 0, V, SMOOTHING),
    x("end", &[], 0, S, special(Special::End)),
    f("exp", &[V], 0, V, math(|v, _| v.exp())),
    f(
        "first_over_time",
        &[M],
        0,
        V,
        counting(
            sample_of_window(over_time::first, slide::first),
            mixed::first,
        ),
    ),
    f("floor", &[V], 0, V, math(|v, _| v.floor())),
    f(
        "histogram_avg",
        &[V],
        0,
        V,
        Kernel::Histogram(native::histogram_avg),
    ),
    f(
        "histogram_count",
        &[V],
        0,
        V,
        Kernel::Histogram(native::histogram_count),
    ),
    f(
        "histogram_fraction",
        &[S, S, V],
        0,
        V,
        special(Special::HistogramFraction),
    ),
    f(
        "histogram_quantile",
        &[S, V],
        0,
        V,
        special(Special::HistogramQuantile),
    ),
    x(
        "histogram_quantiles",
        &[V, T, S, S],
        9,
        V,
        special(Special::HistogramQuantiles),
    ),
    f(
        "histogram_stddev",
        &[V],
        0,
        V,
        Kernel::Histogram(native::histogram_stddev),
    ),
    f(
        "histogram_stdvar",
        &[V],
        0,
        V,
        Kernel::Histogram(native::histogram_stdvar),
    ),
    f(
        "histogram_sum",
        &[V],
        0,
        V,
        Kernel::Histogram(native::histogram_sum),
    ),
    f("hour", &[V], 1, V, Kernel::Clock(clock::hour)),
    f(
        "idelta",
        &[M],
        0,
        V,
        counting(window(counter::idelta), mixed::idelta),
    ),
    f(
        "increase",
        &[M],
        0,
        V,
        counting(sliding(counter::increase, slide::increase), mixed::increase),
    ),
    x("info", &[V, V], 1, V, special(Special::Info)),
    f(
        "irate",
        &[M],
        0,
        V,
        counting(window(counter::irate), mixed::irate),
    ),
    f(
        "label_join",
        &[V, T, T, T],
        -1,
        V,
        special(Special::LabelJoin),
    ),
    f(
        "label_replace",
        &[V, T, T, T, T],
        0,
        V,
        special(Special::LabelReplace),
    ),
    f(
        "last_over_time",
        &[M],
        0,
        V,
        counting(sample_of_window(over_time::last, slide::last), mixed::last),
    ),
    f("ln", &[V], 0, V, math(|v, _| v.ln())),
    f("log10", &[V], 0, V, math(|v, _| v.log10())),
    f("log2", &[V], 0, V, math(|v, _| v.log2())),
    x("mad_over_time", &[M], 0, V, window(over_time::mad)),
    x("max_of", &[S, S], 0, S, special(Special::MaxOf)),
    f(
        "max_over_time",
        &[M],
        0,
        V,
        sliding(over_time::max, slide::max),
    ),
    x("min_of", &[S, S], 0, S, special(Special::MinOf)),
    f(
        "min_over_time",
        &[M],
        0,
        V,
        sliding(over_time::min, slide::min),
    ),
    f("minute", &[V], 1, V, Kernel::Clock(clock::minute)),
    f("month", &[V], 1, V, Kernel::Clock(clock::month)),
    f("pi", &[], 0, S, special(Special::Pi)),
    f(
        "predict_linear",
        &[M, S],
        0,
        V,
        window(regression::predict_linear),
    ),
    f(
        "present_over_time",
        &[M],
        0,
        V,
        counting(sliding(over_time::present, slide::present), mixed::present),
    ),
    f(
        "quantile_over_time",
        &[S, M],
        0,
        V,
        window(over_time::quantile_over_time),
    ),
    f("rad", &[V], 0, V, math(m::rad)),
    x("range", &[], 0, S, special(Special::Range)),
    f(
        "rate",
        &[M],
        0,
        V,
        counting(sliding(counter::rate, slide::rate), mixed::rate),
    ),
    f(
        "resets",
        &[M],
        0,
        V,
        counting(sliding(counter::resets, slide::resets), mixed::resets),
    ),
    f("round", &[V, S], 1, V, math(m::round)),
    f("scalar", &[V], 0, S, special(Special::Scalar)),
    f("sgn", &[V], 0, V, math(m::sgn)),
    f("sin", &[V], 0, V, math(|v, _| v.sin())),
    f("sinh", &[V], 0, V, math(|v, _| v.sinh())),
    f("sort", &[V], 0, V, special(Special::Sort)),
    x(
        "sort_by_label",
        &[V, T],
        -1,
        V,
        special(Special::SortByLabel),
    ),
    x(
        "sort_by_label_desc",
        &[V, T],
        -1,
        V,
        special(Special::SortByLabelDesc),
    ),
    f("sort_desc", &[V], 0, V, special(Special::SortDesc)),
    f("sqrt", &[V], 0, V, math(|v, _| v.sqrt())),
    x("start", &[], 0, S, special(Special::Start)),
    x(
        "start_timestamp",
        &[V],
        0,
        V,
        special(Special::StartTimestamp),
    ),
    f("stddev_over_time", &[M], 0, V, window(over_time::stddev)),
    f("stdvar_over_time", &[M], 0, V, window(over_time::stdvar)),
    x("step", &[], 0, S, special(Special::Step)),
    f(
        "sum_over_time",
        &[M],
        0,
        V,
        counting(sliding(over_time::sum, slide::sum), mixed::sum),
    ),
    f("tan", &[V], 0, V, math(|v, _| v.tan())),
    f("tanh", &[V], 0, V, math(|v, _| v.tanh())),
    f("time", &[], 0, S, special(Special::Time)),
    f("timestamp", &[V], 0, V, special(Special::Timestamp)),
    x(
        "ts_of_first_over_time",
        &[M],
        0,
        V,
        counting(window(over_time::ts_of_first), mixed::ts_of_first),
    ),
    x(
        "ts_of_last_over_time",
        &[M],
        0,
        V,
        counting(window(over_time::ts_of_last), mixed::ts_of_last),
    ),
    x(
        "ts_of_max_over_time",
        &[M],
        0,
        V,
        window(over_time::ts_of_max),
    ),
    x(
        "ts_of_min_over_time",
        &[M],
        0,
        V,
        window(over_time::ts_of_min),
    ),
    f("vector", &[S], 0, V, special(Special::Vector)),
    f("year", &[V], 1, V, Kernel::Clock(clock::year)),
];

/// The function of that name.
#[must_use]
pub fn lookup(name: &str) -> Option<&'static Function> {
    FUNCTIONS
        .binary_search_by(|f| f.name.cmp(name))
        .ok()
        .map(|i| &FUNCTIONS[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_and_whole() {
        assert!(FUNCTIONS.windows(2).all(|w| w[0].name < w[1].name));
        assert_eq!(FUNCTIONS.len(), 90);
        assert_eq!(FUNCTIONS.iter().filter(|f| f.experimental).count(), 17);
    }
}
