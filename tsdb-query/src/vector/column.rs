//! One series over the steps of a tile.

use super::Bits;

/// A value a step, and which steps have one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    /// As many as there are steps; meaningless where absent.
    pub(crate) values: Vec<f64>,
    /// Which steps have a value.
    pub(crate) present: Bits,
}

impl Column {
    /// `len` absent steps.
    pub(crate) fn absent(len: usize) -> Self {
        let mut column = Self::default();
        column.reset(len);
        column
    }

    /// Becomes `len` absent steps. Keeps the memory.
    pub(crate) fn reset(&mut self, len: usize) {
        self.values.clear();
        self.values.resize(len, 0.0);
        self.present.reset(len);
    }

    /// Becomes `value` at `len` steps.
    pub(crate) fn fill(&mut self, len: usize, value: f64) {
        self.values.clear();
        self.values.resize(len, value);
        self.present.fill(len);
    }

    /// Becomes a copy of `other`. Keeps the memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.values.clear();
        self.values.extend_from_slice(&other.values);
        self.present.copy_from(&other.present);
    }

    pub(crate) fn set(&mut self, step: usize, value: f64) {
        self.values[step] = value;
        self.present.set(step);
    }

    pub(crate) fn get(&self, step: usize) -> Option<f64> {
        self.present.get(step).then(|| self.values[step])
    }

    /// The present steps with their values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.present.iter().map(|k| (k, self.values[k]))
    }

    /// Takes over the present steps of `other`.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (k, v) in other.iter() {
            self.values[k] = v;
        }
        self.present.or(&other.present);
    }
}
