//! Reading: a consistent snapshot of head and runs, series by series.
//!
//! * `view`: what there is to read, and the lock under which it changes.
//! * `querier`: selecting series and their names. `series`: one selected series and its samples.
//!
//! Of several samples of a series at one time the one written last counts; *parts* of a series are therefore kept in
//! rising order of writing: runs, frozen generations, the active generation.

mod querier;
mod series;
mod view;

pub use querier::Querier;
pub use series::{Samples, Series};
pub(crate) use view::{CurrentView, View};
