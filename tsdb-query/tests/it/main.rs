//! Integration tests of the crate.

mod memory;
mod parsing;
mod promqltest;
