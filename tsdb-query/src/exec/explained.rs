//! An operator whose time and samples are measured.

use std::time::{Duration, Instant};

use super::operator::{BoxOperator, Sink};
use super::{Context, Operator, SeriesMeta};
use crate::error::QueryError;
use crate::vector::Tile;

/// Measures its operator on behalf of a node of the plan.
pub(crate) struct Explained {
    pub(crate) operator: BoxOperator,
    pub(crate) node: usize,
}

impl Operator for Explained {
    fn series(&self) -> &[SeriesMeta] {
        self.operator.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let begun = Instant::now();
        let above = cx.enter(Some(self.node));
        // What the operator above does with the series is not this one's.
        let mut elsewhere = Duration::ZERO;
        let mut samples = 0;
        let result = self.operator.run(cx, tile, &mut |i, column| {
            samples += column.present.count() as u64;
            let left = Instant::now();
            cx.enter(above);
            let result = sink(i, column);
            cx.enter(Some(self.node));
            elsewhere += left.elapsed();
            result
        });
        cx.enter(above);
        cx.evaluated(
            self.node,
            samples,
            begun.elapsed().saturating_sub(elsewhere),
        );
        result
    }
}
