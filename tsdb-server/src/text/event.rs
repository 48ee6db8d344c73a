//! What a line says.

use std::borrow::Cow;

use tsdb_core::MetricType;

use super::labels::LabelText;

/// What a line says.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// Nothing.
    Blank,
    /// A comment.
    Comment(&'a str),
    /// `# TYPE`.
    Type {
        /// The metric family.
        family: Cow<'a, str>,
        /// Its type.
        kind: MetricType,
    },
    /// `# HELP`.
    Help {
        /// The metric family.
        family: Cow<'a, str>,
        /// What it is.
        help: Cow<'a, str>,
    },
    /// `# UNIT` of OpenMetrics.
    Unit {
        /// The metric family.
        family: Cow<'a, str>,
        /// Its unit; may be empty.
        unit: &'a str,
    },
    /// A sample.
    Sample(SampleLine<'a>),
    /// `# EOF` of OpenMetrics.
    End,
}

/// A sample as a line has it. `_created` samples of OpenMetrics are samples like any other, as in Prometheus by default.
#[derive(Clone, Debug)]
pub struct SampleLine<'a> {
    /// The metric name.
    pub name: Cow<'a, str>,
    /// The labels, without the metric name.
    pub labels: LabelText<'a>,
    /// The value. Every NaN has the bits of Prometheus's ordinary NaN.
    pub value: f64,
    /// Milliseconds since the Unix epoch, if the line tells a time.
    pub t_ms: Option<i64>,
    /// The exemplar, if there is one.
    pub exemplar: Option<Exemplar<'a>>,
}

/// The exemplar of a sample.
#[derive(Clone, Debug)]
pub struct Exemplar<'a> {
    /// Its labels.
    pub labels: LabelText<'a>,
    /// Its value.
    pub value: f64,
    /// Milliseconds since the Unix epoch, if it tells a time.
    pub t_ms: Option<i64>,
}
