//! Runs become fewer and larger, and go when their time is over.
//!
//! `plan` and `retention` are pure functions of what the footers say; [`merge()`] does the work.
//!
//! * Only runs that are neighbours in the order of generations, inside one partition, are merged: at equal times the
//!   later generation wins, and that has to stay decidable between any two runs.
//! * A merge writes one run that names its inputs in `replaces`; they are unlinked when it is live.
//! * What is deleted of an input is not written. When nothing is left there is no output, and the inputs are unlinked.

mod merge;
mod plan;
mod retention;

#[cfg(test)]
mod tests;

pub(crate) use merge::{MergeInput, merge};
pub(crate) use plan::{MergePlan, MergePolicy, plan, plan_full, plan_rewrite};
pub(crate) use retention::{beyond_size, expired};
