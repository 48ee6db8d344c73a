//! `absent` and `absent_over_time`.

use std::collections::HashSet;

use tsdb_core::{LabelError, Labels, METRIC_NAME, MatchOp, Matcher};

use super::operator::{BoxOperator, Sink};
use super::{Context, Operator, SeriesMeta};
use crate::error::QueryError;
use crate::vector::{Column, Tile};

/// 1 at the steps at which the operand has no sample.
pub(crate) struct Absent {
    pub(crate) input: BoxOperator,
    pub(crate) series: [SeriesMeta; 1],
}

impl Operator for Absent {
    fn series(&self) -> &[SeriesMeta] {
        &self.series
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let _held = cx.hold(tile.len)?;
        let mut column = Column::default();
        column.fill(tile.len, 1.0);
        self.input.run(cx, tile, &mut |_, c| {
            column.present.and_not(&c.present);
            Ok(())
        })?;
        if column.present.is_empty() {
            return Ok(());
        }
        sink(0, &mut column)
    }
}

/// The labels that a missing series would have had for sure: those of equality matchers, unless there are two of one name.
pub(crate) fn labels_of_absent(matchers: &[Matcher]) -> Result<Labels, LabelError> {
    let mut seen = HashSet::new();
    let mut labels = Labels::empty().to_builder();
    for matcher in matchers.iter().filter(|m| m.name() != METRIC_NAME) {
        if matcher.op() == MatchOp::Equal && seen.insert(matcher.name()) {
            labels.set(matcher.name(), matcher.value());
        } else {
            labels.remove(matcher.name());
        }
    }
    labels.build()
}
