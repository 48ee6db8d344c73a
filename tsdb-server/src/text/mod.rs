//! The text formats of metrics: Prometheus's 0.0.4 and OpenMetrics 1.0, read in place.
//!
//! * [`Page`] reads a page line by line, from wherever the lines come; [`events`] reads one that lies in memory.
//! * What is accepted is what Prometheus accepts, so that pages that are not quite OpenMetrics (kube-state-metrics names
//!   the families of its counters as their samples) are read. [`Strict`] adds the rules of the OpenMetrics specification.
//! * Nothing is copied but names and values with escapes in them.
//! * No line has an influence on another, apart from `# EOF`: a line that is wrong is told with its number, and the next
//!   one can be read. So a label value ends with its line, where Prometheus's older format would let it go on.
//!
//! Specifications: <https://prometheus.io/docs/instrumenting/exposition_formats/>,
//! <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>.

mod event;
mod labels;
mod lex;
mod line;
mod page;
mod strict;
mod strict_histogram;
#[cfg(test)]
mod tests;
mod write;

pub use event::{Event, Exemplar, SampleLine};
pub use labels::LabelText;
pub use page::{Events, Page, TextError, events};
pub use strict::Strict;
pub(crate) use write::UntypedWriter;

/// Which of the formats a page is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text format 0.0.4: times are milliseconds.
    Prometheus,
    /// OpenMetrics 1.0: times are seconds, and the page ends with `# EOF`.
    OpenMetrics,
}

impl Format {
    /// The format that a `Content-Type` names; everything but OpenMetrics is Prometheus's.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Self {
        let media_type = content_type.split(';').next().unwrap_or("").trim();
        if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }
}
