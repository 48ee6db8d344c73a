//! Integration tests of the crate.

mod evaluation;
mod memory;
mod parsing;
mod promqltest;
