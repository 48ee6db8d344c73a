//! Plain data: labels, matchers, samples, batches, time. Imports nothing from the other rooms.
//!
//! * A *series* is its label set; a label set has one canonical byte form (see [`Labels`]).
//! * A label with an empty value is the same as no label.
//! * There is one order of label sets everywhere, that of Prometheus's `labels.Compare`.

mod batch;
mod exemplar;
mod field;
pub mod histogram;
mod labels;
mod matcher;
mod merge;
mod metadata;
mod promql;
mod ranges;
mod regex;
mod sample;
mod start_times;
mod stored;
#[cfg(test)]
pub(crate) mod testing;
mod time;
mod tombstone;

pub use batch::{BatchHistogram, BatchSeries, ConflictPolicy, Encoding, SeriesBuilder, WriteBatch};
pub(crate) use batch::{Form, FormKey};
pub(crate) use exemplar::fits_exemplar;
pub use exemplar::{Exemplar, SeriesExemplars};
pub(crate) use field::FieldValue;
pub use field::MAX_STRING_BYTES;
pub use histogram::{CounterResetHint, FloatHistogram, Histogram, HistogramError, Span};
pub(crate) use labels::check_canonical;
pub(crate) use labels::push_label;
pub use labels::{LabelError, LabelIter, Labels, LabelsBuilder, MAX_LABEL_SET_BYTES, METRIC_NAME};
pub use matcher::{MatchOp, Matcher, MatcherError};
pub use metadata::{MetricMetadata, MetricType};
pub(crate) use ranges::TimeRanges;
pub use regex::{LabelRegex, RegexError};
pub use sample::{Columns, HistogramSample, Kind, STALE_NAN_BITS, Sample, Value, is_stale};
pub(crate) use start_times::{StartRun, StartRuns};
pub(crate) use stored::{LastSample, StoredValue};
pub(crate) use time::TimeUnits;
pub use time::{TimeRange, TimeUnit};
pub(crate) use tombstone::Tombstone;
