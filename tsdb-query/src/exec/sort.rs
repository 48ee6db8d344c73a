//! `sort`, `sort_desc`, `sort_by_label`, `sort_by_label_desc`.

use super::operator::{BoxOperator, Sink};
use super::{Context, Operator, SeriesMeta};
use crate::error::QueryError;
use crate::functions::sort::{ascending, by_labels, descending};
use crate::vector::{Column, Sample, Tile};

/// What is sorted by.
#[derive(Clone, Debug)]
pub(crate) enum SortKey {
    /// The value, ascending or descending.
    Value {
        /// Greatest first.
        descending: bool,
    },
    /// Labels in natural order.
    Labels {
        /// Their names, the first decides first.
        names: Vec<String>,
        /// The other way round.
        descending: bool,
    },
}

/// Orders the series of a single step. A range query is ordered by labels in the end; there it does nothing.
pub(crate) struct Sort {
    pub(crate) input: BoxOperator,
    pub(crate) key: SortKey,
}

impl Operator for Sort {
    fn series(&self) -> &[SeriesMeta] {
        self.input.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let by_value = matches!(self.key, SortKey::Value { .. });
        if tile.len > 1 {
            return self.input.run(cx, tile, &mut |i, column| {
                if by_value && column.drop_histograms() && column.present.is_empty() {
                    return Ok(());
                }
                sink(i, column)
            });
        }
        let mut rows: Vec<(u32, Sample)> = Vec::new();
        let mut held = cx.hold(0)?;
        self.input.run(cx, tile, &mut |i, column| {
            match column.sample(0) {
                // Histograms have no order.
                Some(Sample::Histogram(_)) if by_value => {}
                Some(sample) => {
                    held.add(sample.weight())?;
                    rows.push((i, sample));
                }
                None => {}
            }
            Ok(())
        })?;
        let series = self.input.series();
        match &self.key {
            SortKey::Value { descending: false } => {
                rows.sort_by(|a, b| ascending(number(&a.1), number(&b.1)));
            }
            SortKey::Value { descending: true } => {
                rows.sort_by(|a, b| descending(number(&a.1), number(&b.1)));
            }
            SortKey::Labels {
                names,
                descending: reverse,
            } => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                rows.sort_by(|a, b| {
                    let (a, b) = (&series[a.0 as usize].labels, &series[b.0 as usize].labels);
                    let order = by_labels(a, b, &names);
                    if *reverse { order.reverse() } else { order }
                });
            }
        }
        let mut column = Column::default();
        for (i, sample) in rows {
            column.fill_with(1, &sample);
            sink(i, &mut column)?;
        }
        Ok(())
    }
}

fn number(sample: &Sample) -> f64 {
    match sample {
        Sample::Float(v) => *v,
        Sample::Histogram(_) => f64::NAN,
    }
}
