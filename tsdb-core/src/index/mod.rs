//! The inverted index: from a label pair to the series that have it, and from matchers to series.
//!
//! * [`LabelIndex`]: what an index can be asked, in memory or in a file.
//! * [`resolve`](resolve()): which series satisfy all of a list of matchers, the same code over every index.
//! * [`memory`]: the index of a head generation, `growing` its postings lists.
//! * [`IndexWriter`], [`IndexReader`]: the index in a file, drawn in `docs/format/index.md`; `format`, `records`,
//!   `symbols` and [`postings_codec`] are its parts.
//! * [`DeletedSeries`]: tombstones resolved to the series of one index.
//! * [`postings`]: set operations on sorted lists of series ids.
//! * `names`, [`PairSet`]: names and values of labels.
//!
//! A *postings list* holds ids of series, strictly rising. Ids mean something inside one index only.

mod deleted;
mod expand;
mod format;
mod found;
mod growing;
pub(crate) mod memory;
mod names;
mod pair_set;
pub(crate) mod postings;
pub(crate) mod postings_codec;
mod reader;
mod records;
mod resolve;
mod symbols;
mod writer;

pub(crate) use deleted::{DeletedSeries, newly_deleted};
pub(crate) use expand::LabelBuffer;
pub(crate) use found::FoundPairs;
pub(crate) use pair_set::PairSet;
pub(crate) use reader::IndexReader;
pub(crate) use resolve::{resolve, values_of};
pub(crate) use writer::IndexWriter;

#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod tests;

use crate::error::Result;

/// An inverted index over label sets. Labels without a value are not in it.
pub(crate) trait LabelIndex {
    /// Every series, strictly rising.
    ///
    /// # Errors
    /// When the index cannot be read or is damaged.
    fn all(&self) -> Result<Vec<u32>>;

    /// The series whose label `name` has this value, strictly rising; empty when there is none.
    ///
    /// # Errors
    /// When the index cannot be read or is damaged.
    fn postings(&self, name: &str, value: &str) -> Result<Vec<u32>>;

    /// One postings list for each value of `name` that starts with `prefix` and for which `keep` says true, in any
    /// order. Visits no value outside the prefix and reads no postings of a value that is not kept.
    ///
    /// # Errors
    /// When the index cannot be read or is damaged.
    fn postings_where(
        &self,
        name: &str,
        prefix: &str,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Vec<Vec<u32>>>;
}
