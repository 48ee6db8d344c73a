//! Evaluation as a whole: range queries against instant queries, limits, many series.

mod anything;
mod corpora;
mod groups;
mod limits;
mod options;
mod ranges;
mod wide;
