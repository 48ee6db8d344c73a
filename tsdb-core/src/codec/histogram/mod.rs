//! The chunks of native histograms, bit for bit those of Prometheus: integers (its encoding 2) and floats (3); drawn in
//! `docs/format/histogram-chunk.md`.
//!
//! * A chunk has one layout: schema, zero threshold, custom bounds, spans. A histogram with more buckets makes the whole chunk be
//!   written anew with those, one with other buckets missing gets empty ones; where that is not possible, or a counter was
//!   reset, a new chunk begins ([`Appended`]).
//! * In a chunk of counters no count ever falls, so that a reader need not look for resets inside.
//! * What comes back equals what was appended, with spans that may name more buckets, and with the hint that the place in the
//!   chunk tells. A staleness marker comes back as nothing but that.
//! * A chunk holds at most 65,535 samples.

mod alone;
mod any;
mod append;
mod fit;
mod float;
mod header;
mod integer;
mod layout;
mod read;
mod sample;
mod stream;
mod xor_value;

pub(crate) use alone::{push_alone, read_alone};
pub(crate) use any::{ChunkAppender, last_sample, take_range};
pub(crate) use append::Unstorable;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
