//! Tests of the room as a whole.

mod crash;
mod damage;
mod golden;
mod round_trip;
pub(crate) mod support;
