//! What stands behind a function's name: arithmetic on a window or a value, or work that only the evaluator can do.

use tsdb_core::FloatHistogram;

use super::mixed::{MixedKernel, WithHistograms};
use super::slide::SlideKernel;

/// The samples of one series that one step of a range function sees.
///
/// Staleness markers are taken out; all samples lie in the left-open window `(start_ms, end_ms]`; there is at least one.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Milliseconds since the Unix epoch, strictly rising.
    pub times_ms: &'a [i64],
    /// The values, as many as there are times.
    pub values: &'a [f64],
    /// Where the window begins (itself outside), after `offset` and `@`.
    pub start_ms: i64,
    /// Where the window ends (itself inside), after `offset` and `@`.
    pub end_ms: i64,
    /// Time of the step, which `offset` and `@` do not move.
    pub eval_ms: i64,
}

impl Window<'_> {
    /// Length of the window in seconds.
    pub(crate) fn range_seconds(&self) -> f64 {
        seconds(self.end_ms - self.start_ms)
    }
}

/// Milliseconds as seconds.
pub(crate) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// A function of a window and of scalar arguments.
#[derive(Clone, Copy, Debug)]
pub struct WindowKernel {
    /// The value of a window; `None` when it has too few samples for one. The scalars are in the order of the call,
    /// the range vector left out.
    pub eval: fn(&Window<'_>, &[f64]) -> Option<f64>,
    /// The values of all windows of a series at once, bit for bit those of `eval`, in less time.
    pub(crate) slide: Option<SlideKernel>,
    /// What is done when there are native histograms in a window.
    pub(crate) with_histograms: WithHistograms,
    /// Whether the metric name stays: the result is a sample of the series, not a computed quantity.
    pub keeps_name: bool,
    /// Says what is wrong with the scalar arguments; the query then fails with that text.
    pub check: fn(&[f64]) -> Result<(), String>,
}

/// A function of one value and of scalar arguments.
#[derive(Clone, Copy, Debug)]
pub struct MathKernel {
    /// The new value. Optional arguments may be absent from the slice.
    pub eval: fn(f64, &[f64]) -> f64,
    /// Whether there is a result at all for these arguments; when not, the step has no samples.
    pub applies: fn(&[f64]) -> bool,
}

/// How a function is evaluated.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Kernel {
    /// Each window on its own; drops the metric name unless told otherwise.
    Window(WindowKernel),
    /// Each value on its own; drops the metric name.
    Math(MathKernel),
    /// Each value on its own as seconds since the Unix epoch, the time of the step when the argument is absent;
    /// drops the metric name.
    Clock(fn(f64) -> f64),
    /// A number out of each native histogram; floats give no result. Drops the metric name.
    Histogram(fn(&FloatHistogram) -> f64),
    /// Needs more than values: labels, several series, the step grid.
    Special(Special),
}

/// The functions that the evaluator itself carries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Special {
    /// `absent(v)`
    Absent,
    /// `absent_over_time(m)`
    AbsentOverTime,
    /// `end()`: last step of the query, in seconds.
    End,
    /// `info(v, {…})`
    Info,
    /// `histogram_fraction(lower, upper, v)`
    HistogramFraction,
    /// `histogram_quantile(q, v)`
    HistogramQuantile,
    /// `histogram_quantiles(v, label, q, …)`
    HistogramQuantiles,
    /// `label_join(v, dst, separator, src, …)`
    LabelJoin,
    /// `label_replace(v, dst, replacement, src, regex)`
    LabelReplace,
    /// `max_of(a, b)` of scalars.
    MaxOf,
    /// `min_of(a, b)` of scalars.
    MinOf,
    /// `pi()`
    Pi,
    /// `range()`: length of the query, in seconds.
    Range,
    /// `scalar(v)`
    Scalar,
    /// `sort(v)`
    Sort,
    /// `sort_by_label(v, label, …)`
    SortByLabel,
    /// `sort_by_label_desc(v, label, …)`
    SortByLabelDesc,
    /// `sort_desc(v)`
    SortDesc,
    /// `start_timestamp(v)`: when the sample of a selector began to count; nothing of other expressions.
    StartTimestamp,
    /// `start()`: first step of the query, in seconds.
    Start,
    /// `step()`: distance of the steps, in seconds.
    Step,
    /// `time()`
    Time,
    /// `timestamp(v)`
    Timestamp,
    /// `vector(s)`
    Vector,
}

/// A window kernel without scalar arguments to check.
pub(super) const fn window(eval: fn(&Window<'_>, &[f64]) -> Option<f64>) -> Kernel {
    Kernel::Window(WindowKernel {
        eval,
        slide: None,
        with_histograms: WithHistograms::Ignored,
        keeps_name: false,
        check: |_| Ok(()),
    })
}

/// A window kernel that can slide.
pub(super) const fn sliding(
    eval: fn(&Window<'_>, &[f64]) -> Option<f64>,
    slide: SlideKernel,
) -> Kernel {
    Kernel::Window(WindowKernel {
        eval,
        slide: Some(slide),
        with_histograms: WithHistograms::Ignored,
        keeps_name: false,
        check: |_| Ok(()),
    })
}

/// A window kernel whose result is a sample of the series.
pub(super) const fn sample_of_window(
    eval: fn(&Window<'_>, &[f64]) -> Option<f64>,
    slide: SlideKernel,
) -> Kernel {
    Kernel::Window(WindowKernel {
        eval,
        slide: Some(slide),
        with_histograms: WithHistograms::Ignored,
        keeps_name: true,
        check: |_| Ok(()),
    })
}

/// A window kernel that takes native histograms as well.
pub(super) const fn counting(kernel: Kernel, with_histograms: MixedKernel) -> Kernel {
    match kernel {
        Kernel::Window(window) => Kernel::Window(WindowKernel {
            with_histograms: WithHistograms::Counted(with_histograms),
            ..window
        }),
        other => other,
    }
}

/// A math kernel that has a value for all arguments.
pub(super) const fn math(eval: fn(f64, &[f64]) -> f64) -> Kernel {
    Kernel::Math(MathKernel {
        eval,
        applies: |_| true,
    })
}
