//! Operators between two vectors: which series meet, and what the result is called.
//!
//! The side on which a match group may have one series a step only (the right one, or the left one of `group_right`) is read
//! first and kept; the other side, the many, streams. Who meets whom follows from the labels; whether there are too many of
//! them is seen where their samples meet.

use std::collections::HashMap;

use tsdb_core::LabelError;

use super::binary::{Arithmetic, common};
use super::binary_remarks::Remarks;
use super::context::Held;
use super::match_rules::Rules;
use super::merge::{Merge, MergeRule, Merging};
use super::operator::{BoxOperator, Sink};
use super::{Context, GroupKeys, Operator, SeriesMeta};
use crate::ast::{MatchCardinality, VectorMatching};
use crate::error::QueryError;
use crate::vector::{Bits, Column, Tile};

const NOT_EXPLICIT: &str =
    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
const NOT_UNIQUE: &str = "multiple matches for labels: grouping labels must ensure unique matches";

/// `v op on (…) group_left (…) v`
pub(crate) struct VectorBinary {
    op: Arithmetic,
    many: BoxOperator,
    one: BoxOperator,
    rules: Rules,
    many_groups: Vec<u32>,
    one_groups: Vec<u32>,
    /// Slots of each group. A slot keeps the samples of one series of the one side or, when its labels do not show in the
    /// result, of all of the group.
    slots: Vec<Vec<u32>>,
    slot_of_one: Vec<u32>,
    /// Input of `merge` for the first slot of each many; the other slots follow, then the fill value.
    pairs: Vec<u32>,
    /// Input of `merge` for each slot whose group has no many.
    fill_pairs: Vec<u32>,
    merge: Merge,
}

impl VectorBinary {
    pub(crate) fn new(
        op: Arithmetic,
        lhs: BoxOperator,
        rhs: BoxOperator,
        matching: &VectorMatching,
        cx: &Context,
    ) -> Result<Self, QueryError> {
        let swapped = matching.card == MatchCardinality::OneToMany;
        let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
        // Also for `group_right`, as in the reference: the right value stands in for the one side.
        let (fill_one, fill_many) = (matching.fill_right, matching.fill_left);
        let mut rules = Rules {
            one_to_one: matching.card == MatchCardinality::OneToOne,
            swapped,
            on: matching.on,
            include: matching.include.clone(),
            fill_one,
            fill_many,
            keys: GroupKeys::new(&matching.labels, matching.on),
            delayed: cx.delayed_name_removal(),
        };
        let mut numbers = |operator: &BoxOperator| -> Vec<u32> {
            let series = operator.series().iter();
            series.map(|s| rules.keys.number(&s.labels)).collect()
        };
        let (many_groups, one_groups) = (numbers(&many), numbers(&one));
        let mut slots: Vec<Vec<u32>> = vec![Vec::new(); rules.keys.len()];
        // One series of each slot, whose labels stand for all.
        let mut examples: Vec<u32> = Vec::new();
        let mut slot_of_one = Vec::with_capacity(one_groups.len());
        for (j, &group) in (0u32..).zip(&one_groups) {
            let slots = &mut slots[group as usize];
            match slots.first() {
                Some(&slot) if rules.include.is_empty() => slot_of_one.push(slot),
                _ => {
                    let slot = examples.len() as u32;
                    examples.push(j);
                    slots.push(slot);
                    slot_of_one.push(slot);
                }
            }
        }
        let failed = |e: LabelError| QueryError::Execution(e.to_string());
        let mut inputs = Vec::new();
        let mut pairs = Vec::with_capacity(many_groups.len());
        for (series, &group) in many.series().iter().zip(&many_groups) {
            pairs.push(inputs.len() as u32);
            for &slot in &slots[group as usize] {
                let example = &one.series()[examples[slot as usize] as usize];
                inputs.push(rules.result(op, series, &example.labels).map_err(failed)?);
            }
            if rules.fill_one.is_some() {
                let other = rules.keys.labels(&series.labels);
                inputs.push(rules.result(op, series, &other).map_err(failed)?);
            }
            cx.check()?;
            if inputs.len() > u32::MAX as usize / 2 {
                return Err(QueryError::TooManySamples);
            }
        }
        let mut fill_pairs = Vec::new();
        if rules.fill_many.is_some() {
            for &j in &examples {
                fill_pairs.push(inputs.len() as u32);
                let example = &one.series()[j as usize].labels;
                let series = rules.keys.labels(example).into();
                inputs.push(rules.result(op, &series, example).map_err(failed)?);
            }
        }
        Ok(Self {
            op,
            many,
            one,
            rules,
            many_groups,
            one_groups,
            slots,
            slot_of_one,
            pairs,
            fill_pairs,
            merge: Merge::new(inputs, MergeRule::Step),
        })
    }
}

/// The one side of a tile.
struct OneSide<'c> {
    /// Samples of each slot.
    columns: Vec<Option<Column>>,
    /// For groups of several series: who has samples where.
    members: HashMap<u32, Members>,
    /// Steps at which a series met an earlier one of its group.
    duplicates: Vec<(u32, Bits)>,
    held: Held<'c>,
}

/// Presence of the series of a match group.
struct Members {
    anyone: Bits,
    each: Vec<(u32, Bits)>,
}

impl VectorBinary {
    fn read_one_side<'c>(
        &mut self,
        cx: &'c Context,
        tile: Tile,
    ) -> Result<OneSide<'c>, QueryError> {
        let slots = self.slots.iter().map(Vec::len).sum();
        let mut side = OneSide {
            columns: vec![None; slots],
            members: HashMap::new(),
            duplicates: Vec::new(),
            held: cx.hold(0)?,
        };
        let mut sizes: HashMap<u32, u32> = HashMap::new();
        for &group in &self.one_groups {
            *sizes.entry(group).or_default() += 1;
        }
        let (groups, slot_of_one) = (&self.one_groups, &self.slot_of_one);
        self.one.run(cx, tile, &mut |j, column| {
            let group = groups[j as usize];
            if sizes.get(&group).is_some_and(|&n| n > 1) {
                side.held.add(tile.len.div_ceil(64))?;
                let members = side.members.entry(group).or_insert_with(|| Members {
                    anyone: Bits::none(tile.len),
                    each: Vec::new(),
                });
                if members.anyone.first_common(&column.present).is_some() {
                    let mut met = members.anyone.clone();
                    met.and(&column.present);
                    side.duplicates.push((j, met));
                }
                members.anyone.or(&column.present);
                members.each.push((j, column.present.clone()));
            }
            match &mut side.columns[slot_of_one[j as usize] as usize] {
                Some(existing) => existing.merge(column),
                slot => {
                    side.held.add(tile.len + column.extra_weight())?;
                    *slot = Some(column.clone());
                }
            }
            Ok(())
        })?;
        Ok(side)
    }

    fn duplicate_text(&self, side: &OneSide<'_>, j: u32, step: usize) -> String {
        let series = |j: u32| &self.one.series()[j as usize].labels;
        let group = self.one_groups[j as usize];
        let members = side.members.get(&group).map_or(&[][..], |m| &m.each);
        let earlier = members.iter().find(|(_, present)| present.get(step));
        format!(
            "found duplicate series for the match group {:?} on the {} hand-side of the operation: [{:?}, {:?}];\
             many-to-many matching not allowed: matching labels must be unique on one side",
            self.rules.keys.labels(series(j)),
            if self.rules.swapped { "left" } else { "right" },
            series(j),
            series(earlier.map_or(j, |(other, _)| *other)),
        )
    }
}

/// Which results each match group already has.
struct Matched {
    by_group: HashMap<u32, Bits>,
    by_output: HashMap<(u32, u32), Bits>,
    len: usize,
}

impl Matched {
    /// Notes matches at `steps`; the first step that already had one.
    fn add(bits: &mut Bits, steps: &Bits) -> Option<usize> {
        let met = bits.first_common(steps);
        bits.or(steps);
        met
    }
}

impl Operator for VectorBinary {
    fn series(&self) -> &[SeriesMeta] {
        self.merge.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let side = self.read_one_side(cx, tile)?;
        let mut sizes: HashMap<u32, u32> = HashMap::new();
        for &group in &self.many_groups {
            *sizes.entry(group).or_default() += 1;
        }
        let mut matched = Matched {
            by_group: HashMap::new(),
            by_output: HashMap::new(),
            len: tile.len,
        };
        let mut anyone = Bits::none(tile.len);
        let mut out = Column::default();
        let mut rest = Bits::default();
        let constant = |fill: Option<f64>| fill.map(|v| Column::constant(tile.len, v));
        let (fill_one, fill_many) = (
            constant(self.rules.fill_one),
            constant(self.rules.fill_many),
        );
        let filled = fill_one.is_some() || fill_many.is_some();
        let rules = &self.rules;
        let op = self.op;
        let mut remarks = Remarks::default();
        let mut apply = |many: &Column, one: &Column, out: &mut Column| {
            if rules.swapped {
                op.apply(one, many, out, &mut remarks)
            } else {
                op.apply(many, one, out, &mut remarks)
            }
        };
        let mut met = Bits::default();
        let mut merging = self.merge.begin(cx);
        let (groups, slots, pairs) = (&self.many_groups, &self.slots, &self.pairs);
        self.many.run(cx, tile, &mut |i, column| {
            anyone.or(&column.present);
            let group = groups[i as usize];
            let alone = sizes.get(&group).is_none_or(|&n| n == 1) && fill_many.is_none();
            rest.copy_from(&column.present);
            let mut input = pairs[i as usize];
            for &slot in &slots[group as usize] {
                if let Some(one) = &side.columns[slot as usize] {
                    common(&column.present, &one.present, &mut out.present);
                    rest.and_not(&one.present);
                    if !out.present.is_empty() {
                        met.copy_from(&out.present);
                        if let Some(failed) = apply(column, one, &mut out) {
                            met.and_not(&failed);
                        }
                        note_matches(
                            &mut matched,
                            &mut merging,
                            rules,
                            alone,
                            (group, i, input),
                            &met,
                        );
                        merging.push(input, &mut out, sink)?;
                    }
                }
                input += 1;
            }
            if let Some(fill) = &fill_one
                && !rest.is_empty()
            {
                out.present.copy_from(&rest);
                if let Some(failed) = apply(column, fill, &mut out) {
                    rest.and_not(&failed);
                }
                note_matches(
                    &mut matched,
                    &mut merging,
                    rules,
                    alone,
                    (group, i, input),
                    &rest,
                );
                merging.push(input, &mut out, sink)?;
            }
            Ok(())
        })?;
        if let Some(fill) = &fill_many {
            for (group, slots) in (0u32..).zip(slots) {
                for &slot in slots {
                    let Some(one) = &side.columns[slot as usize] else {
                        continue;
                    };
                    out.present.copy_from(&one.present);
                    if let Some(bits) = matched.by_group.get(&group) {
                        out.present.and_not(bits);
                    }
                    apply(fill, one, &mut out);
                    merging.push(self.fill_pairs[slot as usize], &mut out, sink)?;
                }
            }
        }
        remarks.tell(op, cx);
        let mut found: Vec<(u32, usize)> = Vec::new();
        for (j, met) in &side.duplicates {
            let step = if filled {
                met.first()
            } else {
                met.first_common(&anyone)
            };
            found.extend(step.map(|step| (*j, step)));
        }
        let texts: Vec<(usize, u32)> = found.into_iter().map(|(j, step)| (step, j)).collect();
        if let Some(&(step, j)) = texts.iter().min() {
            let mut clash = std::mem::take(merging.clash());
            drop(merging);
            clash.offer(step, 0, || self.duplicate_text(&side, j, step));
            return clash.into_result();
        }
        merging.finish(sink)
    }
}

/// Notes that many `i` of `group` has a match at `steps`, whether or not a comparison will filter it.
fn note_matches(
    matched: &mut Matched,
    merging: &mut Merging<'_>,
    rules: &Rules,
    alone: bool,
    (group, i, input): (u32, u32, u32),
    steps: &Bits,
) {
    if alone {
        return;
    }
    let len = matched.len;
    let order = i as usize + 1;
    let bits = matched
        .by_group
        .entry(group)
        .or_insert_with(|| Bits::none(len));
    let met = Matched::add(bits, steps);
    if rules.one_to_one {
        if let Some(step) = met {
            merging
                .clash()
                .offer(step, order, || NOT_EXPLICIT.to_owned());
        }
        return;
    }
    let Some(output) = merging.shared_output(input) else {
        return;
    };
    let bits = matched
        .by_output
        .entry((group, output))
        .or_insert_with(|| Bits::none(len));
    if let Some(step) = Matched::add(bits, steps) {
        merging.clash().offer(step, order, || NOT_UNIQUE.to_owned());
    }
}
