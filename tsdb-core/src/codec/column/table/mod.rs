//! The timestamps of many series, each written once.
//!
//! Series that are scraped together have equal timestamps: one column for hundreds. A series that came later or went
//! earlier has a part of them, one that was missing now and then has a part with holes. The table keeps *unions*, columns
//! of timestamps, and for each distinct column which part of which union it is, and its holes.
//!
//! ```text
//! symbols and noise of a group: │ unions <uvarint> │ counts │ columns of timestamps │ columns <uvarint> │ union │ before │ after │ holes │ gaps │
//! ```

mod build;
mod read;

pub(crate) use build::TimesTableBuilder;
pub(crate) use read::TimesTable;

/// A distinct column of timestamps of a table: how many were there before it. Equal columns have one reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TimesRef(pub(crate) u32);
