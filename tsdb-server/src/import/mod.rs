//! Import: streams of any length into the store, a bounded batch at a time.
//!
//! * A source (a body, a file, a block) is read as it comes; what is held of it is a line or a chunk, and one [`Sink`].
//! * What is good is kept: a line that is wrong is counted and told with its number, and the next one is read.
//! * Importing the same again changes nothing: equal samples are accepted and kept once. So whatever was interrupted is
//!   started again.

mod block;
mod body;
mod bounded;
mod cli;
mod file;
mod influx;
mod json_lines;
mod json_number;
mod json_values;
mod lines;
mod progress;
pub(crate) mod routes;
mod sink;
mod text_lines;

#[cfg(fuzzing)]
pub(crate) use block::fuzz_parts as fuzz_block_parts;
pub use cli::{ImportCommand, run as run_command};
#[cfg(fuzzing)]
pub(crate) use json_lines::fuzz_line as fuzz_json_line;
pub(crate) use routes::now_ms;
