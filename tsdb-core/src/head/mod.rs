//! The newest samples, in memory, in generations.
//!
//! A [`Generation`] owns the series and samples of one stretch of the write-ahead log. It is self-contained: it is
//! written to files whole and then dropped with its part of the log. There is one writer, the commit lane; readers
//! *capture* a series (a few reference counts) while the writer is kept out, and decode later, beside the writer.
//!
//! * `generation`: the whole; finding and making series, counts, the label index.
//! * `lookup`: label set → series. `recognition`: encoded labels → series. `symbol_tables`: the same for labels that refer to a table.
//! * `series`: what a series holds. `append`: how a sample gets there. `delete`: how it gets out. `out_of_order`, `pieces`: the samples behind the
//!   newest.
//! * `reader`: what a reader captures, and how it becomes columns.
//!
//! Invariants: series refs are dense from 0 in order of making; the in-order samples of a series rise strictly over
//! its chunks, each of which holds one kind of sample; a sample of the out-of-order log was written after every in-order sample at or after its time that
//! existed then, so at equal times the log wins, and within the log the later entry.

mod append;
mod delete;
mod generation;
mod lookup;
mod out_of_order;
mod pieces;
mod reader;
mod recognition;
mod series;
mod symbol_tables;

#[cfg(test)]
mod tests;

pub(crate) use crate::index::memory::PairRef;
pub(crate) use append::{NewValue, Offer, Since};
pub(crate) use generation::Generation;
pub(crate) use reader::SeriesSnapshot;
pub(crate) use recognition::{FormRef, Known};
pub(crate) use symbol_tables::Sequence;

/// Names a series inside one generation.
pub(crate) type SeriesRef = u32;
