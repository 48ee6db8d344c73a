//! What a delete leaves until the samples are gone.

use super::{Matcher, TimeRange};

/// A delete: the samples in the range, of the series that match all matchers of any of the lists, that were there before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tombstone {
    /// Rises from delete to delete, from 1.
    pub(crate) number: u64,
    /// Not empty.
    pub(crate) range: TimeRange,
    pub(crate) selectors: Vec<Vec<Matcher>>,
}
