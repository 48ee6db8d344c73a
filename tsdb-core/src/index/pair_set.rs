//! Which label pairs some series have.

/// A set of numbers of label pairs: a bit for each.
#[derive(Debug, Default)]
pub(crate) struct PairSet {
    words: Vec<u64>,
}

impl PairSet {
    /// Whether the values that so many series have are found out sooner from the pairs of the series than from the postings of all
    /// `values`.
    pub(crate) fn is_cheaper(series: usize, values: usize) -> bool {
        // Postings are decoded and searched: that takes some times as long as reading the pairs of a series.
        series / 4 <= values
    }

    /// Adds pairs.
    pub(crate) fn extend(&mut self, pairs: &[u32]) {
        for &pair in pairs {
            let (word, bit) = place(pair);
            if word >= self.words.len() {
                self.words.resize(word + 1, 0);
            }
            self.words[word] |= bit;
        }
    }

    /// Whether a pair is in the set.
    pub(crate) fn contains(&self, pair: u32) -> bool {
        let (word, bit) = place(pair);
        self.words.get(word).is_some_and(|&word| word & bit != 0)
    }

    /// The first pair of the set that is not below `least`.
    pub(super) fn first_from(&self, least: u32) -> Option<u32> {
        let (first, bit) = place(least);
        let words = self.words.iter().enumerate().skip(first);
        for (i, &word) in words {
            // The bits below `least` are in the first word.
            let word = match i == first {
                true => word & bit.wrapping_neg(),
                false => word,
            };
            if word != 0 {
                return Some(i as u32 * u64::BITS + word.trailing_zeros());
            }
        }
        None
    }

    /// The pairs, rising.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let next = |least: u32| self.first_from(least);
        std::iter::successors(next(0), move |&pair| next(pair.checked_add(1)?))
    }
}

/// The word and the bit of a pair.
fn place(pair: u32) -> (usize, u64) {
    ((pair / u64::BITS) as usize, 1 << (pair % u64::BITS))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_set(pairs in prop::collection::vec(0u32..500, 0..40), probe in 0u32..600) {
            let mut set = PairSet::default();
            set.extend(&pairs);
            let expected: BTreeSet<u32> = pairs.into_iter().collect();
            prop_assert_eq!(set.contains(probe), expected.contains(&probe));
            prop_assert_eq!(set.first_from(probe), expected.range(probe..).next().copied());
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), Vec::from_iter(expected));
        }
    }
}
