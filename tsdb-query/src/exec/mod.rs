//! Operators: each takes the series of its operands one by one as columns and gives its own.
//!
//! * The label sets of an operator, their order and who meets whom are fixed when it is built, before any sample is read.
//! * An operator works on a tile: consecutive steps of its grid. It pushes each of its series that has a sample in the tile,
//!   once, into a sink; a series costs no allocation on the way. What has to be kept (the side of a match with one series,
//!   groups of an aggregation) is charged to the budget.
//! * Series are pushed in label order or, at a single step, in the order in which Prometheus gives them: folds are sequential,
//!   so that compensated sums do not depend on anything else.
//! * One thread does all of this. Others may read series ahead of it (`reading`), which changes nothing but the time it takes.
//! * Label sets may clash. It is an error where samples meet at a step; of several the least (step, order) is reported.

mod absent;
mod aggregate;
mod aggregate_histograms;
mod aggregate_k;
mod binary;
mod binary_histograms;
mod binary_remarks;
mod clash;
mod context;
mod cores;
mod count_values;
mod explained;
mod extended;
mod groups;
mod histogram;
mod histogram_input;
mod info;
mod labels;
mod limit;
mod map;
mod match_rules;
mod matching;
mod merge;
mod meter;
mod operator;
mod pairing;
mod pieces;
mod quantile;
mod ratio;
mod reading;
mod samples;
mod scalar;
mod select;
mod series;
mod set;
mod shared;
mod smoothed;
mod sort;
mod step_invariant;
mod stored;
mod subquery;
mod window;

pub(crate) use absent::{Absent, labels_of_absent};
pub(crate) use aggregate::{Aggregation, FoldKind};
pub(crate) use aggregate_k::TopK;
pub(crate) use binary::{Arithmetic, VectorScalar};
pub(crate) use clash::SAME_LABELSET;
pub(crate) use context::{Context, Limits};
pub(crate) use cores::Cores;
pub(crate) use count_values::count_values;
pub(crate) use explained::Explained;
pub(crate) use extended::{Extension, with_bounds};
pub(crate) use histogram::{HistogramFraction, HistogramQuantile};
pub(crate) use info::{IDENTIFYING, InfoSelector, info};
pub(crate) use labels::relabel;
pub(crate) use limit::Limit;
pub(crate) use map::{MapValues, Mapping};
pub(crate) use matching::VectorBinary;
pub(crate) use operator::{BoxOperator, Empty, Operator};
pub(crate) use pairing::LastPairing;
pub(crate) use pieces::Pieces;
pub(crate) use quantile::QuantileAggregation;
pub(crate) use samples::{Detail, prepare, take_out_stale, weight_of};
pub(crate) use scalar::{Scalar, ScalarBinary, ScalarSource};
pub(crate) use select::{InstantSelect, Output, Reference};
pub(crate) use series::{GroupKeys, MatchLabels, SeriesMeta, drop_names, without_metadata};
pub(crate) use set::{SetKind, SetOperation};
pub(crate) use shared::{SelectToShare, SharedSelect};
pub(crate) use sort::{Sort, SortKey};
pub(crate) use step_invariant::StepInvariant;
pub(crate) use stored::Stored;
pub(crate) use subquery::Subquery;
pub(crate) use window::{CounterHint, Doubt, Samples, WindowFunction};
