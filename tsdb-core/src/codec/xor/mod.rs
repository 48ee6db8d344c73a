//! The Gorilla (XOR) chunk of floats, bit for bit that of Prometheus; drawn in `docs/format/chunk.md`.
//!
//! * Values keep every bit. Times may be any `i64` in any order: deltas wrap, so that even the two extremes of `i64`
//!   next to each other come back. (The head appends rising times only.)
//! * A chunk holds at most 65,535 samples, because its header counts them in two bytes.
//! * An [`OpenChunk`] has one writer, its [`XorAppender`], and any number of readers, who keep a [`Prefix`] of it and take no
//!   lock.

mod append;
mod encode;
mod read;

pub(crate) use append::{OpenChunk, Prefix, XorAppender};
#[cfg(test)]
pub(crate) use encode::ChunkFull;
#[cfg(test)]
pub(crate) use encode::MAX_SAMPLES;
pub(crate) use encode::encode;
pub(crate) use read::{XorIter, decode_into, take_range};

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
