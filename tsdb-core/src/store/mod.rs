//! The order of steps: open, write, flush, merge, expire. The only room that knows all the others.

mod write;

pub use write::{Commit, RejectReason, Rejected, Rejection, WriteReport};
