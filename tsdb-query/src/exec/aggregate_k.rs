//! `topk` and `bottomk`.

use std::collections::BTreeMap;

use super::operator::{BoxOperator, Sink};
use super::stored::Parameter;
use super::{Context, Operator, SeriesMeta};
use crate::ast::Span;
use crate::error::QueryError;
use crate::vector::{Column, Grid, Tile};

/// `topk by (…) (k, v)`, `bottomk by (…) (k, v)`
pub(crate) struct TopK {
    input: BoxOperator,
    k: Parameter,
    bottom: bool,
    /// Where the aggregation stands.
    span: Span,
    group_of: Vec<u32>,
    groups: usize,
}

/// Checks the parameter of `topk`, `bottomk` or `limitk`. Whether any step can have a result.
pub(crate) fn check_k(k: &Parameter) -> Result<bool, QueryError> {
    let fail = |message: String| Err(QueryError::Execution(message));
    if k.max() < 1.0 {
        return Ok(false);
    }
    if k.has_nan() {
        return fail("Parameter value is NaN".to_owned());
    }
    let as_go = crate::annotations::format_g;
    if k.min() <= i64::MIN as f64 {
        return fail(format!("Scalar value {} underflows int64", as_go(k.min())));
    }
    if k.max() >= i64::MAX as f64 {
        return fail(format!("Scalar value {} overflows int64", as_go(k.max())));
    }
    Ok(true)
}

/// How many series of each group may stay.
pub(crate) fn limit(k: f64, series: usize) -> usize {
    // Truncates; negative and NaN are none.
    (k as i64).clamp(0, i64::try_from(series).unwrap_or(i64::MAX)) as usize
}

impl TopK {
    /// `None` when no step can have a result.
    pub(crate) fn new(
        input: BoxOperator,
        k: BoxOperator,
        (bottom, span): (bool, Span),
        (groups, group_of): (usize, Vec<u32>),
        cx: &Context,
        grid: Grid,
    ) -> Result<Option<Self>, QueryError> {
        let k = Parameter::evaluate(k, cx, grid)?;
        Ok(check_k(&k)?.then_some(Self {
            input,
            k,
            bottom,
            span,
            group_of,
            groups,
        }))
    }
}

impl Operator for TopK {
    fn series(&self) -> &[SeriesMeta] {
        self.input.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let count = self.input.series().len();
        let mut heaps: Vec<Option<Vec<Heap>>> = Vec::new();
        heaps.resize_with(self.groups, || None);
        let mut order = Vec::new();
        let mut held = cx.hold(0)?;
        let (group_of, k_at, bottom) = (&self.group_of, &self.k, self.bottom);
        let span = self.span;
        self.input.run(cx, tile, &mut |i, column| {
            if column.has_histograms() {
                let wanted = |k: usize| limit(k_at.at(tile.first + k), count) > 0;
                if column.iter_histograms().any(|(k, _)| wanted(k)) {
                    let name = if bottom { "bottomk" } else { "topk" };
                    cx.annotations
                        .borrow_mut()
                        .ignored_in_aggregation(name, span);
                }
                column.drop_histograms();
                if column.present.is_empty() {
                    return Ok(());
                }
            }
            let number = group_of[i as usize];
            let slot = &mut heaps[number as usize];
            if slot.is_none() {
                held.add(tile.len)?;
                order.push(number);
            }
            let steps = slot.get_or_insert_with(|| {
                vec![
                    Heap {
                        bottom,
                        items: vec![]
                    };
                    tile.len
                ]
            });
            for (k, v) in column.iter() {
                let limit = limit(k_at.at(tile.first + k), count);
                if steps[k].offer(v, i, limit) {
                    held.add(1)?;
                }
            }
            Ok(())
        })?;
        if tile.len == 1 {
            let mut column = Column::default();
            for number in order {
                let heap = heaps[number as usize].iter_mut().flatten().next();
                for (v, i) in heap.map(Heap::sorted).unwrap_or_default() {
                    column.fill(1, v);
                    sink(i, &mut column)?;
                }
            }
            return Ok(());
        }
        let mut columns: BTreeMap<u32, Column> = BTreeMap::new();
        for steps in heaps.iter().flatten() {
            for (k, heap) in steps.iter().enumerate() {
                for &(v, i) in &heap.items {
                    let column = match columns.entry(i) {
                        std::collections::btree_map::Entry::Occupied(e) => e.into_mut(),
                        std::collections::btree_map::Entry::Vacant(e) => {
                            held.add(tile.len)?;
                            e.insert(Column::absent(tile.len))
                        }
                    };
                    column.set(k, v);
                }
            }
        }
        for (i, mut column) in columns {
            sink(i, &mut column)?;
        }
        Ok(())
    }
}

/// The k best values so far, the worst of them on top.
///
/// Which of equal values stays, and their order, follow from how the reference moves items about (Go's `container/heap` and
/// `sort`), so it does here.
#[derive(Clone)]
struct Heap {
    bottom: bool,
    items: Vec<(f64, u32)>,
}

impl Heap {
    fn worse(&self, a: f64, b: f64) -> bool {
        a.is_nan() || if self.bottom { a > b } else { a < b }
    }

    fn less(&self, i: usize, j: usize) -> bool {
        self.worse(self.items[i].0, self.items[j].0)
    }

    /// Takes a value if it is among the best; whether there is one more now.
    fn offer(&mut self, v: f64, series: u32, limit: usize) -> bool {
        if self.items.len() < limit {
            self.items.push((v, series));
            self.up(self.items.len() - 1);
            return true;
        }
        let Some(&(top, _)) = self.items.first() else {
            return false;
        };
        let better = if self.bottom { top > v } else { top < v };
        if better || (top.is_nan() && !v.is_nan()) {
            self.items[0] = (v, series);
            self.down();
        }
        false
    }

    fn up(&mut self, mut j: usize) {
        while j > 0 {
            let parent = (j - 1) / 2;
            if !self.less(j, parent) {
                break;
            }
            self.items.swap(j, parent);
            j = parent;
        }
    }

    fn down(&mut self) {
        let mut i = 0;
        loop {
            let left = 2 * i + 1;
            if left >= self.items.len() {
                break;
            }
            let right = left + 1;
            let child = if right < self.items.len() && self.less(right, left) {
                right
            } else {
                left
            };
            if !self.less(child, i) {
                break;
            }
            self.items.swap(i, child);
            i = child;
        }
    }

    /// The items, best first.
    fn sorted(&mut self) -> Vec<(f64, u32)> {
        let mut items = std::mem::take(&mut self.items);
        if items.len() <= 12 {
            for i in 1..items.len() {
                let mut j = i;
                while j > 0 && self.worse(items[j - 1].0, items[j].0) {
                    items.swap(j, j - 1);
                    j -= 1;
                }
            }
        } else {
            items.sort_by(|a, b| {
                if self.bottom {
                    crate::functions::sort::ascending(a.0, b.0)
                } else {
                    crate::functions::sort::descending(a.0, b.0)
                }
            });
        }
        items
    }
}
