//! What is left of a sequence of integers once its course is taken out: the list of shapes that the writer chooses from.

use super::list::{ListPlan, rough_bits, varint_bits};
use super::streams::Streams;
use crate::codec::varint::{push_ivarint, push_uvarint};

/// How the numbers of a sequence follow from each other. The numbers are part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Shape {
    /// All are the first.
    Constant = 0,
    /// Distances from the first.
    Level = 1,
    /// Differences of neighbours.
    Delta = 2,
    /// Differences of differences.
    DeltaOfDelta = 3,
    /// Distances from a straight line through the first.
    Line = 4,
    /// Where neighbours differ, and by how much.
    Steps = 5,
    /// Where the difference of neighbours changes, and by how much.
    Bends = 6,
}

impl Shape {
    /// Every shape, in the order of their numbers.
    pub(super) const ALL: [Self; 7] = [
        Self::Constant,
        Self::Level,
        Self::Delta,
        Self::DeltaOfDelta,
        Self::Line,
        Self::Steps,
        Self::Bends,
    ];

    /// The shape with this number.
    pub(super) fn from_u8(n: u8) -> Option<Self> {
        Self::ALL.get(usize::from(n)).copied()
    }

    /// Whether a slope stands after the first number.
    pub(super) const fn has_slope(self) -> bool {
        matches!(self, Self::DeltaOfDelta | Self::Line | Self::Bends)
    }
}

/// A sequence in one of the shapes, and what it takes.
#[derive(Debug)]
pub(super) struct ShapePlan {
    pub(super) shape: Shape,
    /// Estimated bits after zstd, without what stands before the shape's own fields.
    pub(super) bits: f32,
    slope: i64,
    rest: Rest,
}

/// The lists that a shape leaves.
#[derive(Debug)]
enum Rest {
    Nothing,
    Every(Vec<i64>, ListPlan),
    Changes {
        gaps: Vec<i64>,
        gaps_plan: ListPlan,
        changes: Vec<i64>,
        changes_plan: ListPlan,
    },
}

impl Rest {
    fn every(numbers: Vec<i64>) -> (Self, f32) {
        let plan = ListPlan::new(&numbers);
        (Self::Every(numbers, plan), plan.bits)
    }

    fn changes(differences: impl Iterator<Item = i64>) -> (Self, f32) {
        let (mut gaps, mut changes) = (Vec::new(), Vec::new());
        let mut gap = 0;
        for difference in differences {
            if difference == 0 {
                gap += 1;
            } else {
                gaps.push(gap);
                changes.push(difference);
                gap = 0;
            }
        }
        let (gaps_plan, changes_plan) = (ListPlan::new(&gaps), ListPlan::new(&changes));
        let bits = 8.0 + gaps_plan.bits + changes_plan.bits;
        let rest = Self::Changes {
            gaps,
            gaps_plan,
            changes,
            changes_plan,
        };
        (rest, bits)
    }
}

/// Differences of neighbours.
fn deltas(numbers: &[i64]) -> impl Iterator<Item = i64> {
    let after = numbers.get(1..).unwrap_or_default();
    numbers.iter().zip(after).map(|(a, b)| b.wrapping_sub(*a))
}

/// Differences of the differences of neighbours.
fn deltas_of_deltas(numbers: &[i64]) -> impl Iterator<Item = i64> {
    let before = deltas(numbers);
    let after = deltas(numbers.get(1..).unwrap_or_default());
    before.zip(after).map(|(a, b)| b.wrapping_sub(a))
}

impl ShapePlan {
    /// `numbers` in `shape`; the first of them is 0, and for [`Shape::Constant`] all are.
    pub(super) fn new(shape: Shape, numbers: &[i64]) -> Self {
        let steps = numbers.len().saturating_sub(1);
        let slope = match shape {
            Shape::DeltaOfDelta | Shape::Bends => deltas(numbers).next().unwrap_or(0),
            Shape::Line => mean_slope(numbers, steps),
            _ => 0,
        };
        let (rest, bits) = match shape {
            Shape::Constant => (Rest::Nothing, 0.0),
            Shape::Level => Rest::every(numbers.iter().skip(1).copied().collect()),
            Shape::Delta => Rest::every(deltas(numbers).collect()),
            Shape::DeltaOfDelta => Rest::every(deltas_of_deltas(numbers).collect()),
            Shape::Line => Rest::every(
                (0_i64..)
                    .zip(numbers)
                    .skip(1)
                    .map(|(i, number)| number.wrapping_sub(slope.wrapping_mul(i)))
                    .collect(),
            ),
            Shape::Steps => Rest::changes(deltas(numbers)),
            Shape::Bends => Rest::changes(deltas_of_deltas(numbers)),
        };
        let slope_bits = if shape.has_slope() {
            varint_bits(slope)
        } else {
            0.0
        };
        Self {
            shape,
            bits: bits + slope_bits,
            slope,
            rest,
        }
    }

    /// The smallest of the shapes for `numbers`, of which the first is 0 and not all are. A shape that cannot be the
    /// smallest, by the number of differences that change, is not tried.
    pub(super) fn smallest(numbers: &[i64]) -> Self {
        let steps = numbers.len();
        let changes = deltas(numbers).filter(|&delta| delta != 0).count();
        let bends = deltas_of_deltas(numbers).filter(|&dod| dod != 0).count();
        let mut plans = Vec::with_capacity(6);
        if changes <= steps / 2 {
            plans.push(Self::new(Shape::Steps, numbers));
        }
        if bends <= steps / 2 {
            plans.push(Self::new(Shape::Bends, numbers));
        }
        if changes.min(bends) > steps / 16 {
            // Few numbers have no course that more than one shape can tell from chance.
            let dense = match steps {
                ..8 => vec![Shape::Delta],
                _ => promising(numbers),
            };
            plans.extend(dense.iter().map(|&shape| Self::new(shape, numbers)));
        }
        plans
            .into_iter()
            .min_by(|a, b| a.bits.total_cmp(&b.bits))
            .unwrap_or_else(|| Self::new(Shape::Delta, numbers))
    }

    /// Writes what follows the first number.
    pub(super) fn encode(&self, out: &mut Streams) {
        if self.shape.has_slope() {
            push_ivarint(&mut out.symbols, self.slope);
        }
        match &self.rest {
            Rest::Nothing => {}
            Rest::Every(numbers, plan) => plan.encode(numbers, out),
            Rest::Changes {
                gaps,
                gaps_plan,
                changes,
                changes_plan,
            } => {
                push_uvarint(&mut out.symbols, gaps.len() as u64);
                gaps_plan.encode(gaps, out);
                changes_plan.encode(changes, out);
            }
        }
    }
}

/// Those of the shapes that keep every number which a rough look does not rule out.
fn promising(numbers: &[i64]) -> Vec<Shape> {
    const SAMPLE: usize = 64;
    let steps = numbers.len().saturating_sub(1);
    let step = (numbers.len() / SAMPLE).max(1);
    let mut levels: Vec<i64> = numbers.iter().step_by(step).copied().collect();
    let middle = levels.len() / 2;
    let centre = *levels.select_nth_unstable(middle).1;
    let slope = mean_slope(numbers, steps);
    let line = (0_i64..)
        .zip(numbers)
        .map(|(i, number)| number.wrapping_sub(slope.wrapping_mul(i)));
    let bits = [
        (
            Shape::Level,
            rough_bits(numbers.iter().map(|n| n.wrapping_sub(centre)).step_by(step)),
        ),
        (Shape::Delta, rough_bits(deltas(numbers).step_by(step))),
        (
            Shape::DeltaOfDelta,
            rough_bits(deltas_of_deltas(numbers).step_by(step)),
        ),
        (Shape::Line, rough_bits(line.step_by(step))),
    ];
    let fewest = bits.iter().map(|&(_, bits)| bits).min().unwrap_or(0);
    // Two bits in ten, and where there are few of them a few more.
    let most = fewest + fewest / 5 + SAMPLE as u32 / 2;
    let close = bits.into_iter().filter(|&(_, bits)| bits <= most);
    close.map(|(shape, _)| shape).collect()
}

/// The slope of the line from the first number, 0, to the last, rounded.
fn mean_slope(numbers: &[i64], steps: usize) -> i64 {
    let last = i128::from(numbers.last().copied().unwrap_or(0));
    let steps = steps.max(1) as i128;
    // Between 0 and `last`, so it fits.
    ((2 * last + steps * last.signum()) / (2 * steps)) as i64
}
