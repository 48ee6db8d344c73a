//! The functions over points: one table of names, types and kinds.

use crate::value::FieldType;

/// A function over the points of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Count,
    Sum,
    Mean,
    Median,
    Mode,
    Spread,
    Stddev,
    Min,
    Max,
    First,
    Last,
    Percentile,
    Distinct,
    Top,
    Bottom,
    Integral,
    Derivative,
    NonNegativeDerivative,
    Difference,
    NonNegativeDifference,
    MovingAverage,
    CumulativeSum,
    Elapsed,
}

/// How a function goes through the points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A new value for each interval.
    Aggregate,
    /// One of the points of each interval.
    Selector,
    /// Several points of each interval.
    Several,
    /// New points from point to point.
    Transformation,
}

use Function::*;
use Shape::*;

/// What values a function takes.
const NUMBERS: &[FieldType] = &[FieldType::Float, FieldType::Integer];
const ORDERED: &[FieldType] = &[FieldType::Float, FieldType::Integer, FieldType::Boolean];
const ANY: &[FieldType] = &[
    FieldType::Float,
    FieldType::Integer,
    FieldType::Boolean,
    FieldType::String,
];

const TABLE: [(&str, Function, Shape, &[FieldType]); 23] = [
    ("count", Count, Aggregate, ANY),
    ("sum", Sum, Aggregate, NUMBERS),
    ("mean", Mean, Aggregate, NUMBERS),
    ("median", Median, Aggregate, NUMBERS),
    ("mode", Mode, Aggregate, ANY),
    ("spread", Spread, Aggregate, NUMBERS),
    ("stddev", Stddev, Aggregate, NUMBERS),
    ("min", Min, Selector, ORDERED),
    ("max", Max, Selector, ORDERED),
    ("first", First, Selector, ANY),
    ("last", Last, Selector, ANY),
    ("percentile", Percentile, Selector, NUMBERS),
    ("distinct", Distinct, Several, ANY),
    ("top", Top, Several, NUMBERS),
    ("bottom", Bottom, Several, NUMBERS),
    ("integral", Integral, Aggregate, NUMBERS),
    ("derivative", Derivative, Transformation, NUMBERS),
    (
        "non_negative_derivative",
        NonNegativeDerivative,
        Transformation,
        NUMBERS,
    ),
    ("difference", Difference, Transformation, NUMBERS),
    (
        "non_negative_difference",
        NonNegativeDifference,
        Transformation,
        NUMBERS,
    ),
    ("moving_average", MovingAverage, Transformation, NUMBERS),
    ("cumulative_sum", CumulativeSum, Transformation, NUMBERS),
    ("elapsed", Elapsed, Transformation, ANY),
];

impl Function {
    /// The function of that name, in small letters.
    pub(super) fn named(name: &str) -> Option<Self> {
        let row = TABLE.iter().find(|row| row.0 == name);
        row.map(|row| row.1)
    }

    fn row(self) -> &'static (&'static str, Self, Shape, &'static [FieldType]) {
        // Every function stands in the table in the order of its declaration.
        &TABLE[self as usize]
    }

    pub(super) fn name(self) -> &'static str {
        self.row().0
    }

    pub(super) fn shape(self) -> Shape {
        self.row().2
    }

    pub(super) fn takes(self, field_type: FieldType) -> bool {
        self.row().3.contains(&field_type)
    }

    /// The type of its values for a field of this type.
    pub(super) fn gives(self, field_type: FieldType) -> FieldType {
        match self {
            Count | Elapsed => FieldType::Integer,
            Mean
            | Median
            | Stddev
            | Integral
            | Derivative
            | NonNegativeDerivative
            | MovingAverage => FieldType::Float,
            _ => field_type,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_functions() {
        for (name, function, _, _) in TABLE {
            assert_eq!(function.name(), name);
            assert_eq!(Function::named(name), Some(function));
        }
    }
}
