//! Integration tests of the crate.

mod documentation;
mod evaluation;
mod memory;
mod parsing;
mod promqltest;
mod threads;
mod work;
