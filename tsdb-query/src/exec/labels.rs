//! Other labels, the same samples: `label_replace`, `label_join`; `-v`, which drops the name; `timestamp(selector)`.

use super::merge::{Merge, MergeRule};
use super::operator::{BoxOperator, Sink};
use super::{Context, Operator, SeriesMeta};
use crate::error::QueryError;
use crate::vector::Tile;

struct Relabel {
    input: BoxOperator,
    merge: Merge,
    negate: bool,
}

/// The series of `input` under the labels of `series`, in the same order; with `negate` their values negated.
pub(crate) fn relabel(input: BoxOperator, series: Vec<SeriesMeta>, negate: bool) -> BoxOperator {
    Box::new(Relabel {
        input,
        merge: Merge::new(series, MergeRule::Step),
        negate,
    })
}

impl Operator for Relabel {
    fn series(&self) -> &[SeriesMeta] {
        self.merge.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let mut merging = self.merge.begin(cx);
        let negate = self.negate;
        self.input.run(cx, tile, &mut |i, column| {
            if negate {
                column.values.iter_mut().for_each(|v| *v = -*v);
                column.map_histograms(|h| {
                    let mut negated = h.clone();
                    negated.negate();
                    negated
                });
            }
            merging.push(i, column, sink)
        })?;
        merging.finish(sink)
    }
}
