//! What a result of vector matching is called.

use tsdb_core::{LabelError, Labels};

use super::binary::Arithmetic;
use super::series::without;
use super::{MatchLabels, SeriesMeta, without_metadata};

/// What the matching says.
pub(super) struct Rules {
    pub(super) one_to_one: bool,
    /// The one side is written on the left.
    pub(super) swapped: bool,
    pub(super) on: bool,
    pub(super) include: Vec<String>,
    pub(super) fill_one: Option<f64>,
    pub(super) fill_many: Option<f64>,
    pub(super) by: MatchLabels,
    pub(super) delayed: bool,
}

impl Rules {
    /// Labels of the result of a pair.
    pub(super) fn result(
        &self,
        op: Arithmetic,
        many: &SeriesMeta,
        one: &Labels,
    ) -> Result<SeriesMeta, LabelError> {
        let drops_name = op.drops_name() && !(self.delayed && op.return_bool);
        let mut labels = if drops_name {
            without_metadata(&many.labels)
        } else {
            many.labels.clone()
        };
        if self.one_to_one {
            labels = if self.on {
                self.by.of(&labels)
            } else {
                without(&labels, |name| self.by.is_listed(name))
            };
        }
        if !self.include.is_empty() {
            let mut builder = labels.to_builder();
            for name in &self.include {
                builder.set(name, one.get(name).unwrap_or(""));
            }
            labels = builder.build()?;
        }
        let renamed = self.delayed && op.return_bool;
        Ok(SeriesMeta {
            labels,
            drop_name: renamed || (many.drop_name && !drops_name),
        })
    }
}
