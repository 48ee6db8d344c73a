//! Files of samples: *runs*, written once, never changed, unlinked in the end. Drawn in `docs/format/run.md`.
//!
//! * A run holds all that a range of generations of the head had in one partition of time: columns, grouped and
//!   compressed, a directory that finds them, and an index of its series. It needs no other file.
//! * A run is written under a temporary name, synced, renamed, and its directory synced ([`publish()`]). A name that ends
//!   in `.run` is complete. Files that must become live together are renamed in two steps, so that a crash between them
//!   leaves all or none.
//! * A run is live unless a live run *replaces* it. What is live is told from the files alone ([`catalog`]).
//! * Every byte is covered by a checksum over the store, the file, the offset and the contents. Index and directory are
//!   verified when a run is opened and then held in memory, or used from a map of the file where there is no memory for them
//!   ([`EndMemory`]); groups are read by positional reads and verified each time they are decompressed.
//! * The end of a file (index, directory, footer) is mended in memory where a part of it is damaged. A file that cannot be mended is
//!   set aside, never removed, and its id is never used again.
//!
//! `name`, `partition`, `header`, `footer`, `meta`: what a file is. `float_group` for floats, `field_group` for integers, booleans and strings,
//! `listed_group`, `column_list` and `times` for both, `column` and `chunk_group` for histograms, `starts` for start times, `group_header`,
//! `directory`: how samples stand in it. `writer`, `columns`, `output`, `section`: writing one. `run`,
//! `group`, `loader`, `cache`, `end_memory`: reading one. `check`, `lost`, `mend`: what is damaged of one, what it
//! knows to be lost, and what its end is mended with. `publish`, `catalog`: the life of all.

mod cache;
pub(crate) mod catalog;
mod check;
mod checksum;
mod chunk_group;
mod column;
mod column_list;
mod columns;
mod directory;
mod end_memory;
mod field_group;
mod float_group;
mod footer;
mod group;
mod group_header;
mod header;
mod listed_group;
mod loader;
mod lost;
mod mend;
mod meta;
mod name;
mod output;
mod partition;
mod pending;
mod publish;
mod run;
mod section;
mod starts;
mod times;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use cache::GroupCache;
pub(crate) use check::RunDamage;
pub(crate) use column::ColumnStats;
pub(crate) use end_memory::EndMemory;
pub(crate) use loader::GroupReader;
pub(crate) use lost::LostColumns;
pub use lost::{LossCause, LostRange};
pub(crate) use meta::RunMeta;
pub(crate) use partition::Partition;
pub(crate) use publish::{FinishedRun, publish, remove_runs};
pub(crate) use run::Run;
pub(crate) use writer::{RunSpec, RunWriter};
