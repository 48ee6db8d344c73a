//! Operators between two vectors: which series meet, and what the result is called.
//!
//! The side on which a match group may have one series a step only (the right one, or the left one of `group_right`) is read
//! first and kept; the other side, the many, streams. Who meets whom follows from the labels; whether there are too many of
//! them is seen where their samples meet.

use std::collections::HashMap;
use std::rc::Rc;

use super::binary::{Arithmetic, common};
use super::binary_remarks::Remarks;
use super::context::Held;
use super::match_rules::Rules;
use super::merge::{Merge, Merging};
use super::operator::{BoxOperator, Sink};
use super::pairing::{LastPairing, Pairing};
use super::{Context, Operator, SeriesMeta};
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
    pairing: Rc<Pairing>,
    merge: Merge,
}

impl VectorBinary {
    /// `last` is the pairing of the operator before in a chain; it becomes that of this one.
    pub(crate) fn new(
        op: Arithmetic,
        (lhs, rhs): (BoxOperator, BoxOperator),
        matching: &VectorMatching,
        cx: &Context,
        last: &mut Option<LastPairing>,
    ) -> Result<Self, QueryError> {
        let swapped = matching.card == MatchCardinality::OneToMany;
        let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
        let sides = (many.series(), one.series());
        let pairing = match last {
            Some(last) => last.pairing(op, sides, matching, cx)?,
            None => Rc::new(Pairing::new(op, sides, matching, cx)?),
        };
        Ok(Self {
            op,
            many,
            one,
            merge: pairing.merge(),
            pairing,
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
        let mut side = OneSide {
            columns: vec![None; self.pairing.slots.len()],
            members: HashMap::new(),
            duplicates: Vec::new(),
            held: cx.hold(0)?,
        };
        let (groups, slot_of_one) = (&self.pairing.groups.right, &self.pairing.slot_of_one);
        let in_company = &self.pairing.one_in_company;
        self.one.run(cx, tile, &mut |j, column| {
            let group = groups[j as usize];
            if in_company[j as usize] {
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
                    *slot = Some(cx.copy_of(column));
                }
            }
            Ok(())
        })?;
        Ok(side)
    }

    fn duplicate_text(&self, side: &OneSide<'_>, j: u32, step: usize) -> String {
        let series = |j: u32| &self.one.series()[j as usize].labels;
        let group = self.pairing.groups.right[j as usize];
        let members = side.members.get(&group).map_or(&[][..], |m| &m.each);
        let earlier = members.iter().find(|(_, present)| present.get(step));
        format!(
            "found duplicate series for the match group {:?} on the {} hand-side of the operation: [{:?}, {:?}];\
             many-to-many matching not allowed: matching labels must be unique on one side",
            self.pairing.rules.by.of(series(j)),
            if self.pairing.rules.swapped {
                "left"
            } else {
                "right"
            },
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
        let mut side = self.read_one_side(cx, tile)?;
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
            constant(self.pairing.rules.fill_one),
            constant(self.pairing.rules.fill_many),
        );
        let filled = fill_one.is_some() || fill_many.is_some();
        let rules = &self.pairing.rules;
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
        let (groups, slots, pairs) = (
            &self.pairing.groups.left,
            &self.pairing.slots,
            &self.pairing.pairs,
        );
        let in_company = &self.pairing.many_in_company;
        self.many.run(cx, tile, &mut |i, column| {
            anyone.or(&column.present);
            let group = groups[i as usize];
            let alone = !in_company[i as usize] && fill_many.is_none();
            rest.copy_from(&column.present);
            let mut input = pairs[i as usize];
            for &slot in slots.of(group) {
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
            for group in 0..self.pairing.groups.len as u32 {
                for &slot in slots.of(group) {
                    let Some(one) = &side.columns[slot as usize] else {
                        continue;
                    };
                    out.present.copy_from(&one.present);
                    if let Some(bits) = matched.by_group.get(&group) {
                        out.present.and_not(bits);
                    }
                    apply(fill, one, &mut out);
                    merging.push(self.pairing.fill_pairs[slot as usize], &mut out, sink)?;
                }
            }
        }
        remarks.tell(op, cx);
        cx.give_back(side.columns.drain(..).flatten());
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
