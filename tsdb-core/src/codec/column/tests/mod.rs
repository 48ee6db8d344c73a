//! Tests of columns, groups and tables of timestamps over the whole list of scales and shapes.

mod columns;
mod format;
mod groups;
mod hostile;
mod measure;
mod metrics;
mod tables;
mod workload;

use proptest::prelude::*;

use super::scale::Scale;
use super::{Followed, Group, Streams, Unpacker};
use crate::codec::DecodeError;
use crate::model::STALE_NAN_BITS;

/// A group and what is remembered between its columns.
pub(super) struct Reader {
    group: Group,
    followed: Followed,
}

impl Reader {
    pub(super) fn open(bytes: &[u8], max: usize, counts: Vec<u32>) -> Result<Self, DecodeError> {
        let group = Group::open(bytes, max, counts, &mut Unpacker::new().unwrap());
        group.map(Self::from)
    }

    pub(super) fn over(streams: Streams, counts: Vec<u32>) -> Result<Self, DecodeError> {
        Group::from_streams(streams, counts).map(Self::from)
    }

    pub(super) fn decode(&mut self, column: usize, out: &mut Vec<f64>) -> Result<(), DecodeError> {
        self.group.decode(column, &mut self.followed, out)
    }
}

impl From<Group> for Reader {
    fn from(group: Group) -> Self {
        let followed = Followed::default();
        Self { group, followed }
    }
}

/// Every scale there is.
pub(super) fn all_scales() -> Vec<Scale> {
    (0..=u8::MAX).filter_map(Scale::from_u8).collect()
}

/// Values that codecs get wrong.
pub(super) const AWKWARD: [u64; 22] = [
    0x0000_0000_0000_0000, // 0
    0x8000_0000_0000_0000, // -0
    0x0000_0000_0000_0001, // the smallest subnormal number
    0x800f_ffff_ffff_ffff, // the largest subnormal number, negative
    0x0010_0000_0000_0000, // the smallest normal number
    0x7fef_ffff_ffff_ffff, // the largest number
    0x7ff0_0000_0000_0000, // infinity
    0xfff0_0000_0000_0000, // -infinity
    0x7ff8_0000_0000_0000, // NaN
    0x7ff8_0000_0000_0001, // Go's NaN
    0xfff8_0000_0000_0000, // a NaN with a sign
    0xffff_ffff_ffff_ffff, // a NaN with all bits
    0x7ff4_0000_dead_beef, // a signalling NaN with a payload
    STALE_NAN_BITS,
    0x4340_0000_0000_0000, // 2^53
    0x4340_0000_0000_0001, // 2^53 + 2
    0xc340_0000_0000_0000, // -2^53
    0x43e0_0000_0000_0000, // 2^63
    0xc3e0_0000_0000_0000, // -2^63
    0x43f0_0000_0000_0000, // 2^64
    0x3fb9_9999_9999_999a, // 0.1
    0x3fd3_3333_3333_3334, // 0.1 + 0.2
];

/// One value of one of the kinds that columns are made of.
pub(super) fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        prop::sample::select(&AWKWARD[..]).prop_map(f64::from_bits),
        any::<u64>().prop_map(f64::from_bits),
        any::<i64>().prop_map(|n| n as f64),
        (any::<i32>(), 0..10_i32).prop_map(|(n, e)| f64::from(n) / 10_f64.powi(e)),
        (any::<i32>(), 0..10_i32).prop_map(|(n, e)| f64::from(n) * 10_f64.powi(-e)),
    ]
}

/// A column as programs make them: of one kind, with a few values of any kind among them.
pub(super) fn column(max_len: usize) -> impl Strategy<Value = Vec<f64>> {
    let regular = prop_oneof![
        value().prop_map(Course::Constant),
        (any::<i32>(), 0..1000_i64, 0..12).prop_map(|(start, step, e)| Course::Walk(
            i64::from(start),
            step,
            e
        )),
        (any::<i32>(), 0..1000_i64, 0..4).prop_map(|(start, step, e)| Course::Rare(
            i64::from(start),
            step,
            e
        )),
        (any::<u32>(), 0..10).prop_map(|(start, e)| Course::Sum(f64::from(start), e)),
        Just(Course::Any),
    ];
    let odd = prop::collection::vec((any::<prop::sample::Index>(), value()), 0..4);
    (
        regular,
        prop::collection::vec((any::<u32>(), value()), 0..max_len),
        odd,
    )
        .prop_map(|(course, noise, odd)| {
            let mut values = course.run(&noise);
            if !values.is_empty() {
                for (at, value) in odd {
                    let at = at.index(values.len());
                    values[at] = value;
                }
            }
            values
        })
}

/// How values follow each other.
#[derive(Clone, Debug)]
enum Course {
    Constant(f64),
    /// Integers that step up to so far, over a power of ten.
    Walk(i64, i64, i32),
    /// As `Walk`, but seldom.
    Rare(i64, i64, i32),
    /// A sum of decimal numbers.
    Sum(f64, i32),
    Any,
}

impl Course {
    fn run(&self, noise: &[(u32, f64)]) -> Vec<f64> {
        let walk = |start: i64, step: i64, exponent: i32, often: u32| {
            let mut level = start;
            let next = move |&(noise, _): &(u32, f64)| {
                if noise % 16 < often {
                    level += i64::from(noise >> 4) % (2 * step + 1) - step / 2;
                }
                level as f64 / 10_f64.powi(exponent)
            };
            noise.iter().map(next).collect()
        };
        match *self {
            Self::Constant(value) => vec![value; noise.len()],
            Self::Walk(start, step, exponent) => walk(start, step, exponent, 16),
            Self::Rare(start, step, exponent) => walk(start, step, exponent, 1),
            Self::Sum(start, exponent) => noise
                .iter()
                .scan(start, |sum, &(noise, _)| {
                    *sum += f64::from(noise % 1000) / 10_f64.powi(exponent);
                    Some(*sum)
                })
                .collect(),
            Self::Any => noise.iter().map(|&(_, value)| value).collect(),
        }
    }
}

/// The bits of values, which compare where values do not.
pub(super) fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}
