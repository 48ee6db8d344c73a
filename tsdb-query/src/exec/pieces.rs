//! Long chains of operators, evaluated piece by piece: what a piece gives is kept for the next, so that the stack does not grow
//! with the length of a chain.

use std::cell::RefCell;
use std::rc::Rc;

use super::operator::{BoxOperator, Sink};
use super::{Context, Operator, SeriesMeta};
use crate::error::QueryError;
use crate::vector::{Column, Tile};

/// Columns with the numbers of their series.
type Kept = Rc<RefCell<Vec<(u32, Column)>>>;

/// What the piece before gave for the tile.
struct Before {
    series: Vec<SeriesMeta>,
    kept: Kept,
}

impl Operator for Before {
    fn series(&self) -> &[SeriesMeta] {
        &self.series
    }

    fn run(&mut self, cx: &Context, _: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let mut kept = self.kept.take();
        for (i, column) in &mut kept {
            sink(*i, column)?;
        }
        cx.give_back(kept.into_iter().map(|(_, column)| column));
        Ok(())
    }
}

/// The pieces of a chain. Each but the first has the one before as its innermost operand.
#[derive(Default)]
pub(crate) struct Pieces {
    before: Vec<BoxOperator>,
    kept: Kept,
}

impl Pieces {
    /// Ends a piece; the operand for the next.
    pub(crate) fn cut(&mut self, piece: BoxOperator) -> BoxOperator {
        let before = Before {
            series: piece.series().to_vec(),
            kept: Rc::clone(&self.kept),
        };
        self.before.push(piece);
        Box::new(before)
    }

    /// The operator of the whole chain.
    pub(crate) fn end(self, last: BoxOperator) -> BoxOperator {
        if self.before.is_empty() {
            return last;
        }
        Box::new(Chain { pieces: self, last })
    }
}

/// A chain of more than one piece.
struct Chain {
    pieces: Pieces,
    last: BoxOperator,
}

impl Operator for Chain {
    fn series(&self) -> &[SeriesMeta] {
        self.last.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let mut holding = cx.hold(0)?;
        for piece in &mut self.pieces.before {
            cx.check()?;
            let mut columns = Vec::new();
            let mut held = cx.hold(0)?;
            piece.run(cx, tile, &mut |i, column| {
                held.add(tile.len + column.extra_weight())?;
                columns.push((i, cx.copy_of(column)));
                Ok(())
            })?;
            self.pieces.kept.replace(columns);
            // What the piece before had given is gone.
            holding = held;
        }
        let result = self.last.run(cx, tile, sink);
        drop(holding);
        result
    }
}
