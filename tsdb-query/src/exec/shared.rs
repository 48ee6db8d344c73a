//! An instant selector that occurs more than once is evaluated once a tile.

use std::cell::RefCell;
use std::rc::Rc;

use super::operator::Sink;
use super::select::InstantSelect;
use super::{Context, Operator, SeriesMeta};
use crate::error::QueryError;
use crate::vector::{Column, Tile};

/// A tile that has more values is evaluated for each occurrence, and not kept.
const MAX_KEPT: usize = 1 << 20;

/// One of the occurrences of a selector. What it gives for a tile is kept for the others.
pub(crate) struct SharedSelect {
    select: InstantSelect,
    shared: Rc<RefCell<Shared>>,
}

/// A selector of which there may be further occurrences.
pub(crate) struct SelectToShare {
    select: InstantSelect,
    shared: Rc<RefCell<Shared>>,
}

impl SelectToShare {
    /// A further occurrence.
    pub(crate) fn again(&self) -> SharedSelect {
        self.shared.borrow_mut().several = true;
        SharedSelect {
            select: self.select.clone(),
            shared: Rc::clone(&self.shared),
        }
    }
}

#[derive(Default)]
struct Shared {
    /// There is more than one occurrence.
    several: bool,
    last: Option<Rc<Kept>>,
    /// Samples that the query pays for what is kept.
    charged: usize,
}

/// What was given for a tile.
struct Kept {
    tile: Tile,
    /// In their order, with the numbers of their series.
    columns: Vec<(u32, Column)>,
    /// Samples that were read for them.
    read: usize,
}

impl SharedSelect {
    /// The first occurrence, and what makes further ones.
    pub(crate) fn new(select: InstantSelect) -> (Self, SelectToShare) {
        let shared: Rc<RefCell<Shared>> = Rc::default();
        let to_share = SelectToShare {
            select: select.clone(),
            shared: Rc::clone(&shared),
        };
        (Self { select, shared }, to_share)
    }

    /// Evaluates a tile and keeps it.
    fn keep(&mut self, cx: &Context, tile: Tile) -> Result<Rc<Kept>, QueryError> {
        let mut columns = Vec::new();
        let mut samples = 0;
        let before = cx.samples_read();
        self.select.run(cx, tile, &mut |i, column| {
            samples += tile.len + column.extra_weight();
            columns.push((i, column.clone()));
            Ok(())
        })?;
        let kept = Rc::new(Kept {
            tile,
            columns,
            read: cx.samples_read() - before,
        });
        let mut shared = self.shared.borrow_mut();
        cx.charge(samples.saturating_sub(shared.charged))?;
        shared.charged = shared.charged.max(samples);
        shared.last = Some(Rc::clone(&kept));
        Ok(kept)
    }

    fn kept(&self, tile: Tile) -> Option<Rc<Kept>> {
        let shared = self.shared.borrow();
        shared.last.clone().filter(|kept| kept.tile == tile)
    }
}

impl Operator for SharedSelect {
    fn series(&self) -> &[SeriesMeta] {
        self.select.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let values = tile.len.saturating_mul(self.series().len());
        if !self.shared.borrow().several || values > MAX_KEPT {
            return self.select.run(cx, tile, sink);
        }
        let (kept, again) = match self.kept(tile) {
            Some(kept) => (kept, true),
            None => (self.keep(cx, tile)?, false),
        };
        if again {
            // Each occurrence counts, as in Prometheus.
            cx.count_read(kept.read);
        }
        let mut copy = Column::default();
        for (i, column) in &kept.columns {
            cx.check()?;
            if again {
                cx.meter.borrow_mut().add_column(tile, column);
            }
            copy.copy_from(column);
            sink(*i, &mut copy)?;
        }
        Ok(())
    }
}
