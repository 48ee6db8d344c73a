//! Reading: a consistent snapshot of head and runs, series by series.

mod querier;

pub use querier::{Querier, Samples, Series};
