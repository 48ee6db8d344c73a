//! Who meets whom in a binary operator between two vectors, and what the results are called: all that follows from labels.

use std::rc::Rc;

use tsdb_core::LabelError;

use super::binary::Arithmetic;
use super::groups::{Groups, Slots};
use super::match_rules::Rules;
use super::merge::{Merge, MergeRule};
use super::{Context, MatchLabels, SeriesMeta};
use crate::ast::{MatchCardinality, VectorMatching};
use crate::error::QueryError;

/// The pairs of two sides.
pub(super) struct Pairing {
    pub(super) rules: Rules,
    /// The many on the left, the one side on the right.
    pub(super) groups: Groups,
    /// Whether others of the same side are in the group of a series.
    pub(super) many_in_company: Vec<bool>,
    pub(super) one_in_company: Vec<bool>,
    /// A slot keeps the samples of one series of the one side or, when its labels do not show in the result, of all of the group.
    pub(super) slots: Slots,
    pub(super) slot_of_one: Vec<u32>,
    /// Input of the merge for the first slot of each many; the other slots follow, then the fill value.
    pub(super) pairs: Vec<u32>,
    /// Input of the merge for each slot whose group has no many.
    pub(super) fill_pairs: Vec<u32>,
    merge: Merge,
}

impl Pairing {
    pub(super) fn new(
        op: Arithmetic,
        (many, one): (&[SeriesMeta], &[SeriesMeta]),
        matching: &VectorMatching,
        cx: &Context,
    ) -> Result<Self, QueryError> {
        let swapped = matching.card == MatchCardinality::OneToMany;
        // Also for `group_right`, as in the reference: the right value stands in for the one side.
        let (fill_one, fill_many) = (matching.fill_right, matching.fill_left);
        let rules = Rules {
            one_to_one: matching.card == MatchCardinality::OneToOne,
            swapped,
            on: matching.on,
            include: matching.include.clone(),
            fill_one,
            fill_many,
            by: MatchLabels::new(&matching.labels, matching.on),
            delayed: cx.delayed_name_removal(),
        };
        let groups = Groups::new(many, one, &rules.by);
        // One series of each slot, whose labels stand for all.
        let mut examples: Vec<u32> = Vec::new();
        let mut slot_groups: Vec<u32> = Vec::new();
        let mut slot_of_one = Vec::with_capacity(groups.right.len());
        let mut slot_of_group: Vec<Option<u32>> = vec![None; groups.len];
        for (j, &group) in (0u32..).zip(&groups.right) {
            let known = slot_of_group[group as usize].filter(|_| rules.include.is_empty());
            slot_of_one.push(known.unwrap_or_else(|| {
                let slot = examples.len() as u32;
                examples.push(j);
                slot_groups.push(group);
                slot_of_group[group as usize] = Some(slot);
                slot
            }));
        }
        let slots = Slots::new(&slot_groups, groups.len);
        let failed = |e: LabelError| QueryError::Execution(e.to_string());
        let mut inputs = Vec::with_capacity(many.len());
        let mut pairs = Vec::with_capacity(groups.left.len());
        for (series, &group) in many.iter().zip(&groups.left) {
            let first = inputs.len();
            pairs.push(u32::try_from(first).map_err(|_| QueryError::TooManySamples)?);
            for &slot in slots.of(group) {
                let example = &one[examples[slot as usize] as usize];
                inputs.push(rules.result(op, series, &example.labels).map_err(failed)?);
            }
            if rules.fill_one.is_some() {
                let other = rules.by.of(&series.labels);
                inputs.push(rules.result(op, series, &other).map_err(failed)?);
            }
            cx.check()?;
            // At once: a group may have many of both sides.
            cx.charge_results(&inputs[first..])?;
        }
        let mut fill_pairs = Vec::new();
        let first = inputs.len();
        if rules.fill_many.is_some() {
            for &j in &examples {
                fill_pairs.push(inputs.len() as u32);
                let example = &one[j as usize].labels;
                let series = rules.by.of(example).into();
                inputs.push(rules.result(op, &series, example).map_err(failed)?);
            }
        }
        cx.charge_results(&inputs[first..])?;
        Ok(Self {
            rules,
            many_in_company: groups.in_company(&groups.left),
            one_in_company: groups.in_company(&groups.right),
            groups,
            slots,
            slot_of_one,
            pairs,
            fill_pairs,
            merge: Merge::new(inputs, MergeRule::Step),
        })
    }

    /// The merge of the results, as it is before any of them.
    pub(super) fn merge(&self) -> Merge {
        self.merge.clone()
    }
}

/// The pairing of one operator of a chain, for the next: `a + b + c + …` of the same targets has one pairing but for the first.
#[derive(Default)]
pub(crate) struct LastPairing {
    known: Option<Known>,
}

struct Known {
    drops_name: bool,
    return_bool: bool,
    matching: VectorMatching,
    many: Vec<SeriesMeta>,
    one: Vec<SeriesMeta>,
    pairing: Rc<Pairing>,
}

impl LastPairing {
    pub(super) fn pairing(
        &mut self,
        op: Arithmetic,
        (many, one): (&[SeriesMeta], &[SeriesMeta]),
        matching: &VectorMatching,
        cx: &Context,
    ) -> Result<Rc<Pairing>, QueryError> {
        if let Some(known) = &self.known
            && known.drops_name == op.drops_name()
            && known.return_bool == op.return_bool
            && known.matching == *matching
            && are_clones(&known.many, many)
            && are_clones(&known.one, one)
        {
            return Ok(Rc::clone(&known.pairing));
        }
        let pairing = Rc::new(Pairing::new(op, (many, one), matching, cx)?);
        self.known = Some(Known {
            drops_name: op.drops_name(),
            return_bool: op.return_bool,
            matching: matching.clone(),
            many: many.to_vec(),
            one: one.to_vec(),
            pairing: Rc::clone(&pairing),
        });
        Ok(pairing)
    }
}

/// Whether the label sets are the same ones in memory.
fn are_clones(a: &[SeriesMeta], b: &[SeriesMeta]) -> bool {
    let same = |(a, b): (&SeriesMeta, &SeriesMeta)| {
        a.drop_name == b.drop_name && std::ptr::eq(a.labels.as_bytes(), b.labels.as_bytes())
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}
