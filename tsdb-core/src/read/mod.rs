//! Reading: a consistent snapshot of head and runs, series by series.
//!
//! * `view`: what there is to read, and the lock under which it changes.
//! * `snapshot`: the series of some selectors at one moment. `found`: how they come together. `series`: one of them and its samples.
//! * `deletions`: what is deleted of runs and frozen generations. `damage`: what could not be read. `querier`: reading over a range of time, label names and values.
//!
//! Of several samples of a series at one time the one written last counts; *parts* of a series are therefore kept in
//! rising order of writing: runs, frozen generations, the active generation.

mod damage;
mod deletions;
mod found;
mod querier;
mod series;
mod snapshot;
mod view;

pub(crate) use deletions::Deletions;
pub use querier::Querier;
pub use series::{Samples, SamplesIter, Series};
pub use snapshot::{SelectHints, Snapshot};
pub(crate) use view::{CurrentView, View};
