//! HTTP as such: connections, and what all requests and answers have in common, whatever their route.
//!
//! * [`serve`] accepts; a connection has a place or is refused, and an idle one gives its place up to a new one.
//! * A connection is watched (`watch`): nobody waits for a client longer than a flag says, whatever it does slowly.
//! * `framing` refuses what two parsers may read in two ways, before ours reads it.
//! * A path has one spelling ([`normalise`]) before routes and their classes are looked for.

mod answers;
mod body;
mod bounds;
mod connection;
mod cors;
mod counts;
mod framing;
mod headers;
mod held;
mod path;
mod serve;
mod size;
mod stream;
mod watch;

pub(crate) use answers::{compression, method_not_allowed, not_found, text_error};
pub(crate) use body::timed_out;
pub(crate) use bounds::Bounds;
pub(crate) use cors::cors;
pub(crate) use counts::Counts;
pub(crate) use headers::secure;
pub(crate) use held::{Parts, hold_answer};
pub(crate) use path::normalise;
pub(crate) use serve::serve;
pub(crate) use size::limit_head;

/// Bytes as those of a connection, whole and in two pieces, and as a path.
#[cfg(fuzzing)]
pub(crate) fn fuzz(bytes: &[u8]) {
    framing::fuzz(bytes);
    path::fuzz(&String::from_utf8_lossy(bytes));
}
