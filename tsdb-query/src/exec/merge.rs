//! Several inputs may give one output series, when labels that told them apart are gone.

use std::collections::HashMap;
use std::rc::Rc;

use tsdb_core::Labels;

use super::clash::{Clash, SAME_LABELSET};
use super::context::Held;
use super::operator::Sink;
use super::{Context, SeriesMeta};
use crate::error::QueryError;
use crate::vector::Column;

/// Where label sets of the result meet, in the order of errors of one step: after all errors of matching.
pub(crate) const ORDER_OF_MERGE: usize = 1 << 40;

/// When two inputs of one output series are an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MergeRule {
    /// Where they meet at a step.
    Step,
    /// When both have a sample anywhere in the query.
    Series,
}

/// Which input gives which output series. Inputs of one output are merged, step by step.
#[derive(Clone, Debug)]
pub(crate) struct Merge {
    series: Rc<[SeriesMeta]>,
    /// Output of each input.
    outputs: Rc<[u32]>,
    /// Outputs of more than one input.
    shared: Rc<[bool]>,
    rule: MergeRule,
    /// For [`MergeRule::Series`]: the input that has given each shared output samples.
    taken: HashMap<u32, u32>,
}

impl Merge {
    /// `inputs` are the label sets as they come out.
    pub(crate) fn new(inputs: Vec<SeriesMeta>, rule: MergeRule) -> Self {
        if inputs.is_sorted_by(|a, b| a.labels < b.labels) {
            // The usual case, found out in a fraction of the time that hashing takes: nothing is the same.
            return Self {
                outputs: (0..inputs.len() as u32).collect(),
                shared: vec![false; inputs.len()].into(),
                series: inputs.into(),
                rule,
                taken: HashMap::new(),
            };
        }
        let mut numbers: HashMap<Labels, u32> = HashMap::with_capacity(inputs.len());
        let mut series: Vec<SeriesMeta> = Vec::with_capacity(inputs.len());
        let mut shared = Vec::with_capacity(inputs.len());
        let mut output_of = |meta: SeriesMeta| {
            let next = series.len() as u32;
            let output = *numbers.entry(meta.labels.clone()).or_insert(next);
            if let Some(existing) = series.get_mut(output as usize) {
                existing.drop_name |= meta.drop_name;
                shared[output as usize] = true;
            } else {
                series.push(meta);
                shared.push(false);
            }
            output
        };
        Self {
            outputs: inputs.into_iter().map(&mut output_of).collect(),
            series: series.into(),
            shared: shared.into(),
            rule,
            taken: HashMap::new(),
        }
    }

    /// The output series.
    pub(crate) fn series(&self) -> &[SeriesMeta] {
        &self.series
    }

    /// Begins a tile.
    pub(crate) fn begin<'m>(&'m mut self, cx: &'m Context) -> Merging<'m> {
        Merging {
            cx,
            held: None,
            merge: self,
            buffered: Vec::new(),
            numbers: HashMap::new(),
            clash: Clash::default(),
            pushed: 0,
        }
    }
}

/// The merge of one tile.
#[derive(Debug)]
pub(crate) struct Merging<'m> {
    cx: &'m Context,
    held: Option<Held<'m>>,
    merge: &'m mut Merge,
    /// Shared outputs with their columns, in the order in which they were first given samples.
    buffered: Vec<(u32, Column)>,
    numbers: HashMap<u32, usize>,
    clash: Clash,
    pushed: usize,
}

impl Merging<'_> {
    /// Takes the column of an input.
    pub(crate) fn push(
        &mut self,
        input: u32,
        column: &mut Column,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        if column.present.is_empty() {
            return Ok(());
        }
        let output = self.merge.outputs[input as usize];
        if !self.merge.shared[output as usize] {
            return sink(output, column);
        }
        self.pushed += 1;
        if self.merge.rule == MergeRule::Series
            && *self.merge.taken.entry(output).or_insert(input) != input
        {
            self.clash.offer(0, 0, || SAME_LABELSET.to_owned());
            return Ok(());
        }
        if column.values.len() == 1 {
            // At a single step nothing can come later that would belong into the column: keep the order.
            if self.numbers.insert(output, 0).is_some() {
                self.clash
                    .offer(0, ORDER_OF_MERGE + self.pushed, || SAME_LABELSET.to_owned());
                return Ok(());
            }
            return sink(output, column);
        }
        if let Some(&at) = self.numbers.get(&output) {
            let existing = &mut self.buffered[at].1;
            if let Some(step) = existing.present.first_common(&column.present) {
                self.clash.offer(step, ORDER_OF_MERGE + self.pushed, || {
                    SAME_LABELSET.to_owned()
                });
            } else {
                existing.merge(column);
            }
            return Ok(());
        }
        let weight = column.values.len() + column.extra_weight();
        match &mut self.held {
            Some(held) => held.add(weight)?,
            None => self.held = Some(self.cx.hold(weight)?),
        }
        self.numbers.insert(output, self.buffered.len());
        self.buffered.push((output, column.clone()));
        Ok(())
    }

    /// Takes errors that come before those of the merge at the same step; their order is below [`ORDER_OF_MERGE`].
    pub(crate) fn clash(&mut self) -> &mut Clash {
        &mut self.clash
    }

    /// The output of an input, if it has more than one input.
    pub(crate) fn shared_output(&self, input: u32) -> Option<u32> {
        let output = self.merge.outputs[input as usize];
        self.merge.shared[output as usize].then_some(output)
    }

    /// Ends the tile: pushes what was held back, or says where samples met.
    pub(crate) fn finish(self, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        self.clash.into_result()?;
        for (output, mut column) in self.buffered {
            sink(output, &mut column)?;
        }
        Ok(())
    }
}
