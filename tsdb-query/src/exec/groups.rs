//! Which series of two operands share the labels they are matched by.

use std::cmp::Ordering;

use super::SeriesMeta;
use super::series::{GroupKeys, MatchLabels};

/// Match groups of two sides: series of one number match.
#[derive(Debug)]
pub(super) struct Groups {
    /// Of each series of one side.
    pub(super) left: Vec<u32>,
    /// Of each series of the other side.
    pub(super) right: Vec<u32>,
    /// How many there are.
    pub(super) len: usize,
}

impl Groups {
    pub(super) fn new(left: &[SeriesMeta], right: &[SeriesMeta], by: &MatchLabels) -> Self {
        if are_pairs(left, right, by) {
            let numbers: Vec<u32> = (0..left.len() as u32).collect();
            return Self {
                len: numbers.len(),
                left: numbers.clone(),
                right: numbers,
            };
        }
        let mut keys = GroupKeys::new(by.clone());
        let mut numbers = |side: &[SeriesMeta]| -> Vec<u32> {
            side.iter().map(|s| keys.number(&s.labels)).collect()
        };
        let (left, right) = (numbers(left), numbers(right));
        Self {
            left,
            right,
            len: keys.len(),
        }
    }

    /// Of each series of a side, whether its group has others on that side.
    pub(super) fn in_company(&self, side: &[u32]) -> Vec<bool> {
        let mut sizes = vec![0u32; self.len];
        for &group in side {
            sizes[group as usize] += 1;
        }
        side.iter()
            .map(|&group| sizes[group as usize] > 1)
            .collect()
    }
}

/// Whether the n-th series of both sides match, and no others: the usual case of operands that come from the same targets, found
/// out in a fraction of the time that hashing takes.
fn are_pairs(left: &[SeriesMeta], right: &[SeriesMeta], by: &MatchLabels) -> bool {
    let same = |(a, b): (&SeriesMeta, &SeriesMeta)| by.compare(&a.labels, &b.labels).is_eq();
    left.len() == right.len()
        && left.iter().zip(right).all(same)
        && left.is_sorted_by(|a, b| by.compare(&a.labels, &b.labels) == Ordering::Less)
}

/// The slots of each group, in one piece.
#[derive(Debug)]
pub(super) struct Slots {
    starts: Vec<u32>,
    slots: Vec<u32>,
}

impl Slots {
    /// `groups` are those of the slots.
    pub(super) fn new(groups: &[u32], len: usize) -> Self {
        let mut starts = vec![0u32; len + 1];
        for &group in groups {
            starts[group as usize + 1] += 1;
        }
        for i in 0..len {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut slots = vec![0; groups.len()];
        for (slot, &group) in (0u32..).zip(groups) {
            let at = &mut next[group as usize];
            slots[*at as usize] = slot;
            *at += 1;
        }
        Self { starts, slots }
    }

    /// The slots of a group, rising.
    pub(super) fn of(&self, group: u32) -> &[u32] {
        let (from, to) = (self.starts[group as usize], self.starts[group as usize + 1]);
        &self.slots[from as usize..to as usize]
    }

    /// How many slots there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}
