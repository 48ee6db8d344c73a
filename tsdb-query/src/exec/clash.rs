//! The first of several errors, as if the query had been evaluated step by step.

use crate::error::QueryError;

/// Two label sets of an output are the same.
pub(crate) const SAME_LABELSET: &str = "vector cannot contain metrics with the same labelset";

/// Keeps the error of the least (step, order).
#[derive(Debug, Default)]
pub(crate) struct Clash {
    at: Option<(usize, usize)>,
    message: String,
}

impl Clash {
    /// An error at a step; `order` tells errors of one step apart.
    pub(crate) fn offer(&mut self, step: usize, order: usize, message: impl FnOnce() -> String) {
        if self.at.is_none_or(|at| (step, order) < at) {
            self.at = Some((step, order));
            self.message = message();
        }
    }

    /// The error, if there was one.
    pub(crate) fn into_result(self) -> Result<(), QueryError> {
        match self.at {
            Some(_) => Err(QueryError::Execution(self.message)),
            None => Ok(()),
        }
    }
}
