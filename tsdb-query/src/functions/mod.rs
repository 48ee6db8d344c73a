//! The functions of PromQL: one table that the checker, the evaluator and the documents read, and the arithmetic behind it.
//!
//! The kernels know numbers alone: no series, no storage, no steps. The evaluator cuts windows, keeps labels and calls them.
//! Semantics and order of floating-point operations are those of Prometheus 3.14 (`promql/functions.go`, `promql/quantile.go`),
//! so that results agree to the last bits where the order of the operations decides them.

mod clock;
mod counter;
pub(crate) mod histogram;
pub(crate) mod kahan;
mod kernel;
pub(crate) mod labels;
mod math;
pub(crate) mod mixed;
pub(crate) mod native_histogram;
mod over_time;
pub(crate) mod quantile;
mod regression;
mod slide;
pub(crate) mod sort;
mod start_time;
mod table;

pub(crate) use clock::rfc3339;
pub use kernel::{Kernel, MathKernel, Special, Window, WindowKernel};
pub(crate) use math::{go_max, go_min};
pub(crate) use slide::{Scratch, Windows};
pub use table::{FUNCTIONS, Function, lookup};
