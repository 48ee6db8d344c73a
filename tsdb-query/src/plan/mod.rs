//! From the tree to operators: durations become milliseconds, parts that do not depend on the step are found, series are
//! selected. When the plan stands all label sets are known and no sample has been read (but for `count_values`, whose labels
//! are values).

mod aggregate;
mod binary;
mod build;
mod call;
mod depth;
mod durations;
mod evaluate;
mod foresee;
mod info;
mod invariant;
mod looked_at;
mod matrix;
mod selectors;
mod special;
mod statistics;
mod tile;

pub(crate) use depth::{SHALLOW, STACK_BYTES_PER_LEVEL, height};
pub(crate) use durations::QueryTimes;
pub(crate) use evaluate::{Kind, Query, evaluate};
pub use selectors::selectors;
