//! Custom buckets with different bounds: both are brought to the bounds they share.

use std::sync::Arc;

use super::Side;
use super::kahan::Compensated;
use super::merge::Lane;

/// The bounds that both lists have; both rise.
pub(super) fn common_bounds(a: &[f64], b: &[f64]) -> Arc<[f64]> {
    let mut b = b.iter().copied().peekable();
    let common = a.iter().copied().filter(|&bound| {
        while b.next_if(|&other| other < bound).is_some() {}
        b.peek() == Some(&bound)
    });
    common.collect()
}

/// For each bucket the place of the common bucket that covers it; `bounds` are those of the buckets.
pub(super) fn places_on<'a, C: Copy>(
    side: &'a Side<C>,
    bounds: &'a [f64],
    common: &'a [f64],
) -> impl Iterator<Item = (usize, C)> + 'a {
    side.indexed().map(move |(index, value)| {
        let bound = usize::try_from(index).ok().and_then(|i| bounds.get(i));
        let place = bound.map_or(common.len(), |bound| {
            common.partition_point(|other| other < bound)
        });
        (place, value)
    })
}

/// Adds the second to the first, its counts with `sign`. Empty buckets are left out.
pub(super) fn add_on_common_bounds(
    (side, bounds): (&Side<Compensated>, &[f64]),
    (other, other_bounds): (&Side<f64>, &[f64]),
    common: &[f64],
    sign: fn(f64) -> f64,
) -> Side<Compensated> {
    let mut buckets = vec![Compensated::default(); common.len() + 1];
    for (place, value) in places_on(side, bounds, common) {
        if let Some(bucket) = buckets.get_mut(place) {
            bucket.join(value);
        }
    }
    for (place, count) in places_on(other, other_bounds, common) {
        if let Some(bucket) = buckets.get_mut(place) {
            bucket.add(sign(count));
        }
    }
    // As many as bounds, which rise: fewer than i32 can count would take 16 GiB.
    let indexed = (0_i32..).zip(buckets);
    Side::from_indexed(indexed.filter(|(_, bucket)| !bucket.is_empty()))
}
