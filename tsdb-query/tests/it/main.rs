//! Integration tests of the crate.

mod parsing;
