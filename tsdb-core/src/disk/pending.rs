//! Samples of a series that wait to be written, and how they are cut into columns.

use super::column::MAX_SAMPLES;
use super::field_group::column_len;
use crate::model::{FieldValue, Kind};

/// Samples in order of time: floats, or values of one other kind.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) times_ms: Vec<i64>,
    pub(super) floats: Vec<f64>,
    pub(super) fields: Vec<FieldValue>,
}

/// The values of a column that has its timestamps in a table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Values<'a> {
    Floats(&'a [f64]),
    Fields(Kind, &'a [FieldValue]),
}

impl Pending {
    /// The column that begins with this sample; `None` behind the last.
    pub(super) fn column(&self, from: usize) -> Option<(&[i64], Values<'_>)> {
        let times_ms = self.times_ms.get(from..).filter(|rest| !rest.is_empty())?;
        let (len, values) = match self.fields.get(from..) {
            Some([first, ..]) => {
                let fields = self.fields.get(from..)?;
                let len = column_len(fields);
                (len, Values::Fields(first.kind(), fields.get(..len)?))
            }
            _ => {
                let floats = self.floats.get(from..)?;
                let len = floats.len().min(MAX_SAMPLES);
                (len, Values::Floats(floats.get(..len)?))
            }
        };
        Some((times_ms.get(..len)?, values))
    }

    /// Takes the first samples away.
    pub(super) fn remove(&mut self, count: usize) {
        self.times_ms.drain(..count);
        self.floats.drain(..count.min(self.floats.len()));
        self.fields.drain(..count.min(self.fields.len()));
    }
}
