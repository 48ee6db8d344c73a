//! Memory that a part of the evaluation takes for a while.

use super::{Context, SAMPLE_BYTES};
use crate::error::QueryError;

/// A share of the budget.
#[derive(Debug)]
pub(crate) struct Held<'c> {
    context: &'c Context,
    samples: u64,
    /// Beside the samples.
    bytes: u64,
    /// The node of the plan that took it.
    node: Option<usize>,
}

impl<'c> Held<'c> {
    /// Nothing yet, for this node of the plan.
    pub(super) fn new(context: &'c Context, node: Option<usize>) -> Self {
        Self {
            context,
            samples: 0,
            bytes: 0,
            node,
        }
    }

    /// Takes more.
    pub(crate) fn add(&mut self, samples: usize) -> Result<(), QueryError> {
        self.context.charge(samples)?;
        self.samples += samples as u64;
        Ok(())
    }

    /// Takes memory for so many samples beside that of the samples, so many bytes for each.
    pub(crate) fn add_beside(&mut self, samples: usize, bytes: u64) -> Result<(), QueryError> {
        let bytes = bytes.saturating_mul(samples as u64);
        self.context.charge_bytes(bytes)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let held = self.context.held.get();
        self.context.held.set(held.saturating_sub(self.samples));
        let bytes = self.context.bytes.get();
        self.context.bytes.set(bytes.saturating_sub(self.bytes));
        if let Some(plan) = &self.context.plan {
            let bytes = self.samples * SAMPLE_BYTES + self.bytes;
            plan.borrow_mut().give_back(self.node, bytes);
        }
    }
}
