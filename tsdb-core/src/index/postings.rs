//! Set operations on postings lists. All lists are strictly rising, going in and coming out.
//!
//! Intersection and difference gallop: the cost is about `small · log(large / small)`, so that a selective matcher
//! pays little for a common one.

/// The ids that stand in every list; with no list, none. Starts from the shortest and stops when nothing is left.
pub(crate) fn intersect(mut lists: Vec<Vec<u32>>) -> Vec<u32> {
    lists.sort_unstable_by_key(Vec::len);
    let mut lists = lists.into_iter();
    let Some(mut kept) = lists.next() else {
        return Vec::new();
    };
    for list in lists {
        if kept.is_empty() {
            break;
        }
        retain(&mut kept, &list, true);
    }
    kept
}

/// The ids that stand in at least one list.
pub(crate) fn union(mut lists: Vec<Vec<u32>>) -> Vec<u32> {
    if lists.len() == 1 {
        return lists.pop().unwrap_or_default();
    }
    let mut all = lists.concat();
    // The standard stable sort merges the rising runs it finds, so this is a k-way merge of the lists.
    all.sort();
    all.dedup();
    all
}

/// The ids of `from` that do not stand in `remove`.
pub(crate) fn difference(mut from: Vec<u32>, remove: &[u32]) -> Vec<u32> {
    retain(&mut from, remove, false);
    from
}

/// Whether the lists have an id in common.
pub(crate) fn intersects(mut a: &[u32], mut b: &[u32]) -> bool {
    while let (Some(&first_a), Some(&first_b)) = (a.first(), b.first()) {
        if first_a == first_b {
            return true;
        }
        if first_a < first_b {
            a = skip_below(a, first_b);
        } else {
            b = skip_below(b, first_a);
        }
    }
    false
}

/// Keeps the ids whose presence in `other` is `present`.
fn retain(ids: &mut Vec<u32>, other: &[u32], present: bool) {
    let mut rest = other;
    ids.retain(|&id| {
        rest = skip_below(rest, id);
        (rest.first() == Some(&id)) == present
    });
}

/// The part of `list` that is not below `id`: doubling steps, then a binary search inside the last one.
fn skip_below(list: &[u32], id: u32) -> &[u32] {
    let mut end = 1;
    while list.get(end - 1).is_some_and(|&probe| probe < id) {
        end *= 2;
    }
    // Everything before the last probe that was below is below; the first not below lies before `end`.
    let start = end / 2;
    let window = list.get(start..end.min(list.len())).unwrap_or_default();
    let skipped = start + window.partition_point(|&probe| probe < id);
    list.get(skipped..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn list() -> impl Strategy<Value = BTreeSet<u32>> {
        // Dense and sparse lists, so that both the steps and the gallops are taken.
        prop_oneof![
            prop::collection::btree_set(0u32..60, 0..50),
            prop::collection::btree_set(0u32..2_000, 0..12),
            prop::collection::btree_set(0u32..2_000, 200..600),
        ]
    }

    fn to_vec(set: &BTreeSet<u32>) -> Vec<u32> {
        set.iter().copied().collect()
    }

    proptest! {
        #[test]
        fn agree_with_sets(sets in prop::collection::vec(list(), 0..5), other in list()) {
            let lists: Vec<Vec<u32>> = sets.iter().map(to_vec).collect();
            let all: BTreeSet<u32> = sets.iter().flatten().copied().collect();
            let common: Vec<u32> = all
                .iter()
                .copied()
                .filter(|id| sets.iter().all(|set| set.contains(id)))
                .collect();
            prop_assert_eq!(union(lists.clone()), to_vec(&all));
            for list in &lists {
                let other_list = to_vec(&other);
                let common = list.iter().any(|id| other.contains(id));
                prop_assert_eq!(intersects(list, &other_list), common);
                prop_assert_eq!(intersects(&other_list, list), common);
            }
            prop_assert_eq!(intersect(lists), common);
            prop_assert_eq!(difference(to_vec(&all), &to_vec(&other)), to_vec(&(&all - &other)));
        }

        #[test]
        fn skipping_lands_on_the_first_not_below(set in list(), id in 0u32..2_100) {
            let list = to_vec(&set);
            let expected: Vec<u32> = list.iter().copied().filter(|&x| x >= id).collect();
            prop_assert_eq!(skip_below(&list, id), expected.as_slice());
        }
    }
}
