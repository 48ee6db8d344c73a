//! `and`, `or`, `unless`: only presence counts.

use std::collections::HashMap;

use super::groups::Groups;
use super::merge::{Merge, MergeRule};
use super::operator::{BoxOperator, Sink};
use super::{Context, MatchLabels, Operator, SeriesMeta};
use crate::error::QueryError;
use crate::vector::{Bits, Tile};

/// Which set operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetKind {
    And,
    Or,
    Unless,
}

/// `v and v`, `v or v`, `v unless v`
pub(crate) struct SetOperation {
    kind: SetKind,
    lhs: BoxOperator,
    rhs: BoxOperator,
    groups: Groups,
    /// For `or`: both sides' series, left before right.
    merge: Merge,
}

impl SetOperation {
    pub(crate) fn new(kind: SetKind, lhs: BoxOperator, rhs: BoxOperator, by: &MatchLabels) -> Self {
        let groups = Groups::new(lhs.series(), rhs.series(), by);
        let mut inputs: Vec<SeriesMeta> = lhs.series().to_vec();
        if kind == SetKind::Or {
            inputs.extend_from_slice(rhs.series());
        }
        Self {
            kind,
            lhs,
            rhs,
            groups,
            merge: Merge::new(inputs, MergeRule::Step),
        }
    }
}

/// Which steps each group has samples at.
struct Presence<'g> {
    groups: &'g [u32],
    bits: HashMap<u32, Bits>,
}

impl Presence<'_> {
    /// The bits of the groups of one side that the other side has as well.
    fn of(groups: &[u32], interesting: &[u32], len: usize) -> HashMap<u32, Bits> {
        let interesting: std::collections::HashSet<u32> = interesting.iter().copied().collect();
        let shared = groups.iter().filter(|g| interesting.contains(g));
        shared.map(|&g| (g, Bits::none(len))).collect()
    }

    fn add(&mut self, i: u32, present: &Bits) {
        if let Some(bits) = self.bits.get_mut(&self.groups[i as usize]) {
            bits.or(present);
        }
    }
}

impl Operator for SetOperation {
    fn series(&self) -> &[SeriesMeta] {
        self.merge.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let (left, right) = (&self.groups.left, &self.groups.right);
        if self.kind == SetKind::Or {
            let mut presence = Presence {
                bits: Presence::of(left, right, tile.len),
                groups: left,
            };
            let _held = cx.hold((presence.bits.len() * tile.len).div_ceil(64))?;
            let mut merging = self.merge.begin(cx);
            self.lhs.run(cx, tile, &mut |i, column| {
                presence.add(i, &column.present);
                merging.push(i, column, sink)
            })?;
            let offset = u32::try_from(left.len()).unwrap_or(u32::MAX);
            self.rhs.run(cx, tile, &mut |i, column| {
                if let Some(bits) = presence.bits.get(&right[i as usize]) {
                    column.present.and_not(bits);
                }
                merging.push(offset + i, column, sink)
            })?;
            return merging.finish(sink);
        }
        let mut presence = Presence {
            bits: Presence::of(right, left, tile.len),
            groups: right,
        };
        let _held = cx.hold((presence.bits.len() * tile.len).div_ceil(64))?;
        self.rhs.run(cx, tile, &mut |i, column| {
            presence.add(i, &column.present);
            Ok(())
        })?;
        let kind = self.kind;
        self.lhs.run(cx, tile, &mut |i, column| {
            match (kind, presence.bits.get(&left[i as usize])) {
                (SetKind::And, Some(bits)) => column.present.and(bits),
                (SetKind::And, None) => return Ok(()),
                (_, Some(bits)) => column.present.and_not(bits),
                (_, None) => {}
            }
            if column.present.is_empty() {
                return Ok(());
            }
            sink(i, column)
        })
    }
}
