//! HTTP as such: what all answers have in common, whatever their route.

mod answers;
mod cors;

pub(crate) use answers::{compression, method_not_allowed, not_found, text_error};
pub(crate) use cors::cors;
