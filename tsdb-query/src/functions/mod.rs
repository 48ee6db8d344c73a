//! The functions of PromQL: one table that the checker, the evaluator and the documents read.

mod table;

pub use table::{FUNCTIONS, Function, lookup};
